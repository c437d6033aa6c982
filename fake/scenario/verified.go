package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
)

// Verified has a checker of package verify look at every commit and hardware call, and at the world whenever nothing is due. Run always does that.
func Verified() Option { return func(o *options) { o.verify = true } }

// verified puts a checker around the store of a world that has begun. What is given is taken as it is.
func (w *World) verified(ctx context.Context) error {
	below := w.store.Store
	opts := []verify.Option{verify.Kinds(w.ctl().Kinds()...), verify.Settings(w.settings())}
	if w.concurrent() {
		opts = append(opts, verify.Concurrent())
	}
	const soon = 2 * time.Minute // how late the rule expects a pass to be
	if time.Duration(w.given.Settings.Resync) > soon {
		opts = append(opts, verify.Without("an object past its deadline has moved when nothing is due"))
	}
	c := verify.NewChecker(opts...)
	if err := c.World().Load(ctx, below); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for _, rec := range c.World().Records() {
		w.strange = w.strange || !w.knows(rec.Ref, rec.State)
	}
	w.checker = c
	w.put(below)
	return nil
}

// put has the controllers use a store, which may be another one than before.
func (w *World) put(store backend.Store) {
	if lc, own := store.(leaseClock); own && w.processes != nil {
		lc.LeaseClock(w.Now)
	}
	if w.checker != nil {
		store = verify.Wrap(store, w.checker)
	}
	w.store.Store = store
	for _, p := range w.processes {
		p.store.Store = store
	}
}

// concurrent reports whether a pass may begin while another one goes on.
func (w *World) concurrent() bool { return len(w.processes) > 0 || w.stalls }

// observed tells those who want to know of a hardware call.
func (w *World) observed(tell func(Call)) func(Call) {
	if w.checker == nil {
		return tell
	}
	return func(c Call) {
		w.checker.Call(verify.Call{Name: c.Name, Key: c.Key, Devices: c.Devices})
		if tell != nil {
			tell(c)
		}
	}
}

// idle has the checker look at a world in which nothing is due. Where controllers stand still, what they hold is left alone and proves nothing.
func (w *World) idle() {
	const patience = 5 * time.Minute // until what a lost commit has kept back is tried again
	const often = 30 * time.Second   // no clock of an object is as short
	now := w.Now()
	if w.checker == nil || w.concurrent() || !w.unsure.IsZero() && now.Sub(w.unsure) < patience || now.Sub(w.looked) < often {
		return
	}
	w.looked = now
	w.checker.World().SetNow(w.Now())
	w.checker.Idle()
}

// Problems are the rules of package verify that did not hold so far. There are none in a world that is not verified.
func (w *World) Problems() []error {
	if w.checker == nil {
		return nil
	}
	return w.checker.Problems()
}

// Audit compares the store with what was committed, in a world that is verified. The error is that of verify.Checker.Audit.
func (w *World) Audit(ctx context.Context) error {
	if w.checker == nil {
		return nil
	}
	return w.checker.Audit(ctx, w.store.Store)
}

// Store is the store of the world, as an observer beside the controllers has it.
func (w *World) Store() backend.Store { return w.store.Store }

// proven is what a verified world has found wrong, in the end. A scenario that gives a state which nobody knows asks what becomes of it, and not whether it is there.
func (w *World) proven(ctx context.Context) error {
	found := w.Problems()
	if !w.strange {
		found = append(found, w.Audit(ctx))
	}
	return errors.Join(found...)
}

// knows reports whether a kind has the state.
func (w *World) knows(on backend.Ref, state string) bool {
	for _, k := range w.ctl().Kinds() {
		if k.Name() == on.Kind {
			return slices.ContainsFunc(k.States(), func(s lifecycle.StateInfo[string]) bool { return s.State == state })
		}
	}
	return false
}

// Rested has the checker look at the world in its end, when nothing is due and every controller works or is dead for longer than its leases. The error lists what it has found.
func (w *World) Rested() error {
	if w.checker == nil {
		return nil
	}
	w.checker.World().SetNow(w.Now())
	return errors.Join(w.checker.Idle()...)
}
