package machine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Cause says why a machine failed. The strings are stored and must not change. A failed platform job is "PlatformSetup(<kind>)".
type Cause string

// The causes.
const (
	CauseDiscovery         Cause = "Discovery"
	CauseCleanup           Cause = "CleanupFailed"
	CauseMeasurements      Cause = "MeasurementsFailed"
	CauseMachineValidation Cause = "MachineValidation"
	CausePlatformSetup     Cause = "PlatformSetup"
	CauseDpuProvisioning   Cause = "DpuProvisioning"
	CauseAttestation       Cause = "Attestation"
	CauseInstance          Cause = "Instance"
)

// platformSetup is the cause of a failed platform job.
func platformSetup(kind backend.PlatformKind) Cause {
	return CausePlatformSetup + "(" + Cause(kind) + ")"
}

// platformKind returns the kind of the platform job that failed.
func (c Cause) platformKind() (backend.PlatformKind, bool) {
	kind, found := strings.CutPrefix(string(c), string(CausePlatformSetup)+"(")
	return backend.PlatformKind(strings.TrimSuffix(kind, ")")), found
}

// Failure is what is known of a failure.
type Failure struct {
	// Source is the state in which it happened, At when.
	Source State     `json:"source"`
	At     time.Time `json:"at"`
	// Message says what happened, for people.
	Message string `json:"message"`
	// Attempt counts how often the machine has gone back to work by itself since it was last Ready.
	Attempt int `json:"attempt,omitempty"`
}

// noteFailure records what went wrong, and keeps the count of attempts.
func (m *Machine) noteFailure(now time.Time, message string) {
	attempt := 0
	if m.Failure != nil {
		attempt = m.Failure.Attempt
	}
	m.Failure = &Failure{Source: State(m.State()), At: now, Message: message, Attempt: attempt}
}

// fail takes the machine to its failed state. The requests that the failed work was for end with it; a reprovision goes on after the recovery.
func (h *handler) fail(m *Machine, env *lifecycle.Env, trigger Trigger, cause Cause, message string) (lifecycle.Outcome, error) {
	m.noteFailure(env.Now(), message)
	m.Cause, m.ReturnTo = cause, returnTo(State(m.State()))
	m.Job, m.PowerCycle, m.DPURun, m.Restarts, m.ValidationJob = nil, nil, nil, nil, ""
	m.Report(sourceDPU)
	if m.Attestation != nil { // kept, to see whether its proof is good after all
		m.Attestation.Ended = true
	}
	why := fmt.Sprintf("%s: %s", cause, message)
	for _, typ := range []string{TypeValidate, TypeVerifySKU, TypeAssign, TypeMeasure, TypeRelease, TypeDPUReprovision} {
		if req, ok := env.Started(typ); ok {
			if err := env.Fail(req.ID, why, failedResult(m, typ, why)); err != nil {
				return lifecycle.Outcome{}, err
			}
		}
	}
	return lifecycle.Fire(trigger).Because(why), nil
}

func failedResult(m *Machine, activity, why string) backend.Result {
	return backend.Result{Target: m.Ref(), Activity: activity, Status: backend.ResultFailed, Error: why, Retryable: true}
}

// failed goes back to work when a person says so or when the cause has ended, and otherwise waits for a person.
func (h *handler) failed(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if err := withdrawEnded(env); err != nil {
		return lifecycle.Outcome{}, err
	}
	if State(m.State()) == AssignedFailed {
		if out, begun, err := h.beginRelease(m, env); begun || err != nil {
			return out, err
		}
	}
	if req, ok := env.Pending(TypeRecover); ok {
		if m.Failure != nil {
			m.Failure.Attempt = 0
		}
		to := recoverTo(State(m.State()), m.ReturnTo)
		return h.recovered(m).Because("asked to").By(req.Initiator), env.Finish(req.ID, "back to "+string(to))
	}
	if req, ok := env.Pending(TypeValidate); ok && m.Cause == CauseMachineValidation {
		h.recovered(m)
		return lifecycle.Fire(ValidationRequested).By(req.Initiator), env.Begin(req.ID)
	}
	attempts := 0
	if m.Failure != nil {
		attempts = m.Failure.Attempt
	}
	if attempts >= h.cfg.RecoveryLimit {
		return lifecycle.Wait("a recover request or a forced deletion", fmt.Sprintf("%s; %d of %d automatic recoveries are spent", m.failedText(), attempts, h.cfg.RecoveryLimit), 0), nil
	}
	ended, observed := h.causeEnded(ctx, m)
	if err := stopped(ctx); err != nil {
		return lifecycle.Outcome{}, err
	}
	if !ended {
		return lifecycle.Wait("a recover request or a forced deletion", m.failedText()+observed, 0), nil
	}
	if m.Failure == nil {
		m.Failure = &Failure{Source: m.ReturnTo, At: m.Since()}
	}
	m.Failure.Attempt++
	return h.recovered(m).Because(strings.TrimPrefix(observed, "; ")), nil
}

// recovered leads back to the state that repeats the failed step.
func (h *handler) recovered(m *Machine) lifecycle.Outcome {
	to := recoverTo(State(m.State()), m.ReturnTo)
	m.Cause, m.ReturnTo = "", ""
	return lifecycle.FireTo(Recovered, to)
}

// failedText says for a person why the machine failed.
func (m *Machine) failedText() string {
	text := "the cause is not known"
	if m.Cause != "" {
		text = string(m.Cause)
	}
	if m.Failure != nil && m.Failure.Message != "" {
		text += ": " + m.Failure.Message
	}
	return text
}

// failedAt is when it failed.
func (m *Machine) failedAt() time.Time {
	if m.Failure != nil && !m.Failure.At.IsZero() {
		return m.Failure.At
	}
	return m.Since()
}

// causeEnded looks whether what failed is in order by now, and says what it saw.
func (h *handler) causeEnded(ctx context.Context, m *Machine) (ended bool, observed string) {
	if m.Cause == CauseDpuProvisioning {
		return h.unitsInOrder(ctx, m)
	}
	if kind, ok := m.Cause.platformKind(); ok && h.caps.Platform != nil {
		if m.Failure != nil && m.Failure.Source == DpuReprovisionInstallDpuOs {
			return false, "; whether it was made anew cannot be seen"
		}
		found, err := h.caps.Platform.InspectPlatform(ctx, m.Device(), kind)
		switch {
		case err != nil:
			return false, fmt.Sprintf("; %s cannot be inspected: %s", kind, err)
		case found.Applied:
			return true, fmt.Sprintf("; %s is there now", kind)
		default:
			return false, fmt.Sprintf("; %s is still not there", kind)
		}
	}
	if m.Cause == CauseDiscovery && h.caps.Agent != nil {
		report, err := h.caps.Agent.Discover(ctx, m.Device())
		switch {
		case err != nil:
			return false, "; the agent cannot be asked: " + err.Error()
		case report.DiscoveredAt.After(m.failedAt()), report.RebootedAt.After(m.failedAt()):
			return true, "; the agent has reported since"
		default:
			return false, "; the agent has not reported since"
		}
	}
	switch {
	case m.Cause.attestation():
		return h.proofPasses(ctx, m)
	case m.Cause == CauseCleanup:
		return h.cleanedAfterAll(ctx, m)
	default:
		return false, ""
	}
}
