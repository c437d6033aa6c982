package sitesim

import (
	"context"
	"runtime"

	"github.com/rackstate/rackstate/backend"
)

// wire is stretched across the points where a process may die. At the given one it ends the goroutine that plays the process, as kill -9 ends a
// process: from there on nothing is decided, written or answered any more.
type wire struct {
	at, passed int
}

// pass is a point at which the process may die.
func (w *wire) pass() { w.passOr(func() {}) }

// passOr is a point at which the process may die right after it has done something that a process which lives on does not do by itself.
func (w *wire) passOr(last func()) {
	if w.passed++; w.passed == w.at {
		last()
		runtime.Goexit()
	}
}

// mortalStore is a store whose process may die before and after each commit.
type mortalStore struct {
	backend.Store
	*wire
}

// Commit commits between two points of the wire.
func (m mortalStore) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	m.pass()
	results, err := m.Store.Commit(ctx, batch)
	m.pass()
	return results, err
}

// mortalDriver is a driver whose process may die before and after each call, and in a call that changes several devices when half of them have
// heard of it.
type mortalDriver struct {
	backend.Capabilities
	*wire
}

// stretch wraps all capabilities of a driver.
func (w *wire) stretch(d backend.Driver) backend.Driver {
	m := mortalDriver{d.Capabilities(), w}
	c := backend.Capabilities{
		Power: m, Reset: m, Shelf: m, Inventory: m, Firmware: m, SwitchImage: m, Certificates: m, Fabric: m, SwitchCheck: m, Platform: m,
		Agent: m, SKU: m, Validation: m, RackTest: m, Upload: m, Cleanup: m, DPU: m, EventLog: m,
	}
	for _, a := range m.Attestors {
		c.Attestors = append(c.Attestors, mortalAttestor{a, w})
	}
	return c
}

// between makes a call between two points of the wire.
func between[T any](w *wire, call func() (T, error)) (T, error) {
	w.pass()
	answer, err := call()
	w.pass()
	return answer, err
}

// half makes a call for several devices between two points of the wire, with a third one at which only the first half has heard of it.
func half[T any](w *wire, devices []backend.Device, call func([]backend.Device) (T, error)) (T, error) {
	if n := len(devices) / 2; n > 0 {
		w.passOr(func() { _, _ = call(devices[:n:n]) })
	}
	return between(w, func() (T, error) { return call(devices) })
}

type none = struct{}

func (m mortalDriver) SetPower(ctx context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	_, err := half(m.wire, devices, func(some []backend.Device) (none, error) { return none{}, m.Power.SetPower(ctx, key, action, some) })
	return err
}

func (m mortalDriver) PowerState(ctx context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	return between(m.wire, func() (map[backend.Ref]backend.PowerState, error) { return m.Power.PowerState(ctx, devices) })
}

func (m mortalDriver) ResetHost(ctx context.Context, key string, device backend.Device) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.Reset.ResetHost(ctx, key, device) })
	return err
}

func (m mortalDriver) ResetBMC(ctx context.Context, key string, device backend.Device) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.Reset.ResetBMC(ctx, key, device) })
	return err
}

func (m mortalDriver) FetchShelf(ctx context.Context, device backend.Device) (backend.ShelfData, error) {
	return between(m.wire, func() (backend.ShelfData, error) { return m.Shelf.FetchShelf(ctx, device) })
}

func (m mortalDriver) ConfigureShelf(ctx context.Context, key string, device backend.Device) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.Shelf.ConfigureShelf(ctx, key, device) })
	return err
}

func (m mortalDriver) Placement(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return between(m.wire, func() (map[backend.Ref]backend.Placement, error) { return m.Inventory.Placement(ctx, switches) })
}

func (m mortalDriver) FirmwareInventory(ctx context.Context, device backend.Device) (map[string]string, error) {
	return between(m.wire, func() (map[string]string, error) { return m.Inventory.FirmwareInventory(ctx, device) })
}

