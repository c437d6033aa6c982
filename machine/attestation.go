package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// MeasuredBoot is the name of the attestor of what a host booted. Its failure has the cause MeasurementsFailed, that of any other attestor
// "Attestation(<name>)".
const MeasuredBoot = "measured-boot"

// AttestationRun is the proof that a host is asked for, by one attestor after the other. It is kept while a person judges the proof, and after a failure, so that a
// later judgement is seen.
type AttestationRun struct {
	// Attestor is the name of the one that is asked, Job its id of the proof; empty until it was asked.
	Attestor string `json:"attestor"`
	Job      string `json:"job,omitempty"`
	// AskedAt is from when a proof counts. It is on record before the attestor is asked, so that a proof from before, of whatever the host ran then, never counts.
	// Zero: the host is not known to be up.
	AskedAt time.Time `json:"asked_at,omitzero"`
	// Attempt counts from 1 how often it was asked: anew when it has forgotten.
	Attempt int `json:"attempt"`
	// Began is for how long the machine had been in its state when it began to wait for the proof. Time under holds does not count.
	Began time.Duration `json:"began,omitempty"`
	// Pending says that a person has to judge the proof.
	Pending bool `json:"pending,omitempty"`
	// Before says what became of the attestors before this one.
	Before string `json:"before,omitempty"`
	// Ended says that the machine has failed since.
	Ended bool `json:"ended,omitempty"`
}

const noAttestors = "no attestation capability: passed"

// sourceAttestation is the source of the alert about a host that has not proved what it runs.
const sourceAttestation = "attestation"

// soon is when a pass goes on that wanted something on record first.
const soon = time.Millisecond

// errNoProof says that an attestor broke its contract.
var errNoProof = errors.New("the attestor named no proof")

// attestationHandlers are the states in which a host proves what it runs.
func (h *handler) attestationHandlers() map[State]handle {
	handlers := map[State]handle{}
	for _, s := range []State{HostInitMeasuring, MeasuringWaitingForMeasurements, MeasuringPendingBundle, PostAssignedWaitingForMeasurements, PostAssignedPendingBundle} {
		handlers[s] = h.measuring
	}
	return handlers
}

// checkAttestors reports what is wrong with a list of attestors.
func checkAttestors(list []backend.Attestor) error {
	var names []string
	for i, a := range list {
		if a == nil || a.Name() == "" || slices.Contains(names, a.Name()) {
			return fmt.Errorf("attestor %d of the driver is nil, has no name, or has that of another one", i+1)
		}
		names = append(names, a.Name())
	}
	return nil
}

// attestation is the cause of the failure of an attestor.
func attestation(name string) Cause {
	if name == MeasuredBoot {
		return CauseMeasurements
	}
	return CauseAttestation + "(" + Cause(name) + ")"
}

// attestation reports whether an attestor failed.
func (c Cause) attestation() bool {
	return c == CauseMeasurements || c == CauseAttestation || strings.HasPrefix(string(c), string(CauseAttestation)+"(")
}

// beginMeasuring begins what was asked for.
func (h *handler) beginMeasuring(m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	req, ok := env.Pending(TypeMeasure)
	if !ok {
		return out, false, nil
	}
	if len(h.caps.Attestors) == 0 {
		return out, false, env.Finish(req.ID, "nothing to do: "+noAttestors)
	}
	m.Attestation = nil
	return lifecycle.Fire(MeasurementRequested).By(req.Initiator), true, env.Begin(req.ID)
}

