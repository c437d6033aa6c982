package scenario

import (
	"reflect"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

func (l *linter) lintThen() {
	then, at := l.s.Then, path{"then"}
	if reflect.ValueOf(then).IsZero() {
		l.add(at, "nothing is expected; a scenario without then proves nothing")
	}
	for _, name := range sortedKeys(then.States) {
		l.state(at.to("states", name), name, then.States[name])
	}
	for i, name := range then.Gone {
		l.ref(at.to("gone", i), name)
	}
	for _, name := range sortedKeys(then.Outcome) {
		o := then.Outcome[name]
		l.ref(at.to("outcome", name), name)
		l.word(at.to("outcome", name, "kind"), o.Kind, outcomeWords)
		l.mentions(at.to("outcome", name, "mentions"), o.Mentions)
		if o.Kind == "" && o.Mentions == nil {
			l.add(at.to("outcome", name), "nothing is expected of it")
		}
	}
	for _, name := range sortedKeys(then.Alerts) {
		l.ref(at.to("alerts", name), name)
	}
	if then.OverSLA != nil {
		for i, name := range *then.OverSLA {
			l.ref(at.to("over_sla", i), name)
		}
	}
	for _, name := range sortedKeys(then.History) {
		if len(then.History[name]) == 0 {
			l.add(at.to("history", name), "a history has the given state at least")
		}
		for _, state := range then.History[name] {
			l.state(at.to("history", name), name, state)
		}
	}
	l.thenRequests(at, then)
	l.thenFields(at, then)
	l.thenCalls(at, then)
}

// state reads a state of an object: one of its table, or the one that it was given in.
func (l *linter) state(at path, name, state string) {
	ref, ok := l.ref(at, name)
	if ok && !slices.Contains(l.words.states[ref.Kind], state) && l.given[ref] != state {
		l.add(at, "%q is no state of a %s; its states are %s", state, ref.Kind, joined(l.words.states[ref.Kind]))
	}
}

func (l *linter) thenRequests(at path, then Then) {
	named := func(at path, id string) {
		if !l.request[id] {
			l.add(at, "no request %q is made here", id)
		}
	}
	for _, id := range sortedKeys(then.Requests) {
		named(at.to("requests", id), id)
		if then.Requests[id] == "" {
			l.add(at.to("requests", id), "no state is expected; use %s", joined(requestWords))
		}
		l.word(at.to("requests", id), then.Requests[id], requestWords)
	}
	for _, id := range sortedKeys(then.Results) {
		named(at.to("results", id), id)
		if len(then.Results[id]) == 0 {
			l.add(at.to("results", id), "no device is named")
		}
		for _, dev := range sortedKeys(then.Results[id]) {
			l.id(at.to("results", id, dev), dev)
			if l.word(at.to("results", id, dev), then.Results[id][dev], resultWords); then.Results[id][dev] == "" {
				l.add(at.to("results", id, dev), "no result is expected; use %s", joined(resultWords))
			}
		}
	}
	for _, id := range sortedKeys(then.Initiators) {
		named(at.to("initiators", id), id)
	}
	if then.Rejected != nil {
		for i, texts := range *then.Rejected {
			l.mentions(at.to("rejected", i), texts.Mentions)
		}
	}
	if then.Posted != nil {
		for i, p := range *then.Posted {
			l.posted(at.to("posted", i), p)
		}
	}
}

func (l *linter) posted(at path, p Posted) {
	ref, ok := l.ref(at.to("on"), p.On)
	if ok && p.Type != "" {
		l.word(at.to("type"), p.Type, l.words.requests[ref.Kind])
	}
	for i, step := range p.Await {
		l.word(at.to("await", i), step, awaitWords)
	}
}

func (l *linter) thenFields(at path, then Then) {
	for _, name := range sortedKeys(then.Flags) {
		ref, ok := l.ref(at.to("flags", name), name)
		t, known := typeOf(ref.Kind)
		if !ok || !known {
			continue
		}
		for _, flag := range sortedKeys(then.Flags[name]) {
			if i, has := fieldOf(t, flag); !has || bare(t.Field(i).Type).Kind() != reflect.Bool {
				l.add(at.to("flags", name, flag), "a %s has no flag %q", ref.Kind, flag)
			}
		}
	}
	for _, name := range sortedKeys(then.Fields) {
		ref, ok := l.ref(at.to("fields", name), name)
		if t, known := typeOf(ref.Kind); ok && known {
			l.values(at.to("fields", name), then.Fields[name], t, keysOf(t))
		}
	}
	for _, name := range sortedKeys(then.Statuses) {
		ref, ok := l.ref(at.to("statuses", name), name, backend.KindMachine, backend.KindSwitch, backend.KindPowerShelf)
		if !ok {
			continue
		}
		for _, which := range sortedKeys(then.Statuses[name]) {
			place := at.to("statuses", name, which)
			l.word(place, which, statusesOf[ref.Kind])
			l.values(place, then.Statuses[name][which], statusType(), statusKeys[which])
			words := progressWords
			if which == "fabric_manager" {
				words = fabricWords
			}
			if status, ok := then.Statuses[name][which]["status"].Value.(string); ok {
				l.word(place.to("status"), status, words)
			}
		}
	}
}

// values looks at expected values: known keys, and the types that the fields have.
func (l *linter) values(at path, want Fields, t reflect.Type, keys []string) {
	if len(want) == 0 {
		l.add(at, "nothing is expected of it")
	}
	for _, key := range sortedKeys(want) {
		m := want[key]
		i, known := fieldOf(t, key)
		switch {
		case !known || !slices.Contains(keys, key):
			l.add(at.to(key), "unknown field %q; known are %s", key, joined(keys))
		case m.Mentions != nil:
			l.mentions(at.to(key), m.Mentions)
		case reflect.TypeOf(m.Value) != bare(t.Field(i).Type):
			l.add(at.to(key), "a value of type %T is expected, the field has %s", m.Value, bare(t.Field(i).Type))
		}
	}
}

func (l *linter) thenCalls(at path, then Then) {
	called := func(at path, list []Called) {
		for i, c := range list {
			l.call(at.to(i, "call"), c.Call)
			for _, id := range c.On {
				l.id(at.to(i, "on"), id)
			}
		}
	}
	if then.Calls != nil {
		called(at.to("calls"), *then.Calls)
	}
	called(at.to("calls_include"), then.CallsInclude)
	for i, name := range then.CallsExclude {
		l.call(at.to("calls_exclude", i), name)
	}
	for _, name := range sortedKeys(then.Started) {
		if what, known := l.call(at.to("started", name), name); known && !what.begins {
			l.add(at.to("started", name), "%s only looks and begins no work", name)
		}
	}
}
