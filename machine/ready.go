package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// ready looks at one thing after the other; the engine has looked at deletion before. A pass without an open request costs nothing.
func (h *handler) ready(_ context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if len(env.Open()) == 0 {
		return lifecycle.Nothing(), nil
	}
	for _, step := range []func(*Machine, *lifecycle.Env) (lifecycle.Outcome, bool, error){h.beginAssignment, h.beginVerification, h.beginReprovision, h.beginValidation, h.beginDPUReprovision, h.beginMeasuring} {
		if out, begun, err := step(m, env); begun || err != nil {
			return out, err
		}
	}
	return lifecycle.Nothing(), nil
}

// beginAssignment gives the machine to a tenant, unless an alert has come since the request was accepted.
func (h *handler) beginAssignment(m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	req, ok := env.Pending(TypeAssign)
	if !ok {
		return out, false, nil
	}
	if why := m.allocatable(); why != nil {
		return out, false, env.End(env.Self(), req.ID, backend.RequestRejected, why.Error())
	}
	params, err := lifecycle.Params[Assign](&req)
	if err != nil {
		return out, false, env.End(env.Self(), req.ID, backend.RequestRejected, err.Error())
	}
	if err := supersedeChecks(env, req.ID); err != nil {
		return out, false, err
	}
	m.Tenant, m.TenantApproved = params.Tenant, false
	if m.Tenant == "" {
		m.Tenant = req.Initiator
	}
	return lifecycle.Fire(AssignmentRequested).By(req.Initiator), true, env.Begin(req.ID)
}

// supersedeChecks ends the requests that only a machine in the pool works on: they would wait behind the tenancy for as long as it lasts, and nobody asks for a check in a year.
func supersedeChecks(env *lifecycle.Env, assign string) error {
	for _, req := range env.Open(TypeVerifySKU, TypeValidate, TypeMeasure, TypeDPUReprovision) {
		if err := env.End(env.Self(), req.ID, backend.RequestSuperseded, "the machine goes to a tenant with request "+assign+"; ask again when it is back"); err != nil {
			return err
		}
	}
	return nil
}

func (h *handler) beginVerification(m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	req, ok := env.Pending(TypeVerifySKU)
	if !ok {
		return out, false, nil
	}
	if h.caps.SKU == nil {
		return out, false, env.Finish(req.ID, "nothing to do: "+noSKU)
	}
	m.VerifyOnly, m.RestartDue = true, true
	return lifecycle.Fire(VerificationRequested).By(req.Initiator), true, env.Begin(req.ID)
}

func (h *handler) beginValidation(_ *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	req, ok := env.Pending(TypeValidate)
	if !ok {
		return out, false, nil
	}
	if h.caps.Validation == nil {
		return out, false, env.Finish(req.ID, "nothing to do: "+noValidator)
	}
	return lifecycle.Fire(ValidationRequested).By(req.Initiator), true, env.Begin(req.ID)
}

// beginReprovision begins the reprovision that was asked for. A request of a rack that is no longer in the cycle that made it is dropped.
func (h *handler) beginReprovision(m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	if err := withdrawEnded(env); err != nil {
		return out, false, err
	}
	req, ok := env.First(lifecycle.TypeReprovision)
	if !ok {
		return out, false, nil
	}
	out, err = h.enterReprovision(m, env, req)
	return out, true, err
}

// withdrawEnded ends the requests of racks that are no longer coming.
func withdrawEnded(env *lifecycle.Env) error {
	for _, req := range env.Open(lifecycle.TypeReprovision) {
		if !ended(env, &req) {
			continue
		}
		if err := env.End(env.Self(), req.ID, backend.RequestWithdrawn, cycleText(env, &req)); err != nil {
			return err
		}
	}
	return nil
}

// ended reports whether a rack made the request and is no longer in the cycle that did.
func ended(env *lifecycle.Env, req *backend.Request) bool {
	return lifecycle.FromRack(req) && lifecycle.CycleEnded(env.Rack(), req)
}

// cycleText says why the rack no longer comes.
func cycleText(env *lifecycle.Env, req *backend.Request) string {
	p := env.Rack()
	switch {
	case !p.Exists:
		return "the rack is gone"
	case p.Cycle == "":
		return fmt.Sprintf("the rack is in %s and in no maintenance", p.State)
	default:
		return fmt.Sprintf("the rack is in %s of cycle %s, the request is of cycle %s", p.State, p.Cycle, req.Cycle)
	}
}
