package machine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Reprovision is what a host reprovision needs to know while it runs. It is kept on the machine, so that the end of its request leaves nothing missing.
type Reprovision struct {
	// RequestID, Initiator, Cycle and RequestedAt are those of the request that began it.
	RequestID   string    `json:"request_id"`
	Initiator   string    `json:"initiator,omitempty"`
	Cycle       string    `json:"cycle,omitempty"`
	RequestedAt time.Time `json:"requested_at,omitzero"`
	// Reset says that the reset which the request asks for was made.
	Reset bool `json:"reset,omitempty"`
	// Stopped says that the request was cancelled after the upgrade had failed: it is not tried again by itself.
	Stopped bool `json:"stopped,omitempty"`
	// Locked is the machine's transition count when it was seen locked down in FailedFirmwareUpgrade.
	Locked uint64 `json:"locked,omitempty"`
	// Report is what a person or a script has reported, nil until they have.
	Report *UpgradeReport `json:"report,omitempty"`
}

// sourceUpdate is the source of the alert on a machine whose firmware is being updated.
const sourceUpdate = "host-fw-update"

var updateAlert = lifecycle.Alert{
	ID: "HostUpdateInProgress", Target: "HostFirmware", Message: "the firmware of the host is being updated",
	Classifications: []lifecycle.Classification{lifecycle.PreventAllocations, lifecycle.SuppressExternalAlerting},
}

// poolState returns the state without Assigned, for the states of a host reprovision.
func poolState(s State) State {
	if strings.HasPrefix(string(s), string(AssignedHostReprovision)+"/") {
		return s[len(Assigned)+1:]
	}
	return s
}

// enterReprovision begins a reprovision: the rack's waits for the rack, anybody else's checks the firmware under an alert.
func (h *handler) enterReprovision(m *Machine, env *lifecycle.Env, req backend.Request) (lifecycle.Outcome, error) {
	if err := h.adopt(m, env, req); err != nil {
		return lifecycle.Outcome{}, err
	}
	trigger := RackReprovisionRequested
	if !lifecycle.FromRack(&req) {
		trigger = ReprovisionRequested
		m.Report(sourceUpdate, updateAlert)
	}
	return lifecycle.Fire(trigger).By(req.Initiator).Because("request " + req.ID), nil
}

// adopt makes the request the one that the machine works on, in the place of an earlier one.
func (h *handler) adopt(m *Machine, env *lifecycle.Env, req backend.Request) error {
	if old, ok := env.Started(lifecycle.TypeReprovision); ok && old.ID != req.ID {
		if err := env.End(env.Self(), old.ID, backend.RequestSuperseded, fmt.Sprintf("superseded by %s of %s", req.ID, req.Initiator)); err != nil {
			return err
		}
	}
	m.Reprovision = &Reprovision{RequestID: req.ID, Initiator: req.Initiator, Cycle: req.Cycle, RequestedAt: req.At, Reset: true}
	m.RetryCount, m.ReturnTo, m.Upgrade = 0, Ready, nil
	if m.Tenanted() {
		m.ReturnTo = AssignedReady
	}
	if req.State == backend.RequestPending {
		return env.Begin(req.ID)
	}
	return nil
}

// reprovisioning wraps the handlers of a host reprovision with what comes before their own work.
func (h *handler) reprovisioning(own handle) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if out, done, err := h.interrupted(ctx, m, env); done || err != nil {
			return out, err
		}
		return own(ctx, m, env)
	}
}

// interrupted looks for what ends a reprovision or starts it over: a result of the rack's cycle, a cancelled request, the end of that cycle, a reset.
func (h *handler) interrupted(ctx context.Context, m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, done bool, err error) {
	if err := takeRackResult(m, env); err != nil {
		return out, false, err
	}
	req, started := env.Started(lifecycle.TypeReprovision)
	switch {
	case started && req.CancelledBy != "":
		out, err = h.giveBack(ctx, m, env, ending{ReprovisionCancelled, backend.RequestCancelled, joined("cancelled by "+req.CancelledBy, m.stillRunning())})
		return out, true, err
	case started && ended(env, &req):
		out, err = h.giveBack(ctx, m, env, ending{RackCycleEnded, backend.RequestWithdrawn, joined(cycleText(env, &req), m.stillRunning())})
		return out, true, err
	}
	reset, asked, err := resetRequest(m, env)
	if !asked || err != nil {
		return out, false, err
	}
	if err := h.adopt(m, env, reset); err != nil {
		return out, false, err
	}
	m.Report(sourceUpdate, updateAlert)
	if poolState(State(m.State())) == HostReprovisionCheckingFirmwareRepeat {
		return out, false, nil
	}
	return lifecycle.Fire(ReprovisionReset).By(reset.Initiator).Because("request " + reset.ID), true, nil
}

