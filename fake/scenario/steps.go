package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
)

// do makes one step. It ends with a new controller when it was the one that a crash came in.
func (w *World) do(ctx context.Context, s Step) error {
	if handled, err := w.handle(ctx, s); handled {
		return err
	}
	if !w.attended() && s.Run == nil && s.Advance == nil && s.Stabilize == "" {
		return nil // nobody is there to be asked
	}
	err := w.step(ctx, s)
	if _, again := w.survive(ctx, nil); again != nil {
		return errors.Join(err, again)
	}
	return err
}

func (w *World) step(ctx context.Context, s Step) error {
	switch {
	case s.Reconcile != nil:
		return w.reconcile(ctx, s.Reconcile)
	case s.Stabilize != "":
		return w.stabilize(ctx)
	case s.Advance != nil:
		w.clock.Set(w.clock.Now().Add(time.Duration(*s.Advance)))
		return nil
	case s.Run != nil:
		return w.run(ctx, w.clock.Now().Add(time.Duration(*s.Run)))
	case s.Request != nil:
		return w.request(ctx, *s.Request)
	case s.Cancel != nil:
		return w.cancel(ctx, *s.Cancel)
	case s.Hardware != nil:
		w.hardware.script(s.Hardware)
		return nil
	case s.Jobs != nil:
		return w.changeJobs(*s.Jobs)
	case s.Crash != nil && *s.Crash == "":
		w.hardware.crashAfter = crashPoint{}
		return w.again(ctx)
	case s.Crash != nil:
		var err error
		w.hardware.crashAfter, err = parseCrash(*s.Crash)
		return err
	default:
		return w.edit(ctx, s)
	}
}

// edit makes a step that changes an object from outside.
func (w *World) edit(ctx context.Context, s Step) error {
	var name string
	var change func(on backend.Ref) error
	switch {
	case s.Discover != nil:
		return w.discover(ctx, *s.Discover)
	case s.Approve != nil:
		name, change = s.Approve.On, func(on backend.Ref) error {
			return w.ctl().Apply(ctx, func(tx *lifecycle.Tx) error { return machine.Approve(tx, on) })
		}
	case s.Report != nil:
		name, change = s.Report.On, func(on backend.Ref) error {
			report := machine.UpgradeReport{By: s.Report.By, Error: s.Report.Error}
			return w.ctl().Apply(ctx, func(tx *lifecycle.Tx) error { return machine.ReportUpgrade(tx, on, report) })
		}
	case s.SKU != nil:
		name, change = s.SKU.On, func(on backend.Ref) error { return w.assignSKU(ctx, on, s.SKU.ID) }
	case s.Label != nil:
		name, change = s.Label.On, func(on backend.Ref) error { return w.ctl().SetLabels(ctx, on, 0, s.Label.Set, s.Label.Remove...) }
	case s.Status != nil:
		name, change = s.Status.On, func(on backend.Ref) error { return w.writeStatus(ctx, on, *s.Status) }
	case s.Hold != nil:
		name, change = s.Hold.On, func(on backend.Ref) error { return w.ctl().PlaceHold(ctx, on, s.Hold.hold(w.clock.Now())) }
	case s.Lift != nil:
		name, change = s.Lift.On, func(on backend.Ref) error { return w.ctl().ReleaseHold(ctx, on, s.Lift.Type, s.Lift.Owner) }
	case s.Delete != "":
		name, change = s.Delete, func(on backend.Ref) error { return w.ctl().Delete(ctx, on, "scenario", false) }
	default:
		name, change = s.Purge, func(on backend.Ref) error { return w.ctl().Purge(ctx, on, "scenario", "purge step") }
	}
	on, err := ref(name)
	if err != nil {
		return err
	}
	return w.refused("", change(on))
}

// assignSKU is what a person does who says what a machine is, or that this is not known.
func (w *World) assignSKU(ctx context.Context, on backend.Ref, id string) error {
	return w.ctl().Apply(ctx, func(tx *lifecycle.Tx) error {
		m, err := lifecycle.Edit[machine.Machine](tx, on)
		if err != nil {
			return err
		}
		m.SKU = id
		return nil
	})
}

func (w *World) writeStatus(ctx context.Context, on backend.Ref, s Status) error {
	return w.ctl().Apply(ctx, func(tx *lifecycle.Tx) error {
		e, err := tx.Entity(on)
		if err != nil {
			return err
		}
		return s.apply(e)
	})
}

// refused notes a rejection; other errors end the scenario.
func (w *World) refused(id string, err error) error {
	var stranger *rack.DiscoveryError
	refusals := []error{lifecycle.ErrRejected, lifecycle.ErrNotPermitted, backend.ErrNotFound, backend.ErrExists, errCrashed, errUnknown}
	if err == nil || !errors.As(err, &stranger) && !slices.ContainsFunc(refusals, func(refusal error) bool { return errors.Is(err, refusal) }) {
		return err
	}
	w.rejections = append(w.rejections, rejection{id: id, text: err.Error()})
	return nil
}

// mortal is the context of a controller: a crash ends it, and nothing is committed from then on. The function that it returns ends it in good order.
func (w *World) mortal(ctx context.Context) (context.Context, context.CancelFunc) {
	inner, stop := context.WithCancel(ctx)
	store, before := w.store, w.hardware.crash
	w.hardware.crash = func() {
		store.crashed = true
		stop()
	}
	return inner, func() {
		w.hardware.crash = before
		stop()
	}
}

// survive starts the controller again if it has crashed: then err is of the crash, and no error.
func (w *World) survive(ctx context.Context, err error) (crashed bool, _ error) {
	if !w.hardware.dead() {
		return false, err
	}
	return true, w.again(ctx)
}

