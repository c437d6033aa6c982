//go:build unix

package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

const (
	firmware    = "fw-2"
	switchImage = "os-2"
)

// hall is a site of small racks: two compute trays, a switch and a power shelf each.
func hall(racks int) *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{"SMALL": {
		ID: "SMALL", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_small_topology",
		Compute: rack.Capability{Count: 2}, Switch: rack.Capability{Count: 1}, PowerShelf: rack.Capability{Count: 1},
		DefaultFirmware: map[string]string{"gb200": firmware}, DefaultSwitchImage: map[string]string{"gb200": switchImage},
	}}}
	for r := 1; r <= racks; r++ {
		id := fmt.Sprintf("R%02d", r)
		device := func(name string, slot int) rack.ExpectedDevice {
			return rack.ExpectedDevice{ID: id + "-" + name, Name: id + "-" + name, RackID: id, BMCMAC: mac(r, slot), Slot: slot}
		}
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: id, ProfileID: "SMALL"})
		for i := 1; i <= 2; i++ {
			site.Machines = append(site.Machines, rack.ExpectedMachine{ExpectedDevice: device(fmt.Sprint("compute-", i), i)})
		}
		site.Switches = append(site.Switches, rack.ExpectedSwitch{
			ExpectedDevice: device("switch-1", 3), NVOSMACs: []string{mac(r, 0x41)},
			NVOS: backend.Credential{User: "admin", Password: backend.NewSecret("factory-default")},
		})
		site.PowerShelves = append(site.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: device("shelf-1", 4)})
	}
	return site
}

func mac(rack, n int) string { return fmt.Sprintf("02:00:00:00:%02X:%02X", rack, n) }

// managed is how racks are managed, here and there.
func managed(racks int, driver backend.Driver, engine lifecycle.Config) rack.Config {
	return rack.Config{
		Driver: driver, Site: hall(racks), Lifecycle: engine,
		Catalog: backend.Catalog{{ID: firmware, HardwareType: "gb200", Available: true}},
	}
}

// hardware is what stands in the hall: every job takes two or three polls, and some answers are lost.
func hardware(t *testing.T) fake.Config {
	t.Helper()
	short := fake.Range{Min: 20 * time.Second, Max: 40 * time.Second}
	faults, err := fake.ParseFaults("lose SubmitPlatform p=0.1; lose ApplyFirmware nth=1; lose ApplySwitchImage nth=1")
	require.NoError(t, err)
	return fake.Config{Seed: 1, Strict: true, Faults: faults, Delays: fake.Delays{
		Boot: short, Firmware: short, SwitchImage: short, Certificate: short, MachineValidation: short, FabricManager: short,
		Discovery: fake.Range{Min: time.Second, Max: 2 * time.Second}, Platform: fake.Range{Min: 10 * time.Second, Max: 20 * time.Second},
	}}
}

// overhauled says whether a rack is maintained once it is up: every third.
func overhauled(rackID string) bool { return rackID[len(rackID)-1]%3 == 0 }

// overhaul is the request for that. It has an id of its own, so asking twice is asking once.
func overhaul(rackID string) rack.MaintenanceRequest {
	return rack.MaintenanceRequest{
		ID: "overhaul-" + rackID, Rack: rackID, User: "operator",
		Scope: rack.FullRack(rack.Activity{Name: rack.FirmwareUpgrade}, rack.Activity{Name: rack.NvosUpdate}, rack.Activity{Name: rack.ConfigureNmxCluster}),
	}
}

// end is what a site comes to.
type end struct {
	States map[string]string
	// Views are what the devices are really like.
	Views map[string]fake.View
	// Requests are the states of all requests of the host, by id.
	Requests map[string]backend.RequestState
}

func endOf(t *testing.T, store backend.Store, hw *fake.Hardware) end {
	t.Helper()
	e := end{States: map[string]string{}, Views: map[string]fake.View{}, Requests: map[string]backend.RequestState{}}
	records, err := store.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	for _, r := range records {
		e.States[r.Ref.String()] = r.State
		if v, there := hw.View(r.Ref); there && r.Ref.Kind != backend.KindRack {
			e.Views[r.Ref.String()] = v
		}
		if r.Ref.Kind == backend.KindRack && overhauled(r.Ref.ID) {
			asked, err := store.Requests(t.Context(), backend.RequestQuery{ID: overhaul(r.Ref.ID).ID})
			require.NoError(t, err)
			for _, q := range asked {
				e.Requests[q.ID+" on "+q.On.String()] = q.State
			}
		}
	}
	return e
}

// undisturbed is what the same site comes to with one controller that nothing happens to.
func undisturbed(t *testing.T, racks int) end {
	t.Helper()
	store := memory.New()
	cfg := sitesim.Config{Site: hall(racks), Store: store, Seed: 1, Hardware: hardware(t), Racking: time.Minute, Rack: managed(racks, nil, lifecycle.Config{})}
	sim, err := sitesim.New(t.Context(), cfg)
	require.NoError(t, err)
	began := sim.Now()
	require.NoError(t, sim.RunUntil(t.Context(), sim.AllReady, longest))
	for _, r := range sim.Racks() {
		if overhauled(r.ID()) {
			_, err := sim.Manager().RequestMaintenance(t.Context(), overhaul(r.ID()))
			require.NoError(t, err)
		}
	}
	require.NoError(t, sim.RunUntil(t.Context(), func() bool {
		open, err := store.Requests(t.Context(), backend.RequestQuery{OpenOnly: true})
		return err == nil && len(open) == 0 && sim.AllReady()
	}, longest))
	t.Logf("undisturbed it takes %s of virtual time", sim.Now().Sub(began).Round(time.Second))
	e := endOf(t, store, sim.Hardware())
	require.NoError(t, sim.Close())
	return e
}

// longest bounds everything in virtual time.
const longest = 6 * time.Hour
