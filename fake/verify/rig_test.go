package verify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// hall is a site of small racks on simulated hardware, of which every commit and every call is looked at. A sitesim.Simulation has its driver to itself, so the loop is here again.
type hall struct {
	t        testing.TB
	store    backend.Store // wrapped
	checker  *verify.Checker
	clock    *sitesim.Clock
	hardware *fake.Hardware
	site     *rack.Site
	config   rack.Config
	*rack.Manager
}

// newHall brings up racks on a store, with trouble in the language of fake.ParseFaults.
func newHall(tb testing.TB, inner backend.Store, racks int, seed uint64, trouble string, opts ...verify.Option) *hall {
	tb.Helper()
	faults, err := fake.ParseFaults(trouble)
	require.NoError(tb, err)
	h := &hall{t: tb, clock: sitesim.NewClock(sitesim.Start), site: site(racks)}
	h.hardware = fake.New(h.clock, fake.Config{
		Seed: seed, Faults: faults, Delays: quick(), Attestation: true, DPUFirmware: map[string]string{"NIC": "2.0.0"},
		Bundles: map[string]map[string]string{"fw-2": {"BIOS": "1.5.0", "BMC": "2.0.0", "CPLD": "1.5.0"}},
	})
	h.config = rack.Config{
		Site: h.site, Credentials: &fake.Credentials{}, Catalog: backend.Catalog{{ID: "fw-2", HardwareType: "gb200", Available: true}},
		Settings: rack.Settings{Validation: true, MaxInMaintenance: 1},
		Machine: machine.Config{
			UploadLimit: 2, DPUFirmware: map[string]string{"NIC": "2.0.0"}, FirmwareRetryInterval: 10 * time.Minute,
			Firmware: []machine.Firmware{{Component: "BIOS", Version: "2.0.0", Artifacts: 2}, {Component: "CPLD", Version: "2.0.0", Reset: machine.ResetDrain}},
		},
		Lifecycle: lifecycle.Config{Clock: h.clock, Seed: seed, Logger: slog.New(slog.DiscardHandler)},
	}
	mc := h.config.Machine
	mc.Driver = h.hardware.Driver()
	machines, err := machine.New(mc)
	require.NoError(tb, err)
	h.checker = verify.NewChecker(append(opts, verify.Clock(h.clock.Now), verify.Settings(h.config.Settings), verify.Kinds(machines))...)
	h.store = verify.Wrap(inner, h.checker)
	h.config.Driver = verify.WrapDriver(h.hardware.Driver(), h.checker)
	h.restart()
	for _, id := range h.Site().Racks() {
		for _, d := range h.Site().Devices(id) {
			h.find(d)
		}
	}
	return h
}

// restart begins anew with what the store holds, as a process does.
func (h *hall) restart() {
	h.t.Helper()
	m, err := rack.NewManager(h.t.Context(), h.store, h.config)
	require.NoError(h.t, err)
	h.Manager = m
}

// find reports a device, which is put in its place if it is not there.
func (h *hall) find(d rack.SiteDevice) {
	h.t.Helper()
	ref := backend.Ref{Kind: d.Kind, ID: d.ID}
	n := slices.IndexFunc(h.Site().Devices(d.RackID), func(o rack.SiteDevice) bool { return o.ID == d.ID })
	at := rack.Discovery{Kind: d.Kind, ID: d.ID, Rack: d.RackID, Endpoint: backend.Endpoint{BMCMAC: d.BMCMAC, BMCAddress: fmt.Sprintf("10.0.0.%d", n+1), Slot: d.Slot}}
	traits := fake.Traits{}
	if strings.HasSuffix(d.ID, "compute-2") {
		traits.DPUs, at.DPUs = 2, 2
	}
	if sw, ok := h.Site().SwitchByBMC(d.BMCMAC); ok && d.Kind == backend.KindSwitch {
		at.Endpoint.NVOSAddress, at.SeenMACs = fmt.Sprintf("10.0.1.%d", n+1), sw.NVOSMACs
	}
	if _, there := h.hardware.View(ref); !there {
		require.NoError(h.t, h.hardware.Add(backend.Device{Ref: ref, Rack: d.RackID, Endpoint: at.Endpoint}, traits))
	}
	require.NoError(h.t, h.Discover(h.t.Context(), at))
}

