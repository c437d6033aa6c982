package lifecycle

import (
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Observer is told what the controller does, for metrics. Calls come from several goroutines and hold up the controller: they must be
// quick and must not call it.
type Observer interface {
	// Transitioned is called for every history row once its commit is durable. Rows of different objects, and rows that a host's own call made, may come in
	// another order than they were committed: Seq has the order of each object.
	Transitioned(t backend.Transition)
	// Passed is called at the end of every pass.
	Passed(ref backend.Ref, outcome backend.Outcome)
	// OverSLA is called once when an object exceeds the SLA of its state, which may share its clock with others.
	OverSLA(ref backend.Ref, state string, elapsed time.Duration)
	// OverStepSLA is called once when an object exceeds the StepSLA of its very state.
	OverStepSLA(ref backend.Ref, state string, elapsed time.Duration)
	// Conflict is called when a pass lost its compare-and-swap and is repeated.
	Conflict(ref backend.Ref)
	// Committed is called after every batch: how many commits it held, and the error of the store, if any.
	Committed(commits int, took time.Duration, err error)
}

// NoObserver ignores everything. Embed it to implement a part of Observer.
type NoObserver struct{}

// Transitioned does nothing.
func (NoObserver) Transitioned(backend.Transition) {}

// Passed does nothing.
func (NoObserver) Passed(backend.Ref, backend.Outcome) {}

// OverSLA does nothing.
func (NoObserver) OverSLA(backend.Ref, string, time.Duration) {}

// OverStepSLA does nothing.
func (NoObserver) OverStepSLA(backend.Ref, string, time.Duration) {}

// Conflict does nothing.
func (NoObserver) Conflict(backend.Ref) {}

// Committed does nothing.
func (NoObserver) Committed(int, time.Duration, error) {}
