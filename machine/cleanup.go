package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// sourceCleanup is the source of the alert about a machine that may still hold what a tenant left.
const sourceCleanup = "cleanup"

const (
	noCleanup      = "no clean-up capability: passed"
	noCleanupSteps = "no clean-up steps are wanted"
)

// cleanupHandlers are the states in which what a tenant left is erased.
func (h *handler) cleanupHandlers() map[State]handle {
	return map[State]handle{
		WaitingForCleanupInit:        h.cleaning(h.cleanupInit),
		WaitingForCleanupSecureErase: h.cleaning(h.secureErase),
		WaitingForCleanupHostCleanup: h.cleaning(h.hostCleanup),
	}
}

// cleaning wraps the handlers of WaitingForCleanup. A release that is cancelled ends; the clean-up does not, for nobody may get the machine as it is.
func (h *handler) cleaning(own handle) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if err := endCancelled(env, TypeRelease); err != nil {
			return lifecycle.Outcome{}, err
		}
		return own(ctx, m, env)
	}
}

// cleanupInit looks whether the storage controller has something to erase. A look that fails leaves that to the platform job, which has a deadline.
func (h *handler) cleanupInit(ctx context.Context, m *Machine, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	if complete, _ := h.cleanedAfterAll(ctx, m); !complete {
		m.CleanupJob = "" // of an attempt that failed: it is made anew
	}
	if h.caps.Platform == nil {
		return lifecycle.Fire(EraseNotNeeded).Because(noPlatform), stopped(ctx)
	}
	found, err := h.caps.Platform.InspectPlatform(ctx, m.Device(), backend.PlatformSecureErase)
	if ended := stopped(ctx); ended != nil {
		return lifecycle.Outcome{}, ended
	}
	switch {
	case unsupported(err):
		return lifecycle.Fire(EraseNotNeeded).Because(string(backend.PlatformSecureErase) + " is not supported: passed"), nil
	case err != nil:
		return lifecycle.Fire(EraseNeeded).Because("it cannot be inspected: " + err.Error()), nil
	case found.Applied:
		return lifecycle.Fire(EraseNotNeeded).Because(joined("the storage controller has nothing to erase", found.Detail)), nil
	default:
		return lifecycle.Fire(EraseNeeded).Because(joinedBy(": ", "the storage controller is not erased", found.Detail)), nil
	}
}

// secureErase has the storage controller erase. Lockdown would forbid that; it comes back before the machine does.
func (h *handler) secureErase(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if h.caps.Platform == nil {
		return lifecycle.Fire(Erased).Because(noPlatform), nil
	}
	step, err := h.runJobs(ctx, m, env, backend.PlatformLockdownDisable, backend.PlatformSecureErase)
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case step.end == jobFailed:
		return h.uncleaned(m, env, platformSetup(m.Job.Kind), step.text)
	case step.end == jobWaits:
		return h.jobOutcome(m, step), nil
	default:
		return lifecycle.Fire(Erased).Because(step.text), nil
	}
}

// hostCleanup has the agent erase, and puts lockdown back. Whatever the tenant left running ends with the restart, also where there is nothing to erase with.
func (h *handler) hostCleanup(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.Job != nil && m.Job.Visit == m.Transitions() { // it is clean; lockdown is on its way
		return h.cleaned(ctx, m, env, "")
	}
	note := ""
	if m.RestartDue {
		var err error
		if note, err = h.restartInto(ctx, m, env); err != nil {
			return h.restartFailed(m, env, err)
		}
	}
	if h.caps.Cleanup == nil || len(h.cfg.CleanupSteps) == 0 {
		return h.cleaned(ctx, m, env, note)
	}
	if m.CleanupJob == "" {
		if out, begun, err := h.startCleanup(ctx, m, env); !begun || err != nil {
			return out, err
		}
	}
	return h.pollCleanup(ctx, m, env)
}

// startCleanup begins the clean-up once the host is up.
func (h *handler) startCleanup(ctx context.Context, m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	came, out, err := h.awaitHost(ctx, m, env, seenRebooted)
	if err != nil || came == "" {
		return out, false, err
	}
	id, err := h.caps.Cleanup.StartCleanup(ctx, env.Key("StartCleanup", 0), m.Device(), slices.Clone(h.cfg.CleanupSteps))
	if ended := stopped(ctx); ended != nil {
		return out, false, ended
	}
	if err == nil && id == "" {
		err = errors.New("the driver named no job")
	}
	switch {
	case err == nil:
		m.CleanupJob = id
		return out, true, nil
	case unsupported(err):
		out, err = h.cleaned(ctx, m, env, "")
	default:
		out, err = h.cleanupTrouble(m, env, fmt.Errorf("start the clean-up of machine %s: %w", m.ID(), err))
	}
	return out, false, err
}

