package fake

import (
	"fmt"
	"maps"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// heartbeat is how often the agent of a data processing unit reports.
const heartbeat = 30 * time.Second

// unit is one data processing unit of a host. Nothing happens in it between two calls: where it stands follows from its times.
type unit struct {
	ID string `json:"id"`
	// UpAt is when its system comes up, or came up, and Reports when its agent reports first since; zero is never. Before are those of the time before.
	UpAt    time.Time `json:"up_at,omitzero"`
	Reports time.Time `json:"reports,omitzero"`
	Before  struct {
		UpAt   time.Time `json:"up_at,omitzero"`
		SeenAt time.Time `json:"seen_at,omitzero"`
	} `json:"before,omitzero"`
	// Network is the configuration that it was given last, applied at AppliedAt; zero is when it comes up, or never where Endless is set. Applied is the one before it.
	Network   string        `json:"network,omitempty"`
	AppliedAt time.Time     `json:"applied_at,omitzero"`
	Takes     time.Duration `json:"takes,omitempty"`
	Endless   bool          `json:"endless,omitempty"`
	Applied   string        `json:"applied,omitempty"`
	// Problem is what is wrong with it.
	Problem string `json:"problem,omitempty"`
	// Firmware are its versions, nil as long as they are those that it came with. Staged ones run after the next loss of power.
	Firmware map[string]string `json:"firmware,omitempty"`
	Staged   bool              `json:"staged,omitempty"`
	// Tallies are those of faults that are about this unit.
	Tallies map[int]tally `json:"tallies,omitempty"`
}

// newUnits makes the units of a host.
func newUnits(n int) []unit {
	if n <= 0 {
		return nil
	}
	units := make([]unit, n)
	for i := range units {
		units[i].ID = fmt.Sprintf("dpu%d", i)
	}
	return units
}

// name is the id, empty for no unit.
func (u *unit) name() string {
	if u == nil {
		return ""
	}
	return u.ID
}

// stockUnit are the versions that a unit comes with.
func stockUnit() map[string]string {
	return map[string]string{"BMC": "1.0.0", "NIC": "1.0.0", "UEFI": "1.0.0"}
}

// unitsGetPower boots every unit. What was staged runs from then on.
func (d *device) unitsGetPower(at time.Time) {
	for i := range d.Units {
		u := &d.Units[i]
		if u.Staged {
			u.Staged = false
			if u.Firmware == nil {
				u.Firmware = stockUnit()
			}
			maps.Copy(u.Firmware, d.site.config.DPUFirmware)
		}
		d.bootUnit(u, at, "power")
	}
}

// unitsGoDown takes the power from every unit.
func (d *device) unitsGoDown(at time.Time) {
	for i := range d.Units {
		d.stopUnit(&d.Units[i], at)
	}
}

// restartUnits restarts every unit that has power.
func (d *device) restartUnits(at time.Time, key string) {
	if !d.On {
		return
	}
	for i := range d.Units {
		d.bootUnit(&d.Units[i], at, key)
	}
}

// unitsGetSystem installs the operating system of every unit, which restarts into it. The firmware that it brings waits for the next loss of power.
func (d *device) unitsGetSystem(at time.Time, key string) {
	for i := range d.Units {
		d.Units[i].Staged = len(d.site.config.DPUFirmware) > 0
	}
	d.restartUnits(at, key)
}

// stopUnit ends what a unit was doing.
func (d *device) stopUnit(u *unit, at time.Time) {
	if up, seen := d.lastUp(u, at), d.lastSeen(u, at); !u.UpAt.IsZero() {
		u.Before.UpAt, u.Before.SeenAt = up, seen
	}
	u.UpAt, u.Reports = time.Time{}, time.Time{}
	if u.AppliedAt.After(at) {
		u.AppliedAt = time.Time{}
	}
}

// bootUnit begins a boot of a unit.
func (d *device) bootUnit(u *unit, at time.Time, key string) {
	d.stopUnit(u, at)
	delays := &d.site.config.Delays
	u.UpAt = d.later(at, delays.DPUBoot, opRestartDPUs, key+u.ID)
	u.Reports = d.later(u.UpAt, delays.DPUAgent, opDPUs, key+u.ID)
	if u.Network != u.Applied && u.AppliedAt.IsZero() && !u.Endless {
		u.AppliedAt = u.UpAt.Add(u.Takes)
	}
}

// configureUnits gives every unit a network configuration.
func (d *device) configureUnits(o *order) {
	if len(d.Units) == 0 {
		return
	}
	all := d.site.spoil(d, o.Call, o.What, o.At)
	for i := range d.Units {
		u := &d.Units[i]
		u.Applied = u.network(o.At)
		u.Network, u.Takes = o.What, d.delay(d.site.config.Delays.DPUNetwork, o.Call, o.Key+u.ID)
		u.AppliedAt, u.Endless, u.Problem = time.Time{}, false, ""
		f := d.site.spoilUnit(d, u, o.Call, o.What, o.At)
		if f == nil {
			f = all
		}
		if f != nil {
			u.Endless, u.Problem = true, f.Fault.text
		}
		if !u.UpAt.IsZero() && !u.Endless {
			u.AppliedAt = later(o.At, u.UpAt).Add(u.Takes)
		}
	}
}

// spoilByUnit lets a job that is about all units end as a fault on one of them says.
func (d *device) spoilByUnit(j *job, o *order) {
	for i := range d.Units {
		j.spoil(d.site.spoilUnit(d, &d.Units[i], o.Call, o.What, o.At))
	}
}

// later is the later one of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// network is the configuration that a unit has applied.
func (u *unit) network(now time.Time) string {
	if u.AppliedAt.IsZero() || now.Before(u.AppliedAt) {
		return u.Applied
	}
	return u.Network
}

// lastUp is when a unit came up last.
func (d *device) lastUp(u *unit, now time.Time) time.Time {
	if u.UpAt.IsZero() || now.Before(u.UpAt) {
		return u.Before.UpAt
	}
	return u.UpAt
}

// lastSeen is when the agent of a unit reported last: at its latest heartbeat that no fault has silenced.
func (d *device) lastSeen(u *unit, now time.Time) time.Time {
	for !u.Reports.IsZero() && !now.Before(u.Reports) {
		last := now.Add(-(now.Sub(u.Reports) % heartbeat))
		f := d.site.since(verbSilent, d, u, last)
		if f == nil {
			return last
		}
		now = f.Since.Add(f.Fault.from - time.Microsecond)
	}
	return u.Before.SeenAt
}

// report is what is known of a unit.
func (d *device) report(u *unit, now time.Time) backend.DPUReport {
	r := backend.DPUReport{ID: u.ID, UpAt: d.lastUp(u, now), SeenAt: d.lastSeen(u, now), Network: u.network(now), Problem: u.Problem, Firmware: maps.Clone(u.Firmware)}
	if r.Firmware == nil {
		r.Firmware = stockUnit()
	}
	return r
}
