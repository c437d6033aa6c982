package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Check looks for mistakes of design in a kind's table. It returns nil, or a *multierror.Error of *Finding with all of them:
//
//   - every state can be reached from creation;
//   - every state that is not on its way out can reach a resting state, and deletion, and permits the trigger of a deletion mark;
//   - rows that share a state and a trigger have a guard each;
//   - every working state has an SLA, or a StepSLA;
//   - no StepSLA is greater than the SLA of its state;
//   - every waiting state has a deadline, or a reason why not;
//   - every failed state has a way out besides deletion;
//   - every state says what is true in it.
func Check(k *Kind) error {
	c := &checker{g: k.graph, onDeleted: k.onDeleted}
	c.reachable()
	c.escapes()
	c.competing()
	c.limits()
	return c.found.ErrorOrNil()
}

// Finding is one mistake of design that Check found.
type Finding struct {
	// Kind and State say where; State is empty when it is about a row.
	Kind, State string
	// Problem says what is wrong, Fix what to do about it.
	Problem, Fix string
}

// Error says where, what and how to mend it.
func (f *Finding) Error() string {
	where := f.Kind
	if f.State != "" {
		where += " state " + f.State
	}
	return where + ": " + f.Problem + "; " + f.Fix
}

type checker struct {
	g         *graph
	onDeleted string
	found     *multierror.Error
}

func (c *checker) report(state, problem, fix string) {
	c.found = multierror.Append(c.found, &Finding{Kind: c.g.kind, State: state, Problem: problem, Fix: fix})
}

func (c *checker) reachable() {
	seen := map[string]bool{}
	c.walk(c.g.initial, seen)
	for _, s := range c.g.order {
		if !seen[s] {
			c.report(s, "no chain of transitions leads from "+c.g.initial+" to it", "add a row that leads to it, or remove the state")
		}
	}
}

func (c *checker) walk(from string, seen map[string]bool) {
	if seen[from] {
		return
	}
	seen[from] = true
	for _, row := range c.g.permitted[from] {
		if row.To != "" {
			c.walk(row.To, seen)
		}
	}
}

// escapes checks that no state is a trap.
func (c *checker) escapes() {
	for _, s := range c.g.order {
		seen := map[string]bool{}
		c.walk(s, seen)
		info := c.g.states[s]
		if info.Class != Deleting && !c.any(seen, Resting) {
			c.report(s, "no resting state can be reached from it", "add a row that leads back towards a resting state")
		}
		gone := false
		for t := range seen {
			if _, ok := c.g.goneTrigger(t); ok {
				gone = true
			}
		}
		switch {
		case !gone:
			c.report(s, "an object in it can never be deleted", `add a row {From: lifecycle.Any, On: Deleted, To: Deleting} and one from there with an empty To`)
		case info.Class != Deleting && !slices.Contains(c.g.triggers(s), c.onDeleted):
			c.report(s, fmt.Sprintf("it does not permit %q, which a deletion mark fires", c.onDeleted), "add a row {From: lifecycle.Any, On: Deleted, To: Deleting}, or correct Definition.OnDeleted")
		}
		if info.Class == Failed && !c.wayOut(s) {
			c.report(s, "it has no way out but deletion", "add a row by which a person or the engine recovers the object")
		}
	}
}

func (c *checker) any(seen map[string]bool, class Class) bool {
	for s := range seen {
		if c.g.states[s].Class == class {
			return true
		}
	}
	return false
}

func (c *checker) wayOut(state string) bool {
	for _, row := range c.g.permitted[state] {
		if row.To != "" && row.To != state && c.g.states[row.To].Class != Deleting {
			return true
		}
	}
	return false
}

func (c *checker) competing() {
	for _, s := range c.g.order {
		rows := c.g.permitted[s]
		for i, row := range rows {
			for _, other := range rows[i+1:] {
				if row.On == other.On && (row.Guard == "" || other.Guard == "") {
					c.report(s, fmt.Sprintf("trigger %s leads to %s and to %s", row.On, target(row.To), target(other.To)), "give each of these rows a Guard that says when it is taken")
				}
			}
		}
	}
}

func target(to string) string {
	if to == "" {
		return "(gone)"
	}
	return to
}

func (c *checker) limits() {
	for _, s := range c.g.order {
		info := c.g.states[s]
		switch info.Class {
		case Resting, Failed:
		case Deleting, Working:
			if info.SLA == 0 && info.StepSLA == 0 {
				c.report(s, "objects may work here for ever without being reported", "give the state an SLA")
			}
		case Waiting:
			if info.Deadline == 0 && info.NoDeadline == "" {
				c.report(s, "objects may wait here for ever", "give the state a Deadline, or say in NoDeadline why it has none")
			}
		default:
			c.report(s, fmt.Sprintf("its class is %q", info.Class), "choose "+strings.Join([]string{string(Resting), string(Working), string(Waiting), string(Failed), string(Deleting)}, ", "))
		}
		if info.SLA > 0 && info.StepSLA > info.SLA {
			c.report(s, fmt.Sprintf("its StepSLA of %s is greater than its SLA of %s, which is over first", info.StepSLA, info.SLA), "make the StepSLA smaller, or leave it out")
		}
		if strings.TrimSpace(info.Doc) == "" {
			c.report(s, "it does not say what is true in it", "write its Doc")
		}
	}
}
