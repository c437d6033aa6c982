package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

// standing says whether a controller works.
type standing int

const (
	working standing = iota
	paused           // it does nothing until it goes on
	stalled          // it stands still in the middle of a pass
	dead             // it was killed
)

// process is one of the controllers that share the store.
type process struct {
	name    string
	store   *crashStore
	manager *rack.Manager
	standing
	// renewAt is when it looks after its leases next.
	renewAt time.Time
	// behind says that others have written something which it has not read.
	behind bool
}

// startAll starts the controllers: one that has the store for itself, or those that are given.
func (w *World) startAll(ctx context.Context) error {
	if len(w.given.Controllers) == 0 {
		return w.start(ctx)
	}
	below := w.store.Store
	if _, shared := below.(backend.LeaseStore); !shared {
		return errNoLease
	}
	for _, name := range w.given.Controllers {
		p := &process{name: name, store: &crashStore{Store: below, world: w}}
		w.processes = append(w.processes, p)
		w.be(p)
		if err := w.start(ctx); err != nil {
			return err
		}
		p.manager = w.manager
	}
	w.chosen = w.processes[0]
	w.be(w.chosen)
	return nil
}

// leaseClock is implemented by stores of one process, whose leases then last in the time of the world.
type leaseClock interface {
	LeaseClock(now func() time.Time)
}

// be makes a controller the one that acts.
func (w *World) be(p *process) { w.acting, w.store, w.manager = p, p.store, p.manager }

// attended makes the controller that was chosen the one that acts, or the first that works. It returns false when none does.
func (w *World) attended() bool {
	if w.processes == nil {
		return true
	}
	if w.chosen.standing == working {
		w.be(w.chosen)
		return true
	}
	for _, p := range w.processes {
		if p.standing == working {
			w.be(p)
			return true
		}
	}
	return false
}

func (w *World) process(name string) (*process, error) {
	for _, p := range w.processes {
		if p.name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("there is no controller %q", name)
}

// handle makes a step that is about controllers, or about what befalls the hardware. It returns false for any other.
func (w *World) handle(ctx context.Context, s Step) (bool, error) {
	var err error
	var p *process
	switch {
	case s.As != "":
		if p, err = w.process(s.As); err == nil {
			w.chosen = p
		}
	case s.Pause != "":
		if p, err = w.process(s.Pause); err == nil && p.standing == working {
			p.standing = paused
		}
	case s.Kill != "":
		if p, err = w.process(s.Kill); err == nil {
			p.standing, p.store.crashed = dead, true
		}
	case s.Continue != "":
		if p, err = w.process(s.Continue); err == nil {
			err = w.goOn(ctx, p)
		}
	case s.Stall != nil:
		w.stall = &pending{Stall: *s.Stall}
		w.stall.at, err = parseStall(s.Stall.At)
	case s.Faults != nil:
		err = w.injectFaults(*s.Faults)
	default:
		return false, nil
	}
	return true, err
}

// goOn has a paused controller go on, and starts one anew that was killed.
func (w *World) goOn(ctx context.Context, p *process) error {
	switch p.standing {
	case paused:
		p.standing = working
		return nil
	case dead:
		p.standing = working
		w.be(p)
		return w.again(ctx)
	default:
		return nil
	}
}

// reborn notes that there is a new controller in the place of one.
func (w *World) reborn() {
	if p := w.acting; p != nil {
		p.store, p.manager, p.behind, p.renewAt = w.store, w.manager, false, time.Time{}
	}
	w.lives++
}

// driveAll has the controllers reconcile what is due, in turns, until none of them has anything to do.
func (w *World) driveAll(ctx context.Context, most int) (next time.Time, crashed bool, err error) {
	for idle := false; !idle; {
		idle, next = true, time.Time{}
		for _, p := range w.processes {
			if p.standing != working {
				continue
			}
			worked, due, err := w.turn(ctx, p, most)
			if err != nil {
				return next, false, fmt.Errorf("controller %s: %w", p.name, err)
			}
			idle = idle && !worked
			next = first(next, first(due, p.renewAt))
		}
	}
	return next, false, nil
}

// turn is one of them: it looks after its leases, reads what others have written, and reconciles what is due.
func (w *World) turn(ctx context.Context, p *process, most int) (worked bool, due time.Time, err error) {
	w.be(p)
	ctl, now := w.ctl(), w.Now()
	if !now.Before(p.renewAt) {
		again, err := ctl.KeepLeases(ctx)
		if err != nil {
			return false, due, err
		}
		p.renewAt = now.Add(again)
	}
	if p.behind {
		p.behind, worked = false, true
		if err := ctl.Refresh(ctx); err != nil {
			return false, due, err
		}
	}
	inner, stop := w.mortal(ctx)
	defer stop()
	steps, due, err := w.drivenBy(inner, stop, most)
	if w.passes.left < 0 {
		return false, due, fmt.Errorf("objects are still due after %d passes without time passing", most)
	}
	crashed, err := w.survive(ctx, err)
	if errors.Is(err, errUnknown) || errors.Is(err, errHalted) {
		err, crashed = nil, true
	}
	return worked || crashed || steps > 0, due, err
}

// first is the earlier of two times, of which a zero one is none.
func first(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// endured takes the error of a call that a crash or a lost commit has spoiled, and reports whether it did: then the call is made again.
func (w *World) endured(ctx context.Context, err error) (again bool, _ error) {
	if !errors.Is(err, errCrashed) && !errors.Is(err, errUnknown) {
		return false, nil
	}
	_, err = w.survive(ctx, nil)
	return true, err
}
