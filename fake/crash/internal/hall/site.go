// Package hall is the site that tests of crashes bring up and maintain: one small rack on simulated hardware, with people around it who remember nothing. A process that
// runs it may be killed anywhere; the next one on the same folder goes on, and what comes of it is always the same.
package hall

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/rack"
)

// The names of the files in the folder of a run.
const (
	StoreFile   = "store.db"
	JournalFile = "hardware"
	ToldFile    = "told" // what the notifier was told, a row a line
)

const (
	rackID      = "R01"
	firmware    = "fw-2"
	switchImage = "os-2"
)

// seed is that of everything that varies. Runs are compared with one another, so all of them have the same.
const seed = 1

// trouble goes wrong in every way that a repeated call can answer, and in one that needs a person: an image that fails.
const trouble = `
	lose SetFabricState count=1
	lose SubmitPlatform what=BootOrder count=1
	timeout ConfigureCertificate count=1
	fail ConfigureFabricManager count=1
	job FirmwareJob on machine/R01-compute-2 fails "bad image" count=1`

// site is one rack: two compute trays, a switch and a power shelf, and a first maintenance that takes every activity.
func site() *rack.Site {
	device := func(name string, slot int) rack.ExpectedDevice {
		id := rackID + "-" + name
		return rack.ExpectedDevice{ID: id, Name: id, RackID: rackID, BMCMAC: mac(slot), Slot: slot, BMC: backend.Credential{User: "root", Password: backend.NewSecret("factory-default")}}
	}
	return &rack.Site{
		Profiles: map[string]rack.Profile{"SMALL": {
			ID: "SMALL", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_small_topology", PowerSequence: true,
			Compute: rack.Capability{Count: 2}, Switch: rack.Capability{Count: 1}, PowerShelf: rack.Capability{Count: 1},
			DefaultFirmware: map[string]string{"gb200": firmware}, DefaultSwitchImage: map[string]string{"gb200": switchImage},
		}},
		Racks:    []rack.ExpectedRack{{ID: rackID, ProfileID: "SMALL"}},
		Machines: []rack.ExpectedMachine{{ExpectedDevice: device("compute-1", 1)}, {ExpectedDevice: device("compute-2", 2)}},
		Switches: []rack.ExpectedSwitch{{
			ExpectedDevice: device("switch-1", 3), NVOSMACs: []string{mac(0x41)},
			NVOS: backend.Credential{User: "admin", Password: backend.NewSecret("factory-default")},
		}},
		PowerShelves: []rack.ExpectedPowerShelf{{ExpectedDevice: device("shelf-1", 4)}},
	}
}

func mac(n int) string { return fmt.Sprintf("02:00:00:00:01:%02X", n) }

// delays are those of the hardware: every job is seen pending, running and done.
func delays() fake.Delays {
	short := fake.Range{Min: 20 * time.Second, Max: 40 * time.Second}
	tiny := fake.Range{Min: time.Second, Max: 2 * time.Second}
	return fake.Delays{
		Boot: short, Discovery: tiny, BMCReset: short, Firmware: short, SwitchImage: short, Certificate: short,
		Platform: fake.Range{Min: 10 * time.Second, Max: 20 * time.Second}, MachineValidation: short, FabricManager: short, RackTestRun: short, Cleanup: short,
	}
}

// config is the simulation of the site in a folder.
func config(folder string, store backend.Store) (sitesim.Config, error) {
	faults, err := fake.ParseFaults(trouble)
	if err != nil {
		return sitesim.Config{}, err
	}
	return sitesim.Config{
		Site: site(), Store: store, Seed: seed, Journal: filepath.Join(folder, JournalFile), Racking: time.Minute,
		Hardware: fake.Config{Faults: faults, Delays: delays()},
		Rack: rack.Config{
			Settings: rack.Settings{Validation: true},
			Catalog:  backend.Catalog{{ID: firmware, HardwareType: "gb200", Available: true}},
		},
	}, nil
}

// stored is how the store is opened: as in production, with one connection that reads.
var stored = sqlite.Config{Readers: 1}
