package fake

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// The names of the attestors, in the order in which they are asked.
const (
	// MeasuredBoot proves what the host booted, DeviceAttestation what its devices are. Both measure as soon as the host is up after they were asked, and anew when it
	// restarts before their proof is there.
	MeasuredBoot      = "measured-boot"
	DeviceAttestation = "device"
)

// Of how many parts each proof speaks.
const (
	bootParts   = 8
	deviceParts = 4
)

// attestor is one attestor of a site.
type attestor struct {
	h    *Hardware
	name string
}

// Name returns the name.
func (a attestor) Name() string { return a.name }

// Attest asks the host for a new proof. Equal keys of different attestors are different actions.
func (a attestor) Attest(ctx context.Context, key string, device backend.Device) (string, error) {
	if key != "" {
		key = a.name + " " + key
	}
	return driver{a.h}.single(ctx, &order{Call: opAttest, Key: key, What: a.name, Targets: []backend.Device{device}})
}

// Attestation looks at a proof. One of another attestor is not found.
func (a attestor) Attestation(ctx context.Context, begun backend.Job) (status backend.AttestationStatus, err error) {
	found := false
	err = a.h.poll(ctx, opAttestation, []backend.Job{begun}, func(d *device, j *job, now time.Time) {
		found = j.What == a.name
		status = d.proof(j, now)
	})
	if err == nil && !found {
		return backend.AttestationStatus{}, &backend.DeviceError{Device: begun.Device, Err: backend.ErrNoJob}
	}
	return status, one(err)
}

// attest begins a proof.
func (d *device) attest(o *order) *job {
	j := d.enqueue(o, d.site.config.Delays.Attestation)
	switch {
	case j.Odd == endStale:
		j.Begins, j.Ends = o.At.Add(-time.Hour), o.At
	case j.Odd == endCancelled: // it is over, so another one is no second start
		j.Begins, j.Ends = o.At, o.At
	case !d.Up:
		j.WaitsUp = true
	default:
		j.Begins, j.Ends = o.At, o.At.Add(j.For)
	}
	return j
}

// proof is where a proof stands.
func (d *device) proof(j *job, now time.Time) backend.AttestationStatus {
	s := backend.AttestationStatus{State: backend.AttestationPassed, MeasuredAt: j.Begins, Measured: bootParts}
	if j.What == DeviceAttestation {
		s.Measured = deviceParts
	}
	switch {
	case j.Odd == endCancelled:
		return backend.AttestationStatus{State: backend.AttestationCancelled, Cause: "somebody stopped it"}
	case j.Endless, j.WaitsUp, now.Before(j.Ends):
		return backend.AttestationStatus{State: backend.AttestationWaiting}
	case j.Stuck:
		s.State, s.Cause = backend.AttestationPending, fmt.Sprintf("no bundle of %s is approved for what was measured", j.What)
	case j.Fails != "":
		s.State, s.Cause = backend.AttestationFailed, j.Fails
	case j.Hollow:
		s.Measured = 0
	}
	return s
}

// ApproveBundle says that what was measured on a machine is good: proofs that stay pending there by a fault pass. An error says that there is no such machine, or
// that the journal could not be written; nothing was done then.
func (h *Hardware) ApproveBundle(ref backend.Ref) error {
	if h.known(ref) == nil {
		return noDevice(ref)
	}
	return h.enter(&entry{At: h.now(), Approve: &ref}, func(at time.Time) { h.approved(ref, at) })
}

// approved lets pending proofs pass.
func (h *Hardware) approved(ref backend.Ref, at time.Time) {
	d := h.known(ref)
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle(at)
	for _, j := range d.open {
		if j.Call == opAttest {
			j.Stuck = false
		}
	}
}
