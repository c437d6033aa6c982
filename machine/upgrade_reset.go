package machine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

const (
	// reportWait is how long a new version may not be reported after a reset, reportResets how many more resets there are then.
	reportWait   = 30 * time.Minute
	reportResets = 5
	// drainOff is how long a host stays off in each round of a power drain: its supplies keep their charge for a minute and more.
	drainOff = 90 * time.Second
)

// initialReset switches the host off, restarts its management controller and switches it on again, before a component that needs that is installed. Where power cannot be switched the
// management controller alone is restarted.
func (h *handler) initialReset(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if h.caps.Power == nil {
		step, err := h.restarted(ctx, m, env, "the management controller", h.restartBMC)
		step.text = joined(noPower, step.text)
		return h.afterReset(m, env, step, err)
	}
	step, err := h.runPowerCycle(ctx, m, env, powerPlan{resetBMC: true})
	return h.afterReset(m, env, step, err)
}

// afterReset turns the end of a reset into an outcome.
func (h *handler) afterReset(m *Machine, env *lifecycle.Env, step jobStep, err error) (lifecycle.Outcome, error) {
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case step.end == jobFailed:
		return h.upgradeFailed(m, env, ResetFailed, step.text)
	case step.end == jobWaits && m.PowerCycle != nil:
		return h.powerOutcome(m, step), nil
	case step.end == jobWaits:
		return lifecycle.Wait(step.expects, step.text, h.cfg.PollInterval), nil
	}
	if m.Upgrade != nil {
		m.Upgrade.ResetAt = env.Now()
	}
	return lifecycle.Fire(ResetDone).Because(step.text), nil
}

// resetForNewFirmware restarts what the component needs. Every reset is made in full, the ones that follow because the version is still old too.
func (h *handler) resetForNewFirmware(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	f := h.installing(m)
	step := jobStep{end: jobDone, text: f.Component + " needs no reset"}
	var err error
	switch f.Reset {
	case ResetNone:
	case ResetDrain:
		step, err = h.runPowerCycle(ctx, m, env, powerPlan{off: drainOff, rounds: f.Drains})
	case ResetBMC:
		step, err = h.restarted(ctx, m, env, "the management controller", h.restartBMC)
	case ResetHost:
		step, err = h.restarted(ctx, m, env, "the host", h.restartIntoNew)
	}
	if err == nil && step.end == jobFailed {
		m.Upgrade = nil // what was installed is not in use: a retry begins with the first image
	}
	return h.afterReset(m, env, step, err)
}

// restartIntoNew restarts the host. Its reports count from the entry into the state, which is on record before the call is made.
func (h *handler) restartIntoNew(ctx context.Context, key string, m *Machine) error {
	err := h.restartHost(ctx, key, m)
	if err == nil {
		m.RestartedAt = m.Since()
	}
	return err
}

// restartBMC restarts the management controller. It is away for a while then, which is part of the wait for the new version.
func (h *handler) restartBMC(ctx context.Context, key string, m *Machine) error {
	if h.caps.Reset == nil {
		return errNoRestart
	}
	err := h.caps.Reset.ResetBMC(ctx, key, m.Device())
	if unsupported(err) {
		return errNoRestart
	}
	return err
}

// restarted asks for a restart until it is taken, but not for ever.
func (h *handler) restarted(ctx context.Context, m *Machine, env *lifecycle.Env, what string, restart func(context.Context, string, *Machine) error) (jobStep, error) {
	err := restart(ctx, env.Key("Reset", 0), m)
	switch {
	case stopped(ctx) != nil:
		return jobStep{}, stopped(ctx)
	case errors.Is(err, errNoRestart):
		return jobStep{end: jobDone, text: fmt.Sprintf("no reset capability for %s: passed", what)}, nil
	case permanent(err):
		return jobStep{end: jobFailed, text: fmt.Sprintf("%s cannot be restarted: %s", what, err)}, nil
	case err != nil && m.ElapsedInState(env.Now()) >= h.cfg.JobStageTimeout:
		return jobStep{end: jobFailed, text: fmt.Sprintf("%s could not be restarted within %s: %s", what, h.cfg.JobStageTimeout, err)}, nil
	case err != nil:
		return jobStep{end: jobWaits, expects: what + " to take its restart", text: err.Error()}, nil
	}
	return jobStep{end: jobDone, text: what + " was restarted"}, nil
}

// newFirmwareReportedWait waits until the new version is reported. A management controller that is away is part of that. An old version is reset again
// when its time is over, a few times; where an alert forbids restarts the machine waits for as long as those would have taken.
func (h *handler) newFirmwareReportedWait(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	u := m.Upgrade
	if u == nil {
		return lifecycle.Fire(VersionReported).Because("it is not known what was installed; the check that follows tells"), nil
	}
	note, err := h.readFirmware(ctx, m)
	observed := fmt.Sprintf("it is %q", m.Firmware[u.Component])
	switch {
	case stopped(ctx) != nil:
		return lifecycle.Outcome{}, stopped(ctx)
	case permanent(err):
		return h.stillOld(m, env, err.Error()), nil
	case err != nil:
		observed = err.Error()
	case note != "", m.Firmware[u.Component] == u.Version:
		m.Upgrade = nil
		return lifecycle.Fire(VersionReported).Because(joined(note, fmt.Sprintf("%s is %q", u.Component, m.Firmware[u.Component]))), nil
	}
	wait, barred := reportWait, m.HasAlert(lifecycle.StopReboot)
	if barred {
		wait *= time.Duration(reportResets - u.Resets + 1)
		observed += "; an alert forbids to restart it"
	}
	switch left := wait - m.ElapsedInState(env.Now()); {
	case left > 0:
		return lifecycle.Wait(fmt.Sprintf("%s to be reported (after %d of %d more resets)", u, u.Resets, reportResets), observed, min(h.cfg.PollInterval, left)), nil
	case barred || u.Resets >= reportResets:
		return h.stillOld(m, env, fmt.Sprintf("%s is not reported %s after the last of %d resets: %s", u, wait, u.Resets+1, observed)), nil
	}
	u.Resets++
	return lifecycle.FireTo(StillOld, m.placed(HostReprovisionResetForNewFirmware)).Because(observed), nil
}

// stillOld ends the upgrade. What was installed has not come into use, so a retry begins with the first image.
func (h *handler) stillOld(m *Machine, env *lifecycle.Env, why string) lifecycle.Outcome {
	m.Upgrade = nil
	return h.failedTo(m, env, StillOld, HostReprovisionFailedFirmwareUpgrade, why)
}
