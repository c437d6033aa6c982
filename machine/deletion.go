package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// deleting lets what runs in the hardware come to its end, though not for ever, and removes the machine. A forced deletion does not wait.
func (h *handler) deleting(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.Deletion != nil && m.Deletion.Force {
		return lifecycle.Fire(ForceDeletionRequested).By(m.Deletion.Initiator), nil
	}
	left := h.cfg.JobStageTimeout - m.Elapsed(env.Now())
	if left <= 0 {
		return lifecycle.Deleted().Because(fmt.Sprintf("what ran did not end within %s", h.cfg.JobStageTimeout)), nil
	}
	for _, running := range []func(context.Context, *Machine, *lifecycle.Env) string{h.platformJobRuns, h.uploadRuns, h.firmwareTaskRuns, h.cleanupRuns, h.hostIsOff} {
		what := running(ctx, m, env)
		if err := stopped(ctx); err != nil {
			return lifecycle.Outcome{}, err
		}
		if what != "" {
			return lifecycle.Wait("the hardware to end what it does", what, min(h.cfg.PollInterval, left)), nil
		}
	}
	return lifecycle.Deleted(), nil
}

// before reports whether something began in the state that the deletion interrupted. What is older is over.
func (m *Machine) before(visit uint64) bool { return visit+1 == m.Transitions() }

// platformJobRuns looks at the platform job. One that is scheduled does nothing yet.
func (h *handler) platformJobRuns(ctx context.Context, m *Machine, _ *lifecycle.Env) string {
	if m.Job == nil || m.Job.ID == "" || h.caps.Platform == nil {
		return ""
	}
	status, err := h.caps.Platform.PlatformJob(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: m.Job.ID})
	return stillRuns(fmt.Sprintf("%s (job %s)", m.Job.Kind, m.Job.ID), status.State == backend.JobRunning, err)
}

// uploadRuns goes on with an image that is being sent, under the key with which that began: half an image is no firmware.
func (h *handler) uploadRuns(ctx context.Context, m *Machine, _ *lifecycle.Env) string {
	u := m.Upgrade
	if u == nil || h.caps.Upload == nil || !m.before(u.Visit) || u.BeganAt.IsZero() || u.Task != "" {
		return ""
	}
	key := fmt.Sprintf("%s#%d/UploadFirmware/%d", m.Ref(), u.Visit, u.Attempt)
	status, err := h.caps.Upload.UploadFirmware(ctx, key, m.Device(), u.artifact())
	if err == nil {
		u.Sent, u.Size, u.Task = status.Sent, status.Size, status.Task
	}
	return stillRuns("the upload of "+u.String(), u.Task == "", err)
}

// firmwareTaskRuns looks at the task that installs an image.
func (h *handler) firmwareTaskRuns(ctx context.Context, m *Machine, _ *lifecycle.Env) string {
	if m.Upgrade == nil || m.Upgrade.Task == "" || h.caps.Upload == nil {
		return ""
	}
	status, err := h.caps.Upload.FirmwareTask(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: m.Upgrade.Task})
	return stillRuns(fmt.Sprintf("task %s (%s)", m.Upgrade.Task, m.Upgrade), !status.State.Terminal(), err)
}

// cleanupRuns looks at the clean-up after a tenant.
func (h *handler) cleanupRuns(ctx context.Context, m *Machine, _ *lifecycle.Env) string {
	if m.CleanupJob == "" || h.caps.Cleanup == nil {
		return ""
	}
	status, err := h.caps.Cleanup.CleanupJob(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: m.CleanupJob})
	return stillRuns("clean-up "+m.CleanupJob, !status.State.Terminal(), err)
}

// hostIsOff switches a host on again that was off only in passing.
func (h *handler) hostIsOff(ctx context.Context, m *Machine, env *lifecycle.Env) string {
	inPassing := m.PowerCycle != nil && m.before(m.PowerCycle.Visit) || m.Job != nil && m.before(m.Job.Visit) && m.Job.PoweredOff
	if !inPassing || h.caps.Power == nil {
		return ""
	}
	off, err := h.poweredOff(ctx, m)
	if off {
		err = h.caps.Power.SetPower(ctx, env.Key("SetPower:On", 0), backend.ActionPowerOn, []backend.Device{m.Device()})
	}
	return stillRuns("a power cycle", off, err)
}

// stillRuns says that something runs, or that it is not known. What cannot be told, now and later, holds nothing up.
func stillRuns(what string, runs bool, err error) string {
	switch {
	case unsupported(err), permanent(err):
		return ""
	case err != nil:
		return what + " cannot be seen: " + err.Error()
	case runs:
		return what + " is running"
	default:
		return ""
	}
}

// forceDeletion tries once to leave the hardware usable, lockdown off and restarted, and removes the machine whatever comes of that.
func (h *handler) forceDeletion(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	unlock, restart := noPlatform, "done"
	if h.caps.Platform != nil {
		unlock = "asked for"
		if _, err := h.caps.Platform.SubmitPlatform(ctx, env.Key("SubmitPlatform:"+string(backend.PlatformLockdownDisable), 0), m.Device(), backend.PlatformLockdownDisable); err != nil {
			unlock = err.Error()
		}
	}
	if err := h.restartHost(ctx, env.Key("ResetHost", 0), m); err != nil {
		restart = err.Error()
	}
	return lifecycle.Deleted().Because(fmt.Sprintf("lockdown off: %s; restart: %s", unlock, restart)), stopped(ctx)
}
