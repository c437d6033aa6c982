package machine

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// created begins the bring-up. DPUs come first: the host boots through them.
func (h *handler) created(_ context.Context, m *Machine, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.DPUs > 0 {
		return lifecycle.Fire(DpusReported), nil
	}
	return lifecycle.Fire(HostReported).Because("the host has no DPUs"), nil
}

// configuring makes the handler of a state that brings pieces of platform configuration about and then fires done.
func (h *handler) configuring(done Trigger, kinds ...backend.PlatformKind) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if h.caps.Platform == nil {
			return lifecycle.Fire(done).Because(noPlatform), nil
		}
		step, err := h.runJobs(ctx, m, env, kinds...)
		switch {
		case err != nil:
			return lifecycle.Outcome{}, err
		case step.end == jobFailed:
			return h.fail(m, env, PlatformFailed, platformSetup(m.Job.Kind), step.text)
		case step.end == jobWaits:
			return h.jobOutcome(m, step), nil
		default:
			return lifecycle.Fire(done).Because(step.text), nil
		}
	}
}

const noPlatform = "no platform configuration capability: passed"

// lockingDown locks the host down, unless the site does without.
func (h *handler) lockingDown(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if h.cfg.NoLockdown {
		return lifecycle.Fire(LockedDown).Because("lockdown is not wanted: passed"), nil
	}
	return h.configuring(LockedDown, backend.PlatformLockdownEnable)(ctx, m, env)
}

// waitingForDiscovery waits for what the agent finds in the host.
func (h *handler) waitingForDiscovery(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	note, out, err := h.awaitHost(ctx, m, env, seenDiscovered)
	if err != nil || note == "" {
		return out, err
	}
	return lifecycle.Fire(HostDiscovered).Because(note), nil
}

// discovered waits until the host has come up since its last restart, and gives it to the pool.
func (h *handler) discovered(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if err := endCancelled(env, TypeDPUReprovision); err != nil {
		return lifecycle.Outcome{}, err
	}
	note := ""
	if m.RestartDue {
		var err error
		if note, err = h.restartInto(ctx, m, env); err != nil {
			return h.restartFailed(m, env, err)
		}
	}
	if m.RestartedAt.IsZero() {
		note = joined(note, "the host was not restarted")
	} else {
		came, out, err := h.awaitHost(ctx, m, env, seenRebooted)
		if err != nil || came == "" {
			return out, err
		}
		note = joined(note, came)
	}
	m.Failure, m.VerifyOnly = nil, false
	return lifecycle.Fire(HostUp).Because(note), h.endDPUReprovision(m, env)
}
