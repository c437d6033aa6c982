package machine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// waitingForFirmwareUpgrade polls the management controller's task that installs the image, but not for ever.
func (h *handler) waitingForFirmwareUpgrade(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	u := h.upgradeAtHand(m)
	if u == nil || u.Task == "" || h.caps.Upload == nil {
		return h.judgeByVersion(ctx, m, env, "the task is not known")
	}
	status, err := h.caps.Upload.FirmwareTask(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: u.Task})
	switch {
	case stopped(ctx) != nil:
		return lifecycle.Outcome{}, stopped(ctx)
	case errors.Is(err, backend.ErrNoJob), unsupported(err):
		return h.judgeByVersion(ctx, m, env, fmt.Sprintf("task %s cannot be polled: %s", u.Task, err))
	case permanent(err):
		return h.upgradeFailed(m, env, TaskFailed, fmt.Sprintf("task %s (%s) cannot be polled: %s", u.Task, u, err))
	case err != nil:
		return h.awaitTask(m, env, err.Error())
	}
	switch status.State {
	case backend.JobFailed:
		return h.upgradeFailed(m, env, TaskFailed, fmt.Sprintf("task %s (%s) failed: %s", u.Task, u, status.Cause))
	case backend.JobCompleted:
		return h.imageInstalled(u), nil
	default:
		return h.awaitTask(m, env, "it is "+string(status.State))
	}
}

// imageInstalled goes on with the next image of the version, and with the reset after the last one.
func (h *handler) imageInstalled(u *Upgrade) lifecycle.Outcome {
	done := fmt.Sprintf("task %s has installed %s", u.Task, u)
	u.Task = ""
	if u.Artifact < u.Artifacts {
		u.Artifact++
		u.Attempt = 0
		return lifecycle.Fire(MoreArtifacts).Because(done)
	}
	u.Resets = 0
	return lifecycle.Fire(TaskCompleted).Because(done)
}

// awaitTask waits for the task. A management controller that does not answer is waited for like a task that does not end.
func (h *handler) awaitTask(m *Machine, env *lifecycle.Env, observed string) (lifecycle.Outcome, error) {
	what := "the firmware task"
	if u := m.Upgrade; u != nil {
		what = fmt.Sprintf("task %s (%s)", u.Task, u)
	}
	left := h.cfg.TaskDeadline - m.ElapsedInState(env.Now())
	if left <= 0 {
		return h.upgradeFailed(m, env, TaskFailed, fmt.Sprintf("%s did not end within %s: %s", what, h.cfg.TaskDeadline, observed))
	}
	return lifecycle.Wait(what, observed, min(h.cfg.PollInterval, left)), nil
}

// judgeByVersion says what became of a task that nobody knows: when the version is the wanted one it has done its work.
func (h *handler) judgeByVersion(ctx context.Context, m *Machine, env *lifecycle.Env, why string) (lifecycle.Outcome, error) {
	note, err := h.readFirmware(ctx, m)
	switch {
	case stopped(ctx) != nil:
		return lifecycle.Outcome{}, stopped(ctx)
	case permanent(err):
		return h.upgradeFailed(m, env, TaskFailed, joined(why, err.Error()))
	case err != nil:
		return h.awaitTask(m, env, joined(why, err.Error()))
	case note != "":
		return lifecycle.Fire(TaskCompleted).Because(joined(why, note)), nil
	}
	u := h.upgradeAtHand(m)
	switch {
	case u == nil:
		return lifecycle.Fire(TaskCompleted).Because(joined(why, "every component is as wanted")), nil
	case m.Firmware[u.Component] == u.Version:
		u.Task, u.Resets = "", 0
		return lifecycle.Fire(TaskCompleted).Because(joined(why, fmt.Sprintf("%s is %q", u.Component, u.Version))), nil
	default:
		return h.upgradeFailed(m, env, TaskFailed, joined(why, fmt.Sprintf("%s is %q, wanted is %q", u.Component, m.Firmware[u.Component], u.Version)))
	}
}
