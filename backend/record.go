package backend

import "time"

// Record is what a store keeps of one object. Identity, rack, state and outcome are columns of their own that a person can
// query; Data is the typed rest as JSON.
type Record struct {
	// Ref names the object.
	Ref Ref
	// Rack is the id of the rack that the object belongs to; a rack belongs to itself. It changes only when an object of the same name
	// appears anew after a deletion.
	Rack string
	// State is the lifecycle state. It is empty in a tombstone, see Gone.
	State string
	// Since is when the object entered State: UTC, in whole microseconds.
	Since time.Time
	// Version counts the commits that wrote this object. Every commit is a compare-and-swap on it.
	Version uint64
	// Transitions counts the changes of state, and equals Seq of the object's newest history row. Idempotency keys are made of
	// it, so it never goes back, not even when an object is deleted and another one of the same name appears.
	Transitions uint64
	// Outcome is the result of the last pass over the object.
	Outcome Outcome
	// Data is the typed rest as JSON. It comes back byte for byte. In a Write, nil means unchanged.
	Data []byte
}

// Gone reports whether the record is the tombstone of a deleted object. A tombstone keeps the counters, so that a later object
// of the same name continues the history and never repeats an idempotency key.
func (r *Record) Gone() bool { return r.State == "" }

// OutcomeKind is how a pass over an object ended. The strings are stored and must not change.
type OutcomeKind string

// The kinds of outcome.
const (
	// OutcomeNone is the zero value: the object has not been looked at yet.
	OutcomeNone OutcomeKind = ""
	// OutcomeNothing: there was nothing to do.
	OutcomeNothing OutcomeKind = "nothing"
	// OutcomeWait: the object waits for what Reason says.
	OutcomeWait OutcomeKind = "wait"
	// OutcomeTransition: the state changed.
	OutcomeTransition OutcomeKind = "transition"
	// OutcomeError: the pass failed, changed nothing and is repeated with backoff.
	OutcomeError OutcomeKind = "error"
	// OutcomeDeleted: the object is gone.
	OutcomeDeleted OutcomeKind = "deleted"
)

// Outcome is the recorded result of a pass.
type Outcome struct {
	Kind OutcomeKind `json:"kind,omitempty"`
	// Reason is for people: what is awaited and what is observed, or the error.
	Reason string `json:"reason,omitempty"`
	// At is since when passes have ended with this kind and reason: UTC, in whole microseconds.
	At time.Time `json:"at,omitzero"`
	// OverSLA says that the object is longer in its state than the state's SLA allows.
	OverSLA bool `json:"over_sla,omitempty"`
}

// Timestamp brings t into the form in which records carry times: UTC in whole microseconds, which every store can keep exactly.
func Timestamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
