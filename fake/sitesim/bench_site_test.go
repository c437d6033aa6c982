package sitesim_test

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

// What stands in a rack of the benchmarks.
const (
	benchMachines = 18
	benchSwitches = 9
	benchShelves  = 8
	benchObjects  = 1 + benchMachines + benchSwitches + benchShelves
)

const benchFirmware, benchImage = "fw-gb200-1.3.0", "nvos-25.02.3"

// benchSite is a site of NVL72 racks: firmware, switch image and fabric are brought up, validation is off.
func benchSite(racks int) *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{"NVL72": {
		ID: "NVL72", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_nvl72r1_c2g4_topology", Class: rack.ClassProd,
		Compute: rack.Capability{Count: benchMachines}, Switch: rack.Capability{Count: benchSwitches}, PowerShelf: rack.Capability{Count: benchShelves},
		DefaultFirmware: map[string]string{"gb200": benchFirmware}, DefaultSwitchImage: map[string]string{"gb200": benchImage},
	}}}
	secret := backend.Credential{User: "root", Password: backend.NewSecret("factory-default")}
	for i := range racks {
		id := fmt.Sprintf("R%04d", i)
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: id, ProfileID: "NVL72"})
		device := func(kind byte, name string, n, slot int) rack.ExpectedDevice {
			return rack.ExpectedDevice{
				ID: fmt.Sprintf("%s-%s-%02d", id, name, n), Name: fmt.Sprintf("%s-%s-%02d", id, name, n), RackID: id,
				BMCMAC: benchMAC(kind, i, n), Slot: slot, BMC: secret,
			}
		}
		for n := range benchMachines {
			site.Machines = append(site.Machines, rack.ExpectedMachine{ExpectedDevice: device(1, "compute", n+1, 0)})
		}
		for n := range benchSwitches {
			site.Switches = append(site.Switches, rack.ExpectedSwitch{ExpectedDevice: device(2, "switch", n+1, n+11), NVOSMACs: []string{benchMAC(3, i, n)}, NVOS: secret})
		}
		for n := range benchShelves {
			site.PowerShelves = append(site.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: device(4, "shelf", n+1, 0)})
		}
	}
	return site
}

// benchMAC is an address that no other device of the site has.
func benchMAC(kind byte, rack, n int) string {
	return fmt.Sprintf("02:%02X:%02X:%02X:%02X:%02X", kind, rack>>16, rack>>8&0xff, rack&0xff, n+1)
}

// benchFound are the devices of one rack as a host application reports them.
func benchFound(site *rack.SiteIndex, id string) []rack.Discovery {
	var out []rack.Discovery
	for i, d := range site.Devices(id) {
		found := rack.Discovery{
			Kind: d.Kind, ID: d.ID, Rack: id, Initiator: "site-explorer",
			Endpoint: backend.Endpoint{BMCMAC: d.BMCMAC, BMCAddress: fmt.Sprintf("10.0.0.%d", i+1), Slot: d.Slot},
		}
		if d.Kind == backend.KindSwitch {
			found.Endpoint.NVOSAddress = fmt.Sprintf("172.16.0.%d", i+1)
			found.SeenMACs = d.NVOSMACs
		}
		out = append(out, found)
	}
	return out
}
