package verify

import (
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// rackRules are about racks and what is in them.
func rackRules() []Rule {
	return []Rule{
		{Name: "a rack gets Ready only with every device ready", Alone: true, Commit: readyWithDevices},
		{Name: "a rack recovers only with devices that are healthy", Alone: true, Commit: recoversHealthy},
		{Name: "a rack in Error has a cause and an origin", Commit: errorHasCause},
		{Name: "a maintenance that nobody may be disturbed by leaves the machines of tenants alone", Alone: true, Call: tenantsLeftAlone},
		{Name: "no more racks are in maintenance than may be", Alone: true, Commit: withinLimit},
	}
}

// children visits the devices of a rack that are not marked deleted, as the commit leaves them.
func children(w *World, c *backend.Commit, rackID string, visit func(ref backend.Ref, state string, o *object)) {
	refs := w.racks.get(rackID)
	for i := range c.Writes {
		if rec := &c.Writes[i].Record; rec.Rack == rackID && !slices.Contains(refs, rec.Ref) {
			refs = append(slices.Clip(refs), rec.Ref)
		}
	}
	for _, ref := range refs {
		o := w.objects.get(ref)
		for i := range c.Writes {
			if wr := &c.Writes[i]; wr.Record.Ref == ref {
				o = w.object(change{Write: wr, ref: ref, before: o})
			}
		}
		if isDevice(ref) && o.lives() && !o.marked() {
			visit(ref, o.rec.State, o)
		}
	}
}

// ready reports whether a device counts as in service. A machine with a tenant does, unless it failed or is reprovisioned.
func ready(ref backend.Ref, state string) bool {
	if ref.Kind != backend.KindMachine || state == "Ready" {
		return state == "Ready"
	}
	return under(state, string(machine.Assigned)) && state != string(machine.AssignedFailed) && !under(state, string(machine.AssignedHostReprovision))
}

func readyWithDevices(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.ref.Kind != backend.KindRack || !ch.enters(string(rack.Ready)) {
			return nil
		}
		var bad findings
		children(w, c, ch.ref.ID, func(ref backend.Ref, state string, _ *object) {
			if !ready(ref, state) {
				bad.addf("%s gets Ready, and %s is in %s", ch.ref, ref, state)
			}
		})
		return bad.err()
	})
}

func recoversHealthy(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.ref.Kind != backend.KindRack || ch.from() != string(rack.Error) || !ch.enters(string(rack.Ready)) {
			return nil
		}
		var bad findings
		devices := 0
		children(w, c, ch.ref.ID, func(ref backend.Ref, _ string, o *object) {
			devices++
			b := o.base()
			if b == nil {
				bad.addf("%s recovers, and %s cannot be read", ch.ref, ref)
				return
			}
			for _, a := range b.EffectiveAlerts() {
				if a.Has(lifecycle.PreventAllocations) {
					bad.addf("%s recovers, and %s has alert %s of %s", ch.ref, ref, a.ID, a.Source)
				}
			}
		})
		if devices == 0 {
			bad.addf("%s recovers, and has no device", ch.ref)
		}
		return bad.err()
	})
}

// errorHasCause looks where a rack enters Error, and where its cause is taken away there: one that was given without a cause is not its own doing.
func errorHasCause(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.ref.Kind != backend.KindRack || ch.to() != string(rack.Error) {
			return nil
		}
		if ch.move == nil {
			if old, ok := ch.before.entity().(*rack.Rack); ch.Record.Data == nil || !ok || old.Cause == "" {
				return nil
			}
		}
		if r, ok := w.object(ch).entity().(*rack.Rack); ok && (r.Cause == "" || r.Origin == "") {
			return fmt.Errorf("%s is in Error with cause %q of origin %q", ch.ref, r.Cause, r.Origin)
		}
		return nil
	})
}

func tenantsLeftAlone(w *World, c Call) error {
	o := w.actor(c)
	if o == nil || o.rec.Ref.Kind != backend.KindRack {
		return nil
	}
	r, ok := o.entity().(*rack.Rack)
	if !ok || r.Cycle != nil && r.Cycle.DisturbTenants {
		return nil
	}
	var bad findings
	for _, ref := range targets(c) {
		if t := w.objects.get(ref); t.lives() && ref.Kind == backend.KindMachine && under(t.rec.State, string(machine.Assigned)) {
			bad.addf("%s calls %s on %s, which is in %s, and may not disturb tenants", o.rec.Ref, c.Name, ref, t.rec.State)
		}
	}
	return bad.err()
}

// withinLimit looks where a maintenance begins that was asked for; the first one of a rack does not wait.
func withinLimit(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.ref.Kind != backend.KindRack || !ch.enters("Maintenance") || ch.from() != string(rack.Ready) && ch.from() != string(rack.Error) {
			return nil
		}
		inside, all := 0, 0
		for ref, o := range w.objects.m {
			if ref.Kind != backend.KindRack || !o.lives() {
				continue
			}
			all++
			if ref != ch.ref && under(o.rec.State, "Maintenance") && o.rec.State != string(rack.PoweredOff) {
				inside++
			}
		}
		if limit := w.maintenanceLimit(all); limit > 0 && inside >= limit {
			return fmt.Errorf("%s begins a maintenance, and %d other racks of %d are in one; at most %d may be", ch.ref, inside, all, limit)
		}
		return nil
	})
}

func (w *World) maintenanceLimit(racks int) int {
	limit := w.t.settings.MaxInMaintenance
	if share := w.t.settings.MaxShareInMaintenance; share > 0 {
		n := max(1, int(share*float64(racks)))
		if limit == 0 || n < limit {
			limit = n
		}
	}
	return limit
}
