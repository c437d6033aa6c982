package metamorphic

import (
	"fmt"
	"math/rand/v2"

	"github.com/rackstate/rackstate/fake/scenario"
)

// Form is what a plan is about.
type Form string

// The forms.
const (
	// Alone: one controller, faults, crashes, and everything that people do.
	Alone Form = "alone"
	// Busy is Alone, and passes stand still while others go on, as where many workers make them.
	Busy Form = "busy"
	// Shared: two controllers with leases, of which one or the other stands still, is killed and comes back.
	Shared Form = "shared"
	// Pair: crashes only, and each request when everything rests, so that the plan must end as it would without its crashes.
	Pair Form = "pair"
)

// Forms are all forms.
func Forms() []Form { return []Form{Alone, Busy, Shared, Pair} }

// Plan is what happens to a small site, as a scenario that expects nothing. It is made by New and not changed.
type Plan struct {
	// Seed is what it was made from.
	Seed uint64
	// Form is what it is about.
	Form Form
	// Scenario is the site and what happens. The calm that follows is not in it.
	Scenario scenario.Scenario
	// site is equal for plans whose sites are.
	site uint64
}

// Block is how many plans have the same site: to make one takes longer than to run a plan.
const Block = 64

// typicalSteps is how many steps a plan has, on the average.
const typicalSteps = 14

// New makes the plan of a seed.
func New(seed uint64) Plan {
	forms := []Form{Alone, Alone, Alone, Busy, Shared, Shared, Pair, Pair}
	return NewOf(forms[seed/Block%uint64(len(forms))], seed)
}

// NewOf makes the plan of a seed with a given form.
func NewOf(form Form, seed uint64) Plan {
	site := seed/Block + 1 // zero is a plan that nobody has made
	g := &generator{
		dice: dice{rand.New(rand.NewPCG(seed, 0x7261636b73746174))}, form: form, next: 1,
		layout: newLayout(dice{rand.New(rand.NewPCG(site, 0x73697465))}, form),
	}
	p := Plan{Seed: seed, Form: form, site: site}
	p.Scenario = scenario.Scenario{Name: fmt.Sprintf("%s %d", form, seed), Given: g.layout.given, When: g.steps(), Then: nothing()}
	return p
}

// nothing is an expectation that everything meets: a scenario needs one.
func nothing() scenario.Then { return scenario.Then{CallsExclude: []string{}} }

// dice draw.
type dice struct{ *rand.Rand }

// chance is true one time in n.
func (d dice) chance(n int) bool { return d.IntN(n) == 0 }

// between draws a whole number, both ends included.
func (d dice) between(least, most int) int { return least + d.IntN(most-least+1) }

// pick draws one of a list.
func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }

// some draws a part of a list, one at least, in its order.
func some[T any](d dice, list []T) []T {
	var out []T
	for _, v := range list {
		if d.chance(2) {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		out = append(out, pick(d, list))
	}
	return out
}