// settle does everything that is due, asks whether all is well then, and returns when something is due again: never, for a hall that is empty, is far away.
func (h *hall) settle() time.Time {
	h.t.Helper()
	now := h.clock.Now()
	writes, err := h.hardware.Advance(now)
	require.NoError(h.t, err)
	for _, w := range writes {
		if err := h.Controller().SetLabels(h.t.Context(), w.Machine, 0, w.Set); !errors.Is(err, backend.ErrNotFound) {
			require.NoError(h.t, err)
		}
	}
	_, next, err := h.RunUntilIdle(h.t.Context(), now)
	require.NoError(h.t, err)
	if h.config.Lifecycle.Owner == "" { // else others have things to do
		h.checker.Idle()
	}
	if next.IsZero() {
		next = now.AddDate(1, 0, 0)
	}
	if at, ok := h.hardware.NextEvent(); ok && at.Before(next) {
		next = at
	}
	if !next.After(now) {
		next = now.Add(time.Microsecond)
	}
	return next
}

// run lets a while pass, or until something is wrong.
func (h *hall) run(d time.Duration) {
	h.t.Helper()
	end := h.clock.Now().Add(d)
	for {
		next := h.settle()
		if len(h.checker.Problems()) > 0 || next.After(end) {
			h.clock.Set(end)
			return
		}
		h.clock.Set(next)
	}
}

// well fails the test when a rule did not hold, or the store does not hold what was committed.
func (h *hall) well(ctx context.Context) {
	h.t.Helper()
	for i, problem := range h.checker.Problems() {
		if i < 5 {
			h.t.Errorf("at %s: %s", h.clock.Now().Format(time.DateTime), problem)
		}
	}
	require.NoError(h.t, h.checker.Audit(ctx, h.store))
}

// quick are delays of two or three polls.
func quick() fake.Delays {
	short, brief := fake.Range{Min: 20 * time.Second, Max: 40 * time.Second}, fake.Range{Min: time.Second, Max: 2 * time.Second}
	return fake.Delays{
		Boot: short, Discovery: brief, BMCReset: short, Firmware: short, SwitchImage: short, Certificate: short, Platform: short, MachineValidation: short, FabricManager: short,
		RackTestRun: short, Upload: short, Cleanup: short, Attestation: brief, DPUBoot: short, DPUAgent: brief, DPUNetwork: brief, DPUOSInstall: short,
	}
}

// site has racks of three compute trays, two switches and a power shelf each.
func site(racks int) *rack.Site {
	s := &rack.Site{Profiles: map[string]rack.Profile{"MINI": {
		ID: "MINI", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_mini_topology", PowerSequence: true,
		Compute: rack.Capability{Count: 3}, Switch: rack.Capability{Count: 2}, PowerShelf: rack.Capability{Count: 1},
		DefaultFirmware: map[string]string{"gb200": "fw-2"}, DefaultSwitchImage: map[string]string{"gb200": "os-2"},
	}}}
	mac := func(r, n int) string { return fmt.Sprintf("02:00:00:00:%02X:%02X", r, n) }
	for r := 1; r <= racks; r++ {
		id := fmt.Sprintf("R%02d", r)
		s.Racks = append(s.Racks, rack.ExpectedRack{ID: id, ProfileID: "MINI"})
		device := func(name string, slot int) rack.ExpectedDevice {
			return rack.ExpectedDevice{
				ID: id + "-" + name, Name: id + "-" + name, RackID: id, BMCMAC: mac(r, slot), Slot: slot, BMC: backend.Credential{User: "root", Password: backend.NewSecret("factory")},
			}
		}
		for i := 1; i <= 3; i++ {
			s.Machines = append(s.Machines, rack.ExpectedMachine{ExpectedDevice: device(fmt.Sprintf("compute-%d", i), i)})
		}
		for i := 1; i <= 2; i++ {
			s.Switches = append(s.Switches, rack.ExpectedSwitch{
				ExpectedDevice: device(fmt.Sprintf("switch-%d", i), 3+i), NVOSMACs: []string{mac(r, 0x40+i)},
				NVOS: backend.Credential{User: "admin", Password: backend.NewSecret("factory")},
			})
		}
		s.PowerShelves = append(s.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: device("shelf-1", 6)})
	}
	return s
}

// until lets time pass until something is the case.
func (h *hall) until(is func() bool) {
	h.t.Helper()
	for range 100_000 {
		next := h.settle()
		if is() {
			return
		}
		h.clock.Set(next)
	}
	h.t.Fatal("it has not come to that")
}

// state is the state of an object, empty when it is gone.
func (h *hall) state(ref backend.Ref) string {
	rec, _ := h.checker.World().Record(ref)
	return rec.State
}
