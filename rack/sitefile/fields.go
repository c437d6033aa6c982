package sitefile

import (
	"strconv"

	"github.com/rackstate/rackstate/rack"
)

// site reads the whole file.
func (ps *problems) site(root *node) *rack.Site {
	s := &rack.Site{}
	ps.object(root, rack.SiteRoot, []field{
		{name: "rack_profiles", read: entries(ps, &s.Profiles, ps.profile)},
		{name: "expected_racks", read: each(ps, &s.Racks, ps.rack)},
		{name: "expected_machines", read: each(ps, &s.Machines, ps.machine)},
		{name: "expected_switches", read: each(ps, &s.Switches, ps.nvlinkSwitch)},
		{name: "expected_power_shelves", read: each(ps, &s.PowerShelves, ps.powerShelf)},
	})
	return s
}

// unreadable is the count of a capability that cannot be read: Validate draws no conclusions from a negative one.
const unreadable = -1

func (ps *problems) profile(id string, p *rack.Profile) reader {
	return func(n *node, path rack.SitePath) {
		p.ID = id
		var class string
		isObject := ps.object(n, path, []field{
			{name: "product_family", read: ps.text(&p.ProductFamily)},
			{name: "rack_hardware_type", read: ps.text(&p.HardwareType)},
			{name: "rack_hardware_topology", read: ps.text(&p.Topology)},
			{name: "rack_hardware_class", read: ps.text(&class)},
			{name: "rack_capabilities", read: ps.capabilities(p)},
			{name: "default_firmware", read: ps.textMap(&p.DefaultFirmware)},
			{name: "default_switch_image", read: ps.textMap(&p.DefaultSwitchImage)},
			{name: "power_sequence", read: ps.boolean(&p.PowerSequence)},
		})
		p.Class = rack.HardwareClass(class)
		if !isObject {
			p.Compute.Count, p.Switch.Count, p.PowerShelf.Count = unreadable, unreadable, unreadable
		}
	}
}

func (ps *problems) capabilities(p *rack.Profile) reader {
	return func(n *node, path rack.SitePath) {
		isObject := ps.object(n, path, []field{
			{name: "compute", read: ps.capability(&p.Compute)},
			{name: "switch", read: ps.capability(&p.Switch)},
			{name: "power_shelf", read: ps.capability(&p.PowerShelf)},
		})
		if !isObject {
			p.Compute.Count, p.Switch.Count, p.PowerShelf.Count = unreadable, unreadable, unreadable
		}
	}
}

func (ps *problems) capability(c *rack.Capability) reader {
	return func(n *node, path rack.SitePath) {
		c.Count = unreadable
		ps.object(n, path, []field{
			{name: "name", read: ps.text(&c.Name)},
			{name: "vendor", read: ps.text(&c.Vendor)},
			{name: "count", required: true, read: ps.integer(&c.Count)},
			{name: "slot_ids", read: each(ps, &c.SlotIDs, ps.integer)},
		})
	}
}

func (ps *problems) rack(r *rack.ExpectedRack) reader {
	return func(n *node, path rack.SitePath) {
		ps.object(n, path, []field{
			{name: "rack_id", read: ps.text(&r.ID)},
			{name: "rack_profile_id", read: ps.text(&r.ProfileID)},
			{name: "metadata", read: ps.metadata(&r.Name, &r.Description, &r.Labels)},
		})
	}
}

func (ps *problems) metadata(name, description *string, labels *map[string]string) reader {
	return func(n *node, path rack.SitePath) {
		ps.object(n, path, []field{
			{name: "name", read: ps.text(name)},
			{name: "description", read: ps.text(description)},
			{name: "labels", read: ps.textMap(labels)},
		})
	}
}

func (ps *problems) machine(m *rack.ExpectedMachine) reader {
	return ps.device(&m.ExpectedDevice, "chassis_serial_number")
}

func (ps *problems) powerShelf(s *rack.ExpectedPowerShelf) reader {
	return ps.device(&s.ExpectedDevice, "serial_number")
}

func (ps *problems) nvlinkSwitch(s *rack.ExpectedSwitch) reader {
	return ps.device(&s.ExpectedDevice, "serial_number",
		field{name: "nvos_mac_addresses", read: each(ps, &s.NVOSMACs, ps.mac)},
		field{name: "nvos_username", read: ps.text(&s.NVOS.User)},
		field{name: "nvos_password", read: ps.secret(&s.NVOS.Password)},
	)
}

// device reads what all kinds of devices have, and more fields of one kind.
func (ps *problems) device(d *rack.ExpectedDevice, serial string, more ...field) reader {
	return func(n *node, path rack.SitePath) {
		ps.object(n, path, append([]field{
			{name: "bmc_mac_address", read: ps.mac(&d.BMCMAC)},
			{name: "bmc_username", read: ps.text(&d.BMC.User)},
			{name: "bmc_password", read: ps.secret(&d.BMC.Password)},
			{name: serial, read: ps.text(&d.Serial)},
			{name: "rack_id", read: ps.text(&d.RackID)},
			{name: "metadata", read: ps.metadata(&d.Name, &d.Description, &d.Labels)},
		}, more...))
		d.ID = rack.DeviceID(d.Name, d.BMCMAC)
		ps.slot(d, n, path)
	}
}

// slot reads the slot of a device from its label, which is text.
func (ps *problems) slot(d *rack.ExpectedDevice, n *node, device rack.SitePath) {
	label, found := d.Labels["slot"]
	if !found {
		return
	}
	path := device.Key("metadata").Key("labels").Key("slot")
	at, reported := n.find(device, path, ps.unread)
	slot, err := strconv.ParseInt(label, 10, 32)
	switch {
	case reported:
	case err != nil || slot < 1:
		ps.lost(rack.ErrMalformed, at, path, "the label slot must be a whole number from 1")
	default:
		d.Slot = int(slot)
	}
}
