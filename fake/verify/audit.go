package verify

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// Audit compares a store at rest with what the applied commits have made: the same records, requests and history, nothing lost and nothing more, every chain unbroken, every record
// readable. The error lists all differences, or is what the store said.
func (c *Checker) Audit(ctx context.Context, store backend.Store) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &auditor{w: c.world}
	if inner, ok := store.(settler); ok {
		if err := inner.settle(ctx); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	held, err := readStore(ctx, store)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	s.records(held.records)
	s.requests(held.requests)
	s.history(held.history)
	s.readable()
	return s.found.err()
}

type auditor struct {
	w     *World
	found findings
}

func (a *auditor) records(stored []backend.Record) {
	seen := map[backend.Ref]bool{}
	for i := range stored {
		got := &stored[i]
		seen[got.Ref] = true
		want, ok := a.w.Record(got.Ref)
		switch {
		case !ok:
			a.found.addf("%s is stored, and no commit wrote it", got.Ref)
		case !sameRecord(got, &want):
			a.found.addf("%s is stored as %s, and was committed as %s", got.Ref, recordText(got), recordText(&want))
		}
	}
	for ref, o := range a.w.objects.m {
		if o.rec.Version != 0 && !seen[ref] {
			a.found.addf("%s was committed, and is not stored", ref)
		}
	}
}

func sameRecord(a, b *backend.Record) bool {
	return a.Rack == b.Rack && a.State == b.State && a.Since.Equal(b.Since) && a.Version == b.Version && a.Transitions == b.Transitions && bytes.Equal(a.Data, b.Data) &&
		a.Outcome.Kind == b.Outcome.Kind && a.Outcome.Reason == b.Outcome.Reason && a.Outcome.OverSLA == b.Outcome.OverSLA && a.Outcome.At.Equal(b.Outcome.At)
}

func recordText(r *backend.Record) string {
	return fmt.Sprintf("version %d in rack %s, %q since %s, %d transitions, outcome %+v, data %s", r.Version, r.Rack, r.State, r.Since, r.Transitions, r.Outcome, r.Data)
}

func (a *auditor) requests(stored []backend.Request) {
	want := a.w.Requests()
	for i := range min(len(stored), len(want)) {
		got, was := stored[i], want[i]
		if got.ID != was.ID || got.On != was.On {
			a.found.addf("request %d is %q of %s, and was posted as %q of %s", i+1, got.ID, got.On, was.ID, was.On)
			return
		}
		if !sameRequest(&got, &was) {
			a.found.addf("request %q of %s is stored as %+v, and was committed as %+v", got.ID, got.On, got, was)
		}
	}
	if len(stored) != len(want) {
		a.found.addf("%d requests are stored, and %d were posted", len(stored), len(want))
	}
}

func sameRequest(a, b *backend.Request) bool {
	x, y := *a, *b
	x.At, x.StartedAt, x.EndedAt, x.Params, x.Results = y.At, y.StartedAt, y.EndedAt, nil, nil
	texts := func(r backend.Request) string { r.Params, r.Results = nil, nil; return fmt.Sprintf("%+v", r) }
	return texts(x) == texts(y) && a.At.Equal(b.At) && a.StartedAt.Equal(b.StartedAt) && a.EndedAt.Equal(b.EndedAt) &&
		bytes.Equal(a.Params, b.Params) && slices.Equal(a.Results, b.Results)
}

// history compares the rows, object by object, and sees whether the store has those of different objects in the order of their commits.
func (a *auditor) history(stored []backend.Transition) {
	chains := map[backend.Ref][]*row{}
	for r := a.w.rows; r != nil; r = r.before {
		chains[r.Ref] = append(chains[r.Ref], r)
	}
	latest, position := uint64(0), uint64(0)
	for i := range stored {
		got := stored[i]
		if got.Position <= position {
			a.found.addf("row %d of %s has position %d, the one before has %d", got.Seq, got.Ref, got.Position, position)
		}
		position, got.Position = got.Position, 0
		rest := chains[got.Ref]
		if len(rest) == 0 {
			a.found.addf("row %d of %s is stored, and no commit wrote it", got.Seq, got.Ref)
			continue
		}
		want := rest[len(rest)-1]
		chains[got.Ref] = rest[:len(rest)-1]
		if was := want.Transition; !got.At.Equal(was.At) || !sameRow(got, was) {
			a.found.addf("row %d of %s is stored as %+v, and was committed as %+v", got.Seq, got.Ref, got, was)
		}
		if want.commit < latest {
			a.found.addf("row %d of %s stands behind a row that was committed later", got.Seq, got.Ref)
		}
		latest = max(latest, want.commit)
	}
	for ref, rest := range chains {
		if len(rest) > 0 {
			a.found.addf("%d rows of %s were committed, and are not stored", len(rest), ref)
		}
	}
	a.chains()
}

func sameRow(a, b backend.Transition) bool {
	a.At = b.At
	return a == b
}

// chains sees that the rows of each object follow one another and end where the object stands.
func (a *auditor) chains() {
	for ref, o := range a.w.objects.m {
		if o.rec.Version == 0 {
			continue
		}
		seq, state := o.rec.Transitions, o.rec.State
		for r := o.newest; r != nil; r = r.beforeOfSame {
			if r.Seq != seq || r.To != state {
				a.found.addf("row %d of %s ends in %q; it is followed by row %d from %q", r.Seq, ref, r.To, seq+1, state)
			}
			seq, state = r.Seq-1, r.From
		}
		if seq != 0 || state != "" {
			a.found.addf("the history of %s begins behind row %d, in %q", ref, seq, state)
		}
	}
}

// readable sees that every record means something.
func (a *auditor) readable() {
	for _, o := range a.w.living() {
		ref := o.rec.Ref
		if _, known := a.w.t.info(ref.Kind, o.rec.State); !known && a.w.t.kinds[ref.Kind] != nil {
			a.found.addf("%s is in %q, which its kind does not have", ref, o.rec.State)
		}
		if d := o.cell.look(); d.err != nil {
			a.found.addf("the data of %s cannot be read: %w", ref, d.err)
		}
	}
}
