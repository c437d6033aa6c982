package machine

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// PowerStage is how far a power cycle has come. The strings are stored and must not change.
type PowerStage string

// The stages of a power cycle.
const (
	// PowerGoesOff switches the host off, until it is seen to be.
	PowerGoesOff PowerStage = "GoesOff"
	// PowerStaysOff leaves it without power for a while.
	PowerStaysOff PowerStage = "StaysOff"
	// PowerResetsBMC restarts the management controller, until it answers again.
	PowerResetsBMC PowerStage = "ResetsBMC"
	// PowerGoesOn switches the host on, until it is seen to be.
	PowerGoesOn PowerStage = "GoesOn"
)

// PowerCycle is a host on its way through off and on. It advances inside a state of the machine and is kept with it. What is believed is the power that is
// observed, not the command that was given: hosts ignore commands, and what they report lags.
type PowerCycle struct {
	Stage PowerStage `json:"stage"`
	// Round counts from 1; a power drain has several. Attempt counts the commands of a stage from 1.
	Round   int `json:"round"`
	Attempt int `json:"attempt"`
	// NotBefore is when the hardware is asked again. Until is what the clock of the state shows when the attempt is over: so time under holds does not count.
	NotBefore time.Time     `json:"not_before,omitzero"`
	Until     time.Duration `json:"until"`
	// LastError is what last went wrong. Cause is what the cycle has failed over while the host was off: it is switched on before it fails.
	LastError string `json:"last_error,omitempty"`
	Cause     string `json:"cause,omitempty"`
	// Visit is the machine's transition count when it began: a cycle of an earlier visit is left over.
	Visit uint64 `json:"visit"`
}

// powerPlan says what a power cycle is to be.
type powerPlan struct {
	// off is how long the host stays without power in each round.
	off time.Duration
	// rounds is how often. Zero is once.
	rounds int
	// resetBMC restarts the management controller while the host is off.
	resetBMC bool
}

// settleOff is how long a host stays off at least, so that its supplies lose their charge.
const settleOff = 10 * time.Second

const noPower = "no power capability: passed"

// powerPass is one pass over a power cycle.
type powerPass struct {
	*handler
	m     *Machine
	env   *lifecycle.Env
	plan  powerPlan
	cycle *PowerCycle
}

// runPowerCycle advances the machine's power cycle as far as the hardware answers at once. It ends as jobDone with a note, as jobFailed when a stage has no attempts left, and
// otherwise waits. Once it has ended the state must be left in the same pass: the next one would begin another cycle. From then on only reports of the host count that are younger than
// the loss of power.
func (h *handler) runPowerCycle(ctx context.Context, m *Machine, env *lifecycle.Env, plan powerPlan) (jobStep, error) {
	if h.caps.Power == nil {
		return jobStep{end: jobDone, text: noPower}, nil
	}
	if m.PowerCycle == nil || m.PowerCycle.Visit != m.Transitions() {
		m.PowerCycle = &PowerCycle{Round: 1, Visit: m.Transitions()}
		h.enterPower(m, env, PowerGoesOff)
	}
	p := &powerPass{handler: h, m: m, env: env, plan: plan, cycle: m.PowerCycle}
	for range maxStages {
		if env.Now().Before(p.cycle.NotBefore) {
			return p.rests(), nil
		}
		step := p.stage(ctx)
		if err := stopped(ctx); err != nil {
			return step, fmt.Errorf("power cycle, stage %s: %w", p.cycle.Stage, err)
		}
		if step.end == jobWaits && m.ElapsedInState(env.Now()) >= p.cycle.Until {
			step = p.again(step)
		}
		if step.end != jobAdvanced {
			if step.end != jobWaits {
				m.PowerCycle = nil
			}
			return step, nil
		}
	}
	return p.waits("its next stage", p.cycle.LastError), nil
}

// powerOutcome turns a power cycle that waits into an outcome.
func (h *handler) powerOutcome(m *Machine, step jobStep) lifecycle.Outcome {
	expects := fmt.Sprintf("%s (power cycle, stage %s, round %d, attempt %d of %d)", step.expects, m.PowerCycle.Stage, m.PowerCycle.Round, m.PowerCycle.Attempt, h.cfg.JobAttempts)
	return lifecycle.Wait(expects, step.text, h.cfg.PollInterval)
}

// enterPower begins a stage.
func (h *handler) enterPower(m *Machine, env *lifecycle.Env, s PowerStage) {
	c := m.PowerCycle
	c.Stage, c.Attempt, c.NotBefore, c.Until = s, 1, time.Time{}, m.ElapsedInState(env.Now())+h.cfg.JobStageTimeout
}

func (p *powerPass) to(s PowerStage) jobStep {
	p.enterPower(p.m, p.env, s)
	return jobStep{end: jobAdvanced}
}

func (p *powerPass) waits(expects, observes string) jobStep {
	return jobStep{end: jobWaits, expects: expects, text: observes}
}

// rests waits until the hardware is asked again.
func (p *powerPass) rests() jobStep {
	if p.cycle.Stage == PowerStaysOff {
		return p.waits("the host to lose its charge", "it is off until "+p.cycle.NotBefore.Format(time.RFC3339))
	}
	return p.waits("the management controller", p.cycle.LastError)
}

