package backend

import (
	"context"
	"time"
)

// AttestationState is what is known of the proof that a host has to give. The strings are stored and must not change.
type AttestationState string

// The states of an attestation.
const (
	// AttestationWaiting: the host has not given its proof yet.
	AttestationWaiting AttestationState = "waiting"
	// AttestationPending: the proof is there, and nobody has said yet whether what was measured is good.
	AttestationPending AttestationState = "pending"
	// AttestationPassed: what was measured is good.
	AttestationPassed AttestationState = "passed"
	// AttestationFailed: what was measured is not good, or the proof is no proof.
	AttestationFailed AttestationState = "failed"
	// AttestationCancelled: somebody stopped it. It proves nothing.
	AttestationCancelled AttestationState = "cancelled"
)

// AttestationStatus is what a look at an attestation found.
type AttestationStatus struct {
	State AttestationState
	// Cause says why it failed, or what is pending.
	Cause string
	// MeasuredAt is when the host measured what it proves. A proof from before it was asked for proves nothing about what runs now.
	MeasuredAt time.Time
	// Measured is of how many parts the proof speaks. A proof of nothing is no proof.
	Measured int
}

// Attestor lets hosts prove what they run: measured boot, or the attestation of devices. A driver lists its attestors in the order in which they are asked.
type Attestor interface {
	// Name names the attestor in records and notes, for example "measured-boot". It is the same at every call, and unique in its list.
	Name() string
	// Attest asks the host for a new proof and returns the id under which it is looked for.
	Attest(ctx context.Context, key string, device Device) (string, error)
	// Attestation looks at a proof.
	Attestation(ctx context.Context, job Job) (AttestationStatus, error)
}
