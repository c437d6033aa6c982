package powershelf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// ready takes up a request before it polls, and never fails because of a poll.
func (h *handler) ready(ctx context.Context, p *PowerShelf, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if out, found, err := h.takeUp(p, env); found || err != nil {
		return out, err
	}
	if h.caps.Power == nil {
		return lifecycle.Nothing(), nil
	}
	power, err := h.observe(ctx, p)
	if err != nil {
		env.Log().LogAttrs(ctx, slog.LevelInfo, "power state cannot be read", slog.String("object", p.Ref().String()), slog.Any("error", err))
	} else if power != backend.PowerUnknown {
		p.Power = power
	}
	return lifecycle.Nothing(), nil
}

// failed waits for a request; nothing else leads out of Error.
func (h *handler) failed(_ context.Context, p *PowerShelf, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if out, found, err := h.takeUp(p, env); found || err != nil {
		return out, err
	}
	return lifecycle.Wait("a maintenance request or a deletion", p.Cause, 0), nil
}

// takeUp starts the oldest pending maintenance request.
func (h *handler) takeUp(p *PowerShelf, env *lifecycle.Env) (lifecycle.Outcome, bool, error) {
	req, ok := env.Pending(lifecycle.TypeMaintenance)
	if !ok {
		return lifecycle.Outcome{}, false, nil
	}
	params, err := lifecycle.Params[Maintenance](&req)
	if err != nil {
		return lifecycle.Outcome{}, true, err
	}
	to := PoweringOn
	if params.Operation == backend.ActionPowerOff {
		to = PoweringOff
	}
	p.Driven, p.Cause = false, ""
	return lifecycle.FireTo(MaintenanceRequested, to).By(req.Initiator), true, env.Begin(req.ID)
}

// maintenance drives the hardware once and waits until the new power state is observed.
func (h *handler) maintenance(action backend.PowerAction, want backend.PowerState) lifecycle.Handler[PowerShelf] {
	return func(ctx context.Context, p *PowerShelf, env *lifecycle.Env) (lifecycle.Outcome, error) {
		fail := func(cause error) (lifecycle.Outcome, error) { return h.fail(p, env, action, cause) }
		if req, ok := env.Started(lifecycle.TypeMaintenance); ok && req.CancelledBy != "" && !p.Driven {
			return h.cancelled(env, req)
		}
		if h.caps.Power == nil {
			return fail(errors.New("the driver has no capability to switch power"))
		}
		if err := h.reachable(ctx, p); err != nil {
			return fail(err)
		}
		if !p.Driven {
			err := h.caps.Power.SetPower(ctx, env.Key("SetPower:"+string(action), 0), action, []backend.Device{p.Device()})
			if err != nil {
				return fail(err)
			}
			p.Driven = true
		}
		power, err := h.observe(ctx, p)
		if err == nil && power != backend.PowerUnknown {
			p.Power = power
		}
		switch {
		case err == nil && power == want:
			return h.complete(p, env, action)
		case p.Elapsed(env.Now()) >= observeDeadline:
			return fail(fmt.Errorf("power state %q was not observed within %s", want, observeDeadline))
		case err != nil:
			return lifecycle.Wait("power state "+string(want), "the power state cannot be read: "+err.Error(), h.cfg.PollInterval), nil
		default:
			return lifecycle.Wait("power state "+string(want), "it is "+string(power), h.cfg.PollInterval), nil
		}
	}
}

// reachable reports what is missing for a power operation.
func (h *handler) reachable(ctx context.Context, p *PowerShelf) error {
	if p.Endpoint.BMCAddress == "" {
		return errors.New("the address of its controller is not known")
	}
	if h.cfg.Credentials == nil {
		return nil
	}
	if _, err := h.cfg.Credentials.Credential(ctx, backend.BMCCredential(p.Ref())); err != nil {
		return fmt.Errorf("the credential of its controller is missing: %w", err)
	}
	return nil
}

func (h *handler) observe(ctx context.Context, p *PowerShelf) (backend.PowerState, error) {
	found, err := h.caps.Power.PowerState(ctx, []backend.Device{p.Device()})
	if err != nil {
		return backend.PowerUnknown, err
	}
	return found[p.Ref()], nil
}

func (h *handler) complete(p *PowerShelf, env *lifecycle.Env, action backend.PowerAction) (lifecycle.Outcome, error) {
	p.Driven = false
	out := lifecycle.Fire(OperationCompleted).Because(string(action) + " done")
	req, ok := env.Started(lifecycle.TypeMaintenance)
	if !ok {
		return out, nil
	}
	result := backend.Result{Target: p.Ref(), Activity: string(action), Status: backend.ResultOK, To: string(p.Power)}
	return out.By(req.Initiator), env.Finish(req.ID, "", result)
}

func (h *handler) fail(p *PowerShelf, env *lifecycle.Env, action backend.PowerAction, cause error) (lifecycle.Outcome, error) {
	p.Driven = false
	p.Cause = fmt.Sprintf("%s of power shelf %s failed: %s", action, p.ID(), cause)
	out := lifecycle.Fire(OperationFailed).Because(p.Cause)
	req, ok := env.Started(lifecycle.TypeMaintenance)
	if !ok {
		return out, nil
	}
	result := backend.Result{
		Target: p.Ref(), Activity: string(action), Status: backend.ResultFailed, Error: cause.Error(),
		Retryable: !errors.Is(cause, backend.ErrPermanent),
	}
	return out.By(req.Initiator), env.Fail(req.ID, p.Cause, result)
}

// cancelled ends an operation that was not handed to the hardware yet: nothing was done, so nothing has failed.
func (h *handler) cancelled(env *lifecycle.Env, req backend.Request) (lifecycle.Outcome, error) {
	cause := "cancelled by " + req.CancelledBy + " before anything was done"
	return lifecycle.Fire(OperationCancelled).Because(cause).By(req.CancelledBy), env.End(env.Self(), req.ID, backend.RequestCancelled, cause)
}
