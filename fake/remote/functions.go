package remote

import (
	"context"

	"github.com/rackstate/rackstate/backend"
)

// function is one method of a capability.
type function func(ctx context.Context, q *call) (any, error)

// functions are the methods of a driver by name.
func functions(c backend.Capabilities) map[string]function {
	all := hostFunctions(c)
	for name, f := range rackFunctions(c) {
		all[name] = f
	}
	return all
}

// hostFunctions are those that are called for one device.
func hostFunctions(c backend.Capabilities) map[string]function {
	return map[string]function{
		"ResetHost":  func(ctx context.Context, q *call) (any, error) { return nil, c.Reset.ResetHost(ctx, q.Key, q.Device) },
		"ResetBMC":   func(ctx context.Context, q *call) (any, error) { return nil, c.Reset.ResetBMC(ctx, q.Key, q.Device) },
		"FetchShelf": func(ctx context.Context, q *call) (any, error) { return c.Shelf.FetchShelf(ctx, q.Device) },
		"ConfigureShelf": func(ctx context.Context, q *call) (any, error) {
			return nil, c.Shelf.ConfigureShelf(ctx, q.Key, q.Device)
		},
		"InspectPlatform": func(ctx context.Context, q *call) (any, error) {
			return c.Platform.InspectPlatform(ctx, q.Device, q.Platform)
		},
		"SubmitPlatform": func(ctx context.Context, q *call) (any, error) {
			return c.Platform.SubmitPlatform(ctx, q.Key, q.Device, q.Platform)
		},
		"PlatformJob": func(ctx context.Context, q *call) (any, error) { return c.Platform.PlatformJob(ctx, q.Job) },
		"Discover":    func(ctx context.Context, q *call) (any, error) { return c.Agent.Discover(ctx, q.Device) },
		"MatchSKU":    func(ctx context.Context, q *call) (any, error) { return c.SKU.MatchSKU(ctx, q.Device, q.SKU, q.Parts) },
		"ValidateMachine": func(ctx context.Context, q *call) (any, error) {
			return c.Validation.ValidateMachine(ctx, q.Key, q.Device)
		},
		"ValidationJob": func(ctx context.Context, q *call) (any, error) { return c.Validation.ValidationJob(ctx, q.Job) },
		"ConfigureCertificate": func(ctx context.Context, q *call) (any, error) {
			return c.Certificates.ConfigureCertificate(ctx, q.Key, q.Device, q.Text)
		},
		"CertificateJob":    func(ctx context.Context, q *call) (any, error) { return c.Certificates.CertificateJob(ctx, q.Job) },
		"FirmwareInventory": func(ctx context.Context, q *call) (any, error) { return c.Inventory.FirmwareInventory(ctx, q.Device) },
	}
}

// rackFunctions are those that are called for many devices.
func rackFunctions(c backend.Capabilities) map[string]function {
	return map[string]function{
		"SetPower": func(ctx context.Context, q *call) (any, error) {
			return nil, c.Power.SetPower(ctx, q.Key, q.Action, q.Devices)
		},
		"PowerState": func(ctx context.Context, q *call) (any, error) { return c.Power.PowerState(ctx, q.Devices) },
		"Placement":  func(ctx context.Context, q *call) (any, error) { return c.Inventory.Placement(ctx, q.Devices) },
		"ApplyFirmware": func(ctx context.Context, q *call) (any, error) {
			return c.Firmware.ApplyFirmware(ctx, q.Key, q.Firmware, q.Devices)
		},
		"FirmwareJob":    func(ctx context.Context, q *call) (any, error) { return c.Firmware.FirmwareJob(ctx, q.Jobs) },
		"SwitchImageJob": func(ctx context.Context, q *call) (any, error) { return c.SwitchImage.SwitchImageJob(ctx, q.Jobs) },
		"ApplySwitchImage": func(ctx context.Context, q *call) (any, error) {
			return c.SwitchImage.ApplySwitchImage(ctx, q.Key, q.Text, q.Devices)
		},
		"SetFabricState": func(ctx context.Context, q *call) (any, error) {
			return nil, c.Fabric.SetFabricState(ctx, q.Key, q.On, q.Devices)
		},
		"ConfigureFabricManager": func(ctx context.Context, q *call) (any, error) {
			return nil, c.Fabric.ConfigureFabricManager(ctx, q.Key, q.Fabric)
		},
		"FabricStatus": func(ctx context.Context, q *call) (any, error) { return c.Fabric.FabricStatus(ctx, q.Devices) },
	}
}
