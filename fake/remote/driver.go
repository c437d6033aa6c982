package remote

import (
	"context"

	"github.com/rackstate/rackstate/backend"
)

// SetPower begins a change of power.
func (s *Site) SetPower(ctx context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	return order(ctx, s, "SetPower", call{Key: key, Action: action, Devices: devices})
}

// PowerState returns the power of each device.
func (s *Site) PowerState(ctx context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	return ask[map[backend.Ref]backend.PowerState](ctx, s, "PowerState", call{Devices: devices})
}

// ResetHost restarts a host.
func (s *Site) ResetHost(ctx context.Context, key string, device backend.Device) error {
	return order(ctx, s, "ResetHost", call{Key: key, Device: device})
}

// ResetBMC restarts a management controller.
func (s *Site) ResetBMC(ctx context.Context, key string, device backend.Device) error {
	return order(ctx, s, "ResetBMC", call{Key: key, Device: device})
}

// FetchShelf reads the data of a shelf.
func (s *Site) FetchShelf(ctx context.Context, device backend.Device) (backend.ShelfData, error) {
	return ask[backend.ShelfData](ctx, s, "FetchShelf", call{Device: device})
}

// ConfigureShelf sets up the controller of a shelf.
func (s *Site) ConfigureShelf(ctx context.Context, key string, device backend.Device) error {
	return order(ctx, s, "ConfigureShelf", call{Key: key, Device: device})
}

// Placement returns where switches sit.
func (s *Site) Placement(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return ask[map[backend.Ref]backend.Placement](ctx, s, "Placement", call{Devices: switches})
}

// FirmwareInventory returns the versions of a device.
func (s *Site) FirmwareInventory(ctx context.Context, device backend.Device) (map[string]string, error) {
	return ask[map[string]string](ctx, s, "FirmwareInventory", call{Device: device})
}

// ApplyFirmware submits a job for each device.
func (s *Site) ApplyFirmware(ctx context.Context, key string, firmware backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	return ask[map[backend.Ref]string](ctx, s, "ApplyFirmware", call{Key: key, Firmware: firmware, Devices: devices})
}

// FirmwareJob polls jobs.
func (s *Site) FirmwareJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return ask[backend.Jobs](ctx, s, "FirmwareJob", call{Jobs: jobs})
}

// ApplySwitchImage submits a job for each switch.
func (s *Site) ApplySwitchImage(ctx context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	return ask[map[backend.Ref]backend.ImageFile](ctx, s, "ApplySwitchImage", call{Key: key, Text: image, Devices: switches})
}

// SwitchImageJob polls jobs.
func (s *Site) SwitchImageJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return ask[backend.Jobs](ctx, s, "SwitchImageJob", call{Jobs: jobs})
}

// ConfigureCertificate submits the installation of a certificate.
func (s *Site) ConfigureCertificate(ctx context.Context, key string, device backend.Device, domain string) (string, error) {
	return ask[string](ctx, s, "ConfigureCertificate", call{Key: key, Device: device, Text: domain})
}

// CertificateJob polls a job.
func (s *Site) CertificateJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return ask[backend.JobStatus](ctx, s, "CertificateJob", call{Job: job})
}

// SetFabricState turns the fabric of switches on or off.
func (s *Site) SetFabricState(ctx context.Context, key string, on bool, switches []backend.Device) error {
	return order(ctx, s, "SetFabricState", call{Key: key, On: on, Devices: switches})
}

// ConfigureFabricManager configures the fabric manager of a rack.
func (s *Site) ConfigureFabricManager(ctx context.Context, key string, fabric backend.FabricOrder) error {
	return order(ctx, s, "ConfigureFabricManager", call{Key: key, Fabric: fabric})
}

// FabricStatus returns what switches say about their fabric manager.
func (s *Site) FabricStatus(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.FabricReport, error) {
	return ask[map[backend.Ref]backend.FabricReport](ctx, s, "FabricStatus", call{Devices: switches})
}

// InspectPlatform looks whether a piece of platform configuration is there.
func (s *Site) InspectPlatform(ctx context.Context, device backend.Device, kind backend.PlatformKind) (backend.PlatformStatus, error) {
	return ask[backend.PlatformStatus](ctx, s, "InspectPlatform", call{Device: device, Platform: kind})
}

// SubmitPlatform asks for a piece of platform configuration.
func (s *Site) SubmitPlatform(ctx context.Context, key string, device backend.Device, kind backend.PlatformKind) (string, error) {
	return ask[string](ctx, s, "SubmitPlatform", call{Key: key, Device: device, Platform: kind})
}

// PlatformJob polls a job.
func (s *Site) PlatformJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return ask[backend.JobStatus](ctx, s, "PlatformJob", call{Job: job})
}

// Discover returns the latest report of a host.
func (s *Site) Discover(ctx context.Context, device backend.Device) (backend.AgentReport, error) {
	return ask[backend.AgentReport](ctx, s, "Discover", call{Device: device})
}

// MatchSKU compares the parts of a host with the catalogue.
func (s *Site) MatchSKU(ctx context.Context, device backend.Device, assigned string, parts map[string]string) (backend.SKUMatch, error) {
	return ask[backend.SKUMatch](ctx, s, "MatchSKU", call{Device: device, SKU: assigned, Parts: parts})
}

// ValidateMachine starts the tests of a machine.
func (s *Site) ValidateMachine(ctx context.Context, key string, device backend.Device) (string, error) {
	return ask[string](ctx, s, "ValidateMachine", call{Key: key, Device: device})
}

// ValidationJob polls the tests of a machine.
func (s *Site) ValidationJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return ask[backend.JobStatus](ctx, s, "ValidationJob", call{Job: job})
}
