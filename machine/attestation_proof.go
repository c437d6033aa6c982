package machine

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// proof is what a look at a proof found.
type proof int

const (
	proofAwaited proof = iota
	proofPending
	proofPassed
	proofFailed
)

// judge says what the status of a proof means for a host that was asked for it at that time. What was measured before proves nothing about what runs now, neither for the
// better nor for the worse.
func judge(status backend.AttestationStatus, askedAt time.Time) (found proof, text string) {
	fresh := !status.MeasuredAt.IsZero() && !status.MeasuredAt.Before(askedAt)
	switch status.State {
	case backend.AttestationCancelled:
		return proofFailed, "it was cancelled, which proves nothing"
	case backend.AttestationFailed:
		if fresh || status.MeasuredAt.IsZero() { // without a time nothing was measured: that is the failure
			return proofFailed, status.Cause
		}
		return proofAwaited, staleText(status, askedAt)
	case backend.AttestationPending, backend.AttestationPassed:
		switch {
		case !fresh:
			return proofAwaited, staleText(status, askedAt)
		case status.State == backend.AttestationPending:
			return proofPending, status.Cause
		case status.Measured <= 0:
			return proofFailed, "the proof speaks of no part of the host, which proves nothing"
		default:
			return proofPassed, fmt.Sprintf("%d parts, measured at %s", status.Measured, status.MeasuredAt.Format(time.RFC3339))
		}
	case backend.AttestationWaiting:
		return proofAwaited, "the host has not given it yet"
	default:
		return proofAwaited, fmt.Sprintf("it is %q", status.State)
	}
}

func staleText(status backend.AttestationStatus, askedAt time.Time) string {
	if status.MeasuredAt.IsZero() {
		return fmt.Sprintf("there is one (%s) that does not say when it was measured", status.State)
	}
	return fmt.Sprintf("the latest (%s) was measured at %s, before it was asked for at %s", status.State, status.MeasuredAt.Format(time.RFC3339), askedAt.Format(time.RFC3339))
}

// proofPasses looks whether the proof over which a machine failed is good after all, for example because a person has said so.
func (h *handler) proofPasses(ctx context.Context, m *Machine) (passes bool, observed string) {
	run := m.Attestation
	if run == nil {
		return false, ""
	}
	attestor := h.attestor(run)
	switch {
	case attestor == nil:
		return true, fmt.Sprintf("; %s is no longer asked", run.Attestor)
	case run.Job == "":
		return false, ""
	}
	status, err := attestor.Attestation(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: run.Job})
	if err != nil {
		return false, fmt.Sprintf("; %s cannot be asked: %s", run.Attestor, err)
	}
	found, text := judge(status, run.AskedAt)
	if found == proofPassed {
		return true, fmt.Sprintf("; %s passes now: %s", run.Attestor, text)
	}
	return false, fmt.Sprintf("; %s does not pass: %s", run.Attestor, text)
}
