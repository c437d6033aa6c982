package service

import (
	"cmp"
	"errors"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/lifecycle"
)

// actions checks that what follows an action is a legal move from where it runs.
func (b *builder) actions() {
	for _, t := range b.draft.transitions {
		if !t.action.ok {
			continue
		}
		for _, to := range t.to {
			b.follows(&t, to.text)
		}
	}
}

func (b *builder) follows(t *draftTransition, state string) {
	for _, next := range [...]struct {
		word
		field string
	}{{t.success, "on_success"}, {t.fails, "on_failure"}} {
		if next.ok && b.d.Find(state, next.text) == nil {
			b.report(next.at, "%s: no transition leads from %q, where the action runs, to %q; add it", next.field, state, next.text)
		}
	}
	s, _ := b.d.State(state)
	limited := s.SLA > 0 || slices.ContainsFunc(b.d.From(state), func(o *Transition) bool { return o.After > 0 })
	if !limited {
		b.warn(t.action.at, "action %q may keep nodes in %q for ever without a word; give the state an sla, or a transition out of it an after", t.action.text, state)
	}
	if s.Hold && t.action.text == ActionHostReprovision {
		b.warn(t.action.at, "action %q waits as long as state %q holds the machine, which is until the node leaves it", t.action.text, state)
	}
}

// ways checks that every state can be reached, and that there is a way back from it.
func (b *builder) ways() {
	reached := b.reach(b.d.Initial)
	for _, s := range b.d.States {
		at := b.stateAt[s.Name]
		if !reached[s.Name] {
			b.report(at, "state %q cannot be reached: no chain of transitions leads from %q to it", s.Name, b.d.Initial)
			continue
		}
		if !s.Terminal && !b.reach(s.Name)[b.d.Initial] {
			b.warn(at, "no way leads from state %q back to %q; add a transition, or mark the state terminal", s.Name, b.d.Initial)
		}
	}
}

// reach lists the states to which a chain of transitions leads.
func (b *builder) reach(from string) map[string]bool {
	seen := map[string]bool{from: true}
	for line := []string{from}; len(line) > 0; line = line[1:] {
		for _, t := range b.d.From(line[0]) {
			if !seen[t.To] {
				seen[t.To] = true
				line = append(line, t.To)
			}
		}
	}
	return seen
}

// times warns of automatic moves that never come, because another one always comes first.
func (b *builder) times() {
	for _, s := range b.d.States {
		automatic := b.d.automatic(s.Name)
		for i, t := range automatic {
			first := slices.IndexFunc(automatic[:i], func(o *Transition) bool { return o.Guard == "" })
			if first >= 0 {
				b.warn(t.at, "after: the engine never takes the transition from %q to %q; the one to %q after %s always comes first",
					t.From, t.To, automatic[first].To, durationText(automatic[first].After))
			}
		}
	}
}

// automatic returns the transitions that the engine takes out of a state, the earliest first.
func (d *Definition) automatic(state string) []*Transition {
	out := slices.DeleteFunc(d.From(state), func(t *Transition) bool { return t.After == 0 })
	slices.SortStableFunc(out, func(a, b *Transition) int { return cmp.Compare(a.After, b.After) })
	return out
}

// draw compiles the table as the engine will, and has the engine look for mistakes of design that were not looked for here.
func (b *builder) draw() {
	kind, err := lifecycle.Define(kindDefinition(b.d, nil))
	if err != nil {
		b.report(position{}, "%s", err)
		return
	}
	b.d.drawn = kind
	var findings *multierror.Error
	if errors.As(lifecycle.Check(kind), &findings) {
		for _, e := range findings.Errors {
			var f *lifecycle.Finding
			if errors.As(e, &f) {
				b.warn(b.stateAt[f.State], "state %q: %s; %s", f.State, f.Problem, f.Fix)
			}
		}
	}
}
