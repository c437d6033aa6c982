package machine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// waitingForUpload sends an image to the management controller: lockdown goes off first, then the machine waits for its turn, and then it sends. It
// comes to an end by itself, or by what interrupts a reprovision; either way the next machine has its turn.
func (h *handler) waitingForUpload(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	out, done, err := h.interrupted(ctx, m, env)
	switch {
	case err != nil:
		return out, err
	case done:
		h.leaveLine(m, env)
		return out, nil
	case h.caps.Upload == nil:
		return h.cannotUpload(m, env), nil
	}
	u := h.upgradeAtHand(m)
	switch {
	case u == nil:
		return h.uploadFailed(m, env, "it is not known what was to be sent"), nil
	case u.Visit != m.Transitions():
		if out, done, err := h.unlock(ctx, m, env); done || err != nil {
			return out, err
		}
	}
	if u.BeganAt.IsZero() {
		return h.awaitTurn(m, env), nil
	}
	return h.send(ctx, m, env)
}

// unlock takes lockdown off, since a host that is locked down takes no images. A host on which that does not work has failed its upload.
func (h *handler) unlock(ctx context.Context, m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, done bool, err error) {
	step := jobStep{end: jobDone, text: "lockdown is not wanted"}
	switch {
	case h.cfg.NoLockdown:
	case h.caps.Platform == nil:
		step.text = "lockdown: " + noPlatform
	default:
		step, err = h.runJobs(ctx, m, env, backend.PlatformLockdownDisable)
	}
	switch {
	case err != nil:
		return out, false, err
	case step.end == jobFailed:
		return h.uploadFailed(m, env, "lockdown could not be taken off: "+step.text), true, nil
	case step.end == jobWaits:
		return h.jobOutcome(m, step), true, nil
	}
	u := m.Upgrade
	u.Visit, u.Attempt, u.Note = m.Transitions(), u.Attempt+1, step.text
	u.BeganAt, u.Waited, u.Sent, u.Size, u.Task = time.Time{}, 0, 0, 0, ""
	return out, false, nil
}

// awaitTurn claims one of the site's slots. The claim is on record before anything is sent: so the limit holds, and the deadline counts from then, also when the
// process dies after the first byte. The clock of the state stands still in the line: how long that is does not lie with this machine.
func (h *handler) awaitTurn(m *Machine, env *lifecycle.Env) lifecycle.Outcome {
	u := m.Upgrade
	taken, ok := h.uploads.claim(&env.Tx, m, h.cfg.UploadLimit)
	if !ok {
		m.Pause(env.Now())
		names := make([]string, len(taken))
		for i, ref := range taken {
			names[i] = ref.ID
		}
		return lifecycle.Wait("its turn to send "+u.String(), fmt.Sprintf("%d of %d slots of the site are taken: %s", len(taken), h.cfg.UploadLimit, strings.Join(names, ", ")), h.cfg.PollInterval)
	}
	m.Resume(env.Now())
	u.BeganAt, u.Waited = env.Now(), m.ElapsedInState(env.Now())
	env.Wake(m.Ref())
	return lifecycle.Wait("the upload of "+u.String(), "it begins", h.cfg.PollInterval)
}

// send goes on with the upload: the driver sends beside it, and resumes by itself what broke off.
func (h *handler) send(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	u, observed := m.Upgrade, ""
	status, err := h.caps.Upload.UploadFirmware(ctx, env.Key("UploadFirmware", u.Attempt), m.Device(), u.artifact())
	switch {
	case stopped(ctx) != nil:
		return lifecycle.Outcome{}, stopped(ctx)
	case unsupported(err):
		return h.cannotUpload(m, env), nil
	case permanent(err):
		return h.uploadFailed(m, env, fmt.Sprintf("the upload of %s failed: %s", u, err)), nil
	case err != nil:
		observed = err.Error()
	default:
		u.Sent, u.Size, u.Task = status.Sent, status.Size, status.Task
		observed = u.progress()
	}
	if u.Task != "" {
		h.leaveLine(m, env)
		return lifecycle.Fire(Uploaded).Because(joined(u.Note, fmt.Sprintf("%s is sent; task %s", u, u.Task))), nil
	}
	left := h.cfg.UploadDeadline - (m.ElapsedInState(env.Now()) - u.Waited)
	if left <= 0 {
		return h.uploadFailed(m, env, fmt.Sprintf("%s was not sent within %s: %s", u, h.cfg.UploadDeadline, observed)), nil
	}
	return lifecycle.Wait("the upload of "+u.String(), observed, min(h.cfg.PollInterval, left)), nil
}

// leaveLine lets the clock run again that stands still in the line, and wakes who is next.
func (h *handler) leaveLine(m *Machine, env *lifecycle.Env) {
	m.Resume(env.Now())
	if next, ok := h.uploads.leave(&env.Tx, m); ok {
		env.Wake(next)
	}
}

// uploadFailed counts a failed upload as one of the retries. The next one begins with a look at what is installed.
func (h *handler) uploadFailed(m *Machine, env *lifecycle.Env, why string) lifecycle.Outcome {
	h.leaveLine(m, env)
	if m.RetryCount >= h.cfg.FirmwareRetryLimit {
		return h.failedTo(m, env, UploadFailed, HostReprovisionFailedFirmwareUpgrade, why)
	}
	m.RetryCount++
	out := h.failedTo(m, env, UploadFailed, HostReprovisionCheckingFirmwareRepeat, why)
	return out.Because(fmt.Sprintf("%s; retry %d of %d", why, m.RetryCount, h.cfg.FirmwareRetryLimit))
}

// cannotUpload ends the upgrade of a machine that nothing can be sent to. This absent capability is not passed: the check that follows would find the old version
// again, and calling that current would be a lie. It does not come by itself either, so no retry is left to it: a person configures the component otherwise, or gives the driver
// the capability, and asks afresh.
func (h *handler) cannotUpload(m *Machine, env *lifecycle.Env) lifecycle.Outcome {
	what := "the firmware"
	if u := h.upgradeAtHand(m); u != nil {
		what = u.String()
	}
	m.RetryCount = h.cfg.FirmwareRetryLimit
	why := fmt.Sprintf("no upload capability: %s cannot be installed by upload, and to try again does not help (remedy: a driver that uploads, or a component that is installed by %s or %s)", what, HowManual, HowScript)
	return h.uploadFailed(m, env, why)
}
