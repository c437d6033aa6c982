package fake

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// Design says how many devices a rack holds.
type Design struct {
	Machines, Switches, Shelves int
}

// NVL72 is the design of a rack with 18 compute trays, 9 NVLink switches and 8 power shelves.
func NVL72() Design { return Design{Machines: 18, Switches: 9, Shelves: 8} }

// Rack returns the devices of a rack of that design, machines first: machine/ID-compute-01, switch/ID-switch-01, power_shelf/ID-shelf-01 and so
// on, each with addresses, a serial number and a slot. They are the same at every call. To put them into a site, name them in a call of its driver, or Add them.
func Rack(id string, design Design) []backend.Device {
	var all []backend.Device
	for _, part := range []struct {
		kind  backend.Kind
		name  string
		count int
		slot  func(n int) int
	}{
		{backend.KindMachine, "compute", design.Machines, computeSlot},
		{backend.KindSwitch, "switch", design.Switches, func(n int) int { return firstSwitchSlot + n }},
		{backend.KindPowerShelf, "shelf", design.Shelves, func(n int) int { return firstShelfSlot + n }},
	} {
		for n := range part.count {
			ref := backend.Ref{Kind: part.kind, ID: fmt.Sprintf("%s-%s-%02d", id, part.name, n+1)}
			all = append(all, backend.Device{Ref: ref, Rack: id, Endpoint: endpoint(ref, part.slot(n))})
		}
	}
	return all
}

// Slots of a rack: ten compute trays, the switches, more compute trays, the power shelves.
const (
	lowerTrays      = 10
	firstSwitchSlot = 11
	firstUpperSlot  = 20
	firstShelfSlot  = 41
)

// computeSlot is the slot of the n-th compute tray, counted from 0.
func computeSlot(n int) int {
	if n < lowerTrays {
		return n + 1
	}
	return firstUpperSlot + n - lowerTrays
}

// endpoint makes addresses out of the name of a device.
func endpoint(ref backend.Ref, slot int) backend.Endpoint {
	h := scatter(mix(0, ref.String()))
	e := backend.Endpoint{
		BMCMAC:     fmt.Sprintf("02:%02X:%02X:%02X:%02X:%02X", byte(h>>32), byte(h>>24), byte(h>>16), byte(h>>8), byte(h)),
		BMCAddress: "bmc." + ref.ID + ".invalid",
		Serial:     fmt.Sprintf("SIM%010d", h%1e10),
		Slot:       slot,
	}
	if ref.Kind == backend.KindSwitch {
		e.NVOSAddress = "nvos." + ref.ID + ".invalid"
	}
	return e
}
