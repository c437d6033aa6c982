package service

import (
	"maps"
	"slices"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// watch notes which machines have done something, so that their nodes can look. An observer must not call the controller; it notes, and the Service
// wakes the nodes afterwards.
type watch struct {
	mu sync.Mutex
	// machines has those that were looked at, true for those that have moved too.
	machines map[string]bool
	signal   chan struct{}
}

func newWatch() *watch { return &watch{machines: map[string]bool{}, signal: make(chan struct{}, 1)} }

func (w *watch) note(machine string, moved bool) {
	w.mu.Lock()
	w.machines[machine] = moved || w.machines[machine]
	w.mu.Unlock()
	select {
	case w.signal <- struct{}{}:
	default: // somebody was told already
	}
}

// take returns what was noted since the last time, in order, so that the same run wakes the same nodes in the same order.
func (w *watch) take() (machines []string, moved map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	moved, w.machines = w.machines, map[string]bool{}
	return slices.Sorted(maps.Keys(moved)), moved
}

// Observe returns the observer for lifecycle.Config by which nodes look as soon as their machine has moved or has ended a request, while Service.Run or Service.Watch runs. It
// passes everything on to next, which may be nil. Without it nodes notice at their next resync.
func (k *Kind) Observe(next lifecycle.Observer) lifecycle.Observer {
	if next == nil {
		next = lifecycle.NoObserver{}
	}
	return &observer{Observer: next, watch: k.watch}
}

type observer struct {
	lifecycle.Observer
	watch *watch
}

// Transitioned notes machines that have moved.
func (o *observer) Transitioned(t backend.Transition) {
	if t.Ref.Kind == backend.KindMachine {
		o.watch.note(t.Ref.ID, true)
	}
	o.Observer.Transitioned(t)
}

// Passed notes machines that were looked at: a request may have ended without a move.
func (o *observer) Passed(ref backend.Ref, outcome backend.Outcome) {
	if ref.Kind == backend.KindMachine {
		o.watch.note(ref.ID, false)
	}
	o.Observer.Passed(ref, outcome)
}
