package scenario

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// watched is the driver of simulated hardware, of which every call is logged and shown to whoever observes it, and after any of which the controller may crash or stand still.
type watched struct {
	h *hardware
	c backend.Capabilities
}

// driver is that of the hardware with all that it can do.
func (s *simulation) driver(h *hardware) backend.Driver {
	c := s.Capabilities()
	if s.wrap != nil {
		c = s.wrap(c)
	}
	w := watched{h, c}
	out := backend.Capabilities{
		Power: w, Reset: w, Shelf: w, Inventory: w, Firmware: w, SwitchImage: w, Certificates: w, Fabric: w, SwitchCheck: w, Platform: w, Agent: w, SKU: w, Validation: w,
		RackTest: w, Upload: w, Cleanup: w, DPU: w, EventLog: w,
	}
	for _, a := range c.Attestors {
		out.Attestors = append(out.Attestors, watchedAttestor{h, a})
	}
	return out
}

// watch makes a call. One of a controller that has crashed is not made.
func watch[V any](ctx context.Context, h *hardware, name, key string, devices []backend.Device, call func() (V, error)) (V, error) {
	h.mu.Lock()
	err := ctx.Err()
	if err == nil {
		err = h.made(name, key, devices)
	}
	h.mu.Unlock()
	if err != nil {
		var none V
		return none, err
	}
	value, err := call()
	h.mu.Lock()
	h.answeredTo(name)
	h.mu.Unlock()
	if h.ended != nil {
		h.ended(ctx, name)
	}
	return value, err
}

// watchOrder makes a call that answers nothing but whether it was done.
func watchOrder(ctx context.Context, h *hardware, name, key string, devices []backend.Device, call func() error) error {
	_, err := watch(ctx, h, name, key, devices, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func only(d backend.Device) []backend.Device { return []backend.Device{d} }

// targets are the devices of jobs.
func (w watched) targets(jobs ...backend.Job) []backend.Device {
	out := make([]backend.Device, len(jobs))
	for i, j := range jobs {
		out[i] = w.h.deviceOf(j.Device, j.Endpoint)
	}
	return out
}

func (w watched) SetPower(ctx context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	return watchOrder(ctx, w.h, "SetPower", key, devices, func() error { return w.c.Power.SetPower(ctx, key, action, devices) })
}

func (w watched) PowerState(ctx context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	return watch(ctx, w.h, "PowerState", "", devices, func() (map[backend.Ref]backend.PowerState, error) { return w.c.Power.PowerState(ctx, devices) })
}

func (w watched) ResetHost(ctx context.Context, key string, d backend.Device) error {
	return watchOrder(ctx, w.h, "ResetHost", key, only(d), func() error { return w.c.Reset.ResetHost(ctx, key, d) })
}

func (w watched) ResetBMC(ctx context.Context, key string, d backend.Device) error {
	return watchOrder(ctx, w.h, "ResetBMC", key, only(d), func() error { return w.c.Reset.ResetBMC(ctx, key, d) })
}

func (w watched) FetchShelf(ctx context.Context, d backend.Device) (backend.ShelfData, error) {
	return watch(ctx, w.h, "FetchShelf", "", only(d), func() (backend.ShelfData, error) { return w.c.Shelf.FetchShelf(ctx, d) })
}

func (w watched) ConfigureShelf(ctx context.Context, key string, d backend.Device) error {
	return watchOrder(ctx, w.h, "ConfigureShelf", key, only(d), func() error { return w.c.Shelf.ConfigureShelf(ctx, key, d) })
}

func (w watched) Placement(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return watch(ctx, w.h, "Placement", "", switches, func() (map[backend.Ref]backend.Placement, error) { return w.c.Inventory.Placement(ctx, switches) })
}

func (w watched) FirmwareInventory(ctx context.Context, d backend.Device) (map[string]string, error) {
	return watch(ctx, w.h, "FirmwareInventory", "", only(d), func() (map[string]string, error) { return w.c.Inventory.FirmwareInventory(ctx, d) })
}

func (w watched) ApplyFirmware(ctx context.Context, key string, order backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	return watch(ctx, w.h, "ApplyFirmware", key, devices, func() (map[backend.Ref]string, error) { return w.c.Firmware.ApplyFirmware(ctx, key, order, devices) })
}

func (w watched) FirmwareJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return watch(ctx, w.h, firmwarePoll, "", w.targets(jobs...), func() (backend.Jobs, error) { return w.c.Firmware.FirmwareJob(ctx, jobs) })
}

func (w watched) ApplySwitchImage(ctx context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	return watch(ctx, w.h, "ApplySwitchImage", key, switches, func() (map[backend.Ref]backend.ImageFile, error) {
		return w.c.SwitchImage.ApplySwitchImage(ctx, key, image, switches)
	})
}

func (w watched) SwitchImageJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return watch(ctx, w.h, imagePoll, "", w.targets(jobs...), func() (backend.Jobs, error) { return w.c.SwitchImage.SwitchImageJob(ctx, jobs) })
}

