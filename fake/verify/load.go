package verify

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// Load starts over from what a store holds. Keys and leases are forgotten. The error is what the store said.
func (w *World) Load(ctx context.Context, store backend.Store) error {
	held, err := readStore(ctx, store)
	if err != nil {
		return err
	}
	fresh := &World{t: w.t, now: w.now}
	for i := range held.history {
		t := &held.history[i]
		fresh.applied++
		o := fresh.forRequests(t.Ref)
		o.newest = &row{Transition: *t, commit: fresh.applied, before: fresh.rows, beforeOfSame: o.newest}
		o.newest.Position = 0
		fresh.rows = o.newest
		fresh.objects.set(t.Ref, o)
		fresh.saw(t.At)
	}
	for i := range held.records {
		rec := held.records[i]
		fresh.write(&backend.Write{Record: rec, Expect: rec.Version - 1})
	}
	for i := range held.requests {
		fresh.post(&held.requests[i])
	}
	w.now, w.rows, w.posted, w.applied, w.touched = fresh.now, fresh.rows, fresh.posted, fresh.applied, nil
	w.objects.m, w.racks.m, w.leases.m, w.keys.m = fresh.objects.m, fresh.racks.m, nil, nil
	w.objects.shared.Store(false)
	w.racks.shared.Store(false)
	w.leases.shared.Store(false)
	w.keys.shared.Store(false)
	return nil
}

// holding is everything that a store holds.
type holding struct {
	records  []backend.Record // tombstones come last
	requests []backend.Request
	history  []backend.Transition
}

// readStore reads all of a store. Those that are gone are found by their history: a list leaves tombstones out.
func readStore(ctx context.Context, store backend.Store) (holding, error) {
	var h holding
	var err error
	if h.records, err = store.List(ctx, backend.Query{}); err != nil {
		return h, fmt.Errorf("list the records: %w", err)
	}
	if h.requests, err = store.Requests(ctx, backend.RequestQuery{}); err != nil {
		return h, fmt.Errorf("list the requests: %w", err)
	}
	if h.history, err = store.History(ctx, backend.HistoryQuery{}); err != nil {
		return h, fmt.Errorf("list the history: %w", err)
	}
	known := make(map[backend.Ref]bool, len(h.records))
	for i := range h.records {
		known[h.records[i].Ref] = true
	}
	for i := range h.history {
		ref := h.history[i].Ref
		if known[ref] {
			continue
		}
		known[ref] = true
		rec, err := store.Get(ctx, ref)
		if err != nil {
			return h, fmt.Errorf("read %s, which has a history: %w", ref, err)
		}
		h.records = append(h.records, *rec)
	}
	return h, nil
}