// measuring asks one attestor after the other whether the host runs what it should.
func (h *handler) measuring(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	for _, typ := range []string{TypeMeasure, TypeRelease} {
		if err := endCancelled(env, typ); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	if len(h.caps.Attestors) == 0 {
		return h.measured(m, env, noAttestors)
	}
	run := m.Attestation
	if run == nil || run.Ended || h.attestor(run) == nil || run.AskedAt.IsZero() && pendingBundle(m) {
		run = &AttestationRun{Attestor: h.caps.Attestors[0].Name(), Attempt: 1}
		m.Attestation = run
		if pendingBundle(m) {
			return lifecycle.Fire(BundleGone).Because("no proof is on record"), nil
		}
		m.RestartDue = m.RestartDue || !m.In(string(HostInit))
	}
	if run.AskedAt.IsZero() {
		return h.beforeProof(ctx, m, env)
	}
	if run.Job == "" {
		if out, asked, err := h.askForProof(ctx, m, env); !asked || err != nil {
			return out, err
		}
	}
	return h.lookAtProof(ctx, m, env)
}

// pendingBundle reports whether the machine is where a person judges a proof.
func pendingBundle(m *Machine) bool {
	return m.In(string(MeasuringPendingBundle)) || m.In(string(PostAssignedPendingBundle))
}

// attestor returns the one that a run asks, nil if the driver does not have it.
func (h *handler) attestor(run *AttestationRun) backend.Attestor {
	for _, a := range h.caps.Attestors {
		if a.Name() == run.Attestor {
			return a
		}
	}
	return nil
}

// beforeProof has the host run its agent. A host that comes from a tenant, or from the pool, is restarted into it: what ran before must not speak for itself.
func (h *handler) beforeProof(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	run := m.Attestation
	if m.RestartDue {
		note, err := h.restartInto(ctx, m, env)
		if err != nil {
			return h.restartFailed(m, env, err)
		}
		run.Before = joined(run.Before, note)
	}
	came, out, err := h.awaitHost(ctx, m, env, seenRebooted)
	if err != nil || came == "" {
		return out, err
	}
	if came == noAgent {
		run.Before = joined(run.Before, came)
	}
	return h.askFrom(m, env), nil
}

// askFrom puts on record from when a proof counts. The attestor is asked in the next pass.
func (h *handler) askFrom(m *Machine, env *lifecycle.Env) lifecycle.Outcome {
	m.Attestation.AskedAt, m.Attestation.Began = env.Now(), m.ElapsedInState(env.Now())
	return lifecycle.Wait(m.Attestation.Attestor+" to be asked for a proof", "only one from now on counts", soon)
}

// askForProof asks the attestor.
func (h *handler) askForProof(ctx context.Context, m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, asked bool, err error) {
	run := m.Attestation
	id, err := h.attestor(run).Attest(ctx, env.Key("Attest:"+run.Attestor, run.Attempt), m.Device())
	if ended := stopped(ctx); ended != nil {
		return out, false, ended
	}
	if err == nil && id == "" {
		err = errNoProof
	}
	switch {
	case unsupported(err):
		out, err = h.nextAttestor(m, env, run.Attestor+" is not supported: passed")
	case permanent(err):
		out, err = h.unproved(m, env, err.Error())
	case err != nil:
		out, err = h.proofTrouble(m, env, fmt.Errorf("ask %s for a proof of machine %s: %w", run.Attestor, m.ID(), err))
	default:
		run.Job = id
		return out, true, nil
	}
	return out, false, err
}

// lookAtProof makes one look at the proof.
func (h *handler) lookAtProof(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	run := m.Attestation
	status, err := h.attestor(run).Attestation(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: run.Job})
	if ended := stopped(ctx); ended != nil {
		return lifecycle.Outcome{}, ended
	}
	switch {
	case errors.Is(err, backend.ErrNoJob):
		run.Job = ""
		run.Attempt++
		return h.noProof(m, env, run.Attestor+" has forgotten that it was asked")
	case unsupported(err), permanent(err):
		return h.unproved(m, env, err.Error())
	case err != nil:
		return h.proofTrouble(m, env, fmt.Errorf("look at the proof of machine %s by %s: %w", m.ID(), run.Attestor, err))
	}
	found, text := judge(status, run.AskedAt)
	switch found {
	case proofPassed:
		return h.nextAttestor(m, env, run.Attestor+" passed: "+text)
	case proofFailed:
		return h.unproved(m, env, text)
	case proofPending:
		return h.proofPending(m, text), nil
	default:
		return h.noProof(m, env, text)
	}
}

