package main

import (
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

const (
	firmware    = "fw-gb200-1.3.0"
	switchImage = "nvos-25.02.3"
)

// hall is a site of small racks: two compute trays, two switches and a power shelf each.
func hall(racks int) *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{"NVL2": {
		ID: "NVL2", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_nvl2_topology",
		Compute: rack.Capability{Count: 2}, Switch: rack.Capability{Count: 2}, PowerShelf: rack.Capability{Count: 1},
		DefaultFirmware: map[string]string{"gb200": firmware}, DefaultSwitchImage: map[string]string{"gb200": switchImage},
	}}}
	for r := 1; r <= racks; r++ {
		id := fmt.Sprintf("R%02d", r)
		device := func(name string, slot int) rack.ExpectedDevice {
			return rack.ExpectedDevice{ID: id + "-" + name, Name: id + "-" + name, RackID: id, BMCMAC: mac(r, slot), Slot: slot}
		}
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: id, ProfileID: "NVL2"})
		for i := 1; i <= 2; i++ {
			site.Machines = append(site.Machines, rack.ExpectedMachine{ExpectedDevice: device(fmt.Sprint("compute-", i), i)})
			site.Switches = append(site.Switches, rack.ExpectedSwitch{ExpectedDevice: device(fmt.Sprint("switch-", i), 2+i), NVOSMACs: []string{mac(r, 0x40+i)}})
		}
		site.PowerShelves = append(site.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: device("shelf-1", 5)})
	}
	return site
}

func mac(rack, n int) string { return fmt.Sprintf("02:00:00:00:%02X:%02X", rack, n) }

// found are the devices of a rack as a host application reports them.
func found(site *rack.SiteIndex, rackID string) []rack.Discovery {
	var out []rack.Discovery
	for _, d := range site.Devices(rackID) {
		one := rack.Discovery{Kind: d.Kind, ID: d.ID, Rack: rackID, Initiator: "site-explorer", Endpoint: backend.Endpoint{BMCMAC: d.BMCMAC, BMCAddress: d.ID + ".bmc", Slot: d.Slot}}
		if d.Kind == backend.KindSwitch {
			one.Endpoint.NVOSAddress, one.SeenMACs = d.ID+".nvos", d.NVOSMACs
		}
		out = append(out, one)
	}
	return out
}

// managed is how racks are managed. Driver and engine come from each process.
func managed(racks int, driver backend.Driver, engine lifecycle.Config) rack.Config {
	return rack.Config{
		Driver: driver, Site: hall(racks), Lifecycle: engine,
		Catalog: backend.Catalog{{ID: firmware, HardwareType: "gb200", Available: true}},
	}
}

// delays are shorter than those of real hardware, so that the program takes half a minute.
func delays() fake.Delays {
	span := func(from, to time.Duration) fake.Range { return fake.Range{Min: from, Max: to} }
	return fake.Delays{
		Boot: span(20*time.Second, 40*time.Second), Discovery: span(5*time.Second, 10*time.Second), Platform: span(10*time.Second, 20*time.Second),
		MachineValidation: span(30*time.Second, 60*time.Second), Firmware: span(2*time.Minute, 4*time.Minute), SwitchImage: span(2*time.Minute, 3*time.Minute),
	}
}
