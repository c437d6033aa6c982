package lifecycle

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// Decisions that a caller can take, one sentinel each. backend.ErrNotFound, backend.ErrConflict and backend.ErrExists pass through.
var (
	// ErrNotPermitted: the table has no such transition from the object's state. Look at the permitted ones.
	ErrNotPermitted = errors.New("not permitted in this state")
	// ErrUnknownState: a record holds a state that the table does not know. The object is left alone until a person or a migration has
	// acted.
	ErrUnknownState = errors.New("unknown state")
	// ErrUnhandledState: the table has the state, and this version has no handler for it. The object stays where it is.
	ErrUnhandledState = errors.New("state has no handler in this version")
	// ErrRejected: a request was refused, nothing was written.
	ErrRejected = errors.New("rejected")
	// ErrUnknownKind: no kind of that name was given to NewController.
	ErrUnknownKind = errors.New("unknown kind")
	// ErrHandlerPanic: a handler or a driver panicked. Only this object is affected; the pass is repeated with backoff.
	ErrHandlerPanic = errors.New("handler panicked")
	// ErrHandlerOverdue: a handler or a driver did not return within the handler timeout.
	ErrHandlerOverdue = errors.New("handler did not return in time")
)

// TriggerError is a transition that the table does not permit. It wraps ErrNotPermitted.
type TriggerError struct {
	// Kind, State, Trigger and To say what was tried. To is empty when the trigger alone decides.
	Kind, State, Trigger, To string
	// Ambiguous says that several rows hold and the target must be named.
	Ambiguous bool
	// Permitted lists the triggers that the state permits.
	Permitted []string
	// Err is what the state machine library said, if it was asked.
	Err error
}

// Error says what was tried and what is permitted.
func (e *TriggerError) Error() string {
	if e.Ambiguous {
		return fmt.Sprintf("%s in state %s: trigger %s leads to several states, name one", e.Kind, e.State, e.Trigger)
	}
	to := ""
	if e.To != "" {
		to = " to " + e.To
	}
	return fmt.Sprintf("%s in state %s: trigger %s%s is not permitted; permitted are %s", e.Kind, e.State, e.Trigger, to, strings.Join(e.Permitted, ", "))
}

// Unwrap returns ErrNotPermitted and the library's error.
func (e *TriggerError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrNotPermitted}
	}
	return []error{ErrNotPermitted, e.Err}
}

// UnknownStateError is a persisted state that the table does not know. It wraps ErrUnknownState.
type UnknownStateError struct {
	// Ref names the object, if it is known.
	Ref backend.Ref
	// Kind and State say what was found.
	Kind, State string
	// Known lists the states of the kind.
	Known []string
}

// Error names the object, the state and the known states.
func (e *UnknownStateError) Error() string {
	if e.Ref.IsZero() {
		return fmt.Sprintf("state %q is not in the table of %s; it knows %s", e.State, e.Kind, strings.Join(e.Known, ", "))
	}
	return fmt.Sprintf("%s is in state %q, which the table of %s does not know; it knows %s", e.Ref, e.State, e.Kind, strings.Join(e.Known, ", "))
}

// Unwrap returns ErrUnknownState.
func (e *UnknownStateError) Unwrap() error { return ErrUnknownState }

// RejectedError is a request, deletion or edit that was refused. Nothing was written. It wraps ErrRejected and the causes.
type RejectedError struct {
	// Ref names the object that was asked.
	Ref backend.Ref
	// Type is the type of the request, "delete" for a deletion.
	Type string
	// Err holds the reasons, all of them.
	Err error
}

// Error names the object, the request and the reasons.
func (e *RejectedError) Error() string {
	return fmt.Sprintf("%s of %s rejected: %s", e.Type, e.Ref, e.Err)
}

// Unwrap returns ErrRejected and the reasons.
func (e *RejectedError) Unwrap() []error { return []error{ErrRejected, e.Err} }
