package verify

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
)

type platform struct {
	backend.Platform
	watch
}

func (p platform) SubmitPlatform(ctx context.Context, key string, device backend.Device, kind backend.PlatformKind) (string, error) {
	p.call("SubmitPlatform", key, device)
	return p.Platform.SubmitPlatform(ctx, key, device, kind)
}

type validation struct {
	backend.Validation
	watch
}

func (v validation) ValidateMachine(ctx context.Context, key string, device backend.Device) (string, error) {
	v.call("ValidateMachine", key, device)
	return v.Validation.ValidateMachine(ctx, key, device)
}

type upload struct {
	backend.Upload
	watch
}

func (u upload) UploadFirmware(ctx context.Context, key string, device backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	u.call("UploadFirmware", key, device)
	return u.Upload.UploadFirmware(ctx, key, device, artifact)
}

type cleanup struct {
	backend.Cleanup
	watch
}

func (c cleanup) StartCleanup(ctx context.Context, key string, device backend.Device, steps []backend.CleanupStep) (string, error) {
	c.call("StartCleanup", key, device)
	return c.Cleanup.StartCleanup(ctx, key, device, steps)
}

type dpu struct {
	backend.DPU
	watch
}

func (d dpu) RestartDPUs(ctx context.Context, key string, host backend.Device) error {
	d.call("RestartDPUs", key, host)
	return d.DPU.RestartDPUs(ctx, key, host)
}

func (d dpu) ConfigureDPUNetwork(ctx context.Context, key string, host backend.Device, network string) error {
	d.call("ConfigureDPUNetwork", key, host)
	return d.DPU.ConfigureDPUNetwork(ctx, key, host, network)
}

type attestor struct {
	backend.Attestor
	watch
}

func (a attestor) Attest(ctx context.Context, key string, device backend.Device) (string, error) {
	a.call("Attest", key, device)
	return a.Attestor.Attest(ctx, key, device)
}

type tenant struct {
	machine.Tenant
	watch
}

func (t tenant) Provision(ctx context.Context, key string, device backend.Device, name string) (bool, error) {
	t.call("Provision", key, device)
	return t.Tenant.Provision(ctx, key, device, name)
}

func (t tenant) Release(ctx context.Context, key string, device backend.Device, name string) (bool, error) {
	t.call("Release", key, device)
	return t.Tenant.Release(ctx, key, device, name)
}
