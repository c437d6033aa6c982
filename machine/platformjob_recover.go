package machine

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// The recovery between two attempts is best effort: what the driver cannot do, or refuses for good, is left out, and a stage that takes too long is
// left behind. The next attempt shows whether it helped.

// recoverPower switches the host off or on and waits until it is. An alert that forbids restarts leaves the power alone, unless the recovery has switched the host off.
func (p *jobPass) recoverPower(ctx context.Context, action backend.PowerAction, want backend.PowerState) jobStep {
	if p.caps.Power == nil || p.m.HasAlert(lifecycle.StopReboot) && !p.job.PoweredOff {
		return p.recovered()
	}
	found, err := p.power(ctx)
	if err == nil && found != want {
		p.job.PoweredOff = true
		if err = p.caps.Power.SetPower(ctx, p.key(string(p.job.Stage)), action, []backend.Device{p.m.Device()}); err == nil {
			found, err = p.power(ctx)
		}
	}
	switch {
	case err != nil:
		return p.recoveryTrouble(err)
	case found == want:
		return p.recovered()
	default:
		return p.waits("power "+string(want), "it is "+string(found))
	}
}

func (p *jobPass) power(ctx context.Context) (backend.PowerState, error) {
	found, err := p.caps.Power.PowerState(ctx, []backend.Device{p.m.Device()})
	if err != nil {
		return backend.PowerUnknown, err
	}
	return found[p.m.Ref()], nil
}

// recoverBMC restarts the management controller, which is away for a while then: calls fail until it is back, and are repeated.
func (p *jobPass) recoverBMC(ctx context.Context) jobStep {
	if p.caps.Reset == nil {
		return p.recovered()
	}
	if err := p.caps.Reset.ResetBMC(ctx, p.key(string(p.job.Stage)), p.m.Device()); err != nil {
		return p.recoveryTrouble(err)
	}
	return p.recovered()
}

func (p *jobPass) recoveryTrouble(err error) jobStep {
	if unsupported(err) || permanent(err) {
		return p.recovered()
	}
	return p.trouble(err)
}

// recovered goes on with the next stage of the recovery, or with the next attempt.
func (p *jobPass) recovered() jobStep {
	switch p.job.Stage {
	case StageRecoverPowerOff:
		return p.to(StageRecoverResetBMC)
	case StageRecoverResetBMC:
		return p.to(StageRecoverPowerOn)
	default:
		return p.nextAttempt()
	}
}
