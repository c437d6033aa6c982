package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// ActionHostReprovision is the name under which Open registers HostReprovision.
const ActionHostReprovision = "host_reprovision"

// HostReprovision is the action that has the host of a node reprovisioned: it posts a request of type lifecycle.TypeReprovision on the node's machine. It succeeds when that
// request is finished, and fails when it ends in any other way, or cannot be posted. A state that holds the machine holds the reprovision up too.
type HostReprovision struct {
	// Store is the store of the controller, where requests that have ended are found.
	Store backend.Store
	// DisturbTenants says that a machine with a tenant may be touched without the tenant's approval.
	DisturbTenants bool
}

// reprovisionPoll is after which time the request is looked at when nobody has said that it has ended.
const reprovisionPoll = 30 * time.Second

// Start posts the request.
func (a HostReprovision) Start(_ context.Context, tx *lifecycle.Tx, run Run) (Progress, error) {
	if run.Machine == "" {
		return Failed(fmt.Sprintf("%s is bound to no machine", run.Node)), nil
	}
	req, err := tx.Post(machine.Ref(run.Machine), lifecycle.NewRequest{
		Type: lifecycle.TypeReprovision, Initiator: lifecycle.InitiatorText(run.Node.String(), run.Initiator), Reference: run.Key,
		Params: lifecycle.Reprovision{DisturbTenants: a.DisturbTenants},
	})
	var refused *lifecycle.RejectedError
	switch {
	case errors.As(err, &refused):
		return Failed(err.Error()), nil
	case err != nil:
		return Progress{}, err
	}
	return Running(fmt.Sprintf("request %s of machine %s is posted", req.ID, run.Machine), reprovisionPoll).Remember(req.ID), nil
}

// Check looks how the request ended.
func (a HostReprovision) Check(ctx context.Context, tx *lifecycle.Tx, run Run) (Progress, error) {
	on := machine.Ref(run.Machine)
	found, err := a.Store.Requests(ctx, backend.RequestQuery{ID: run.Job, On: on})
	if err != nil {
		return Progress{}, fmt.Errorf("look for request %s of %s: %w", run.Job, on, err)
	}
	if len(found) == 0 {
		return Failed(fmt.Sprintf("machine %s has no request %s", run.Machine, run.Job)), nil
	}
	switch r := found[0]; r.State {
	case backend.RequestFinished:
		return Succeeded(joined("request "+r.ID, r.Reason)), nil
	case backend.RequestPending, backend.RequestStarted:
		return Running(observed(tx, &r), reprovisionPoll), nil
	default:
		return Failed(joined(fmt.Sprintf("request %s is %s", r.ID, r.State), r.Reason)), nil
	}
}

// observed says where the machine stands.
func observed(tx *lifecycle.Tx, r *backend.Request) string {
	text := fmt.Sprintf("request %s of machine %s is %s", r.ID, r.On.ID, r.State)
	m, ok := lifecycle.Look[machine.Machine](tx, r.On)
	if !ok {
		return text
	}
	text += ", the machine is in " + m.State()
	if h, held := m.Held(tx.Now()); held {
		text += ", held: " + h.String()
	}
	return text
}

// Cancel withdraws the request as long as the machine has not begun with it. What has begun goes on: to stop a host in the middle of its firmware is a decision
// for a person, see lifecycle.Controller.CancelRequest.
func (a HostReprovision) Cancel(_ context.Context, tx *lifecycle.Tx, run Run) error {
	on := machine.Ref(run.Machine)
	for _, r := range tx.Requests(on, lifecycle.TypeReprovision) {
		if r.Reference == run.Key && r.State == backend.RequestPending {
			return tx.End(on, r.ID, backend.RequestWithdrawn, run.Node.String()+" has moved on")
		}
	}
	return nil
}
