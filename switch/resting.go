package nvswitch

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// ready takes up a request. A ready switch is left alone otherwise.
func (h *handler) ready(_ context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if out, found, err := takeUp(s, env); found || err != nil {
		return out, err
	}
	return lifecycle.Nothing(), nil
}

// failed takes up a request; nothing else leads out of Error.
func (h *handler) failed(_ context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if out, found, err := takeUp(s, env); found || err != nil {
		return out, err
	}
	return lifecycle.Wait("a maintenance request, a request of its rack, or a deletion", s.Cause, 0), nil
}

// deleting has nothing to clean up: what is known of the switch goes with its record.
func (h *handler) deleting(context.Context, *Switch, *lifecycle.Env) (lifecycle.Outcome, error) {
	return lifecycle.Deleted(), nil
}

// takeUp starts the request that comes first: the operator's before the rack's, since a rack waits for its children anyway.
func takeUp(s *Switch, env *lifecycle.Env) (lifecycle.Outcome, bool, error) {
	if out, found, err := takeUpMaintenance(env); found || err != nil {
		return out, found, err
	}
	return takeUpReprovision(s, env)
}

func takeUpMaintenance(env *lifecycle.Env) (lifecycle.Outcome, bool, error) {
	req, ok := env.Pending(lifecycle.TypeMaintenance)
	if !ok {
		return lifecycle.Outcome{}, false, nil
	}
	params, err := lifecycle.Params[Maintenance](&req)
	to, known := params.Operation.state()
	if err != nil || !known { // accepted by a version that knew it
		return lifecycle.Outcome{}, false, env.End(env.Self(), req.ID, backend.RequestRejected, "this version does not understand its parameters")
	}
	out := lifecycle.FireTo(MaintenanceRequested, to).Because("request " + req.ID).By(req.Initiator)
	return out, true, env.Begin(req.ID)
}

// takeUpReprovision starts the oldest request of the rack that still counts, and consumes those before it that do not.
func takeUpReprovision(s *Switch, env *lifecycle.Env) (lifecycle.Outcome, bool, error) {
	for _, req := range env.Open(lifecycle.TypeReprovision) {
		if req.State != backend.RequestPending {
			continue
		}
		params, err := lifecycle.Params[lifecycle.Reprovision](&req)
		first, awaited := lifecycle.NextStep(params.Await, "")
		switch rack := env.Rack(); {
		case err != nil:
			err = env.End(env.Self(), req.ID, backend.RequestRejected, "this version does not understand its parameters")
		case !awaited:
			err = env.Finish(req.ID, "no step of the cycle concerns this switch")
		// What the cycle did to the switch before it ended still counts: ReProvisioning acts on it.
		case lifecycle.CycleEnded(rack, &req) && !judge(first, s, &req).terminal():
			err = env.End(env.Self(), req.ID, backend.RequestWithdrawn, endOfCycle(rack, &req))
		default:
			out := lifecycle.FireTo(ReprovisionRequested, activityOf(first).state).Because("request " + req.ID).By(req.Initiator)
			return out, true, env.Begin(req.ID)
		}
		if err != nil {
			return lifecycle.Outcome{}, false, err
		}
	}
	return lifecycle.Outcome{}, false, nil
}
