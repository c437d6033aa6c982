package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// provisioning brings the tenant's network to the machine.
func (h *handler) provisioning(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	req, asked := env.Started(TypeAssign)
	if asked && req.CancelledBy != "" {
		if err := env.End(env.Self(), req.ID, backend.RequestCancelled, "cancelled by "+req.CancelledBy+"; the tenant's network may be there in part"); err != nil {
			return lifecycle.Outcome{}, err
		}
		return h.fail(m, env, ProvisioningFailed, CauseInstance, "the assignment was cancelled by "+req.CancelledBy)
	}
	note := "no tenant network hook: passed"
	if h.cfg.Tenant != nil {
		done, err := h.cfg.Tenant.Provision(ctx, env.Key("Provision", 0), m.Device(), m.Tenant)
		switch {
		case unsupported(err):
		case permanent(err):
			return h.fail(m, env, ProvisioningFailed, CauseInstance, err.Error())
		case err != nil:
			return lifecycle.Outcome{}, fmt.Errorf("provision machine %s for %s: %w", m.ID(), m.Tenant, err)
		case !done:
			return lifecycle.Wait("the network of "+m.Tenant, "it is under way", h.cfg.PollInterval), nil
		default:
			note = "the network of " + m.Tenant + " is there"
		}
	}
	m.Failure = nil
	out := lifecycle.Fire(Provisioned).Because(note)
	if asked {
		return out.By(req.Initiator), env.Finish(req.ID, note)
	}
	return out, nil
}

// assignedReady leaves the machine to its tenant. It is reprovisioned only when the tenant agrees, or when the request says that tenants may be disturbed.
func (h *handler) assignedReady(_ context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if len(env.Open()) == 0 {
		return lifecycle.Nothing(), nil
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
