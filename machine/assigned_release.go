package machine

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// beginRelease takes the machine away from its tenant if that was asked for. What was begun for the tenant ends with it; what is pending stays, for the machine is worked on
// again when it is back.
func (h *handler) beginRelease(m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	req, ok := env.Pending(TypeRelease)
	if !ok {
		return out, false, nil
	}
	for _, old := range env.Open(TypeAssign, TypeRecover) {
		state, why := backend.RequestSuperseded, "superseded by "+req.ID+" of "+req.Initiator+": the machine is released"
		if old.CancelledBy != "" {
			state, why = backend.RequestCancelled, "cancelled by "+old.CancelledBy+"; the machine is released"
		}
		if err := env.End(env.Self(), old.ID, state, why); err != nil {
			return out, false, err
		}
	}
	if err := endReprovision(m, env, backend.RequestCancelled, "the machine is released by "+req.Initiator); err != nil {
		return out, false, err
	}
	m.Cause, m.TenantApproved = "", false
	return lifecycle.Fire(ReleaseRequested).By(req.Initiator).Because("request " + req.ID), true, env.Begin(req.ID)
}

// releasing takes the tenant's network away. The request stays open until the machine is clean.
func (h *handler) releasing(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if err := endCancelled(env, TypeRelease); err != nil {
		return lifecycle.Outcome{}, err
	}
	if req, again := env.Pending(TypeRelease); again { // asked for once more after the first request had ended
		if err := env.Begin(req.ID); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	step, err := h.tenantHook(ctx, m, env, "Release")
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case step.end == jobFailed:
		return h.fail(m, env, ReleaseFailed, CauseInstance, step.text)
	case step.end == jobWaits:
		return lifecycle.Wait(step.expects, step.text, h.cfg.PollInterval), nil
	}
	m.Report(sourceCleanup, notClean("what "+m.Tenant+" left is not erased yet"))
	m.Tenant, m.CleanupJob, m.Attestation = "", "", nil
	m.RestartDue, m.VerifyOnly = true, false
	return lifecycle.Fire(Released).Because(step.text), nil
}

// notClean is the alert that stands from the release of a machine until it is clean: nobody gets it before, whatever way it takes.
func notClean(message string) lifecycle.Alert {
	return lifecycle.Alert{ID: "NotClean", Message: message, Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}}
}