// pollCleanup makes one look at the clean-up.
func (h *handler) pollCleanup(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	status, err := h.lookAtCleanup(ctx, m)
	if ended := stopped(ctx); ended != nil {
		return lifecycle.Outcome{}, ended
	}
	if err != nil {
		return h.cleanupTrouble(m, env, fmt.Errorf("poll the clean-up of machine %s: %w", m.ID(), err))
	}
	left := unerased(h.cfg.CleanupSteps, status)
	switch {
	case status.State == backend.JobFailed:
		return h.uncleaned(m, env, CauseCleanup, joined(status.Cause, strings.Join(left, "; ")))
	case status.State == backend.JobCompleted && len(left) > 0:
		return h.uncleaned(m, env, CauseCleanup, strings.Join(left, "; "))
	case status.State == backend.JobCompleted:
		return h.cleaned(ctx, m, env, "")
	case h.cleanupOverdue(m, env):
		return h.uncleaned(m, env, CauseCleanup, fmt.Sprintf("it did not end within %s: %s", h.cfg.CleanupDeadline, strings.Join(left, "; ")))
	default:
		return lifecycle.Wait("clean-up "+m.CleanupJob, fmt.Sprintf("it is %s; %s", status.State, strings.Join(left, "; ")), h.cfg.PollInterval), nil
	}
}

func (h *handler) lookAtCleanup(ctx context.Context, m *Machine) (backend.CleanupStatus, error) {
	return h.caps.Cleanup.CleanupJob(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: m.CleanupJob})
}

// unerased lists what was to be erased and was not. A step without a result was not done, whatever the state of the job says.
func unerased(steps []backend.CleanupStep, status backend.CleanupStatus) []string {
	var left []string
	for _, step := range steps {
		result, reported := status.Results[step]
		switch {
		case !reported:
			left = append(left, string(step)+" has no result")
		case !result.Done:
			left = append(left, joinedBy(": ", string(step)+" is not erased", result.Detail))
		}
	}
	return left
}

func joinedBy(sep, a, b string) string {
	if b == "" {
		return a
	}
	return a + sep + b
}

// cleanupTrouble says what follows from an error of the driver.
func (h *handler) cleanupTrouble(m *Machine, env *lifecycle.Env, err error) (lifecycle.Outcome, error) {
	if unsupported(err) || permanent(err) || h.cleanupOverdue(m, env) {
		return h.uncleaned(m, env, CauseCleanup, err.Error())
	}
	return lifecycle.Outcome{}, err
}

func (h *handler) cleanupOverdue(m *Machine, env *lifecycle.Env) bool {
	return m.ElapsedInState(env.Now()) >= h.cfg.CleanupDeadline
}

// cleaned gives the machine back to the checks that lead to Ready, locked down as a machine in Ready is. Its agent has erased things that need a restart to be gone.
func (h *handler) cleaned(ctx context.Context, m *Machine, env *lifecycle.Env, note string) (lifecycle.Outcome, error) {
	step, err := h.relock(ctx, m, env)
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case step.end == jobFailed:
		return h.uncleaned(m, env, platformSetup(backend.PlatformLockdownEnable), step.text)
	case step.end == jobWaits:
		return h.jobOutcome(m, step), nil
	}
	note = joined(joined(note, h.cleanupNote(m)), step.text)
	m.RestartDue = m.RestartDue || m.CleanupJob != ""
	m.CleanupJob, m.VerifyOnly = "", false
	m.Report(sourceCleanup)
	out := lifecycle.Fire(CleanedUp).Because(note)
	if req, ok := env.Started(TypeRelease); ok {
		return out.By(req.Initiator), env.Finish(req.ID, note)
	}
	return out, nil
}

// cleanupNote says what was erased, or why nothing was.
func (h *handler) cleanupNote(m *Machine) string {
	switch {
	case m.CleanupJob != "":
		return fmt.Sprintf("clean-up %s is complete: %v", m.CleanupJob, h.cfg.CleanupSteps)
	case len(h.cfg.CleanupSteps) == 0:
		return noCleanupSteps
	default:
		return noCleanup
	}
}

// uncleaned fails the machine over its clean-up. The next attempt restarts the host: nobody knows what runs there.
func (h *handler) uncleaned(m *Machine, env *lifecycle.Env, cause Cause, why string) (lifecycle.Outcome, error) {
	m.Report(sourceCleanup, notClean(why))
	m.RestartDue = true
	return h.fail(m, env, CleanupFailed, cause, why)
}

// cleanedAfterAll looks whether the clean-up over which a machine failed is complete by now.
func (h *handler) cleanedAfterAll(ctx context.Context, m *Machine) (complete bool, observed string) {
	if h.caps.Cleanup == nil || m.CleanupJob == "" {
		return false, ""
	}
	status, err := h.lookAtCleanup(ctx, m)
	left := unerased(h.cfg.CleanupSteps, status)
	switch {
	case err != nil:
		return false, "; clean-up " + m.CleanupJob + " cannot be polled: " + err.Error()
	case status.State == backend.JobCompleted && len(left) == 0:
		return true, "; clean-up " + m.CleanupJob + " is complete now"
	default:
		return false, fmt.Sprintf("; clean-up %s is %s: %s", m.CleanupJob, status.State, strings.Join(left, "; "))
	}
}
