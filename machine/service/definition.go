package service

import (
	"slices"
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

// Definition is the service lifecycle of a site: its states, and which moves are allowed under which rules. Load makes one; it is for reading only.
type Definition struct {
	// Name names the definition in messages and diagrams.
	Name string
	// Doc says what it is for.
	Doc string
	// Initial is the state in which nodes are created.
	Initial string
	// States are in the order of the file.
	States []State
	// Transitions are in the order of the file, one for each pair of states: lists and "*" are resolved.
	Transitions []Transition
	// Renamed maps states that the definition no longer has to those that nodes in them move to.
	Renamed map[string]string

	warnings []*Problem
	drawn    *lifecycle.Kind // the table without what Renamed adds
}

// State is one state of a definition.
type State struct {
	// Name is stored and shown.
	Name string
	// Doc says what is true in it.
	Doc string
	// Terminal says that nothing leads out of it.
	Terminal bool
	// Hold says that the machine of a node in it is left alone.
	Hold bool
	// SLA is how long a node may stay before that is reported. Zero: no limit.
	SLA time.Duration
}

// Transition is one legal move.
type Transition struct {
	// From and To are states. They are the same where a state may be entered anew.
	From, To string
	// RequireNote says that whoever moves the node must say why.
	RequireNote bool
	// Initiators are the patterns of those who may; nil: anyone.
	Initiators []string
	// Guard is an expression that must be true; empty: always. See Facts.
	Guard string
	// After is the time in From after which the engine takes the transition by itself. Zero: never.
	After time.Duration
	// Action begins when the node arrives, nil: nothing does.
	Action *ActionRule
	// Doc says what it is for.
	Doc string

	guard *guard
	at    position
	any   bool // it came from "*"
}

// ActionRule says what begins with a transition, and what follows.
type ActionRule struct {
	// Name is the name under which the host has registered the action.
	Name string
	// OnSuccess and OnFailure are the states to which the node moves at its end. Empty: it stays; a failure is a health alert on the node then.
	OnSuccess, OnFailure string
}

// Warnings are what looks wrong in the definition and works all the same, in the order of the lines.
func (d *Definition) Warnings() []*Problem { return slices.Clone(d.warnings) }

// State returns the state of that name.
func (d *Definition) State(name string) (State, bool) {
	i := slices.IndexFunc(d.States, func(s State) bool { return s.Name == name })
	if i < 0 {
		return State{}, false
	}
	return d.States[i], true
}

// StateNames are the names of the states, in the order of the file.
func (d *Definition) StateNames() []string {
	out := make([]string, len(d.States))
	for i, s := range d.States {
		out[i] = s.Name
	}
	return out
}

// From returns the transitions that leave a state, in the order of the file.
func (d *Definition) From(state string) []*Transition {
	var out []*Transition
	for i := range d.Transitions {
		if d.Transitions[i].From == state {
			out = append(out, &d.Transitions[i])
		}
	}
	return out
}

// Find returns the transition between two states, nil if there is none.
func (d *Definition) Find(from, to string) *Transition {
	for i := range d.Transitions {
		if t := &d.Transitions[i]; t.From == from && t.To == to {
			return t
		}
	}
	return nil
}

// Mermaid draws the definition as a Mermaid state diagram.
func (d *Definition) Mermaid() string { return d.drawn.Mermaid() }

// Markdown writes the definition as Markdown tables of its transitions and states.
func (d *Definition) Markdown() string { return d.drawn.Markdown() }
