package rack

import (
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// children are the devices of a rack that are not marked deleted: marked ones count nowhere but in Deleting.
type children struct {
	machines []*machine.Machine
	switches []*nvswitch.Switch
	shelves  []*powershelf.PowerShelf
	// broken are the devices whose record nobody can read.
	broken []backend.Ref
}

func lookAtChildren(tx *lifecycle.Tx, rack string) children {
	var c children
	tx.EachMember(rack, func(e lifecycle.Entity) {
		if e.Base().Deleted() {
			return
		}
		switch d := e.(type) {
		case *machine.Machine:
			c.machines = append(c.machines, d)
		case *nvswitch.Switch:
			c.switches = append(c.switches, d)
		case *powershelf.PowerShelf:
			c.shelves = append(c.shelves, d)
		}
	})
	c.broken = tx.Broken(rack)
	return c
}

// each visits every child: machines, then switches, then power shelves.
func (c children) each(visit func(o *lifecycle.Object, ready bool)) {
	for _, m := range c.machines {
		visit(&m.Object, m.Available())
	}
	for _, s := range c.switches {
		visit(&s.Object, s.Ready())
	}
	for _, p := range c.shelves {
		visit(&p.Object, p.Ready())
	}
}

// endpoint is where a child is reached.
func (c children) endpoint(ref backend.Ref) backend.Endpoint {
	for _, m := range c.machines {
		if m.Ref() == ref {
			return m.Endpoint
		}
	}
	for _, s := range c.switches {
		if s.Ref() == ref {
			return s.Endpoint
		}
	}
	for _, p := range c.shelves {
		if p.Ref() == ref {
			return p.Endpoint
		}
	}
	return backend.Endpoint{}
}

// count is how many devices of each kind there are, and how many a profile wants.
type count struct{ compute, switches, shelves int }

func (c children) present() count {
	return count{compute: len(c.machines), switches: len(c.switches), shelves: len(c.shelves)}
}

func (c children) ready() count {
	var n count
	for _, m := range c.machines {
		if m.Available() {
			n.compute++
		}
	}
	for _, s := range c.switches {
		if s.Ready() {
			n.switches++
		}
	}
	for _, p := range c.shelves {
		if p.Ready() {
			n.shelves++
		}
	}
	return n
}

func wanted(p Profile) count {
	return count{compute: p.Compute.Count, switches: p.Switch.Count, shelves: p.PowerShelf.Count}
}

// covers reports whether there are enough of each kind.
func (c count) covers(want count) bool {
	return c.compute >= want.compute && c.switches >= want.switches && c.shelves >= want.shelves
}

// of prints the counts against those that are wanted.
func (c count) of(want count) string {
	return fmt.Sprintf("compute=%d/%d switch=%d/%d power_shelf=%d/%d", c.compute, want.compute, c.switches, want.switches, c.shelves, want.shelves)
}

// stragglers lists the children that are not ready, with their states.
func (c children) stragglers() []string {
	var out []string
	c.each(func(o *lifecycle.Object, ready bool) {
		if !ready {
			out = append(out, o.Ref().String()+" in "+o.State())
		}
	})
	for _, ref := range c.broken {
		out = append(out, ref.String()+" cannot be read")
	}
	return out
}

// unhealthy lists the children with an alert that forbids allocation.
func (c children) unhealthy() []string {
	var out []string
	c.each(func(o *lifecycle.Object, _ bool) {
		for _, a := range o.EffectiveAlerts() {
			if a.Has(lifecycle.PreventAllocations) {
				out = append(out, fmt.Sprintf("%s has alert %s of %s", o.Ref(), a.ID, a.Source))
			}
		}
	})
	return out
}

// failures describes the children that have failed: kinds, counts, ids. It is empty when none has.
func (c children) failures(retryLimit int) string {
	var parts []string
	add := func(kind string, ids []string) {
		if len(ids) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s failed: %s", len(ids), kind, strings.Join(ids, ", ")))
		}
	}
	var machines, switches, shelves []string
	for _, m := range c.machines {
		if m.Failed(retryLimit) {
			machines = append(machines, m.ID())
		}
	}
	for _, s := range c.switches {
		if s.Failed() {
			switches = append(switches, s.ID())
		}
	}
	for _, p := range c.shelves {
		if p.Failed() {
			shelves = append(shelves, p.ID())
		}
	}
	add("switch(es)", switches)
	add("power shelf/shelves", shelves)
	add("machine(s)", machines)
	return strings.Join(parts, "; ")
}

// someOf shortens a list for people: the first eight, and how many more.
func someOf(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
