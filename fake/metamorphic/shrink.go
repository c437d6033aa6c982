package metamorphic

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/fake/scenario"
)

// Shrunk is a plan that was made as short as could be.
type Shrunk struct {
	// Scenario breaks the same rule as the plan did, with what it took of the calm after it.
	Scenario scenario.Scenario
	// Failure is how.
	Failure *Failure
	// Runs is how many plans were run to find it.
	Runs int
}

// Fails says how a scenario fails, nil if it does not. Shrinking asks it again and again.
type Fails func(ctx context.Context, s scenario.Scenario) *Failure

// Shrink looks for a shorter plan that breaks the same rule: steps, parts of steps, devices, racks and settings are left out as long as it does. It runs at most so many plans.
func (r *Runner) Shrink(ctx context.Context, p Plan, f *Failure, most int) Shrunk {
	return ShrinkBy(ctx, p.Scenario, f, most, func(ctx context.Context, s scenario.Scenario) *Failure { return r.RunScenario(ctx, s).Failure })
}

// ShrinkBy is Shrink for what fails in any other way.
func ShrinkBy(ctx context.Context, s scenario.Scenario, f *Failure, most int, fails Fails) Shrunk {
	k := &shrinker{ctx: ctx, best: s, failure: f, left: most, fails: fails}
	if k.try(s) { // it fails in a world of its own too
		for k.left > 0 {
			before := size(k.best)
			k.steps()
			k.parts()
			k.site()
			if size(k.best) >= before {
				break
			}
		}
	}
	return Shrunk{Scenario: k.best, Failure: k.failure, Runs: most - k.left}
}

// shrinker holds the best that was found so far.
type shrinker struct {
	ctx     context.Context
	best    scenario.Scenario
	failure *Failure
	left    int
	fails   Fails
}

// size is how long a scenario is as a file.
func size(s scenario.Scenario) int { return len(scenario.Encode(s)) }

// try takes a candidate if it breaks the same rule.
func (k *shrinker) try(s scenario.Scenario) bool {
	if k.left <= 0 || k.ctx.Err() != nil {
		return false
	}
	k.left--
	f := k.fails(k.ctx, fresh(s))
	if f == nil || f.Rule != k.failure.Rule {
		return false
	}
	k.best, k.failure = s, f
	return true
}

// fresh is a scenario that nobody has looked at: what is left out may be named somewhere.
func fresh(s scenario.Scenario) scenario.Scenario {
	return scenario.Scenario{Name: s.Name, Given: s.Given, When: s.When, Then: s.Then}
}

// steps leaves out steps: many at once first, then each alone (delta debugging).
func (k *shrinker) steps() {
	k.cut(k.failure.Step)
	for chunk := max(1, len(k.best.When)/2); ; chunk /= 2 {
		for at := 0; at < len(k.best.When); {
			s := k.best
			s.When = slices.Delete(slices.Clone(s.When), at, min(at+chunk, len(s.When)))
			if !k.try(s) {
				at += chunk
			}
		}
		if chunk <= 1 {
			return
		}
	}
}

// cut leaves out what comes after the failure.
func (k *shrinker) cut(at int) {
	if at > 0 && at < len(k.best.When) {
		s := k.best
		s.When = s.When[:at]
		k.try(s)
	}
}

// parts makes steps simpler: shorter times, fewer faults, less in scope.
func (k *shrinker) parts() {
	for i := range k.best.When {
		for _, simpler := range simpler(k.best.When[i]) {
			s := k.best
			s.When = slices.Clone(s.When)
			s.When[i] = simpler
			if k.try(s) {
				break
			}
		}
	}
}

// simpler lists steps that are simpler, the simplest first.
func simpler(s scenario.Step) []scenario.Step {
	var out []scenario.Step
	if d := or(s.Run, s.Advance); d != nil {
		for _, text := range []string{"1s", "1m", "10m", "1h", "6h", "24h"} {
			if v := duration(text); v < *d {
				next := s
				if s.Run != nil {
					next.Run = &v
				} else {
					next.Advance = &v
				}
				out = append(out, next)
			}
		}
	}
	if s.Faults != nil && len(*s.Faults) > 1 {
		for i := range *s.Faults {
			list := slices.Delete(slices.Clone(*s.Faults), i, i+1)
			out = append(out, scenario.Step{Faults: &list})
		}
	}
	if q := s.Request; q != nil {
		for _, change := range []func(*scenario.Request){
			func(q *scenario.Request) { q.Scope = scenario.Scope{} },
			func(q *scenario.Request) { q.Scope.Activities = nil },
			func(q *scenario.Request) { q.Scope = scenario.Scope{Activities: q.Scope.Activities} },
			func(q *scenario.Request) { q.DisturbTenants = false },
			func(q *scenario.Request) { q.Reset = false },
			func(q *scenario.Request) {
				if q.Scope.Activities != nil {
					first := (*q.Scope.Activities)[:1]
					q.Scope.Activities = &first
				}
			},
			func(q *scenario.Request) {
				if q.Scope.Activities != nil {
					last := (*q.Scope.Activities)[len(*q.Scope.Activities)-1:]
					q.Scope.Activities = &last
				}
			},
		} {
			next := *q
			if change(&next); !reflect.DeepEqual(next, *q) {
				out = append(out, scenario.Step{Request: &next})
			}
		}
	}
	if h := s.Hold; h != nil && h.Expires != nil {
		next := *h
		next.Expires = nil
		out = append(out, scenario.Step{Hold: &next})
	}
	if c := s.Crash; c != nil {
		if words := strings.Split(*c, " "); len(words) > 1 {
			first := strings.Join(words[:len(words)-1], " ")
			out = append(out, scenario.Step{Crash: &first})
		}
	}
	return out
}

