package service

import (
	"regexp"
	"slices"
	"strings"
)

// Bounds of a definition. Tables beyond them are a mistake, and take long to check.
const (
	maxStates = 100
	maxMoves  = 2000
)

// stateDeleting is the state of a node on its way out. Definitions cannot use the name.
const stateDeleting = "deleting"

var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

const nameRule = "letters, digits, _, - and ., beginning with a letter, at most 64"

// build makes the definition of a draft, or reports everything that is wrong with it.
func (ps *problems) build(d *draft) (*Definition, error) {
	b := &builder{problems: ps, draft: d, d: &Definition{Name: d.name.text, Doc: d.doc.text, Initial: d.initial.text, Renamed: map[string]string{}}, stateAt: map[string]position{}}
	if d.name.ok && !nameForm.MatchString(d.name.text) {
		ps.report(d.name.at, "name is %q; it consists of %s", d.name.text, nameRule)
	}
	b.states()
	if d.initial.ok {
		b.known(d.initial, "initial")
	}
	b.transitions()
	b.renamed()
	if len(ps.errors) == 0 { // what follows would only repeat in other words what is wrong already
		b.actions()
		b.ways()
		b.times()
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	b.draw()
	if err := ps.err(); err != nil {
		return nil, err
	}
	sortProblems(ps.warnings)
	b.d.warnings = ps.warnings
	return b.d, nil
}

type builder struct {
	*problems
	draft   *draft
	d       *Definition
	stateAt map[string]position
	full    bool // there are more moves than are read
}

func (b *builder) states() {
	if len(b.draft.states) > maxStates {
		b.report(b.draft.states[maxStates].at, "there are %d states, at most %d are read", len(b.draft.states), maxStates)
		b.draft.states = b.draft.states[:maxStates]
	}
	for _, s := range b.draft.states {
		name := s.name.text
		if !s.name.ok {
			continue
		}
		switch at, twice := b.stateAt[name]; {
		case twice:
			b.report(s.name.at, "state %q is there twice, first in line %d", name, at.line)
			continue
		case strings.EqualFold(name, stateDeleting):
			b.report(s.name.at, "state %q: the name is taken by nodes that are being removed; choose another one", name)
		case !nameForm.MatchString(name):
			b.report(s.name.at, "state %q: a name consists of %s", name, nameRule)
		}
		b.stateAt[name] = s.name.at
		b.d.States = append(b.d.States, State{Name: name, Doc: s.doc.text, Terminal: s.terminal, Hold: s.hold, SLA: s.sla})
	}
}

// known reports a state that is not declared.
func (b *builder) known(w word, what string) bool {
	if !w.ok || len(b.stateAt) == 0 { // without states nothing is known, which is reported already
		return false
	}
	if _, ok := b.stateAt[w.text]; ok {
		return true
	}
	b.report(w.at, "%s: there is no state %q%s; states are %s", what, w.text, didYouMean(w.text, b.d.StateNames()), strings.Join(b.d.StateNames(), ", "))
	return false
}

func (b *builder) transitions() {
	var wide []Transition // from "*"; they yield to all others
	for i := range b.draft.transitions {
		t := &b.draft.transitions[i]
		rule, every := b.rule(t), false
		for _, from := range b.distinct(t.from, "from") {
			if from.text == "*" {
				every = true
				if len(t.from) > 1 {
					b.report(from.at, `from: "*" is every state already; name it alone, or name states`)
				}
				continue
			}
			if !b.known(from, "from") {
				continue
			}
			if s, _ := b.d.State(from.text); s.Terminal {
				b.report(from.at, "from: state %q is terminal, nothing leads out of it", from.text)
			}
		}
		for _, to := range b.distinct(t.to, "to") {
			if to.text == "*" {
				b.report(to.at, `to: "*" is read in from only; name the states`)
				continue
			}
			if !b.known(to, "to") {
				continue
			}
			wide = b.expand(t, rule, to, every, wide)
		}
	}
	for _, w := range wide {
		if b.d.Find(w.From, w.To) == nil {
			b.d.Transitions = append(b.d.Transitions, w)
		}
	}
	slices.SortStableFunc(b.d.Transitions, func(x, y Transition) int {
		if x.at.line != y.at.line {
			return x.at.line - y.at.line
		}
		return x.at.column - y.at.column
	})
}

// expand adds the transitions that one entry of the file stands for.
func (b *builder) expand(t *draftTransition, rule Transition, to word, every bool, wide []Transition) []Transition {
	rule.To, rule.any = to.text, every
	if len(b.d.Transitions)+len(wide) > maxMoves {
		if !b.full {
			b.report(t.at, "the transitions lead to more than %d moves, the most that is read", maxMoves)
		}
		b.full = true
		return wide
	}
	if every {
		for _, s := range b.d.States {
			if s.Name == to.text || s.Terminal {
				continue
			}
			if i := slices.IndexFunc(wide, func(o Transition) bool { return o.From == s.Name && o.To == to.text }); i >= 0 {
				b.report(to.at, `to: "*" leads to %q twice, first in line %d`, to.text, wide[i].at.line)
				break
			}
			rule.From = s.Name
			wide = append(wide, rule)
		}
		return wide
	}
	for _, from := range t.from {
		if _, ok := b.stateAt[from.text]; !ok {
			continue
		}
		if old := b.d.Find(from.text, to.text); old != nil {
			if old.at != t.at { // within one entry distinct has reported it
				b.report(t.at, "the transition from %q to %q is there twice, first in line %d", from.text, to.text, old.at.line)
			}
			continue
		}
		rule.From = from.text
		b.d.Transitions = append(b.d.Transitions, rule)
	}
	return wide
}

// distinct reports what a list names twice.
func (b *builder) distinct(list []word, what string) []word {
	for i, w := range list {
		if w.ok && slices.ContainsFunc(list[:i], func(o word) bool { return o.text == w.text }) {
			b.report(w.at, "%s names %q twice", what, w.text)
		}
	}
	return list
}

// rule reads what a transition has besides its states.
func (b *builder) rule(t *draftTransition) Transition {
	rule := Transition{After: t.after, Doc: t.doc.text, at: t.at}
	for _, r := range b.distinct(t.require, "require") {
		if r.ok && r.text != "note" {
			b.report(r.at, `require: %q cannot be required; "note" can`, r.text)
		}
		rule.RequireNote = rule.RequireNote || r.text == "note"
	}
	for _, p := range b.distinct(t.initiators, "initiators") {
		rule.Initiators = append(rule.Initiators, p.text)
	}
	if t.after > 0 && len(t.to) > 1 {
		b.report(t.at, "after: the transition leads to %d states, the engine cannot choose; write one for each", len(t.to))
	}
	if t.guard.ok {
		rule.Guard = strings.TrimSpace(t.guard.text)
		var wrong *guardError
		if rule.guard, wrong = compileGuard(rule.Guard); wrong != nil {
			b.report(guardPlace(t.guard, wrong), "guard: %s", wrong.message)
		}
	}
	if t.action.ok {
		if !nameForm.MatchString(t.action.text) {
			b.report(t.action.at, "action %q: a name consists of %s", t.action.text, nameRule)
		}
		rule.Action = &ActionRule{Name: t.action.text, OnSuccess: t.success.text, OnFailure: t.fails.text}
		b.known(t.success, "on_success")
		b.known(t.fails, "on_failure")
	}
	return rule
}

// guardPlace finds the place of a mistake in the file, where the expression stands there as it is.
func guardPlace(w word, e *guardError) position {
	at := w.at
	if e.column >= 0 && e.line == 1 && w.inner >= 0 && !strings.Contains(w.text, "\n") {
		at.column += w.inner + e.column
	}
	return at
}

func (b *builder) renamed() {
	for _, r := range b.draft.renamed {
		if _, still := b.stateAt[r.from.text]; still {
			b.report(r.from.at, "renamed: %q is still a state; remove it from states, or from here", r.from.text)
		} else if !nameForm.MatchString(r.from.text) {
			b.report(r.from.at, "renamed: %q cannot have been a state; a name consists of %s", r.from.text, nameRule)
		}
		if b.known(r.to, "renamed") {
			b.d.Renamed[r.from.text] = r.to.text
		}
	}
}
