package scenario

import (
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

func (l *linter) lintGiven() {
	g, at := l.s.Given, path{"given"}
	l.word(at.to("settings", "validation"), g.Settings.Validation, validateWords)
	for i, f := range g.Settings.MachineFirmware {
		l.word(at.to("settings", "machine_firmware", i, "how"), f.How, howWords)
		l.word(at.to("settings", "machine_firmware", i, "reset"), f.Reset, resetWords)
	}
	for i, r := range g.Racks {
		l.word(at.to("racks", i, "origin"), r.Origin, originWords)
	}
	for i, m := range g.Machines {
		l.inRack(at.to("machines", i, "rack"), m.Rack)
	}
	for i, s := range g.Switches {
		l.inRack(at.to("switches", i, "rack"), s.Rack)
	}
	for i, p := range g.PowerShelves {
		l.inRack(at.to("power_shelves", i, "rack"), p.Rack)
		l.word(at.to("power_shelves", i, "power"), p.Power, powerWords)
	}
	for i, d := range g.Newcomers {
		l.lintDiscover(at.to("newcomers", i), d)
	}
	l.givenRequests(at.to("requests"))
	for i, s := range g.Statuses {
		l.lintStatus(at.to("statuses", i), s)
	}
	for i, j := range g.Jobs {
		if l.lintJobs(at.to("jobs", i), j); j.Activity == "" {
			l.add(at.to("jobs", i), "jobs need the activity that they belong to")
		}
	}
	for i, h := range g.Holds {
		l.present(at.to("holds", i, "on"), h.On)
	}
	ids := map[string]bool{}
	for i, f := range g.Firmware {
		if f.ID == "" || ids[f.ID] {
			l.add(at.to("firmware", i), "firmware needs an id of its own")
		}
		ids[f.ID] = true
	}
	l.lintHardware(at.to("hardware"), g.Hardware)
}

// inRack reads the rack of a device; none is allowed.
func (l *linter) inRack(at path, id string) {
	if id != "" {
		l.ref(at, "rack/"+id)
	}
}

// present reads the name of an object that is given.
func (l *linter) present(at path, name string, kinds ...backend.Kind) {
	if ref, ok := l.ref(at, name, kinds...); ok {
		if _, given := l.given[ref]; !given {
			l.add(at, "%s is not given", name)
		}
	}
}

// givenRequests are in the store already, so nobody else looks at what they ask for.
func (l *linter) givenRequests(at path) {
	type key struct{ id, on string }
	seen := map[key]bool{}
	for i, q := range l.s.Given.Requests {
		l.lintRequest(at.to(i), q)
		for _, on := range q.On {
			l.present(at.to(i, "on"), on)
			if r, err := backend.ParseRef(on); err == nil && !slices.Contains(l.words.requests[r.Kind], q.Type) {
				l.add(at.to(i, "type"), "a %s has no request %q; it has %s", r.Kind, q.Type, joined(l.words.requests[r.Kind]))
			}
			if seen[key{q.ID, on}] {
				l.add(at.to(i, "id"), "request %s is on %s twice", q.ID, on)
			}
			seen[key{q.ID, on}] = true
		}
		if q.Operation != "" {
			l.word(at.to(i, "operation"), q.Operation, []string{"PowerOn", "PowerOff", "Reset", "ReconfigureCertificate"})
		}
		for n, step := range q.Await {
			l.word(at.to(i, "await", n), step, awaitWords)
		}
		if q.Scope.Activities == nil {
			continue
		}
		for n, a := range *q.Scope.Activities {
			l.word(at.to(i, "scope", "activities", n), string(a.Name), activityWords)
			l.word(at.to(i, "scope", "activities", n), string(a.Power), modeWords)
		}
	}
}

// lintRequest looks at what holds for a request wherever it stands.
func (l *linter) lintRequest(at path, q Request) {
	if q.ID == "" {
		l.add(at, "a request needs an id")
	}
	if len(q.On) == 0 {
		l.add(at, "a request needs an object that it is on")
		return
	}
	kinds := map[backend.Kind]bool{}
	for _, on := range q.On {
		ref, err := backend.ParseRef(on)
		if err != nil {
			l.add(at.to("on"), "%s", err)
			return
		}
		kinds[ref.Kind] = true
	}
	if len(kinds) > 1 {
		l.add(at.to("on"), "one request is on objects of one kind")
		return
	}
	kind := slices.Collect(maps.Keys(kinds))[0]
	if !slices.Contains(l.words.requests[kind], q.Type) {
		return // whoever is asked for it says so
	}
	takes := parametersOf(kind, q.Type)
	for _, key := range q.parameters() {
		if !slices.Contains(takes, key) {
			l.add(at.to(key), "a request %s of a %s takes no %s", q.Type, kind, key)
		}
	}
}

// parametersOf are the keys that a type of request takes on a kind of object.
func parametersOf(kind backend.Kind, typ string) []string {
	switch {
	case kind == backend.KindRack && typ == lifecycle.TypeMaintenance:
		return []string{"scope", "disturb_tenants"}
	case kind == backend.KindRack && typ == rack.TypeRecover:
		return []string{"note"}
	case typ == lifecycle.TypeMaintenance, kind == backend.KindRack && typ == rack.TypePower:
		return []string{"operation"}
	case typ == lifecycle.TypeReprovision && kind != backend.KindRack:
		return []string{"await", "reset", "disturb_tenants"}
	default:
		return nil
	}
}

// parameters are the keys of a request that only some types take.
func (q Request) parameters() []string {
	var out []string
	for key, set := range map[string]bool{
		"scope": q.Scope != (Scope{}), "operation": q.Operation != "", "await": q.Await != nil, "disturb_tenants": q.DisturbTenants, "reset": q.Reset, "note": q.Note != nil,
	} {
		if set {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func (l *linter) lintStatus(at path, s Status) {
	ref, ok := l.ref(at.to("on"), s.On, backend.KindMachine, backend.KindSwitch, backend.KindPowerShelf)
	if !ok {
		return
	}
	named := s.named()
	if len(named) == 0 {
		l.add(at, "a status names one of %s", joined(statusesOf[ref.Kind]))
	}
	for _, which := range slices.Sorted(maps.Keys(named)) {
		l.word(at.to(which), which, statusesOf[ref.Kind])
		words := progressWords
		if which == "fabric_manager" {
			words = fabricWords
		}
		status := named[which]
		if status.Status == "" {
			l.add(at.to(which), "it has no status; use %s", joined(words))
		}
		l.word(at.to(which, "status"), status.Status, words)
		for key, text := range map[string]string{"cause": status.Cause, "reason": status.Reason, "error": status.Error} {
			if text != "" {
				l.word(at.to(which, key), key, statusKeys[which])
			}
		}
	}
}

// named are the statuses that are set.
func (s Status) named() map[string]*CycleStatus {
	out := map[string]*CycleStatus{}
	for which, status := range map[string]*CycleStatus{"firmware_upgrade": s.FirmwareUpgrade, "nvos_update": s.NVOSUpdate, "fabric_manager": s.FabricManager} {
		if status != nil {
			out[which] = status
		}
	}
	return out
}

func (l *linter) lintJobs(at path, j Jobs) {
	l.present(at.to("on"), j.On, backend.KindRack)
	if j.Activity != "" {
		if _, err := pollOf(j.Activity); err != nil {
			l.add(at.to("activity"), "%s", err)
		}
	}
	if len(j.Devices) == 0 {
		l.add(at, "jobs name their devices")
	}
	for _, id := range sortedKeys(j.Devices) {
		l.id(at.to("devices", id), id)
	}
}

// positive reports a length of time that goes back.
func (l *linter) positive(at path, d *Duration) {
	if d != nil && time.Duration(*d) < 0 {
		l.add(at, "time does not go back")
	}
}
