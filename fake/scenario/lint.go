package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// path leads to a place in a scenario: keys and indices.
type path []any

func (p path) to(steps ...any) path { return append(slices.Clone(p), steps...) }

// finding is something that a scenario says and that makes no sense: without it a mistyped name would be an expectation that nobody looks at.
type finding struct {
	at   path
	text string
}

// String names the place and what is wrong there.
func (f finding) String() string {
	var b strings.Builder
	for i, step := range f.at {
		switch s := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		default:
			if i > 0 {
				b.WriteString(".")
			}
			fmt.Fprint(&b, s)
		}
	}
	if b.Len() == 0 {
		return f.text
	}
	return b.String() + ": " + f.text
}

// linter looks at what a scenario says before it runs.
type linter struct {
	s       *Scenario
	words   *vocabulary
	found   []finding
	objects map[backend.Ref]bool // all that exist or may come into being
	given   map[backend.Ref]string
	ids     map[string]backend.Ref // by id, whatever the kind
	request map[string]bool        // ids of requests
}

func (s *Scenario) lint(words *vocabulary) []finding {
	l := &linter{s: s, words: words, objects: map[backend.Ref]bool{}, given: map[backend.Ref]string{}, ids: map[string]backend.Ref{}, request: map[string]bool{}}
	if s.Name == "" {
		l.add(path{}, "the scenario has no name")
	}
	l.collect()
	l.lintGiven()
	l.lintSimulated()
	l.lintControllers()
	l.lintWhen()
	l.lintThen()
	return l.found
}

func (l *linter) add(at path, format string, args ...any) {
	l.found = append(l.found, finding{at: at, text: fmt.Sprintf(format, args...)})
}

// word reports a word that is none of those allowed. An empty one is absent.
func (l *linter) word(at path, word string, allowed []string) {
	if word != "" && !slices.Contains(allowed, word) {
		l.add(at, "%q is not known; use %s", word, joined(allowed))
	}
}

// collect notes which objects there are: those that are given, those of expected racks, and those that are discovered.
func (l *linter) collect() {
	g := l.s.Given
	for i, o := range g.Racks {
		l.object(path{"given", "racks", i}, backend.Ref{Kind: backend.KindRack, ID: o.ID}, o.State)
	}
	for i, o := range g.Expected {
		l.object(path{"given", "expected", i}, backend.Ref{Kind: backend.KindRack, ID: o.ID}, "")
	}
	for i, o := range g.Machines {
		l.object(path{"given", "machines", i}, backend.Ref{Kind: backend.KindMachine, ID: o.ID}, o.State)
	}
	for i, o := range g.Switches {
		l.object(path{"given", "switches", i}, backend.Ref{Kind: backend.KindSwitch, ID: o.ID}, o.State)
	}
	for i, o := range g.PowerShelves {
		l.object(path{"given", "power_shelves", i}, backend.Ref{Kind: backend.KindPowerShelf, ID: o.ID}, o.State)
	}
	found := func(d Discover) {
		l.mention(backend.Ref{Kind: backend.Kind(d.Kind), ID: d.ID})
		l.mention(backend.Ref{Kind: backend.KindRack, ID: d.Rack})
	}
	for _, d := range g.Newcomers {
		found(d)
	}
	for _, step := range l.s.When {
		if d := step.Discover; d != nil {
			found(*d)
		}
		if q := step.Request; q != nil { // a request may be about something that is not there
			for _, on := range q.On {
				if r, err := backend.ParseRef(on); err == nil {
					l.mention(r)
				}
			}
		}
	}
	for _, q := range l.requests() {
		l.request[q.ID] = true
	}
}

func (l *linter) requests() []Request {
	out := slices.Clone(l.s.Given.Requests)
	for _, step := range l.s.When {
		if step.Request != nil {
			out = append(out, *step.Request)
		}
	}
	return out
}

// object notes a given one. Devices and racks are named by their ids alone in many places, so an id belongs to one of them.
func (l *linter) object(at path, ref backend.Ref, state string) {
	if err := backend.CheckID(ref.ID); err != nil {
		l.add(at.to("id"), "%s", err)
		return
	}
	if other, taken := l.ids[ref.ID]; taken {
		l.add(at.to("id"), "the id %q is used twice, here for a %s and before for a %s", ref.ID, ref.Kind, other.Kind)
	}
	if state == "" {
		state = readyState
	}
	l.ids[ref.ID], l.objects[ref], l.given[ref] = ref, true, state
}

// mention notes an object that the scenario speaks of and that is not given.
func (l *linter) mention(ref backend.Ref) {
	l.objects[ref] = true
	if _, taken := l.ids[ref.ID]; !taken {
		l.ids[ref.ID] = ref
	}
}

// ref reads the name of an object of the scenario.
func (l *linter) ref(at path, name string, kinds ...backend.Kind) (backend.Ref, bool) {
	ref, err := backend.ParseRef(name)
	switch {
	case err != nil:
		l.add(at, "%s", err)
	case !l.objects[ref]:
		l.add(at, "%s is no object of the scenario; it has %s", name, l.all())
	case len(kinds) > 0 && !slices.Contains(kinds, ref.Kind):
		l.add(at, "%s does not belong here; a %v does", name, kinds)
	default:
		return ref, true
	}
	return ref, false
}

// id reads the id of a device or rack.
func (l *linter) id(at path, id string) {
	if _, known := l.ids[id]; !known {
		l.add(at, "no object of the scenario has the id %q; it has %s", id, l.all())
	}
}

// all lists the objects for a message.
func (l *linter) all() string {
	refs := slices.SortedFunc(maps.Keys(l.objects), backend.Ref.Compare)
	names := make([]string, len(refs))
	for i, r := range refs {
		names[i] = r.String()
	}
	if len(names) == 0 {
		return "none"
	}
	return joined(names)
}

// call reads the name of a hardware call.
func (l *linter) call(at path, name string) (callInfo, bool) {
	what, known := calls[name]
	if !known {
		l.add(at, "the call %q is not known; calls are %s", name, joined(slices.Sorted(maps.Keys(calls))))
	}
	return what, known
}

// mentions reports an expectation that every text meets.
func (l *linter) mentions(at path, texts []string) {
	if texts != nil && len(texts) == 0 || slices.Contains(texts, "") {
		l.add(at, "mentions needs texts that are not empty")
	}
}