func (w watched) ConfigureCertificate(ctx context.Context, key string, d backend.Device, domain string) (string, error) {
	return watch(ctx, w.h, "ConfigureCertificate", key, only(d), func() (string, error) { return w.c.Certificates.ConfigureCertificate(ctx, key, d, domain) })
}

func (w watched) CertificateJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return watch(ctx, w.h, certificatePoll, "", w.targets(job), func() (backend.JobStatus, error) { return w.c.Certificates.CertificateJob(ctx, job) })
}

func (w watched) SetFabricState(ctx context.Context, key string, on bool, switches []backend.Device) error {
	return watchOrder(ctx, w.h, "SetFabricState", key, switches, func() error { return w.c.Fabric.SetFabricState(ctx, key, on, switches) })
}

func (w watched) ConfigureFabricManager(ctx context.Context, key string, order backend.FabricOrder) error {
	return watchOrder(ctx, w.h, "ConfigureFabricManager", key, only(order.Primary), func() error { return w.c.Fabric.ConfigureFabricManager(ctx, key, order) })
}

func (w watched) FabricStatus(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.FabricReport, error) {
	return watch(ctx, w.h, "FabricStatus", "", switches, func() (map[backend.Ref]backend.FabricReport, error) { return w.c.Fabric.FabricStatus(ctx, switches) })
}

func (w watched) CheckSwitch(ctx context.Context, d backend.Device) error {
	return watchOrder(ctx, w.h, "CheckSwitch", "", only(d), func() error { return w.c.SwitchCheck.CheckSwitch(ctx, d) })
}

func (w watched) InspectPlatform(ctx context.Context, d backend.Device, kind backend.PlatformKind) (backend.PlatformStatus, error) {
	return watch(ctx, w.h, "InspectPlatform", "", only(d), func() (backend.PlatformStatus, error) { return w.c.Platform.InspectPlatform(ctx, d, kind) })
}

func (w watched) SubmitPlatform(ctx context.Context, key string, d backend.Device, kind backend.PlatformKind) (string, error) {
	return watch(ctx, w.h, "SubmitPlatform", key, only(d), func() (string, error) { return w.c.Platform.SubmitPlatform(ctx, key, d, kind) })
}

func (w watched) PlatformJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return watch(ctx, w.h, "PlatformJob", "", w.targets(job), func() (backend.JobStatus, error) { return w.c.Platform.PlatformJob(ctx, job) })
}

func (w watched) Discover(ctx context.Context, d backend.Device) (backend.AgentReport, error) {
	return watch(ctx, w.h, "Discover", "", only(d), func() (backend.AgentReport, error) { return w.c.Agent.Discover(ctx, d) })
}

