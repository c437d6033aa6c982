package sitesim

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// patience bounds what a test waits for in real time. Nothing takes that long unless it is broken.
const patience = time.Minute

// hall is a number of small racks of instant hardware in real time. It outlives the managers that look after it.
type hall struct {
	racks    int
	store    backend.Store
	hardware *fake.Hardware
	wrap     func(backend.Capabilities) backend.Driver
	engine   lifecycle.Config
	// labels are what the validation service wrote and has not reached its machine yet.
	labels []fake.LabelWrite
}

func newHall(racks int, store backend.Store, faults ...fake.Fault) *hall {
	return &hall{
		racks: racks, store: store, hardware: fake.New(clock.New(), fake.Config{Instant: true, Faults: faults}),
		wrap:   func(c backend.Capabilities) backend.Driver { return c },
		engine: lifecycle.Config{Logger: slog.New(slog.DiscardHandler), BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond},
	}
}

// watch counts transitions and failed commits, and rings after every commit and pass.
type watch struct {
	lifecycle.NoObserver
	rows, failed atomic.Int64
	bell         chan<- struct{}
	// last is the transition at which everything is stopped, zero for none.
	last int64
	stop func()
}

// Committed counts a commit that failed, and rings.
func (w *watch) Committed(_ int, _ time.Duration, err error) {
	if err != nil {
		w.failed.Add(1)
	}
	ring(w.bell)
}

// Transitioned counts a transition, and stops at the last one.
func (w *watch) Transitioned(backend.Transition) {
	if w.rows.Add(1) == w.last {
		w.stop()
	}
}

// Passed rings.
func (w *watch) Passed(backend.Ref, backend.Outcome) { ring(w.bell) }

// ring wakes who listens, without waiting for him.
func ring(bell chan<- struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// service is the rack validation service. It rings when it was asked for a run, so that its labels are brought to the machines.
type service struct {
	backend.RackTest
	asked chan<- struct{}
}

// StartValidation starts a run.
func (s service) StartValidation(ctx context.Context, key, rack string, machines []backend.Device) error {
	defer ring(s.asked)
	return s.RackTest.StartValidation(ctx, key, rack, machines)
}

// awaited says whether what a test waits for has come. It is asked after every commit and pass.
type awaited func(m *rack.Manager, seen *watch) bool

// run has a new manager look after the hall, with workers, until what is awaited has come. It returns when everything has stopped.
func (h *hall) run(t *testing.T, come awaited) *rack.Manager {
	t.Helper()
	return h.watched(t, &watch{}, come)
}

// runFor is run that stops after some transitions.
func (h *hall) runFor(t *testing.T, transitions int64) {
	t.Helper()
	h.watched(t, &watch{last: transitions}, func(_ *rack.Manager, seen *watch) bool { return seen.rows.Load() >= transitions })
}

func (h *hall) watched(t *testing.T, seen *watch, come awaited) *rack.Manager {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	bell := make(chan struct{}, 1)
	seen.bell, seen.stop = bell, stop
	capabilities := h.hardware.Capabilities()
	capabilities.RackTest = service{capabilities.RackTest, bell}
	cfg := config(h.racks, h.store, 1).Rack
	cfg.Driver, cfg.Site, cfg.Lifecycle = h.wrap(capabilities), mini(h.racks), h.engine
	cfg.Lifecycle.Observer = seen
	cfg.Machine.PollInterval, cfg.Settings.PollInterval = 20*time.Millisecond, 20*time.Millisecond
	var err error
	cfg.Credentials, err = credentials(t.Context(), cfg.Site)
	require.NoError(t, err)
	m, err := rack.NewManager(t.Context(), h.store, cfg)
	require.NoError(t, err)
	for err = h.discover(t, m); errors.Is(err, errDiskFull); err = h.discover(t, m) {
	}
	require.NoError(t, err)

	var wg sync.WaitGroup
	wg.Go(func() { assert.NoError(t, m.Run(ctx)) })
	for !come(m, seen) {
		require.NoError(t, h.bring(t.Context(), m))
		select {
		case <-bell:
			continue
		case <-ctx.Done():
		}
		break
	}
	if !come(m, seen) {
		t.Errorf("what was awaited has not come: %v", statesOf(m))
	}
	stop()
	wg.Wait()
	return m
}

// discover reports everything that stands in the hall.
func (h *hall) discover(t *testing.T, m *rack.Manager) error {
	t.Helper()
	s := &Simulation{cfg: Config{Site: mini(h.racks)}, manager: m}
	return m.Discover(t.Context(), s.devices()...)
}

// bring brings the labels of the validation service to the machines. What cannot be stored now is tried again when the bell rings next.
func (h *hall) bring(ctx context.Context, m *rack.Manager) error {
	writes, err := h.hardware.Advance(m.Controller().Now())
	if err != nil {
		return err
	}
	h.labels = append(h.labels, writes...)
	for len(h.labels) > 0 {
		if err := m.Controller().SetLabels(ctx, h.labels[0].Machine, 0, h.labels[0].Set); err != nil {
			return nil
		}
		h.labels = h.labels[1:]
	}
	return nil
}

// statesOf returns the state of every object that a manager owns.
func statesOf(m *rack.Manager) map[string]string {
	all := map[string]string{}
	m.Controller().Visit(func(o *lifecycle.Object) { all[o.Ref().String()] = o.State() })
	return all
}

// allReady is what a hall of n racks looks like in the end, apart from the objects that are named.
func allReady(n int, but ...string) awaited {
	want := ready(n)
	for _, name := range but {
		delete(want, name)
	}
	return func(m *rack.Manager, _ *watch) bool {
		have := statesOf(m)
		for name, state := range want {
			if have[name] != state {
				return false
			}
		}
		return true
	}
}
