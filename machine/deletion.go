package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// deleting lets the hardware job that runs come to its end, and removes the machine. A forced deletion does not wait.
func (h *handler) deleting(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.Deletion != nil && m.Deletion.Force {
		return lifecycle.Fire(ForceDeletionRequested).By(m.Deletion.Initiator), nil
	}
	if m.Job == nil || m.Job.ID == "" || h.caps.Platform == nil || m.Elapsed(env.Now()) >= h.cfg.JobStageTimeout {
		return lifecycle.Deleted(), nil
	}
	status, err := h.caps.Platform.PlatformJob(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: m.Job.ID})
	if err := stopped(ctx); err != nil {
		return lifecycle.Outcome{}, err
	}
	if err == nil && status.State == backend.JobRunning {
		return lifecycle.Wait("the hardware job that runs to end", fmt.Sprintf("%s (job %s) is running", m.Job.Kind, m.Job.ID), h.cfg.PollInterval), nil
	}
	return lifecycle.Deleted(), nil
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