func (w watched) MatchSKU(ctx context.Context, d backend.Device, assigned string, parts map[string]string) (backend.SKUMatch, error) {
	return watch(ctx, w.h, "MatchSKU", "", only(d), func() (backend.SKUMatch, error) { return w.c.SKU.MatchSKU(ctx, d, assigned, parts) })
}

func (w watched) ValidateMachine(ctx context.Context, key string, d backend.Device) (string, error) {
	return watch(ctx, w.h, "ValidateMachine", key, only(d), func() (string, error) { return w.c.Validation.ValidateMachine(ctx, key, d) })
}

func (w watched) ValidationJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return watch(ctx, w.h, validationPoll, "", w.targets(job), func() (backend.JobStatus, error) { return w.c.Validation.ValidationJob(ctx, job) })
}

func (w watched) StartValidation(ctx context.Context, key, rack string, machines []backend.Device) error {
	return watchOrder(ctx, w.h, "StartValidation", key, machines, func() error { return w.c.RackTest.StartValidation(ctx, key, rack, machines) })
}

func (w watched) UploadFirmware(ctx context.Context, key string, d backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	return watch(ctx, w.h, "UploadFirmware", key, only(d), func() (backend.UploadStatus, error) { return w.c.Upload.UploadFirmware(ctx, key, d, artifact) })
}

func (w watched) FirmwareTask(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return watch(ctx, w.h, "FirmwareTask", "", w.targets(job), func() (backend.JobStatus, error) { return w.c.Upload.FirmwareTask(ctx, job) })
}

func (w watched) StartCleanup(ctx context.Context, key string, d backend.Device, steps []backend.CleanupStep) (string, error) {
	return watch(ctx, w.h, "StartCleanup", key, only(d), func() (string, error) { return w.c.Cleanup.StartCleanup(ctx, key, d, steps) })
}

func (w watched) CleanupJob(ctx context.Context, job backend.Job) (backend.CleanupStatus, error) {
	return watch(ctx, w.h, cleanupPoll, "", w.targets(job), func() (backend.CleanupStatus, error) { return w.c.Cleanup.CleanupJob(ctx, job) })
}

func (w watched) DPUs(ctx context.Context, d backend.Device) ([]backend.DPUReport, error) {
	return watch(ctx, w.h, "DPUs", "", only(d), func() ([]backend.DPUReport, error) { return w.c.DPU.DPUs(ctx, d) })
}

func (w watched) RestartDPUs(ctx context.Context, key string, d backend.Device) error {
	return watchOrder(ctx, w.h, "RestartDPUs", key, only(d), func() error { return w.c.DPU.RestartDPUs(ctx, key, d) })
}

func (w watched) ConfigureDPUNetwork(ctx context.Context, key string, d backend.Device, network string) error {
	return watchOrder(ctx, w.h, "ConfigureDPUNetwork", key, only(d), func() error { return w.c.DPU.ConfigureDPUNetwork(ctx, key, d, network) })
}

func (w watched) Events(ctx context.Context, d backend.Device, since time.Time) ([]backend.Event, error) {
	return watch(ctx, w.h, "Events", "", only(d), func() ([]backend.Event, error) { return w.c.EventLog.Events(ctx, d, since) })
}

// watchedAttestor is one attestor.
type watchedAttestor struct {
	h *hardware
	backend.Attestor
}

// Attest asks for a proof.
func (a watchedAttestor) Attest(ctx context.Context, key string, d backend.Device) (string, error) {
	return watch(ctx, a.h, "Attest", key, only(d), func() (string, error) { return a.Attestor.Attest(ctx, key, d) })
}

// Attestation looks at a proof.
func (a watchedAttestor) Attestation(ctx context.Context, job backend.Job) (backend.AttestationStatus, error) {
	devices := []backend.Device{a.h.deviceOf(job.Device, job.Endpoint)}
	return watch(ctx, a.h, "Attestation", "", devices, func() (backend.AttestationStatus, error) { return a.Attestor.Attestation(ctx, job) })
}
