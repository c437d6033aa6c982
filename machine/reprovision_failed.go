package machine

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// failedFirmwareUpgrade heeds a release and a fresh request at once, and otherwise tries again after a while, as often as it may. Lockdown is put back before that wait. The end of the rack's
// cycle does not lead out of here: a machine that failed stays failed.
func (h *handler) failedFirmwareUpgrade(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if req, asked := env.Pending(TypeRelease); asked && m.Tenanted() {
		return h.releaseFailedUpgrade(ctx, m, env, req)
	}
	for _, settle := range []func(*Machine, *lifecycle.Env) error{stopRetries, takeRackResult, withdrawnEnded} {
		if err := settle(m, env); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	if req, asked, err := resetRequest(m, env); asked || err != nil {
		return h.startOver(m, env, req, err)
	}
	if req, fresh := env.Pending(lifecycle.TypeReprovision); fresh {
		return h.enterReprovision(m, env, req)
	}
	if h.retryDue(m, env) && !h.relocking(m) {
		return h.retryUpgrade(m), nil
	}
	lock, err := h.lockParked(ctx, m, env)
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	if h.retryDue(m, env) && !h.relocking(m) {
		return h.retryUpgrade(m), nil
	}
	return h.parked(m, env, lock)
}

// retryDue reports whether it is time to try again.
func (h *handler) retryDue(m *Machine, env *lifecycle.Env) bool {
	return !m.retriesStopped() && m.RetryCount < h.cfg.FirmwareRetryLimit && m.ElapsedInState(env.Now()) >= h.cfg.FirmwareRetryInterval
}

func (m *Machine) retriesStopped() bool { return m.Reprovision != nil && m.Reprovision.Stopped }

// retryUpgrade begins the next try. It is the machine's own, also after a failure of the rack: so it is under the machine's own alert.
func (h *handler) retryUpgrade(m *Machine) lifecycle.Outcome {
	m.RetryCount++
	m.Report(sourceUpdate, updateAlert)
	return lifecycle.Fire(RetryElapsed).Because(fmt.Sprintf("retry %d of %d", m.RetryCount, h.cfg.FirmwareRetryLimit))
}

// parked waits for the next try, or for a person.
func (h *handler) parked(m *Machine, env *lifecycle.Env, lock parkedLock) (lifecycle.Outcome, error) {
	expects, after := "a fresh reprovision request", time.Duration(0)
	text := m.upgradeText()
	var err error
	switch {
	case m.retriesStopped():
		text = "the last one was cancelled; " + text
	case m.RetryCount >= h.cfg.FirmwareRetryLimit:
		expects, text = "a person, and "+expects, fmt.Sprintf("%d of %d retries are spent; %s", m.RetryCount, h.cfg.FirmwareRetryLimit, text)
		err = spent(m, env, text)
	default:
		expects, after = fmt.Sprintf("retry %d of %d, or %s", m.RetryCount+1, h.cfg.FirmwareRetryLimit, expects), h.cfg.FirmwareRetryInterval-m.ElapsedInState(env.Now())
	}
	if lock.after > 0 && (after <= 0 || lock.after < after) {
		after = lock.after
	}
	return lifecycle.Wait(expects, joined(text, lock.text), after), err
}

// spent ends the request, which has failed for good.
func spent(m *Machine, env *lifecycle.Env, text string) error {
	req, started := env.Started(lifecycle.TypeReprovision)
	if !started {
		return nil
	}
	m.rememberReprovision(req)
	return env.Fail(req.ID, text, failedResult(m, lifecycle.TypeReprovision, text))
}

// parkedLock is how it stands with the lockdown of a parked machine: nothing to say when it is there.
type parkedLock struct {
	text  string
	after time.Duration
}

// lockParked puts lockdown back on a machine that is parked: nobody knows for how long it will be. What cannot be put back is shown and tried again now and then, and keeps the machine
// from nothing else.
func (h *handler) lockParked(ctx context.Context, m *Machine, env *lifecycle.Env) (lock parkedLock, err error) {
	if m.Reprovision != nil && m.Reprovision.Locked == m.Transitions() {
		return lock, nil
	}
	step, err := h.relock(ctx, m, env)
	switch {
	case err != nil:
		return lock, err
	case step.end == jobDone:
		if m.Reprovision == nil {
			m.Reprovision = &Reprovision{}
		}
		m.Reprovision.Locked = m.Transitions()
		return lock, nil
	case step.end == jobFailed:
		p := &jobPass{handler: h, m: m, env: env, job: m.Job}
		p.job.Attempt = max(p.job.Attempt, h.cfg.JobAttempts)
		p.nextAttempt() // under new keys
		p.job.NotBefore, p.job.Until = env.Now().Add(h.cfg.FirmwareRetryInterval), m.ElapsedInState(env.Now())+h.cfg.FirmwareRetryInterval+h.cfg.JobStageTimeout
	}
	if h.relocking(m) {
		return parkedLock{text: fmt.Sprintf("lockdown is being put back (stage %s): %s", m.Job.Stage, step.text), after: h.cfg.PollInterval}, nil
	}
	return parkedLock{text: "lockdown could not be put back: " + m.Job.LastError, after: max(m.Job.NotBefore.Sub(env.Now()), h.cfg.PollInterval)}, nil
}

// relocking reports whether a parked machine is being locked down. One whose attempts have all failed is not, even though it is tried again.
func (h *handler) relocking(m *Machine) bool {
	return m.Job != nil && m.Job.Visit == m.Transitions() && m.Job.Attempt <= h.cfg.JobAttempts
}

// releaseFailedUpgrade lets the tenant go. Lockdown is put back first, and the reprovision ends with the tenancy.
func (h *handler) releaseFailedUpgrade(ctx context.Context, m *Machine, env *lifecycle.Env, req backend.Request) (lifecycle.Outcome, error) {
	if m.Job != nil && !h.relocking(m) {
		m.Job.NotBefore = time.Time{} // it does not rest now
	}
	note, out, err := h.lockFirst(ctx, m, env)
	if err != nil || note == "" {
		return out, err
	}
	if err := endReprovision(m, env, backend.RequestCancelled, "the machine is released by "+req.Initiator); err != nil {
		return out, err
	}
	out, _, err = h.beginRelease(m, env)
	return out.Because(joined("request "+req.ID, note)), err
}

// startOver heeds the reset that a request asks for.
func (h *handler) startOver(m *Machine, env *lifecycle.Env, req backend.Request, err error) (lifecycle.Outcome, error) {
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	m.Report(sourceUpdate, updateAlert)
	return lifecycle.Fire(ReprovisionReset).By(req.Initiator).Because("request " + req.ID), h.adopt(m, env, req)
}

// stopRetries ends a request that somebody asked to stop.
func stopRetries(m *Machine, env *lifecycle.Env) error {
	req, started := env.Started(lifecycle.TypeReprovision)
	if !started || req.CancelledBy == "" {
		return nil
	}
	m.rememberReprovision(req)
	m.Reprovision.Stopped = true
	return env.End(env.Self(), req.ID, backend.RequestCancelled, "cancelled by "+req.CancelledBy)
}

func withdrawnEnded(_ *Machine, env *lifecycle.Env) error { return withdrawEnded(env) }

// upgradeText says for a person why the upgrade failed.
func (m *Machine) upgradeText() string {
	if m.Failure == nil || m.Failure.Message == "" {
		return "the cause is not known"
	}
	return m.Failure.Message
}
