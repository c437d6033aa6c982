package verify

import (
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// cycleRules are about the cycles in which racks drive their devices through maintenance.
func cycleRules() []Rule {
	return []Rule{
		{Name: "every maintenance of a rack is a cycle of its own", Commit: ownCycle},
		{Name: "a rack asks its devices only in the name of the cycle that it is in", Commit: asksInItsCycle},
		{Name: "a maintenance is completed only when no device carries a request of it", Alone: true, Commit: completedWithout},
		{Name: "a device begins no request of a cycle that is over", Alone: true, Commit: beginsNoDead},
		{Name: "a device does no work for a cycle that is over", Alone: true, Call: worksForNoDead},
		{Name: "a device that rests carries no request of a cycle that is over when nothing is due", Idle: carriesNoDead},
	}
}

func ownCycle(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.ref.Kind != backend.KindRack || !ch.enters("Maintenance") {
			return nil
		}
		r, ok := w.object(ch).entity().(*rack.Rack)
		if !ok {
			return nil
		}
		if r.Cycle == nil || r.Cycle.ID == "" {
			return fmt.Errorf("%s begins a maintenance without a cycle", ch.ref)
		}
		if old, ok := ch.before.entity().(*rack.Rack); ok && old.Cycle != nil && old.Cycle.ID == r.Cycle.ID {
			return fmt.Errorf("%s begins a maintenance with cycle %s, which it had before", ch.ref, r.Cycle.ID)
		}
		return nil
	})
}

func asksInItsCycle(w *World, c *backend.Commit) error {
	var bad findings
	for i := range c.Post {
		r := &c.Post[i]
		if r.Cycle == "" {
			continue
		}
		if cycle, state := cycleAfter(w, c, r.Rack); cycle != r.Cycle {
			bad.addf("request %q of cycle %s is posted to %s, and its rack is in %q, cycle %q", r.ID, r.Cycle, r.On, state, cycle)
		}
	}
	return bad.err()
}

// cycleAfter is the cycle that a rack is in when the commit is applied, empty for none.
func cycleAfter(w *World, c *backend.Commit, rackID string) (cycle, state string) {
	o := w.objects.get(rack.Ref(rackID))
	for i := range c.Writes {
		if wr := &c.Writes[i]; wr.Record.Ref == rack.Ref(rackID) {
			o = w.object(change{Write: wr, ref: wr.Record.Ref, before: o})
		}
	}
	return cycleOf(o)
}

func cycleOf(o *object) (cycle, state string) {
	if !o.lives() {
		return "", ""
	}
	if r, ok := o.entity().(*rack.Rack); ok && r.Cycle != nil && under(o.rec.State, "Maintenance") {
		cycle = r.Cycle.ID
	}
	return cycle, o.rec.State
}

func completedWithout(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.ref.Kind != backend.KindRack || ch.from() != string(rack.Completed) || !ch.enters("Validating") {
			return nil
		}
		cycle, _ := cycleOf(ch.before)
		var bad findings
		children(w, c, ch.ref.ID, func(ref backend.Ref, _ string, _ *object) {
			for _, r := range w.Open(ref) {
				if r.Cycle == cycle && cycle != "" && !endedIn(c, r) {
					bad.addf("%s ends cycle %s, and %s still carries its request %q", ch.ref, cycle, ref, r.ID)
				}
			}
		})
		return bad.err()
	})
}

func endedIn(c *backend.Commit, r backend.Request) bool {
	for i := range c.Update {
		if c.Update[i].ID == r.ID && c.Update[i].On == r.On && !c.Update[i].State.Open() {
			return true
		}
	}
	return false
}

// dead reports whether the cycle that made a request is over, and says why.
func (w *World) dead(r *backend.Request) (why string, dead bool) {
	if !lifecycle.FromRack(r) {
		return "", false
	}
	o := w.objects.get(rack.Ref(r.Rack))
	if o.lives() && o.entity() == nil {
		return "", false // its record cannot be read: nobody knows
	}
	switch cycle, state := cycleOf(o); {
	case state == "":
		return "its rack is gone", true
	case cycle == "" || r.Cycle != "" && cycle != r.Cycle:
		return fmt.Sprintf("its rack is in %s, cycle %q", state, cycle), true
	default:
		return "", false
	}
}

// ownResult reports whether the rack has already written on a device what came of the request. That counts, whatever became of the cycle.
func ownResult(e lifecycle.Entity, r *backend.Request) bool {
	current := func(s *lifecycle.CycleStatus) bool { return s.Terminal() && s.CurrentFor(r) }
	switch d := e.(type) {
	case *machine.Machine:
		return current(d.FirmwareUpgrade)
	case *nvswitch.Switch:
		fabric := d.Fabric.CurrentFor(r) && (d.Fabric.Error != "" || d.Fabric.Status == backend.FabricOK || d.Fabric.Reason != "" && !d.Primary)
		return current(d.FirmwareUpgrade) || current(d.NVOSUpdate) || fabric
	default:
		return false
	}
}

func beginsNoDead(w *World, c *backend.Commit) error {
	return updates(w, c, func(b, r *backend.Request) error {
		if b.State != backend.RequestPending || r.State != backend.RequestStarted {
			return nil
		}
		if why, dead := w.dead(r); dead && !ownResult(w.objects.get(r.On).entity(), r) {
			return fmt.Errorf("%s begins request %q of cycle %q, and %s", r.On, r.ID, r.Cycle, why)
		}
		return nil
	})
}

// worksForNoDead lets a machine be locked down again: that is how it ends the work.
func worksForNoDead(w *World, c Call) error {
	o := w.actor(c)
	if o == nil || o.rec.Ref.Kind == backend.KindRack || strings.Contains(c.Key, ":Lockdown") || !reprovisioned(o.rec.State) {
		return nil
	}
	for _, a := range o.asked {
		if a.State != backend.RequestStarted || a.Type != lifecycle.TypeReprovision {
			continue
		}
		if why, dead := w.dead(&a.Request); dead && !ownResult(o.entity(), &a.Request) {
			return fmt.Errorf("%s calls %s for request %q of cycle %q, and %s", o.rec.Ref, c.Name, a.ID, a.Cycle, why)
		}
	}
	return nil
}

// reprovisioned reports whether a device is at work for its rack.
func reprovisioned(state string) bool {
	return under(state, string(machine.HostReprovision)) || under(state, string(machine.AssignedHostReprovision)) || under(state, "ReProvisioning")
}

func carriesNoDead(w *World) error {
	var bad findings
	for _, o := range w.living() {
		ref := o.rec.Ref
		if !rests(ref, o.rec.State) || o.marked() {
			continue
		}
		if _, standing := o.heldAt(w); standing || o.entity() == nil {
			continue
		}
		for _, a := range o.asked {
			if why, dead := w.dead(&a.Request); dead && a.State.Open() {
				bad.addf("%s in %s carries request %q of cycle %q, which is %s, and %s", ref, o.rec.State, a.ID, a.Cycle, a.State, why)
			}
		}
	}
	return bad.err()
}

// rests reports whether a device has nothing to do that would have to come to its end first.
func rests(ref backend.Ref, state string) bool {
	switch ref.Kind {
	case backend.KindMachine:
		return state == string(machine.Ready) || state == string(machine.Failed)
	case backend.KindSwitch:
		return state == string(nvswitch.Ready) || state == string(nvswitch.Error) || under(state, "ReProvisioning")
	default:
		return false
	}
}
