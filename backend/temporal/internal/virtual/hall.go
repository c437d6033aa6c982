package virtual

import (
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/rack"
)

const (
	firmwareID = "fw-2"
	imageID    = "os-2"
)

// mini is a hall of n small racks: three compute trays, two switches and a power shelf each, and a first maintenance that takes every activity.
func mini(n int) *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{"MINI": {
		ID: "MINI", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_mini_topology", PowerSequence: true,
		Compute: rack.Capability{Count: 3}, Switch: rack.Capability{Count: 2}, PowerShelf: rack.Capability{Count: 1},
		DefaultFirmware: map[string]string{"gb200": firmwareID}, DefaultSwitchImage: map[string]string{"gb200": imageID},
	}}}
	for r := 1; r <= n; r++ {
		id := fmt.Sprintf("R%02d", r)
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: id, ProfileID: "MINI"})
		device := func(name string, slot int) rack.ExpectedDevice {
			return rack.ExpectedDevice{ID: id + "-" + name, Name: id + "-" + name, RackID: id, BMCMAC: mac(r, slot), Slot: slot}
		}
		for i := 1; i <= 3; i++ {
			site.Machines = append(site.Machines, rack.ExpectedMachine{ExpectedDevice: device(fmt.Sprintf("compute-%d", i), i)})
		}
		for i := 1; i <= 2; i++ {
			site.Switches = append(site.Switches, rack.ExpectedSwitch{
				ExpectedDevice: device(fmt.Sprintf("switch-%d", i), 3+i), NVOSMACs: []string{mac(r, 0x40+i)},
				NVOS: backend.Credential{User: "admin", Password: backend.NewSecret("factory-default")},
			})
		}
		site.PowerShelves = append(site.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: device("shelf-1", 6)})
	}
	return site
}

func mac(rack, n int) string { return fmt.Sprintf("02:00:00:00:%02X:%02X", rack, n) }

// Devices are all devices of the hall as a host would report them.
func (s *Site) Devices() []rack.Discovery {
	var out []rack.Discovery
	for _, r := range s.site.Racks {
		for _, d := range s.manager.Site().Devices(r.ID) {
			n := len(out) + 1
			found := rack.Discovery{
				Kind: d.Kind, ID: d.ID, Rack: d.RackID, Initiator: "site-explorer",
				Endpoint: backend.Endpoint{BMCMAC: d.BMCMAC, BMCAddress: fmt.Sprintf("10.16.0.%d", n), Serial: d.Serial, Slot: d.Slot},
			}
			if sw, ok := s.manager.Site().SwitchByBMC(d.BMCMAC); ok && d.Kind == backend.KindSwitch {
				found.Endpoint.NVOSAddress = fmt.Sprintf("172.16.0.%d", n)
				found.SeenMACs = sw.NVOSMACs
			}
			out = append(out, found)
		}
	}
	return out
}

// quick are delays of one or two polls, so that every job is seen running and done.
func quick() fake.Delays {
	short := fake.Range{Min: 10 * time.Second, Max: 25 * time.Second}
	return fake.Delays{
		Boot: short, Discovery: fake.Range{Min: time.Second, Max: 2 * time.Second}, BMCReset: short, Firmware: short, SwitchImage: short, Certificate: short,
		Platform: short, MachineValidation: short, FabricManager: short, RackTestRun: short,
	}
}
