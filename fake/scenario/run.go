package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
)

// DirVariable is the environment variable that names a directory of scenarios which RunDir runs in addition.
const DirVariable = "RACKSTATE_SCENARIOS"

// RunDir runs every scenario of a directory as a subtest named by its name, each on a store of its own, and then those of the directory in
// RACKSTATE_SCENARIOS, if that is set.
func RunDir(t *testing.T, dir string, open func(t *testing.T) backend.Store) {
	t.Helper()
	dirs := []string{dir}
	if more := os.Getenv(DirVariable); more != "" {
		dirs = append(dirs, more)
	}
	for _, dir := range dirs {
		list, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				if err := Run(t.Context(), s, open(t)); err != nil {
					t.Errorf("%s: %s\n%s", s.File, s.Name, err)
				}
			})
		}
	}
}

// Run runs one scenario on an empty store. The error says what was expected and what was found, with the history and the hardware calls of the run; it is
// nil when everything in then is true.
func Run(ctx context.Context, s Scenario, store backend.Store) error {
	w, err := newWorld(ctx, s.Given, store)
	if err != nil {
		return fmt.Errorf("given: %w", err)
	}
	for i, step := range s.When {
		if err := w.do(ctx, step); err != nil {
			return fmt.Errorf("when, step %d: %w\n%s", i+1, err, w.trace(ctx))
		}
	}
	if err := w.check(ctx, s.Then); err != nil {
		return fmt.Errorf("%w\n%s", err, w.trace(ctx))
	}
	return nil
}

// do makes one step. A controller that crashes during it is started again.
func (w *world) do(ctx context.Context, s Step) error {
	err := w.once(ctx, s)
	if !w.store.crashed {
		return err
	}
	if err := w.start(ctx); err != nil {
		return err
	}
	if s.Run != nil || s.Stabilize != "" {
		return w.do(ctx, s)
	}
	return nil
}

func (w *world) once(ctx context.Context, s Step) error {
	switch {
	case s.Reconcile != nil:
		return w.reconcile(ctx, s.Reconcile)
	case s.Stabilize != "":
		return w.stabilize(ctx)
	case s.Advance != nil:
		w.clock.Set(w.clock.Now().Add(time.Duration(*s.Advance)))
		return nil
	case s.Run != nil:
		return w.run(ctx, time.Duration(*s.Run))
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
		return w.start(ctx)
	case s.Crash != nil:
		w.hardware.after = trimPrefix(*s.Crash, "after-call ")
		return nil
	default:
		return w.edit(ctx, s)
	}
}

func trimPrefix(text, prefix string) string {
	if len(text) > len(prefix) && text[:len(prefix)] == prefix {
		return text[len(prefix):]
	}
	return text
}

// edit makes a step that changes an object from outside.
func (w *world) edit(ctx context.Context, s Step) error {
	switch {
	case s.Approve != nil:
		on, err := ref(s.Approve.On)
		if err != nil {
			return err
		}
		return w.ctl().Apply(ctx, func(tx *lifecycle.Tx) error { return machine.Approve(tx, on) })
	case s.Label != nil:
		on, err := ref(s.Label.On)
		if err != nil {
			return err
		}
		return w.ctl().SetLabels(ctx, on, 0, s.Label.Set, s.Label.Remove...)
	case s.Status != nil:
		on, err := ref(s.Status.On)
		if err != nil {
			return err
		}
		return w.ctl().Apply(ctx, func(tx *lifecycle.Tx) error {
			e, err := tx.Entity(on)
			if err != nil {
				return err
			}
			return s.Status.apply(e)
		})
	case s.Discover != nil:
		return w.refused("", w.manager.Discover(ctx, rack.Discovery{Kind: backend.Kind(s.Discover.Kind), ID: s.Discover.ID, Rack: s.Discover.Rack}))
	case s.Delete != "":
		on, err := ref(s.Delete)
		if err != nil {
			return err
		}
		return w.refused("", w.ctl().Delete(ctx, on, "scenario", false))
	default:
		on, err := ref(s.Purge)
		if err != nil {
			return err
		}
		return w.ctl().Purge(ctx, on, "scenario", "purge step")
	}
}