func or[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// site leaves out what stands in it, with the steps that are about that, and what the site has chosen.
func (k *shrinker) site() {
	for _, list := range []func(*scenario.Given) reflect.Value{
		func(g *scenario.Given) reflect.Value { return reflect.ValueOf(&g.Expected).Elem() },
		func(g *scenario.Given) reflect.Value { return reflect.ValueOf(&g.Newcomers).Elem() },
		func(g *scenario.Given) reflect.Value { return reflect.ValueOf(&g.Racks).Elem() },
		func(g *scenario.Given) reflect.Value { return reflect.ValueOf(&g.PowerShelves).Elem() },
		func(g *scenario.Given) reflect.Value { return reflect.ValueOf(&g.Switches).Elem() },
		func(g *scenario.Given) reflect.Value { return reflect.ValueOf(&g.Machines).Elem() },
		func(g *scenario.Given) reflect.Value { return reflect.ValueOf(&g.Firmware).Elem() },
	} {
		for i := list(&k.best.Given).Len() - 1; i >= 0; i-- {
			id := list(&k.best.Given).Index(i).FieldByName("ID").String()
			k.try(without(k.best, id))
		}
	}
	for i := range k.best.Given.Machines {
		for _, plain := range []scenario.Machine{{}, {State: k.best.Given.Machines[i].State, Tenant: k.best.Given.Machines[i].Tenant}} {
			s := k.best
			s.Given.Machines = slices.Clone(s.Given.Machines)
			plain.ID, plain.Rack = s.Given.Machines[i].ID, s.Given.Machines[i].Rack
			if !reflect.DeepEqual(plain, s.Given.Machines[i]) && k.try(s) {
				break
			}
		}
	}
	k.settings()
}

// settings takes what is chosen back to what it is by default.
func (k *shrinker) settings() {
	fields := reflect.TypeFor[scenario.Settings]().NumField()
	for i := range fields {
		s := k.best
		if f := reflect.ValueOf(&s.Given.Settings).Elem().Field(i); !f.IsZero() {
			f.SetZero()
			k.try(s)
		}
	}
	if sim := k.best.Given.Simulated; sim != nil {
		for _, plain := range []scenario.Simulated{{Instant: true}, {}, {Seed: sim.Seed, Instant: true}, {Delays: sim.Delays}, {Seed: sim.Seed}} {
			s := k.best
			s.Given.Simulated = &plain
			if !reflect.DeepEqual(plain, *sim) && k.try(s) {
				break
			}
		}
	}
	if len(k.best.Given.Controllers) > 0 {
		s := k.best
		s.Given.Controllers = nil
		k.try(s)
	}
}

// without is a scenario without an object or a catalogue entry, what is in it, and the steps that name it.
func without(s scenario.Scenario, id string) scenario.Scenario {
	gone := map[string]bool{id: true}
	g := s.Given
	g.Racks = slices.DeleteFunc(slices.Clone(g.Racks), func(r scenario.Rack) bool { return gone[r.ID] })
	g.Expected = slices.DeleteFunc(slices.Clone(g.Expected), func(r scenario.Expected) bool { return gone[r.ID] })
	g.Firmware = slices.DeleteFunc(slices.Clone(g.Firmware), func(f scenario.Firmware) bool { return gone[f.ID] })
	drop := func(own, rack string) bool {
		if gone[own] || gone[rack] {
			gone[own] = true
			return true
		}
		return false
	}
	g.Machines = slices.DeleteFunc(slices.Clone(g.Machines), func(m scenario.Machine) bool { return drop(m.ID, m.Rack) })
	g.Switches = slices.DeleteFunc(slices.Clone(g.Switches), func(m scenario.Switch) bool { return drop(m.ID, m.Rack) })
	g.PowerShelves = slices.DeleteFunc(slices.Clone(g.PowerShelves), func(m scenario.PowerShelf) bool { return drop(m.ID, m.Rack) })
	g.Newcomers = slices.DeleteFunc(slices.Clone(g.Newcomers), func(d scenario.Discover) bool { return drop(d.ID, d.Rack) })
	s.Given = g
	s.When = slices.DeleteFunc(slices.Clone(s.When), func(step scenario.Step) bool {
		return slices.ContainsFunc(words(step.String()), func(word string) bool { return gone[word] })
	})
	return s
}

// words are the names in a text.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" :,{}[]\"/", r) })
}