// again gives the command of a stage anew, under a new key, as long as attempts are left.
func (p *powerPass) again(last jobStep) jobStep {
	cause := fmt.Sprintf("%s took longer than %s: %s", p.cycle.Stage, p.cfg.JobStageTimeout, last.text)
	if p.cycle.Attempt >= p.cfg.JobAttempts {
		return p.lost(fmt.Sprintf("power cycle: %d of %d attempts: %s", p.cycle.Attempt, p.cfg.JobAttempts, cause))
	}
	p.cycle.Attempt++
	p.cycle.LastError, p.cycle.Until = cause, p.m.ElapsedInState(p.env.Now())+p.cfg.JobStageTimeout
	return last
}

// lost fails the cycle. A host whose management controller does not come back is off: it gets its power back first, as far as that goes.
func (p *powerPass) lost(cause string) jobStep {
	if p.cycle.Stage == PowerResetsBMC {
		p.cycle.Cause = cause
		return p.to(PowerGoesOn)
	}
	return jobStep{end: jobFailed, text: joined(p.cycle.Cause, cause)}
}

// stage makes one look at the hardware, or asks one thing of it.
func (p *powerPass) stage(ctx context.Context) jobStep {
	switch p.cycle.Stage {
	case PowerGoesOff:
		return p.change(ctx, backend.ActionPowerOff, backend.PowerOff, p.wentOff)
	case PowerStaysOff:
		if p.plan.resetBMC && p.caps.Reset != nil && p.cycle.Round == 1 {
			return p.to(PowerResetsBMC)
		}
		return p.to(PowerGoesOn)
	case PowerResetsBMC:
		return p.resetBMC(ctx)
	case PowerGoesOn:
		return p.change(ctx, backend.ActionPowerOn, backend.PowerOn, p.wentOn)
	default:
		return jobStep{end: jobFailed, text: fmt.Sprintf("the record of the power cycle has the unknown stage %q", p.cycle.Stage)}
	}
}

// change brings the host's power about.
func (p *powerPass) change(ctx context.Context, action backend.PowerAction, want backend.PowerState, then func() jobStep) jobStep {
	found, err := p.observe(ctx)
	if err == nil && found != want {
		key := p.env.Key(fmt.Sprintf("PowerCycle:%s:%d", p.cycle.Stage, p.cycle.Round), p.cycle.Attempt)
		if err = p.caps.Power.SetPower(ctx, key, action, []backend.Device{p.m.Device()}); err == nil {
			found, err = p.observe(ctx)
		}
	}
	switch {
	case err != nil:
		return p.trouble(err)
	case found == want:
		return then()
	default:
		return p.waits("power "+string(want), "it is "+string(found))
	}
}

func (p *powerPass) observe(ctx context.Context) (backend.PowerState, error) {
	found, err := p.caps.Power.PowerState(ctx, []backend.Device{p.m.Device()})
	if err != nil {
		return backend.PowerUnknown, err
	}
	return found[p.m.Ref()], nil
}

// wentOff ends the pass: when the host was seen without power is on record before it is switched on, so that a process that dies does not move that time.
func (p *powerPass) wentOff() jobStep {
	p.to(PowerStaysOff)
	p.m.RestartedAt = p.env.Now()
	p.cycle.NotBefore = p.env.Now().Add(max(p.plan.off, settleOff))
	return p.rests()
}

// wentOn ends the cycle or, before another round, the pass: that the host was seen with power is on record before it is switched off again, or else a process that dies then would
// find it off and take that for a command that was ignored.
func (p *powerPass) wentOn() jobStep {
	switch {
	case p.cycle.Cause != "":
		return jobStep{end: jobFailed, text: p.cycle.Cause}
	case p.cycle.Round < p.plan.rounds:
		p.cycle.Round++
		p.to(PowerGoesOff)
		return p.waits("the next round", "the host has power")
	}
	return jobStep{end: jobDone, text: fmt.Sprintf("the host was switched off and on %d times", p.cycle.Round)}
}

// resetBMC restarts the management controller and waits until it answers again.
func (p *powerPass) resetBMC(ctx context.Context) jobStep {
	err := p.caps.Reset.ResetBMC(ctx, p.env.Key("PowerCycle:ResetBMC", p.cycle.Attempt), p.m.Device())
	switch {
	case unsupported(err):
		return p.to(PowerGoesOn)
	case err != nil:
		return p.trouble(err)
	}
	if _, err := p.observe(ctx); err != nil {
		return p.trouble(err)
	}
	return p.to(PowerGoesOn)
}

// trouble says what follows from an error of the driver. One that may pass is kept, and the call is made again with the same key.
func (p *powerPass) trouble(err error) jobStep {
	switch {
	case unsupported(err) && p.cycle.Stage == PowerGoesOff:
		return jobStep{end: jobDone, text: noPower}
	case unsupported(err), permanent(err):
		return p.lost(err.Error())
	default:
		p.cycle.LastError, p.cycle.NotBefore = err.Error(), p.env.Now().Add(p.cfg.PollInterval)
		return p.waits("the management controller", err.Error())
	}
}
