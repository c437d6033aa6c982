package metamorphic

import (
	"fmt"
	"time"

	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/machine"
)

// layout is the site of a plan, and what stands in it by name.
type layout struct {
	given     scenario.Given
	racks     []string // "rack/r1"
	machines  []string // "machine/m1"
	switches  []string
	shelves   []string
	newcomers []scenario.Discover
	members   map[string]*members // by id of the rack
}

// members are the ids of the devices of a rack.
type members struct{ machines, switches, shelves []string }

func (l *layout) all() []string {
	var out []string
	for _, list := range [][]string{l.racks, l.machines, l.switches, l.shelves} {
		out = append(out, list...)
	}
	return out
}

// newLayout draws a site: one to three racks, small enough that a plan takes a few milliseconds.
func newLayout(d dice, form Form) *layout {
	l := &layout{members: map[string]*members{}}
	l.settings(d, form)
	n := pick(d, []int{1, 1, 1, 2, 2, 3})
	if form == Shared {
		n = pick(d, []int{2, 2, 3})
		l.given.Controllers = []string{"a", "b"}
	}
	counts := [4]int{}
	name := func(kind int, letter string) string {
		counts[kind]++
		return fmt.Sprintf("%s%d", letter, counts[kind])
	}
	for range n {
		l.rack(d, name)
	}
	if d.chance(3) {
		l.expectRack(name)
	}
	return l
}

// settings draws what the site chooses. Delays are short: what takes half an hour is polled a hundred times.
func (l *layout) settings(d dice, form Form) {
	span := func(from, to string) scenario.Delay { return scenario.Delay{Min: duration(from), Max: duration(to)} }
	l.given.Simulated = &scenario.Simulated{Seed: d.IntN(1 << 16), Delays: map[string]scenario.Delay{
		"firmware": span("30s", "3m"), "switch_image": span("30s", "2m"), "boot": span("20s", "1m"), "discovery": span("5s", "20s"), "platform": span("10s", "30s"),
		"machine_validation": span("30s", "1m"), "rack_test_run": span("30s", "2m"), "upload": span("20s", "1m"), "cleanup": span("30s", "1m"), "bmc_reset": span("10s", "40s"),
		"dpu_boot": span("20s", "40s"), "dpuos_install": span("30s", "1m"),
	}}
	if d.chance(4) {
		l.given.Simulated.Delays, l.given.Simulated.Instant = nil, true
	}
	retries := d.between(0, 2)
	s := scenario.Settings{
		Resync: duration(pick(d, []string{"10m", "30m", "2h"})), FirmwareRetryLimit: &retries, FirmwareRetryInterval: duration("10m"),
	}
	if d.chance(3) {
		s.Validation = "enabled"
		s.ValidationFailedGrace = duration(pick(d, []string{"0s", "5m"}))
	}
	if d.chance(3) {
		s.MaxRacksInMaintenance = 1
	}
	if d.chance(3) {
		s.Deadlines = scenario.Deadlines{FirmwareUpgrade: duration("10m"), NVOSUpdate: duration("10m"), ConfigureNmxCluster: duration("10m"), PowerSequence: duration("10m"), Completed: duration("15m"), Validating: duration("30m")}
	}
	if d.chance(6) {
		s.MachineFirmware = []scenario.MachineFirmware{{Component: "BIOS", Version: "2.0.0", How: string(machine.HowUpload), Artifacts: d.between(1, 2)}}
		s.UploadLimit = 1
		if d.chance(2) {
			s.MachineFirmware = append(s.MachineFirmware, scenario.MachineFirmware{Component: "CPLD", Version: "2.0.0", How: string(machine.HowUpload), Reset: string(machine.ResetDrain)})
		}
		if d.chance(3) {
			s.MachineFirmware[0].How = string(pick(d, []machine.How{machine.HowManual, machine.HowScript}))
			s.MachineFirmware[0].Artifacts = 0
		}
	}
	if d.chance(5) {
		s.Attestors = []string{"measured-boot", "device"}
	}
	if form == Shared {
		s.Lease = duration(pick(d, []string{"2m", "5m", "20m"}))
	}
	l.given.Settings = s
	l.given.Firmware = []scenario.Firmware{{ID: "fw-1"}, {ID: "fw-2"}}
}

// rack draws a rack with its devices, all of them given and some of them with tenants.
func (l *layout) rack(d dice, name func(kind int, letter string) string) {
	id := name(0, "r")
	l.racks = append(l.racks, "rack/"+id)
	l.given.Racks = append(l.given.Racks, scenario.Rack{ID: id})
	m := &members{}
	l.members[id] = m
	for range d.between(1, 2) {
		dev := scenario.Machine{ID: name(1, "m"), Rack: id}
		if d.chance(5) {
			dev.State, dev.Tenant = string(machine.AssignedReady), "acme"
		}
		if d.chance(5) {
			dev.DPUs = 1
		}
		l.given.Machines = append(l.given.Machines, dev)
		l.machines, m.machines = append(l.machines, "machine/"+dev.ID), append(m.machines, dev.ID)
	}
	for i := range d.between(0, 2) {
		tray := i + 1
		dev := scenario.Switch{ID: name(2, "s"), Rack: id, Tray: &tray}
		l.given.Switches = append(l.given.Switches, dev)
		l.switches, m.switches = append(l.switches, "switch/"+dev.ID), append(m.switches, dev.ID)
	}
	if d.chance(2) {
		dev := scenario.PowerShelf{ID: name(3, "p"), Rack: id}
		l.given.PowerShelves = append(l.given.PowerShelves, dev)
		l.shelves, m.shelves = append(l.shelves, "power_shelf/"+dev.ID), append(m.shelves, dev.ID)
	}
	if d.chance(3) {
		l.newcomer("machine", name(1, "m"), id)
	}
	if d.chance(6) {
		l.newcomer("switch", name(2, "s"), id)
	}
}

// expectRack adds a rack that nobody has found yet.
func (l *layout) expectRack(name func(kind int, letter string) string) {
	id := name(0, "r")
	l.given.Expected = append(l.given.Expected, scenario.Expected{ID: id})
	l.members[id] = &members{}
	l.newcomer("machine", name(1, "m"), id)
	l.newcomer("power_shelf", name(3, "p"), id)
}

func (l *layout) newcomer(kind, id, rack string) {
	dev := scenario.Discover{Kind: kind, ID: id, Rack: rack}
	l.newcomers = append(l.newcomers, dev)
	l.given.Newcomers = append(l.given.Newcomers, dev)
}

// duration reads one that is written in the program.
func duration(text string) scenario.Duration {
	v, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return scenario.Duration(v)
}
