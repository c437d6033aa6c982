package sitesim

import (
	"context"
	"errors"
	"log/slog"
	"sync"
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
const patience = 2 * time.Minute

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

// watch follows the states of all objects and tells when what was awaited has come.
type watch struct {
	lifecycle.NoObserver
	mu     sync.Mutex
	states map[string]string
	rows   int
	come   func(states map[string]string, rows int) bool
	done   chan struct{}
	// wrote is told about every commit that succeeded.
	wrote chan<- struct{}
}

// Committed tells that the store works.
func (w *watch) Committed(_ int, _ time.Duration, err error) {
	if err == nil {
		ring(w.wrote)
	}
}

// ring wakes who listens, without waiting for him.
func ring(bell chan<- struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// Transitioned notes a state.
func (w *watch) Transitioned(t backend.Transition) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[t.Ref.String()] = t.To
	w.rows++
	w.look()
}

func (w *watch) look() {
	select {
	case <-w.done:
	default:
		if w.come(w.states, w.rows) {
			close(w.done)
		}
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

// run has a new manager look after the hall, with workers, until what is awaited has come. It returns when everything has stopped.
func (h *hall) run(t *testing.T, come func(states map[string]string, rows int) bool) *rack.Manager {
	t.Helper()
	known, err := states(t.Context(), h.store)
	require.NoError(t, err)
	bell := make(chan struct{}, 1)
	w := &watch{states: known, come: come, done: make(chan struct{}), wrote: bell}
	capabilities := h.hardware.Capabilities()
	capabilities.RackTest = service{capabilities.RackTest, bell}
	cfg := config(h.racks, h.store, 1).Rack
	cfg.Driver, cfg.Site, cfg.Lifecycle = h.wrap(capabilities), mini(h.racks), h.engine
	cfg.Lifecycle.Observer = w
	cfg.Credentials, err = credentials(t.Context(), cfg.Site)
	require.NoError(t, err)
	m, err := rack.NewManager(t.Context(), h.store, cfg)
	require.NoError(t, err)
	for err = h.discover(t, m); errors.Is(err, errDiskFull); err = h.discover(t, m) {
	}
	require.NoError(t, err)

	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { assert.NoError(t, m.Run(ctx)) })
	wg.Go(func() { assert.NoError(t, h.bring(ctx, m, bell)) })
	select {
	case <-w.done:
	case <-ctx.Done():
		w.mu.Lock()
		t.Errorf("what was awaited has not come: %v", w.states)
		w.mu.Unlock()
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

// bring brings the labels of the validation service to the machines whenever the bell rings. What cannot be stored now is tried again then.
func (h *hall) bring(ctx context.Context, m *rack.Manager, bell <-chan struct{}) error {
	for {
		writes, err := h.hardware.Advance(m.Controller().Now())
		if err != nil {
			return err
		}
		h.labels = append(h.labels, writes...)
		for len(h.labels) > 0 {
			if err := m.Controller().SetLabels(context.WithoutCancel(ctx), h.labels[0].Machine, 0, h.labels[0].Set); err != nil {
				break
			}
			h.labels = h.labels[1:]
		}
		select {
		case <-ctx.Done():
			return nil
		case <-bell:
		}
	}
}

// allReady is what a hall of n racks looks like in the end.
func allReady(n int) func(map[string]string, int) bool {
	want := ready(n)
	return func(states map[string]string, _ int) bool {
		for name, state := range want {
			if states[name] != state {
				return false
			}
		}
		return true
	}
}