// refused notes a rejection; other errors end the scenario.
func (w *world) refused(id string, err error) error {
	var rejected *lifecycle.RejectedError
	var unexpected *rack.DiscoveryError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &rejected), errors.As(err, &unexpected), errors.Is(err, backend.ErrNotFound):
		w.rejections = append(w.rejections, rejection{id: id, text: err.Error()})
		return nil
	}
	return err
}

func (w *world) reconcile(ctx context.Context, names Names) error {
	for _, name := range names {
		on, err := ref(name)
		if err != nil {
			return err
		}
		_, err = w.ctl().Step(ctx, on, w.clock.Now())
		if err != nil && !errors.Is(err, backend.ErrNotFound) {
			return err
		}
	}
	return nil
}

// maxSteps bounds a stabilize.
const maxSteps = 1000

func (w *world) stabilize(ctx context.Context) error {
	steps, _, err := w.ctl().RunUntilIdle(ctx, w.clock.Now())
	if err == nil && steps > maxSteps {
		return fmt.Errorf("it took %d steps until nothing was due; at most %d are allowed", steps, maxSteps)
	}
	return err
}

// run lets time pass from one thing that falls due to the next.
func (w *world) run(ctx context.Context, d time.Duration) error {
	end := w.clock.Now().Add(d)
	for {
		_, next, err := w.ctl().RunUntilIdle(ctx, w.clock.Now())
		if err != nil {
			return err
		}
		if next.IsZero() || next.After(end) {
			w.clock.Set(end)
			return nil
		}
		w.clock.Set(next)
	}
}

func (w *world) request(ctx context.Context, q Request) error {
	w.known[q.ID] = true
	var on []backend.Ref
	for _, name := range q.On {
		r, err := ref(name)
		if err != nil {
			return err
		}
		on = append(on, r)
	}
	if len(on) == 0 {
		return fmt.Errorf("request %s is on nothing", q.ID)
	}
	if on[0].Kind == backend.KindPowerShelf && q.Type == lifecycle.TypeMaintenance {
		m := powershelf.MaintenanceRequest{ID: q.ID, Operation: backend.PowerAction(q.Operation), User: q.Initiator, Reference: q.Reference, Limit: w.given.Settings.PowerShelfRequestLimit}
		for _, r := range on {
			m.Shelves = append(m.Shelves, r.ID)
		}
		_, err := powershelf.RequestMaintenance(ctx, w.ctl(), m)
		return w.refused(q.ID, err)
	}
	_, err := w.ctl().Request(ctx, lifecycle.NewRequest{ID: q.ID, Type: q.Type, Initiator: lifecycle.InitiatorText(q.Initiator, q.Reference), Reference: q.Reference,
		Cycle: q.Cycle, Params: q.params(on[0])}, on...)
	return w.refused(q.ID, err)
}

func (w *world) cancel(ctx context.Context, c Cancel) error {
	requests, err := w.store.Requests(ctx, backend.RequestQuery{OpenOnly: true})
	if err != nil {
		return err
	}
	for _, r := range requests {
		if c.ID != "" && r.ID == c.ID || c.On != "" && r.On.String() == c.On {
			return w.ctl().CancelRequest(ctx, r.On, r.ID, c.Initiator)
		}
	}
	return w.refused(c.ID, fmt.Errorf("cancel: %w", backend.ErrNotFound))
}

// changeJobs changes what polls of the rack's jobs find.
func (w *world) changeJobs(j Jobs) error {
	for _, id := range sortedKeys(j.Devices) {
		dev, err := w.device(id)
		if err != nil {
			return err
		}
		w.hardware.mu.Lock()
		for _, poll := range []string{"FirmwareJob", "SwitchImageJob", "CertificateJob"} {
			if _, ok := w.hardware.jobs[jobKey{poll, dev}]; ok || j.Activity != "" && mustPoll(j.Activity) == poll {
				w.hardware.jobs[jobKey{poll, dev}] = j.Devices[id].status()
			}
		}
		w.hardware.mu.Unlock()
	}
	return nil
}

func mustPoll(activity string) string {
	poll, _ := pollOf(activity)
	return poll
}