// drive has objects reconciled until nothing is due, with a bound on the number of passes. It comes back early after a crash.
func (w *World) drive(ctx context.Context, most int) (next time.Time, crashed bool, err error) {
	if w.processes != nil {
		return w.driveAll(ctx, most)
	}
	lives := w.lives
	inner, stop := w.mortal(ctx)
	defer stop()
	_, next, err = w.drivenBy(inner, stop, most)
	if w.lives != lives { // it crashed while a pass of it stood still
		return next, true, nil
	}
	if w.passes.left < 0 {
		return next, false, fmt.Errorf("objects are still due after %d passes without time passing", most)
	}
	if crashed, err = w.survive(ctx, err); errors.Is(err, errUnknown) || errors.Is(err, errHalted) {
		return next, true, nil // it goes on
	}
	if err == nil && !crashed {
		w.idle()
	}
	return next, crashed, err
}

// errHalted says that time has passed in the middle of a pass, so that what is due must be looked for anew.
var errHalted = errors.New("a pass stood still")

// drivenBy has what is due reconciled by the controller that acts.
func (w *World) drivenBy(ctx context.Context, stop context.CancelFunc, most int) (steps int, next time.Time, err error) {
	w.passes.left, w.passes.stop, w.passes.halt = most, stop, false
	steps, next, err = w.stepper(ctx, w.ctl(), w.clock.Now())
	halted := w.passes.halt
	w.passes.stop, w.passes.halt = nil, false
	if halted {
		err = errHalted
	}
	return steps, next, err
}

func (w *World) reconcile(ctx context.Context, names Names) error {
	for _, name := range names {
		on, err := ref(name)
		if err != nil {
			return err
		}
		inner, stop := w.mortal(ctx)
		_, err = w.ctl().Step(inner, on, w.clock.Now())
		stop()
		if _, err := w.survive(ctx, err); err != nil && !errors.Is(err, backend.ErrNotFound) && !errors.Is(err, errUnknown) && !errors.Is(err, errCrashed) {
			return err
		}
	}
	return nil
}

// The largest number of passes without time passing: of a stabilize, and of each moment of a run.
const (
	stabilizePasses = 1000
	runPasses       = 100_000
)

func (w *World) stabilize(ctx context.Context) error {
	for {
		if err := w.deliver(ctx); err != nil {
			return err
		}
		_, crashed, err := w.drive(ctx, stabilizePasses)
		if event := w.nextEvent(); err != nil || !crashed && (event.IsZero() || event.After(w.Now())) {
			return err
		}
	}
}

// run lets time pass from one thing that falls due to the next.
func (w *World) run(ctx context.Context, end time.Time) error {
	for {
		if err := w.deliver(ctx); err != nil {
			return err
		}
		next, crashed, err := w.drive(ctx, runPasses)
		next = first(next, w.nextEvent())
		switch {
		case err != nil:
			return err
		case crashed:
		case next.IsZero() || next.After(end):
			w.clock.Set(end)
			return nil
		default:
			w.clock.Set(next)
		}
	}
}

func (w *World) request(ctx context.Context, q Request) error {
	w.known[q.ID] = true
	if q.At != nil && !moment(*q.At).Equal(w.clock.Now()) {
		return fmt.Errorf("request %s is made now, at %s, and not at %s", q.ID, since(w.clock.Now()), *q.At)
	}
	on := make([]backend.Ref, len(q.On))
	for i, name := range q.On {
		var err error
		if on[i], err = ref(name); err != nil {
			return err
		}
	}
	if on[0].Kind == backend.KindPowerShelf && q.Type == lifecycle.TypeMaintenance {
		m := powershelf.MaintenanceRequest{
			ID: q.ID, Operation: backend.PowerAction(q.Operation), User: q.Initiator, Reference: q.Reference, Limit: w.given.Settings.PowerShelfRequestLimit,
		}
		for _, r := range on {
			m.Shelves = append(m.Shelves, r.ID)
		}
		_, err := powershelf.RequestMaintenance(ctx, w.ctl(), m)
		return w.refused(q.ID, err)
	}
	_, err := w.ctl().Request(ctx, lifecycle.NewRequest{
		ID: q.ID, Type: q.Type, Initiator: lifecycle.InitiatorText(q.Initiator, q.Reference), Reference: q.Reference, Cycle: q.Cycle, Params: q.params(on[0]),
	}, on...)
	return w.refused(q.ID, err)
}

// cancel stops the open requests with an id, or the oldest open one of an object.
func (w *World) cancel(ctx context.Context, c Cancel) error {
	open, err := w.store.Requests(ctx, backend.RequestQuery{OpenOnly: true})
	if err != nil {
		return err
	}
	stopped := false
	for _, r := range open {
		if c.ID != "" && r.ID != c.ID || c.On != "" && r.On.String() != c.On || c.ID == "" && stopped {
			continue
		}
		stopped = true
		if err := w.refused(r.ID, w.ctl().CancelRequest(ctx, r.On, r.ID, c.Initiator)); err != nil {
			return err
		}
	}
	if !stopped {
		return w.refused(c.ID, fmt.Errorf("cancel %s%s: no open request: %w", c.ID, c.On, backend.ErrNotFound))
	}
	return nil
}

// changeJobs changes what polls of the rack's jobs find.
func (w *World) changeJobs(j Jobs) error {
	poll := ""
	if j.Activity != "" {
		var err error
		if poll, err = pollOf(j.Activity); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(j.Devices) {
		dev, err := w.device(id)
		if err != nil {
			return err
		}
		if !w.hardware.change(dev, poll, j.Devices[id]) {
			return fmt.Errorf("no job of %s was begun or given; name the activity", id)
		}
	}
	return nil
}
