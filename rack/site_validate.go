package rack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// Where the parts of a site stand in a site file.
const (
	pathProfiles = SiteRoot + ".rack_profiles"
	pathRacks    = SiteRoot + ".expected_racks"
	pathMachines = SiteRoot + ".expected_machines"
	pathSwitches = SiteRoot + ".expected_switches"
	pathShelves  = SiteRoot + ".expected_power_shelves"
)

// Validate looks for everything that makes no sense in the site: duplicate ids, MACs and slots, devices in racks that nobody expects, racks without a
// profile, malformed ids and MACs, negative counts, more devices than a profile has room for. It returns all problems in one error (see SiteErrors),
// each a *SiteError with the path that the value has in a site file, or nil.
func (s *Site) Validate() error {
	c := &siteCheck{
		site:    s,
		racks:   map[string]ExpectedRack{},
		slotIDs: map[capabilityKey]map[int]bool{},
		ids:     map[backend.Ref]bool{},
		macs:    map[string]string{},
		slots:   map[slotKey]string{},
		count:   map[roomKey]int{},
	}
	c.profiles()
	c.expectedRacks()
	c.expected = siteKeys(c.racks)
	s.eachDevice(func(_ SitePath, d SiteDevice) { c.count[roomKey{d.RackID, d.Kind}]++ })
	c.seen = make(map[roomKey]int, len(c.count))
	s.eachDevice(c.device)
	return JoinSiteErrors(c.problems)
}

type (
	capabilityKey struct {
		profile string
		kind    backend.Kind
	}
	roomKey struct {
		rack string
		kind backend.Kind
	}
	slotKey struct {
		roomKey
		slot int
	}
)

// siteCheck is one run of Validate.
type siteCheck struct {
	site     *Site
	problems []*SiteError
	racks    map[string]ExpectedRack
	expected string // the ids of racks, for messages
	slotIDs  map[capabilityKey]map[int]bool
	ids      map[backend.Ref]bool
	macs     map[string]string  // MAC -> whose it is
	slots    map[slotKey]string // slot -> who sits there
	count    map[roomKey]int    // devices of a kind in a rack
	seen     map[roomKey]int    // how many of them have been visited
}

func (c *siteCheck) report(kind error, path SitePath, format string, args ...any) {
	c.problems = append(c.problems, &SiteError{Path: string(path), Kind: kind, Problem: fmt.Sprintf(format, args...)})
}

func (c *siteCheck) profiles() {
	for _, id := range slices.Sorted(maps.Keys(c.site.Profiles)) {
		p, path := c.site.Profiles[id], pathProfiles.Key(id)
		switch {
		case id == "":
			c.report(ErrMissing, path, "the profile has no id")
		case p.ID != id:
			c.report(ErrMalformed, path, "profile %q is stored under the key %q", siteClip(p.ID), siteClip(id))
		}
		if p.Class != "" && p.Class != ClassDev && p.Class != ClassProd {
			c.report(ErrMalformed, path.Key("rack_hardware_class"), "hardware class %q is not dev or prod", siteClip(string(p.Class)))
		}
		c.defaults(path.Key("default_firmware"), p.DefaultFirmware)
		c.defaults(path.Key("default_switch_image"), p.DefaultSwitchImage)
		path = path.Key("rack_capabilities")
		c.slotIDs[capabilityKey{id, backend.KindMachine}] = c.capability(path.Key("compute"), p.Compute)
		c.slotIDs[capabilityKey{id, backend.KindSwitch}] = c.capability(path.Key("switch"), p.Switch)
		c.slotIDs[capabilityKey{id, backend.KindPowerShelf}] = c.capability(path.Key("power_shelf"), p.PowerShelf)
	}
}

func (c *siteCheck) defaults(path SitePath, byType map[string]string) {
	for _, hardwareType := range slices.Sorted(maps.Keys(byType)) {
		if hardwareType == "" || byType[hardwareType] == "" {
			c.report(ErrMissing, path.Key(hardwareType), "a default needs a hardware type and an id")
		}
	}
}

// capability returns the slots as a set.
func (c *siteCheck) capability(path SitePath, have Capability) map[int]bool {
	if have.Count < 0 {
		c.report(ErrMalformed, path.Key("count"), "count %d is negative", have.Count)
	} else if n := len(have.SlotIDs); n > 0 && n < have.Count {
		c.report(ErrDoesNotFit, path.Key("slot_ids"), "%d slots are too few for the count of %d", n, have.Count)
	}
	seen := make(map[int]bool, len(have.SlotIDs))
	for i, slot := range have.SlotIDs {
		switch {
		case slot < 1:
			c.report(ErrMalformed, path.Key("slot_ids").Index(i), "slot %d: slots count from 1", slot)
		case seen[slot]:
			c.report(ErrDuplicate, path.Key("slot_ids").Index(i), "slot %d is there twice", slot)
		}
		seen[slot] = true
	}
	return seen
}

func (c *siteCheck) expectedRacks() {
	profiles := siteKeys(c.site.Profiles)
	for i, r := range c.site.Racks {
		path := pathRacks.Index(i)
		c.id(path.Key("rack_id"), r.ID)
		if r.ID != "" && !keepFirst(c.racks, r.ID, r) {
			c.report(ErrDuplicate, path.Key("rack_id"), "rack %q is there twice", siteClip(r.ID))
		}
		if r.ProfileID == "" {
			c.report(ErrMissing, path.Key("rack_profile_id"), "the rack needs the id of its profile; profiles are %s", profiles)
		} else if _, found := c.site.Profiles[r.ProfileID]; !found {
			c.report(ErrUnknownProfile, path.Key("rack_profile_id"), "profile %q is not defined; profiles are %s", siteClip(r.ProfileID), profiles)
		}
	}
}

