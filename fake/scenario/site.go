package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

// defaultProfileID is the profile of a rack that names none.
const defaultProfileID = "P"

// noProfileID stands in a site without profiles, which has to have one.
const noProfileID = "(none)"

// profileID is the profile of a given rack. Where none is defined, every rack has a profile P of its own, since the counts are those of its children.
func (w *World) profileID(r Rack) string {
	id := or(r.Profile, defaultProfileID)
	if w.given.Profiles == nil && id == defaultProfileID {
		return w.ownProfile(r.ID)
	}
	return id
}

// ownProfile is the id of the default profile of a rack: P for the first rack and those like it, otherwise P with the id of the rack.
func (w *World) ownProfile(rackID string) string {
	racks := w.given.Racks
	if len(racks) == 0 || racks[0].ID == rackID || w.defaultProfile(racks[0].ID) == w.defaultProfile(rackID) {
		return defaultProfileID
	}
	return defaultProfileID + "-" + rackID
}

// defaultProfile has the counts of the children given for the rack.
func (w *World) defaultProfile(rackID string) Profile {
	p := Profile{Topology: "gb200_nvl72r1_c2g4_topology", HardwareType: "gb200"}
	for _, m := range w.given.Machines {
		if m.Rack == rackID {
			p.Compute++
		}
	}
	for _, s := range w.given.Switches {
		if s.Rack == rackID {
			p.Switch++
		}
	}
	for _, s := range w.given.PowerShelves {
		if s.Rack == rackID {
			p.PowerShelf++
		}
	}
	return p
}

// site is what the operator expects: the profiles, every rack that is given or expected, and the devices that will be discovered.
func (w *World) site() *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{}}
	for _, id := range sortedKeys(w.given.Profiles) {
		site.Profiles[id] = w.profile(id, w.given.Profiles[id])
	}
	if w.given.Profiles == nil {
		for _, r := range w.given.Racks {
			id := w.ownProfile(r.ID)
			site.Profiles[id] = w.profile(id, w.defaultProfile(r.ID))
		}
		if _, ok := site.Profiles[defaultProfileID]; !ok {
			site.Profiles[defaultProfileID] = w.profile(defaultProfileID, w.defaultProfile(""))
		}
	}
	if len(site.Profiles) == 0 {
		site.Profiles[noProfileID] = w.profile(noProfileID, Profile{})
	}
	expect := func(id, profile string) {
		if _, ok := site.Profiles[profile]; !ok {
			profile = sortedKeys(site.Profiles)[0] // nobody knows the profile of the rack's record; the site must have one
		}
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: id, ProfileID: profile})
	}
	for _, r := range w.given.Racks {
		expect(r.ID, w.profileID(r))
	}
	for _, r := range w.given.Expected {
		expect(r.ID, cmp.Or(r.Profile, defaultProfileID))
	}
	w.expectDevices(site)
	return site
}

// profile makes the profile of a site. It has a slot for every device that may be reported, however many it counts.
func (w *World) profile(id string, p Profile) rack.Profile {
	has := func(count int) rack.Capability {
		c := rack.Capability{Count: count}
		for slot := range count + len(w.discoveries) {
			c.SlotIDs = append(c.SlotIDs, slot+1)
		}
		return c
	}
	return rack.Profile{
		ID: id, HardwareType: p.HardwareType, Topology: p.Topology, Compute: has(p.Compute), Switch: has(p.Switch), PowerShelf: has(p.PowerShelf),
		DefaultFirmware: byType(p.HardwareType, p.DefaultFirmware), DefaultSwitchImage: byType(p.HardwareType, p.DefaultSwitchImage), PowerSequence: p.PowerSequence,
	}
}

func byType(hardwareType, id string) map[string]string {
	if id == "" {
		return nil
	}
	return map[string]string{hardwareType: id}
}

// announce makes up where the devices are that will be discovered and are not given.
func (w *World) announce() {
	for i, d := range w.discoveries {
		ref := backend.Ref{Kind: backend.Kind(d.Kind), ID: d.ID}
		if _, given := w.endpoints[ref]; !given {
			w.endpoints[ref], w.macs[ref] = endpoint(ref.Kind, newcomers+i), nvosMACs(ref.Kind, newcomers+i)
			w.hardware.tray[ref] = newcomers + i // behind all that are given
		}
		w.refs[d.ID], w.hardware.racks[ref] = ref, d.Rack
	}
}

// newcomers is the number of the first device that is not given.
const newcomers = 1 << 12

// endpoint is where the n-th device of a kind is reached.
func endpoint(kind backend.Kind, n int) backend.Endpoint {
	e := backend.Endpoint{BMCMAC: mac(kind, 0, n), BMCAddress: fmt.Sprintf("10.%d.%d.%d", kindByte(kind), n>>8, n&0xff)}
	if kind == backend.KindSwitch {
		e.NVOSAddress = fmt.Sprintf("10.%d.%d.%d", kindByte(kind)+100, n>>8, n&0xff)
	}
	return e
}

func nvosMACs(kind backend.Kind, n int) []string {
	if kind != backend.KindSwitch {
		return nil
	}
	return []string{mac(kind, 1, n)}
}

func mac(kind backend.Kind, iface, n int) string {
	return fmt.Sprintf("02:00:%02X:%02X:%02X:%02X", kindByte(kind), iface, n>>8&0xff, n&0xff)
}

func kindByte(kind backend.Kind) int { return 1 + slices.Index(deviceWords, string(kind)) }

// expectDevices adds the devices that will be discovered to the site. Those of a rack that nobody expects are the strangers that the scenario is about.
func (w *World) expectDevices(site *rack.Site) {
	done := map[backend.Ref]bool{}
	for _, d := range w.discoveries {
		ref := backend.Ref{Kind: backend.Kind(d.Kind), ID: d.ID}
		if done[ref] || !slices.ContainsFunc(site.Racks, func(r rack.ExpectedRack) bool { return r.ID == d.Rack }) {
			continue
		}
		done[ref] = true
		secret := backend.Credential{User: "root", Password: backend.NewSecret("scenario")}
		bmc, err := rack.NormalizeMAC(w.endpoints[ref].BMCMAC)
		dev := rack.ExpectedDevice{ID: d.ID, RackID: d.Rack, BMCMAC: bmc, BMC: secret}
		switch {
		case err != nil: // a given device of which that is missing
		case ref.Kind == backend.KindMachine:
			site.Machines = append(site.Machines, rack.ExpectedMachine{ExpectedDevice: dev})
		case ref.Kind == backend.KindSwitch:
			site.Switches = append(site.Switches, rack.ExpectedSwitch{ExpectedDevice: dev, NVOSMACs: normal(w.macs[ref]), NVOS: secret})
		default:
			site.PowerShelves = append(site.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: dev})
		}
	}
}

// discover reports a device to the manager, complete and healthy.
func (w *World) discover(ctx context.Context, d Discover) error {
	ref := backend.Ref{Kind: backend.Kind(d.Kind), ID: d.ID}
	found := rack.Discovery{Kind: ref.Kind, ID: d.ID, Rack: d.Rack, Endpoint: w.endpoints[ref], SeenMACs: w.macs[ref]}
	if err := w.plug(ref); err != nil {
		return err
	}
	return w.refused("", w.manager.Discover(ctx, found))
}

// normal brings MACs into the form that a site has for them.
func normal(macs []string) []string {
	var out []string
	for _, m := range macs {
		if n, err := rack.NormalizeMAC(m); err == nil {
			out = append(out, n)
		}
	}
	return out
}
