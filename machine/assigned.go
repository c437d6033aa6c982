package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// tenantHandlers are the states of a machine with a tenant, but for those of a host reprovision.
func (h *handler) tenantHandlers() map[State]handle {
	return map[State]handle{AssignedProvisioning: h.provisioning, AssignedReady: h.assignedReady, AssignedReleasing: h.releasing}
}

const noTenantHook = "no tenant network hook: passed"

// provisioning brings the tenant's network to the machine. A tenant who wants to leave need not wait for that.
func (h *handler) provisioning(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if out, begun, err := h.beginRelease(m, env); begun || err != nil {
		return out, err
	}
	req, asked := env.Started(TypeAssign)
	if asked && req.CancelledBy != "" {
		if err := env.End(env.Self(), req.ID, backend.RequestCancelled, "cancelled by "+req.CancelledBy+"; the tenant's network may be there in part"); err != nil {
			return lifecycle.Outcome{}, err
		}
		return h.fail(m, env, ProvisioningFailed, CauseInstance, "the assignment was cancelled by "+req.CancelledBy)
	}
	step, err := h.tenantHook(ctx, m, env, "Provision")
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case step.end == jobFailed:
		return h.fail(m, env, ProvisioningFailed, CauseInstance, step.text)
	case step.end == jobWaits:
		return lifecycle.Wait(step.expects, step.text, h.cfg.PollInterval), nil
	}
	m.Failure = nil
	out := lifecycle.Fire(Provisioned).Because(step.text)
	if asked {
		return out.By(req.Initiator), env.Finish(req.ID, step.text)
	}
	return out, nil
}

// tenantHook has the tenant's network brought ("Provision") or taken away ("Release"). It ends when the hook says that this is done, and not before.
func (h *handler) tenantHook(ctx context.Context, m *Machine, env *lifecycle.Env, action string) (jobStep, error) {
	if h.cfg.Tenant == nil {
		return jobStep{end: jobDone, text: noTenantHook}, nil
	}
	call, done := h.cfg.Tenant.Provision, "the network of "+m.Tenant+" is there"
	if action == "Release" {
		call, done = h.cfg.Tenant.Release, "the network of "+m.Tenant+" is gone"
	}
	came, err := call(ctx, env.Key(action, 0), m.Device(), m.Tenant)
	if ended := stopped(ctx); ended != nil {
		return jobStep{}, ended
	}
	overdue := m.ElapsedInState(env.Now()) >= h.cfg.TenantDeadline
	switch {
	case unsupported(err):
		return jobStep{end: jobDone, text: noTenantHook}, nil
	case permanent(err):
		return jobStep{end: jobFailed, text: err.Error()}, nil
	case err != nil && overdue:
		return jobStep{end: jobFailed, text: fmt.Sprintf("%s took longer than %s: %s", action, h.cfg.TenantDeadline, err)}, nil
	case err != nil:
		return jobStep{}, fmt.Errorf("%s: machine %s, tenant %s: %w", action, m.ID(), m.Tenant, err)
	case came:
		return jobStep{end: jobDone, text: done}, nil
	case overdue:
		return jobStep{end: jobFailed, text: fmt.Sprintf("%s took longer than %s", action, h.cfg.TenantDeadline)}, nil
	default:
		return jobStep{end: jobWaits, expects: "the network of " + m.Tenant + " (" + action + ")", text: "it is under way"}, nil
	}
}

// assignedReady leaves the machine to its tenant, until it is released. It is reprovisioned only when the tenant agrees, or when the request says that tenants may be
// disturbed.
func (h *handler) assignedReady(_ context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if len(env.Open()) == 0 {
		return lifecycle.Nothing(), nil
	}
	if out, begun, err := h.beginRelease(m, env); begun || err != nil {
		return out, err
	}
	if err := withdrawEnded(env); err != nil {
		return lifecycle.Outcome{}, err
	}
	req, ok := env.First(lifecycle.TypeReprovision)
	if !ok {
		return lifecycle.Nothing(), nil
	}
	params, err := lifecycle.Params[lifecycle.Reprovision](&req)
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	if !params.DisturbTenants && !m.TenantApproved {
		return lifecycle.Wait("the tenant to approve the reprovision", fmt.Sprintf("request %s of %s is not approved", req.ID, req.Initiator), 0), nil
	}
	m.TenantApproved = false
	return h.enterReprovision(m, env, req)
}