func (c *siteCheck) device(path SitePath, d SiteDevice) {
	macIsFree := c.bmc(path.Key("bmc_mac_address"), d)
	c.deviceID(path.Key("metadata").Key("name"), d, macIsFree)
	if d.Kind == backend.KindSwitch {
		c.nvos(path.Key("nvos_mac_addresses"), d)
	}
	r, expected := c.racks[d.RackID]
	switch {
	case d.RackID == "":
		c.report(ErrMissing, path.Key("rack_id"), "the device needs the id of its rack; expected racks are %s", c.expected)
	case !expected:
		c.report(ErrUnexpectedRack, path.Key("rack_id"), "rack %q is not expected; expected racks are %s", siteClip(d.RackID), c.expected)
	default:
		c.slot(path.Key("metadata").Key("labels").Key("slot"), d)
		if _, found := c.site.Profiles[r.ProfileID]; found {
			c.fit(path, d, r)
		}
	}
}

// bmc checks the MAC that a device is recognised by, and reports whether no other device has it.
func (c *siteCheck) bmc(path SitePath, d SiteDevice) bool {
	if d.BMCMAC == "" {
		c.report(ErrMissing, path, "the device needs the MAC of its management controller")
		return true
	}
	return c.mac(path, d.BMCMAC, d)
}

func (c *siteCheck) nvos(path SitePath, d SiteDevice) {
	if len(d.NVOSMACs) == 0 {
		c.report(ErrMissing, path, "the switch needs the MAC of at least one interface of its operating system")
	}
	for i, mac := range d.NVOSMACs {
		c.mac(path.Index(i), mac, d)
	}
}

func (c *siteCheck) mac(path SitePath, mac string, d SiteDevice) bool {
	normal, err := NormalizeMAC(mac)
	if err != nil {
		c.report(ErrMalformed, path, "%v", err)
		return true
	}
	if normal != mac {
		c.report(ErrMalformed, path, "MAC %q is not in normal form: want %s", siteClip(mac), normal)
	}
	if owner, taken := c.macs[normal]; taken {
		c.report(ErrDuplicate, path, "MAC %s already belongs to %s", normal, owner)
		return false
	}
	c.macs[normal] = siteClip(d.Ref().String())
	return true
}

// deviceID leaves out the id of a device without a name whose MAC is not its own: its id is made of the MAC, and one problem is enough.
func (c *siteCheck) deviceID(path SitePath, d SiteDevice, macIsFree bool) {
	made := d.Name == "" && d.ID == DeviceID("", d.BMCMAC)
	if made && (!macIsFree || d.BMCMAC == "") {
		return
	}
	if _, err := NormalizeMAC(d.BMCMAC); made && err != nil {
		return
	}
	c.id(path, d.ID)
	if d.ID == "" {
		return
	}
	if ref := d.Ref(); c.ids[ref] {
		c.report(ErrDuplicate, path, "%s is there twice", siteClip(ref.String()))
	} else {
		c.ids[ref] = true
	}
}

func (c *siteCheck) id(path SitePath, id string) {
	err := backend.CheckID(id)
	switch {
	case id == "":
		c.report(ErrMissing, path, "it needs an id")
	case errors.Is(err, backend.ErrBadRef):
		c.report(ErrMalformed, path, "%v", err)
	}
}

func (c *siteCheck) slot(path SitePath, d SiteDevice) {
	if d.Slot < 0 {
		c.report(ErrMalformed, path, "slot %d: slots count from 1", d.Slot)
	}
	if d.Slot <= 0 {
		return
	}
	key := slotKey{roomKey{d.RackID, d.Kind}, d.Slot}
	if owner, taken := c.slots[key]; taken {
		c.report(ErrDuplicate, path, "slot %d of rack %s already holds %s", d.Slot, siteClip(d.RackID), owner)
		return
	}
	c.slots[key] = siteClip(d.Ref().String())
}

// fit reports the first device of a kind that a rack has no room for, and every one in a slot that its profile does not have. A capability that is
// malformed itself says nothing about its devices.
func (c *siteCheck) fit(path SitePath, d SiteDevice, r ExpectedRack) {
	have, _ := c.site.Profiles[r.ProfileID].Capability(d.Kind)
	if have.Count < 0 {
		return
	}
	key := roomKey{d.RackID, d.Kind}
	c.seen[key]++
	if room := have.Room(); c.seen[key] == room+1 {
		c.report(ErrDoesNotFit, path, "rack %s has room for %d devices of kind %s (profile %s), but %d are expected; this is the first too many",
			siteClip(d.RackID), room, d.Kind, siteClip(r.ProfileID), c.count[key])
	}
	allowed := c.slotIDs[capabilityKey{r.ProfileID, d.Kind}]
	if d.Slot > 0 && len(allowed) > 0 && !allowed[d.Slot] {
		c.report(ErrDoesNotFit, path.Key("metadata").Key("labels").Key("slot"), "profile %s has no slot %d for a %s", siteClip(r.ProfileID), d.Slot, d.Kind)
	}
}

// siteKeys lists the keys of a map for a message.
func siteKeys[V any](m map[string]V) string {
	const most = 20
	if len(m) == 0 {
		return "none"
	}
	keys := slices.Sorted(maps.Keys(m))
	for i := range keys {
		keys[i] = siteClip(keys[i])
	}
	if more := len(keys) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(keys[:most], ", "), more)
	}
	return strings.Join(keys, ", ")
}
