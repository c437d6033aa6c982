package sitesim

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// mortalAttestor is an attestor whose process may die before and after each call.
type mortalAttestor struct {
	backend.Attestor
	*wire
}

func (m mortalAttestor) Attest(ctx context.Context, key string, device backend.Device) (string, error) {
	return between(m.wire, func() (string, error) { return m.Attestor.Attest(ctx, key, device) })
}

func (m mortalAttestor) Attestation(ctx context.Context, job backend.Job) (backend.AttestationStatus, error) {
	return between(m.wire, func() (backend.AttestationStatus, error) { return m.Attestor.Attestation(ctx, job) })
}

func (m mortalDriver) UploadFirmware(ctx context.Context, key string, device backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	return between(m.wire, func() (backend.UploadStatus, error) { return m.Upload.UploadFirmware(ctx, key, device, artifact) })
}

func (m mortalDriver) FirmwareTask(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return between(m.wire, func() (backend.JobStatus, error) { return m.Upload.FirmwareTask(ctx, job) })
}

func (m mortalDriver) StartCleanup(ctx context.Context, key string, device backend.Device, steps []backend.CleanupStep) (string, error) {
	return between(m.wire, func() (string, error) { return m.Cleanup.StartCleanup(ctx, key, device, steps) })
}

func (m mortalDriver) CleanupJob(ctx context.Context, job backend.Job) (backend.CleanupStatus, error) {
	return between(m.wire, func() (backend.CleanupStatus, error) { return m.Cleanup.CleanupJob(ctx, job) })
}

func (m mortalDriver) DPUs(ctx context.Context, host backend.Device) ([]backend.DPUReport, error) {
	return between(m.wire, func() ([]backend.DPUReport, error) { return m.DPU.DPUs(ctx, host) })
}

func (m mortalDriver) RestartDPUs(ctx context.Context, key string, host backend.Device) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.DPU.RestartDPUs(ctx, key, host) })
	return err
}

func (m mortalDriver) ConfigureDPUNetwork(ctx context.Context, key string, host backend.Device, network string) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.DPU.ConfigureDPUNetwork(ctx, key, host, network) })
	return err
}

func (m mortalDriver) Events(ctx context.Context, device backend.Device, since time.Time) ([]backend.Event, error) {
	return between(m.wire, func() ([]backend.Event, error) { return m.EventLog.Events(ctx, device, since) })
}