// proofPending leaves the proof to a person.
func (h *handler) proofPending(m *Machine, text string) lifecycle.Outcome {
	m.Attestation.Pending = true
	if m.In(string(MeasuringWaitingForMeasurements)) || m.In(string(PostAssignedWaitingForMeasurements)) {
		return lifecycle.Fire(BundlePending).Because(m.Attestation.Attestor + ": " + text)
	}
	return lifecycle.Wait("a person who judges the proof of "+m.Attestation.Attestor, text, h.cfg.PollInterval)
}

// noProof waits for the proof. When a person no longer has to judge one, the wait begins anew.
func (h *handler) noProof(m *Machine, env *lifecycle.Env, text string) (lifecycle.Outcome, error) {
	run := m.Attestation
	if run.Pending {
		run.Pending, run.Began = false, m.ElapsedInState(env.Now())
	}
	switch {
	case pendingBundle(m):
		run.Began = 0
		return lifecycle.Fire(BundleGone).Because(run.Attestor + ": " + text), nil
	case h.proofOverdue(m, env):
		return h.unproved(m, env, fmt.Sprintf("no proof within %s: %s", h.cfg.AttestationDeadline, text))
	default:
		return lifecycle.Wait("the proof of "+run.Attestor, text, h.cfg.PollInterval), nil
	}
}

// proofTrouble says what follows from an error that may pass.
func (h *handler) proofTrouble(m *Machine, env *lifecycle.Env, err error) (lifecycle.Outcome, error) {
	if h.proofOverdue(m, env) {
		return h.unproved(m, env, fmt.Sprintf("no proof within %s: %s", h.cfg.AttestationDeadline, err))
	}
	return lifecycle.Outcome{}, err
}

// proofOverdue reports whether the proof has taken too long. A person may take as long as they want.
func (h *handler) proofOverdue(m *Machine, env *lifecycle.Env) bool {
	run := m.Attestation
	return !run.Pending && !pendingBundle(m) && m.ElapsedInState(env.Now())-run.Began >= h.cfg.AttestationDeadline
}

// nextAttestor goes on with the next attestor, or leaves the state for the better.
func (h *handler) nextAttestor(m *Machine, env *lifecycle.Env, note string) (lifecycle.Outcome, error) {
	run := m.Attestation
	before := joined(run.Before, note)
	i := slices.IndexFunc(h.caps.Attestors, func(a backend.Attestor) bool { return a.Name() == run.Attestor }) + 1
	if i == len(h.caps.Attestors) {
		return h.measured(m, env, before)
	}
	m.Attestation = &AttestationRun{Attestor: h.caps.Attestors[i].Name(), Attempt: 1, Before: before}
	out := h.askFrom(m, env)
	if pendingBundle(m) {
		m.Attestation.Began = 0
		return lifecycle.Fire(BundleGone).Because(note + "; next is " + m.Attestation.Attestor), nil
	}
	return out, nil
}

// measured leaves the state for the better, and clears what it reported.
func (h *handler) measured(m *Machine, env *lifecycle.Env, note string) (lifecycle.Outcome, error) {
	m.Attestation = nil
	m.Report(sourceAttestation)
	if m.In(string(Measuring)) { // Ready is next
		m.Failure = nil
	}
	out := lifecycle.Fire(Measured).Because(note)
	if req, ok := env.Started(TypeMeasure); ok {
		return out.By(req.Initiator), env.Finish(req.ID, note)
	}
	return out, nil
}

// unproved fails the machine over its proof.
func (h *handler) unproved(m *Machine, env *lifecycle.Env, why string) (lifecycle.Outcome, error) {
	why = m.Attestation.Attestor + ": " + why
	m.Report(sourceAttestation, lifecycle.Alert{ID: "Unproved", Message: why, Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	return h.fail(m, env, MeasurementsFailed, attestation(m.Attestation.Attestor), why)
}
