package journey

import (
	"context"
	"errors"
	"fmt"

	"github.com/benbjohnson/clock"
	"github.com/rackstate/rackstate/machine/service"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/rackstate/rackstate/backend/temporal/internal/heartbeat"
)

// The names of the activities. They are stored in histories and must not change.
const (
	lookActivity     = "JourneyLook"
	moveActivity     = "JourneyMove"
	allowedActivity  = "JourneyAllowed"
	diagnoseActivity = "JourneyDiagnose"
	firmwareActivity = "JourneyFirmware"
)

// Register gives a worker ReturnToServiceWorkflow and what it needs.
func Register(r worker.Registry, inv Inventory, checks Checks) {
	a := &activities{inventory: inv, checks: checks, clock: clock.New()}
	r.RegisterWorkflow(ReturnToServiceWorkflow)
	for name, f := range map[string]any{
		lookActivity: a.look, moveActivity: a.move, allowedActivity: a.allowed, diagnoseActivity: a.diagnose, firmwareActivity: a.firmware,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// activities are what a journey has done outside of its workflow. All may be repeated.
type activities struct {
	inventory Inventory
	checks    Checks
	clock     clock.Clock
}

// refusalKind says what a journey does about a refusal.
type refusalKind string

const (
	refusedLost  refusalKind = "lost"  // somebody was quicker: read and decide again
	refusedGuard refusalKind = "guard" // it may become true: wait
	refusedFinal refusalKind = "final" // no retry mends it
)

// refusal is an answer of the inventory that says no.
type refusal struct {
	Kind    refusalKind `json:"kind"`
	From    string      `json:"from,omitempty"`
	Why     string      `json:"why"`
	Allowed []string    `json:"allowed,omitempty"`
}

// refused turns an error of the inventory into a refusal, nil when the call should be made again.
func refused(err error) *refusal {
	var e *service.RefusedError
	if !errors.As(err, &e) {
		return nil
	}
	r := &refusal{Kind: refusedFinal, From: e.From, Why: e.Error(), Allowed: e.Possible}
	guards := 0
	for _, why := range e.Why {
		switch {
		case errors.Is(why, service.ErrVersion), errors.Is(why, service.ErrKeyReused):
			r.Kind = refusedLost // what else is wrong is wrong with a node that is elsewhere by now
		case errors.Is(why, service.ErrGuard):
			guards++
		}
	}
	if r.Kind == refusedFinal && guards == len(e.Why) {
		r.Kind = refusedGuard
	}
	return r
}

type lookOutput struct {
	Node    Node     `json:"node"`
	Refused *refusal `json:"refused,omitempty"`
}

// look reads the node.
func (a *activities) look(ctx context.Context, id string) (lookOutput, error) {
	n, err := a.inventory.Node(ctx, id)
	if r := refused(err); r != nil {
		return lookOutput{Refused: r}, nil
	}
	if err != nil {
		return lookOutput{}, fmt.Errorf("read node %s: %w", id, err)
	}
	return lookOutput{Node: n}, nil
}

type moveInput struct {
	Node    string `json:"node"`
	To      string `json:"to"`
	Note    string `json:"note"`
	Version uint64 `json:"version"`
	Key     string `json:"key"`
}

type moveOutput struct {
	// Entry is the row of the history. Already says that an earlier attempt has written it.
	Entry   service.Entry `json:"entry"`
	Already bool          `json:"already,omitempty"`
	Refused *refusal      `json:"refused,omitempty"`
}

// move moves the node. An attempt whose answer was lost is recognised by the key.
func (a *activities) move(ctx context.Context, in moveInput) (moveOutput, error) {
	res, err := a.inventory.Move(ctx, in.Node, in.To, service.Move{Initiator: Initiator, Note: in.Note, ExpectVersion: in.Version, IdempotencyKey: in.Key})
	if r := refused(err); r != nil {
		return moveOutput{Refused: r}, nil
	}
	if err != nil {
		return moveOutput{}, fmt.Errorf("move node %s to %s: %w", in.Node, in.To, err)
	}
	return moveOutput{Entry: res.Entry, Already: res.AlreadyApplied}, nil
}

// allowed lists the states to which the journey can move the node now.
func (a *activities) allowed(ctx context.Context, id string) ([]string, error) {
	moves, err := a.inventory.Permitted(ctx, id, Initiator)
	if refused(err) != nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the moves of node %s: %w", id, err)
	}
	var out []string
	for _, m := range moves {
		if m.Possible {
			out = append(out, m.To)
		}
	}
	return out, nil
}

func (a *activities) diagnose(ctx context.Context, c Check) (Finding, error) {
	defer heartbeat.Start(ctx, a.clock)()
	return a.checks.Diagnose(ctx, c)
}

func (a *activities) firmware(ctx context.Context, c Check) (Finding, error) {
	defer heartbeat.Start(ctx, a.clock)()
	return a.checks.Firmware(ctx, c)
}
