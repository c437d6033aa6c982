package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// failedFirmwareUpgrade heeds a fresh request at once, and otherwise tries again after a while, as often as it may. The end of the rack's cycle does not lead out of
// here: a machine that failed stays failed.
func (h *handler) failedFirmwareUpgrade(_ context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if err := h.stopRetries(m, env); err != nil {
		return lifecycle.Outcome{}, err
	}
	if err := withdrawEnded(env); err != nil {
		return lifecycle.Outcome{}, err
	}
	if req, asked, err := resetRequest(m, env); asked || err != nil {
		return h.startOver(m, env, req, err)
	}
	if req, fresh := env.Pending(lifecycle.TypeReprovision); fresh {
		return h.enterReprovision(m, env, req)
	}
	switch {
	case m.Reprovision != nil && m.Reprovision.Stopped:
		return lifecycle.Wait("a fresh reprovision request", "the last one was cancelled; "+m.upgradeText(), 0), nil
	case m.RetryCount >= h.cfg.FirmwareRetryLimit:
		return h.spent(m, env)
	}
	if left := h.cfg.FirmwareRetryInterval - m.Elapsed(env.Now()); left > 0 {
		return lifecycle.Wait(fmt.Sprintf("retry %d of %d, or a fresh reprovision request", m.RetryCount+1, h.cfg.FirmwareRetryLimit), m.upgradeText(), left), nil
	}
	m.RetryCount++
	return lifecycle.Fire(RetryElapsed).Because(fmt.Sprintf("retry %d of %d", m.RetryCount, h.cfg.FirmwareRetryLimit)), nil
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
func (h *handler) stopRetries(m *Machine, env *lifecycle.Env) error {
	req, started := env.Started(lifecycle.TypeReprovision)
	if !started || req.CancelledBy == "" {
		return nil
	}
	m.rememberReprovision(req)
	m.Reprovision.Stopped = true
	return env.End(env.Self(), req.ID, backend.RequestCancelled, "cancelled by "+req.CancelledBy)
}

// spent waits for a person. The request has failed for good.
func (h *handler) spent(m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	text := fmt.Sprintf("%d of %d retries are spent; %s", m.RetryCount, h.cfg.FirmwareRetryLimit, m.upgradeText())
	out := lifecycle.Wait("a person, and a fresh reprovision request", text, 0)
	if req, started := env.Started(lifecycle.TypeReprovision); started {
		m.rememberReprovision(req)
		return out, env.Fail(req.ID, text, failedResult(m, lifecycle.TypeReprovision, text))
	}
	return out, nil
}

// upgradeText says for a person why the upgrade failed.
func (m *Machine) upgradeText() string {
	if m.Failure == nil || m.Failure.Message == "" {
		return "the cause is not known"
	}
	return m.Failure.Message
}