// resetRequest finds a request that asks to start over and was not heeded yet.
func resetRequest(m *Machine, env *lifecycle.Env) (backend.Request, bool, error) {
	for _, req := range env.Open(lifecycle.TypeReprovision) {
		if lifecycle.FromRack(&req) || m.Reprovision != nil && m.Reprovision.RequestID == req.ID && m.Reprovision.Reset {
			continue
		}
		params, err := lifecycle.Params[lifecycle.Reprovision](&req)
		if err != nil || params.Reset {
			return req, err == nil, err
		}
	}
	return backend.Request{}, false, nil
}

// ending is how a reprovision ends.
type ending struct {
	trigger Trigger
	state   backend.RequestState // of the request, if it is still open
	why     string
}

// giveBack ends a reprovision: lockdown is put back first, then the machine goes to where it was asked for.
func (h *handler) giveBack(ctx context.Context, m *Machine, env *lifecycle.Env, end ending) (lifecycle.Outcome, error) {
	note, out, err := h.lockFirst(ctx, m, env)
	if err != nil || note == "" {
		return out, err
	}
	out = lifecycle.Fire(end.trigger).Because(joined(end.why, note))
	if req, ok := env.Started(lifecycle.TypeReprovision); ok {
		out = out.By(req.Initiator)
	}
	return out, endReprovision(m, env, end.state, end.why)
}

// endReprovision forgets the reprovision of a machine that leaves it, removes its alert, and ends its request, unless that has no state to end in.
func endReprovision(m *Machine, env *lifecycle.Env, state backend.RequestState, why string) error {
	m.Reprovision, m.Upgrade, m.ReturnTo, m.RetryCount, m.Failure = nil, nil, "", 0, nil
	m.Report(sourceUpdate)
	req, ok := env.Started(lifecycle.TypeReprovision)
	if !ok || state == "" {
		return nil
	}
	return env.End(env.Self(), req.ID, state, why)
}

// lockFirst puts lockdown back before the machine leaves a reprovision. A note says that it is there; as long as there is none, the outcome says how it stands.
func (h *handler) lockFirst(ctx context.Context, m *Machine, env *lifecycle.Env) (note string, out lifecycle.Outcome, err error) {
	step, err := h.relock(ctx, m, env)
	switch {
	case err != nil:
		return "", out, err
	case step.end == jobFailed:
		out, err = h.fail(m, env, PlatformFailed, platformSetup(backend.PlatformLockdownEnable), step.text)
		return "", out, err
	case step.end == jobWaits:
		return "", h.jobOutcome(m, step), nil
	default:
		return step.text, out, nil
	}
}

// relock brings lockdown about, where the site wants it. A job that takes it off comes to its end before: it would do so after it was put back otherwise.
func (h *handler) relock(ctx context.Context, m *Machine, env *lifecycle.Env) (jobStep, error) {
	switch {
	case h.cfg.NoLockdown:
		return jobStep{end: jobDone, text: "lockdown is not wanted"}, nil
	case h.caps.Platform == nil:
		return jobStep{end: jobDone, text: "lockdown: " + noPlatform}, nil
	}
	if j := m.Job; j != nil && j.Visit == m.Transitions() && j.Kind == backend.PlatformLockdownDisable && j.ID != "" {
		if step, err := h.runJobs(ctx, m, env, j.Kind); err != nil || step.end == jobWaits {
			return step, err
		}
	}
	return h.runJobs(ctx, m, env, backend.PlatformLockdownEnable)
}
