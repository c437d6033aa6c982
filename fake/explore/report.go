package explore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/fake/verify"
)

// Report is what a search found.
type Report struct {
	// Start and Budget are what was explored.
	Start  string
	Budget Budget
	// States were visited, Transitions between them made, and the longest of the shortest paths has Longest moves. Resting is how many of the states are states of rest.
	States      int
	Transitions uint64
	Longest     int
	Resting     int
	// Complete says that everything within the budget was visited. Otherwise Unexpanded states were met and not looked at, and of Unknown states it is not known whether a state of
	// rest can be reached from them.
	Complete            bool
	Unexpanded, Unknown int
	// Findings are what does not hold, for each rule the shortest path first.
	Findings []Finding
	// Took is how long it took, Rechecked how many states were met again and expanded once more.
	Took      time.Duration
	Rechecked int
}

// Finding is a rule that does not hold, with the shortest path on which it does not.
type Finding struct {
	// Rule and Promise are those of verify.Broken, or of what is looked at in the graph.
	Rule    string
	Promise int
	// What is wrong.
	What string
	// Times is on how many transitions, or in how many states, it was seen.
	Times int
	// Scenario is the path, with what it leads to as expectation.
	Scenario scenario.Scenario
	// Again says that the rule was broken again when the scenario was run by one controller that stays. What is looked at in the graph is not seen in one run.
	Again bool
}

// Text is the report for people, without the scenarios.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s with %s: %d states, %d transitions, longest path %d, %.1f seconds", r.Start, r.Budget, r.States, r.Transitions, r.Longest, r.Took.Seconds())
	if r.Complete {
		b.WriteString(", complete\n")
	} else {
		fmt.Fprintf(&b, ", not complete: %d states were not looked at; of %d it is not known whether they come to rest\n", r.Unexpanded, r.Unknown)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s (%d times, shortest path %d steps, again with one controller: %t)\n    %s\n", f.Rule, f.Times, len(f.Scenario.When), f.Again, strings.ReplaceAll(f.What, "\n", "\n    "))
	}
	return b.String()
}

// found is a finding while the search goes on.
type found struct {
	rule    string
	promise int
	what    string
	times   int
	from    uint32
	steps   []scenario.Step
	graph   bool
}

// reports collects findings.
type reports struct {
	list []*found
}

// add adds what was found at a state, or by steps from it. Of each rule and what is wrong in the main only as many as are wanted are kept; since the search goes level by level, those are the
// shortest.
func (r *reports) add(each int, err error, from uint32, steps []scenario.Step) {
	var b *verify.Broken
	f := &found{rule: "everything goes on", what: err.Error(), times: 1, from: from, steps: steps}
	if errors.As(err, &b) {
		f.rule, f.promise, f.what = b.Rule, b.Promise, b.Err.Error()
	}
	r.put(each, f)
}

func (r *reports) put(each int, f *found) {
	same := 0
	var first *found
	for _, o := range r.list {
		if o.rule == f.rule {
			same++
			if first == nil {
				first = o
			}
			if shape(o.what) == shape(f.what) {
				o.times += f.times
				return
			}
		}
	}
	if same >= each {
		first.times += f.times
		return
	}
	r.list = append(r.list, f)
}

// shape is a text without its numbers, so that what differs in them only is the same.
func shape(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

func stepsText(steps []scenario.Step) string {
	texts := make([]string, len(steps))
	for i, s := range steps {
		texts[i] = s.String()
	}
	return strings.Join(texts, "\n")
}

// report makes the report.
func (x *explorer) report(took time.Duration) *Report {
	g := &x.graph
	r := &Report{
		Start: x.start.Name, Budget: x.cfg.Budget, States: len(g.parent), Transitions: g.transitions, Longest: g.depth, Resting: len(g.ended), Took: took, Rechecked: x.recheck.done,
		Complete: true,
	}
	for _, f := range g.flags {
		if f&isExpanded == 0 {
			r.Unexpanded++
		}
		if f&(isExpanded|isCut) != isExpanded {
			r.Complete = false
		}
		if f&(reaches|unsure) == unsure {
			r.Unknown++
		}
	}
	for _, f := range x.reports.list {
		r.Findings = append(r.Findings, x.finding(f))
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return len(a.Scenario.When) - len(b.Scenario.When) })
	return r
}

// finding runs a path once more, and writes it down with what it leads to.
func (x *explorer) finding(f *found) Finding {
	out := Finding{Rule: f.rule, Promise: f.promise, What: f.what, Times: f.times}
	out.Scenario = x.start.path(f.rule, x.steps(f.from, f.steps))
	again, err := x.replay(out.Scenario)
	if err != nil {
		out.What += "\nthe path cannot be run again: " + err.Error()
		return out
	}
	out.Scenario.Then = again.then
	if f.graph {
		out.What += "\n" + again.text()
	}
	out.Again = slices.ContainsFunc(again.problems, func(err error) bool {
		var b *verify.Broken
		return errors.As(err, &b) && b.Rule == f.rule
	})
	return out
}
