package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/remote"
	"github.com/rackstate/rackstate/rack"
)

// watcher tells what happens. It sees what anybody can see: the history and the leases in the database.
type watcher struct {
	o        options
	out      io.Writer
	store    *postgres.Store
	hardware *fake.Hardware
	pace     remote.Pace
	leases   *pgx.Conn
	// position is how far the history was told, ready and moved are what the racks came to.
	position uint64
	ready    int
	moved    int
	// last is who held which racks at the last look, holders the same as text.
	last    map[string][]string
	holders string
}

// longest bounds the program in virtual time.
const longest = 12 * time.Hour

// look is how often the watcher looks, in real time.
const look = 50 * time.Millisecond

func connect(ctx context.Context, o options) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(o.dsn)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["search_path"] = pgx.Identifier{o.schema}.Sanitize()
	return pgx.ConnectConfig(ctx, cfg)
}

// say prints a line.
func (w *watcher) say(what, text string) {
	fmt.Fprintf(w.out, "%s  %-9s %s\n", w.pace.Now().Format("15:04:05"), what, text)
}

// until looks again and again until done says that what is awaited has come.
func (w *watcher) until(ctx context.Context, done func(held map[string][]string) bool) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		held, err := w.held(ctx)
		if err != nil {
			return err
		}
		if err := w.follow(ctx); err != nil {
			return err
		}
		if done(held) {
			return nil
		}
		if w.pace.Now().Sub(epoch) > longest {
			return fmt.Errorf("the racks are not Ready after %s of virtual time", longest)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// held asks which racks each controller holds, and says so when that has changed.
func (w *watcher) held(ctx context.Context) (map[string][]string, error) {
	rows, err := w.leases.Query(ctx, "SELECT owner, array_agg(rack ORDER BY rack) FROM leases GROUP BY owner ORDER BY owner")
	if err != nil {
		return nil, err
	}
	held := map[string][]string{}
	w.last = held
	var parts []string
	var owner string
	var racks []string
	_, err = pgx.ForEachRow(rows, []any{&owner, &racks}, func() error {
		held[owner] = slices.Clone(racks)
		parts = append(parts, owner+": "+strings.Join(racks, " "))
		return nil
	})
	if text := strings.Join(parts, ", "); err == nil && text != w.holders && text != "" {
		w.holders = text
		w.say("leases", text)
	}
	return held, err
}

// follow tells what the racks did since the last time.
func (w *watcher) follow(ctx context.Context) error {
	rows, err := w.store.History(ctx, backend.HistoryQuery{After: w.position})
	if err != nil {
		return err
	}
	for _, t := range rows {
		w.position = t.Position
		if t.Ref.Kind != backend.KindRack {
			continue
		}
		w.moved++
		if t.To == string(rack.Ready) {
			w.ready++
		}
		if activity(t.From) != activity(t.To) {
			w.say("rack "+t.Ref.ID, fmt.Sprintf("%-9s %s", "by "+w.holder(t.Ref.ID), activity(t.To)))
		}
	}
	return nil
}

// activity is what a rack does in a state, without how far it is.
func activity(state string) string {
	parts := strings.Split(strings.TrimPrefix(state, "Maintenance/"), "/")
	return parts[0]
}

// holder is who holds a rack.
func (w *watcher) holder(rackID string) string {
	for owner, racks := range w.last {
		if slices.Contains(racks, rackID) {
			return owner
		}
	}
	return "nobody"
}

// tell is the story: three controllers share the racks, one is killed, the others go on.
func (w *watcher) tell(ctx context.Context, replicas map[string]*replica) error {
	fair := func(held map[string][]string) bool {
		shared := 0
		for _, racks := range held {
			shared += len(racks)
		}
		return len(held) == len(replicas) && shared == w.o.racks
	}
	if err := w.until(ctx, fair); err != nil {
		return err
	}
	before := w.moved
	if err := w.until(ctx, func(map[string][]string) bool { return w.moved > before+w.o.racks/2 }); err != nil { // in the middle of the work
		return err
	}
	held, err := w.held(ctx)
	if err != nil {
		return err
	}
	victim := slices.MaxFunc(slices.Sorted(maps.Keys(held)), func(a, b string) int { return len(held[a]) - len(held[b]) })
	if err := replicas[victim].kill(); err != nil {
		return err
	}
	delete(replicas, victim)
	killed := w.pace.Now()
	w.say("kill -9", fmt.Sprintf("%s, which holds %s", victim, strings.Join(held[victim], " ")))
	orphans := held[victim]
	if err := w.until(ctx, func(held map[string][]string) bool {
		all := slices.Concat(slices.Collect(maps.Values(held))...)
		return len(held[victim]) == 0 && !slices.ContainsFunc(orphans, func(rack string) bool { return !slices.Contains(all, rack) })
	}); err != nil {
		return err
	}
	w.say("taken", fmt.Sprintf("all racks of %s have a new owner %s after the kill", victim, w.pace.Now().Sub(killed).Round(time.Second)))
	if err := w.until(ctx, func(map[string][]string) bool { return w.ready >= w.o.racks }); err != nil {
		return err
	}
	var problems error
	for name, r := range replicas {
		problems = errors.Join(problems, r.stop())
		delete(replicas, name)
	}
	return errors.Join(problems, w.conclude(ctx))
}
