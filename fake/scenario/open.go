package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

// Call is a hardware call that was made.
type Call struct {
	// Name is the driver's method.
	Name string
	// Key is its idempotency key, empty if it only looks.
	Key string
	// Devices are what it is about.
	Devices []backend.Device
}

// Observed has f told of every hardware call before it is answered. f is called while the call is made, and must not make any.
func Observed(f func(Call)) Option { return func(o *options) { o.observe = f } }

// Rewired has the driver of simulated hardware changed, below where calls are observed: to see what is found when a driver breaks its promises.
func Rewired(wrap func(backend.Capabilities) backend.Capabilities) Option {
	return func(o *options) { o.wrap = wrap }
}

// Open puts what a scenario is given into an empty store and starts a controller on it. What happens then is up to the caller, who makes one step after the other: the
// scenario's own steps are not made, and what it expects is not checked. The error wraps ErrBadFile when the scenario makes no sense. The world is not safe for concurrent
// use, and there is nothing to close.
func Open(ctx context.Context, s Scenario, store backend.Store, opts ...Option) (*World, error) {
	o := options{step: byLoop}
	for _, opt := range opts {
		opt(&o)
	}
	if err := s.verify(); err != nil {
		return nil, err
	}
	w, err := newWorld(ctx, s, store, o.wrap)
	if err != nil {
		return nil, fmt.Errorf("given: %w", err)
	}
	w.put(store)
	if o.verify {
		if err := w.verified(ctx); err != nil {
			return nil, err
		}
	}
	w.stepper, w.hardware.observe = o.step, w.observed(o.observe)
	if w.processes != nil {
		w.stepper = byLoop
	}
	return w, nil
}

// Do makes one step. A request that is rejected is no error.
func (w *World) Do(ctx context.Context, s Step) error { return w.do(ctx, s) }

// Check compares what is with what then says. The error lists all that differs.
func (w *World) Check(ctx context.Context, then Then) error { return w.check(ctx, then) }

// Manager is the controller that is at work now. A crash puts another one in its place.
func (w *World) Manager() *rack.Manager { return w.manager }

// Now is the time in the world.
func (w *World) Now() time.Time { return w.clock.Now() }

// Report is what has happened so far.
func (w *World) Report(ctx context.Context) *Report { return w.report(ctx) }
