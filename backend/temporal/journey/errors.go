package journey

import (
	"errors"
	"fmt"
	"strings"

	sdk "go.temporal.io/sdk/temporal"
)

// ErrUnderWay says that the node is on a journey already. Wait for that one, or cancel it.
var ErrUnderWay = errors.New("the node is on a journey already")

// stoppedType is the type of the application error that carries a StoppedError. It is stored in histories and must not change.
const stoppedType = "JourneyStopped"

// StoppedError says that a journey ended because no retry can bring the node on. The node stays where it is until a person decides.
type StoppedError struct {
	// Node is the id of the node, State the state in which it is. Wanted is where the journey wanted to move it, empty when it wanted nothing.
	Node   string `json:"node"`
	State  string `json:"state,omitempty"`
	Wanted string `json:"wanted,omitempty"`
	// Why says what is in the way, in full sentences for people.
	Why string `json:"why"`
	// Allowed are the states to which the journey's initiator can move the node now.
	Allowed []string `json:"allowed,omitempty"`
}

// Error says where the node is, what is in the way and what is allowed.
func (e *StoppedError) Error() string {
	text := "the journey of node " + e.Node + " stopped"
	if e.State != "" {
		text += " in " + e.State
	}
	if e.Wanted != "" {
		text += " on the way to " + e.Wanted
	}
	text += ": " + e.Why
	if len(e.Allowed) == 0 {
		return text + " (no move is allowed now)"
	}
	return fmt.Sprintf("%s (allowed now: %s)", text, strings.Join(e.Allowed, ", "))
}

// encode turns the error into one that fails a workflow and survives the way through the server.
func (e *StoppedError) encode() error {
	return sdk.NewNonRetryableApplicationError(e.Error(), stoppedType, nil, *e)
}

// AsStopped finds the StoppedError in what a client or a parent workflow got from a journey.
func AsStopped(err error) (*StoppedError, bool) {
	var app *sdk.ApplicationError
	if !errors.As(err, &app) || app.Type() != stoppedType || !app.HasDetails() {
		return nil, false
	}
	var e StoppedError
	if app.Details(&e) != nil {
		return nil, false
	}
	return &e, true
}
