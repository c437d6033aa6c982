package verify

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
)

// WrapDriver puts a checker around a driver: every call with a key is looked at before it is made, and what is wrong is among Checker.Problems. Calls that only look pass through.
func WrapDriver(inner backend.Driver, c *Checker) backend.Driver {
	in := inner.Capabilities()
	out := in
	w := watch{c}
	if in.Power != nil {
		out.Power = power{in.Power, w}
	}
	if in.Reset != nil {
		out.Reset = reset{in.Reset, w}
	}
	if in.Shelf != nil {
		out.Shelf = shelf{in.Shelf, w}
	}
	if in.Firmware != nil {
		out.Firmware = firmware{in.Firmware, w}
	}
	if in.SwitchImage != nil {
		out.SwitchImage = switchImage{in.SwitchImage, w}
	}
	if in.Certificates != nil {
		out.Certificates = certificates{in.Certificates, w}
	}
	if in.Fabric != nil {
		out.Fabric = fabric{in.Fabric, w}
	}
	if in.RackTest != nil {
		out.RackTest = rackTest{in.RackTest, w}
	}
	wrapHost(&out, w)
	return out
}

// wrapHost wraps what only machines use.
func wrapHost(out *backend.Capabilities, w watch) {
	if out.Platform != nil {
		out.Platform = platform{out.Platform, w}
	}
	if out.Validation != nil {
		out.Validation = validation{out.Validation, w}
	}
	if out.Upload != nil {
		out.Upload = upload{out.Upload, w}
	}
	if out.Cleanup != nil {
		out.Cleanup = cleanup{out.Cleanup, w}
	}
	if out.DPU != nil {
		out.DPU = dpu{out.DPU, w}
	}
	attestors := out.Attestors
	out.Attestors = nil
	for _, a := range attestors {
		out.Attestors = append(out.Attestors, attestor{a, w})
	}
}

// WrapTenant does the same for the network of tenants.
func WrapTenant(inner machine.Tenant, c *Checker) machine.Tenant { return tenant{inner, watch{c}} }

// watch tells the checker of calls.
type watch struct{ c *Checker }

func (w watch) call(name, key string, devices ...backend.Device) {
	w.c.Call(Call{Name: name, Key: key, Devices: devices})
}

type power struct {
	backend.Power
	watch
}

func (p power) SetPower(ctx context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	p.call("SetPower", key, devices...)
	return p.Power.SetPower(ctx, key, action, devices)
}

type reset struct {
	backend.Reset
	watch
}

func (r reset) ResetHost(ctx context.Context, key string, device backend.Device) error {
	r.call("ResetHost", key, device)
	return r.Reset.ResetHost(ctx, key, device)
}

func (r reset) ResetBMC(ctx context.Context, key string, device backend.Device) error {
	r.call("ResetBMC", key, device)
	return r.Reset.ResetBMC(ctx, key, device)
}

type shelf struct {
	backend.Shelf
	watch
}

func (s shelf) ConfigureShelf(ctx context.Context, key string, device backend.Device) error {
	s.call("ConfigureShelf", key, device)
	return s.Shelf.ConfigureShelf(ctx, key, device)
}

type firmware struct {
	backend.Firmware
	watch
}

func (f firmware) ApplyFirmware(ctx context.Context, key string, order backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	f.call("ApplyFirmware", key, devices...)
	return f.Firmware.ApplyFirmware(ctx, key, order, devices)
}

type switchImage struct {
	backend.SwitchImage
	watch
}

func (s switchImage) ApplySwitchImage(ctx context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	s.call("ApplySwitchImage", key, switches...)
	return s.SwitchImage.ApplySwitchImage(ctx, key, image, switches)
}

type certificates struct {
	backend.Certificates
	watch
}

func (c certificates) ConfigureCertificate(ctx context.Context, key string, device backend.Device, domain string) (string, error) {
	c.call("ConfigureCertificate", key, device)
	return c.Certificates.ConfigureCertificate(ctx, key, device, domain)
}

type fabric struct {
	backend.Fabric
	watch
}

func (f fabric) SetFabricState(ctx context.Context, key string, on bool, switches []backend.Device) error {
	f.call("SetFabricState", key, switches...)
	return f.Fabric.SetFabricState(ctx, key, on, switches)
}

func (f fabric) ConfigureFabricManager(ctx context.Context, key string, order backend.FabricOrder) error {
	f.call("ConfigureFabricManager", key, append([]backend.Device{order.Primary}, order.Switches...)...)
	return f.Fabric.ConfigureFabricManager(ctx, key, order)
}

type rackTest struct {
	backend.RackTest
	watch
}

func (r rackTest) StartValidation(ctx context.Context, key, rack string, machines []backend.Device) error {
	r.call("StartValidation", key, machines...)
	return r.RackTest.StartValidation(ctx, key, rack, machines)
}
