package service

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Why a move or an edit is refused, one sentinel for each decision that a caller can take. A *RefusedError wraps one or several.
var (
	// ErrUnknownNode: there is no such node. Create it. Wraps with backend.ErrNotFound.
	ErrUnknownNode = errors.New("there is no such node")
	// ErrUnknownState: the definition has no such state. Correct the name.
	ErrUnknownState = errors.New("the definition has no such state")
	// ErrNotInTable: the definition has no transition from the node's state to that one. Take one of the possible ones. Wraps with lifecycle.ErrNotPermitted.
	ErrNotInTable = errors.New("the definition has no such transition")
	// ErrGuard: the guard of the transition is false, or cannot be told. Change what it asks for.
	ErrGuard = errors.New("the guard is false")
	// ErrNoteMissing: the transition needs a note. Say why.
	ErrNoteMissing = errors.New("a note is required")
	// ErrInitiator: the initiator may not take the transition, or none is named. Have somebody else do it.
	ErrInitiator = errors.New("the initiator is not allowed")
	// ErrVersion: the node is not at the expected version. Read it and decide again. Wraps with backend.ErrConflict.
	ErrVersion = errors.New("the node has another version")
	// ErrKeyReused: another move was made with this idempotency key. Use a new key.
	ErrKeyReused = errors.New("the idempotency key was used for another move")
	// ErrDeleted: the node is being removed. It moves no more.
	ErrDeleted = errors.New("the node is being removed")
	// ErrMachineTaken: another node is bound to that machine. Release it there first.
	ErrMachineTaken = errors.New("the machine belongs to another node")
)

// RefusedError is a move or an edit that was refused. Nothing was written. It wraps lifecycle.ErrRejected and every reason.
type RefusedError struct {
	// Node is the node. From is its state, empty when there is no such node; To is where it should go, empty for an edit.
	Node, From, To string
	// Why are the reasons; each wraps a sentinel of this package.
	Why []error
	// Possible are the states to which this initiator can move the node now.
	Possible []string
}

// Error says from, to, why, and what is possible now.
func (e *RefusedError) Error() string {
	why := make([]string, len(e.Why))
	for i, err := range e.Why {
		why[i] = err.Error()
	}
	text := "node " + e.Node
	switch {
	case e.From != "" && e.To != "":
		text += fmt.Sprintf(" cannot move from %s to %s", e.From, e.To)
	case e.To != "":
		text += " cannot move to " + e.To
	default:
		text += " cannot be changed"
	}
	text += ": " + strings.Join(why, "; ")
	if e.From == "" || e.To == "" {
		return text
	}
	if len(e.Possible) == 0 {
		return text + " (no move is possible now)"
	}
	return text + " (possible now: " + strings.Join(e.Possible, ", ") + ")"
}

// Unwrap returns lifecycle.ErrRejected, the reasons, and what the rest of the module calls them.
func (e *RefusedError) Unwrap() []error {
	out := append([]error{lifecycle.ErrRejected}, e.Why...)
	for _, also := range [...]struct{ ours, theirs error }{{ErrUnknownNode, backend.ErrNotFound}, {ErrVersion, backend.ErrConflict}, {ErrNotInTable, lifecycle.ErrNotPermitted}} {
		for _, why := range e.Why {
			if errors.Is(why, also.ours) {
				out = append(out, also.theirs)
			}
		}
	}
	return out
}

// unknown is the refusal of a name that no node has.
func unknown(node, to string) *RefusedError {
	return &RefusedError{Node: node, To: to, Why: []error{ErrUnknownNode}}
}
