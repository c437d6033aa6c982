package rack

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// SiteDevice is an expected device of any kind.
type SiteDevice struct {
	// Kind is machine, switch or power shelf.
	Kind backend.Kind
	ExpectedDevice
	// NVOSMACs and NVOS are those of a switch, and empty for other kinds.
	NVOSMACs []string
	NVOS     backend.Credential
}

// Ref returns the reference of the object that the device becomes.
func (d SiteDevice) Ref() backend.Ref { return backend.Ref{Kind: d.Kind, ID: d.ID} }

// SiteIndex answers questions about a site. It is made by Site.Index and does not see later changes of the site. It is safe for concurrent use as long as
// nobody changes the maps and lists that it returns.
type SiteIndex struct {
	profiles map[string]Profile
	racks    map[string]ExpectedRack
	devices  map[backend.Ref]SiteDevice
	byMAC    map[string]SiteDevice
	inRack   map[string][]SiteDevice
}

// Format prints how much is in the index. Without it, package fmt would look into the fields and show passwords.
func (x *SiteIndex) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "site of %d racks and %d devices", len(x.racks), len(x.devices))
}

// Index builds the index of a site. Of duplicates it keeps the first.
func (s *Site) Index() *SiteIndex {
	x := &SiteIndex{
		profiles: make(map[string]Profile, len(s.Profiles)),
		racks:    make(map[string]ExpectedRack, len(s.Racks)),
		devices:  map[backend.Ref]SiteDevice{},
		byMAC:    map[string]SiteDevice{},
		inRack:   map[string][]SiteDevice{},
	}
	for id, p := range s.Profiles {
		x.profiles[id] = p
	}
	for _, r := range s.Racks {
		keepFirst(x.racks, r.ID, r)
	}
	s.eachDevice(func(_ SitePath, d SiteDevice) {
		if !keepFirst(x.devices, d.Ref(), d) {
			return
		}
		keepFirst(x.byMAC, d.BMCMAC, d)
		for _, mac := range d.NVOSMACs {
			keepFirst(x.byMAC, mac, d)
		}
		x.inRack[d.RackID] = append(x.inRack[d.RackID], d)
	})
	for _, devices := range x.inRack {
		slices.SortStableFunc(devices, compareDevices)
	}
	return x
}

func keepFirst[K comparable, V any](m map[K]V, key K, value V) bool {
	if _, taken := m[key]; taken {
		return false
	}
	m[key] = value
	return true
}

// compareDevices orders as people list what is in a rack.
func compareDevices(a, b SiteDevice) int {
	return cmp.Or(cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.ID, b.ID))
}

func kindOrder(kind backend.Kind) int {
	return slices.Index([]backend.Kind{backend.KindMachine, backend.KindSwitch, backend.KindPowerShelf}, kind)
}

// eachDevice visits the devices of the site in the order of the file.
func (s *Site) eachDevice(visit func(path SitePath, d SiteDevice)) {
	for i, m := range s.Machines {
		visit(pathMachines.Index(i), SiteDevice{Kind: backend.KindMachine, ExpectedDevice: m.ExpectedDevice})
	}
	for i, w := range s.Switches {
		visit(pathSwitches.Index(i), SiteDevice{Kind: backend.KindSwitch, ExpectedDevice: w.ExpectedDevice, NVOSMACs: w.NVOSMACs, NVOS: w.NVOS})
	}
	for i, p := range s.PowerShelves {
		visit(pathShelves.Index(i), SiteDevice{Kind: backend.KindPowerShelf, ExpectedDevice: p.ExpectedDevice})
	}
}

// Rack returns the expected rack of that id.
func (x *SiteIndex) Rack(id string) (ExpectedRack, bool) { return lookUp(x.racks, id) }

// Profile returns the profile of that id.
func (x *SiteIndex) Profile(id string) (Profile, bool) { return lookUp(x.profiles, id) }

// ProfileOf returns the profile of an expected rack; false when the rack or its profile is unknown.
func (x *SiteIndex) ProfileOf(rackID string) (Profile, bool) {
	r, found := x.racks[rackID]
	if !found {
		return Profile{}, false
	}
	return lookUp(x.profiles, r.ProfileID)
}

// Device returns the expected device of that reference.
func (x *SiteIndex) Device(ref backend.Ref) (SiteDevice, bool) { return lookUp(x.devices, ref) }

// DeviceByMAC returns the expected device that a MAC belongs to, be it that of its management controller or one of a switch's operating system. The MAC
// may be in any form that NormalizeMAC reads.
func (x *SiteIndex) DeviceByMAC(mac string) (SiteDevice, bool) {
	normal, err := NormalizeMAC(mac)
	if err != nil {
		return SiteDevice{}, false
	}
	return lookUp(x.byMAC, normal)
}

// DeviceByBMC returns the expected device of that kind whose management controller has that MAC, in any form that NormalizeMAC reads.
func (x *SiteIndex) DeviceByBMC(kind backend.Kind, mac string) (SiteDevice, bool) {
	normal, err := NormalizeMAC(mac)
	if err != nil {
		return SiteDevice{}, false
	}
	if d := x.byMAC[normal]; d.Kind == kind && d.BMCMAC == normal {
		return d, true
	}
	return SiteDevice{}, false
}

// SwitchByBMC returns the expected switch whose management controller has that MAC.
func (x *SiteIndex) SwitchByBMC(mac string) (ExpectedSwitch, bool) {
	d, found := x.DeviceByBMC(backend.KindSwitch, mac)
	return ExpectedSwitch{ExpectedDevice: d.ExpectedDevice, NVOSMACs: d.NVOSMACs, NVOS: d.NVOS}, found
}

// Devices returns what is expected in a rack: machines, then switches, then power shelves, each by slot and then by id.
func (x *SiteIndex) Devices(rackID string) []SiteDevice { return slices.Clone(x.inRack[rackID]) }

func lookUp[K comparable, V any](m map[K]V, key K) (V, bool) {
	v, found := m[key]
	return v, found
}

// Racks returns the ids of the expected racks, sorted.
func (x *SiteIndex) Racks() []string { return slices.Sorted(maps.Keys(x.racks)) }
