package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

// conclude checks what must hold after all, and says so.
func (w *watcher) conclude(ctx context.Context) error {
	records, err := w.store.List(ctx, backend.Query{})
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.State != string(rack.Ready) {
			return fmt.Errorf("%s is in %s", r.Ref, r.State)
		}
	}
	history, err := w.store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return err
	}
	if err := unbroken(history); err != nil {
		return err
	}
	if double := w.hardware.DoubleStarts(); len(double) > 0 {
		return fmt.Errorf("%d jobs were started twice, the first is %v", len(double), double[0])
	}
	for what, n := range w.hardware.StartedByKey() {
		if n != 1 {
			return fmt.Errorf("%s was begun %d times", what, n)
		}
	}
	fmt.Fprintf(w.out, "\n%d racks and %d devices are Ready. %d transitions, every history unbroken, no job started twice.\n", w.o.racks, len(records)-w.o.racks, len(history))
	return nil
}

// unbroken checks that every object's history is a chain without gaps, whichever process wrote its rows.
func unbroken(history []backend.Transition) error {
	if len(history) == 0 {
		return errors.New("the store holds no history")
	}
	last := map[backend.Ref]backend.Transition{}
	for _, t := range history {
		before := last[t.Ref]
		if t.Seq != before.Seq+1 || t.From != before.To || t.At.Before(before.At) {
			return fmt.Errorf("the history of %s is broken at row %d: %q after %q", t.Ref, t.Seq, t.From, before.To)
		}
		last[t.Ref] = t
	}
	return nil
}