func (m mortalDriver) ApplyFirmware(ctx context.Context, key string, order backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	return half(m.wire, devices, func(some []backend.Device) (map[backend.Ref]string, error) {
		return m.Firmware.ApplyFirmware(ctx, key, order, some)
	})
}

func (m mortalDriver) FirmwareJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return between(m.wire, func() (backend.Jobs, error) { return m.Firmware.FirmwareJob(ctx, jobs) })
}

func (m mortalDriver) ApplySwitchImage(ctx context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	return half(m.wire, switches, func(some []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
		return m.SwitchImage.ApplySwitchImage(ctx, key, image, some)
	})
}

func (m mortalDriver) SwitchImageJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return between(m.wire, func() (backend.Jobs, error) { return m.SwitchImage.SwitchImageJob(ctx, jobs) })
}

func (m mortalDriver) ConfigureCertificate(ctx context.Context, key string, device backend.Device, domain string) (string, error) {
	return between(m.wire, func() (string, error) { return m.Certificates.ConfigureCertificate(ctx, key, device, domain) })
}

func (m mortalDriver) CertificateJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return between(m.wire, func() (backend.JobStatus, error) { return m.Certificates.CertificateJob(ctx, job) })
}

func (m mortalDriver) SetFabricState(ctx context.Context, key string, on bool, switches []backend.Device) error {
	_, err := half(m.wire, switches, func(some []backend.Device) (none, error) { return none{}, m.Fabric.SetFabricState(ctx, key, on, some) })
	return err
}

func (m mortalDriver) ConfigureFabricManager(ctx context.Context, key string, order backend.FabricOrder) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.Fabric.ConfigureFabricManager(ctx, key, order) })
	return err
}

func (m mortalDriver) FabricStatus(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.FabricReport, error) {
	return between(m.wire, func() (map[backend.Ref]backend.FabricReport, error) { return m.Fabric.FabricStatus(ctx, switches) })
}

func (m mortalDriver) CheckSwitch(ctx context.Context, device backend.Device) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.SwitchCheck.CheckSwitch(ctx, device) })
	return err
}

func (m mortalDriver) InspectPlatform(ctx context.Context, device backend.Device, kind backend.PlatformKind) (backend.PlatformStatus, error) {
	return between(m.wire, func() (backend.PlatformStatus, error) { return m.Platform.InspectPlatform(ctx, device, kind) })
}

func (m mortalDriver) SubmitPlatform(ctx context.Context, key string, device backend.Device, kind backend.PlatformKind) (string, error) {
	return between(m.wire, func() (string, error) { return m.Platform.SubmitPlatform(ctx, key, device, kind) })
}

func (m mortalDriver) PlatformJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return between(m.wire, func() (backend.JobStatus, error) { return m.Platform.PlatformJob(ctx, job) })
}

func (m mortalDriver) Discover(ctx context.Context, device backend.Device) (backend.AgentReport, error) {
	return between(m.wire, func() (backend.AgentReport, error) { return m.Agent.Discover(ctx, device) })
}

func (m mortalDriver) MatchSKU(ctx context.Context, device backend.Device, assigned string, parts map[string]string) (backend.SKUMatch, error) {
	return between(m.wire, func() (backend.SKUMatch, error) { return m.SKU.MatchSKU(ctx, device, assigned, parts) })
}

func (m mortalDriver) ValidateMachine(ctx context.Context, key string, device backend.Device) (string, error) {
	return between(m.wire, func() (string, error) { return m.Validation.ValidateMachine(ctx, key, device) })
}

func (m mortalDriver) ValidationJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return between(m.wire, func() (backend.JobStatus, error) { return m.Validation.ValidationJob(ctx, job) })
}

func (m mortalDriver) StartValidation(ctx context.Context, key, rack string, machines []backend.Device) error {
	_, err := between(m.wire, func() (none, error) { return none{}, m.RackTest.StartValidation(ctx, key, rack, machines) })
	return err
}
