package service

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// MaxSize is the largest definition that is read, in bytes. It holds a thousand transitions.
const MaxSize = 64 << 10

// LoadFile reads a definition from a file. An error of the file system is returned as it is; problems of the content are those of Load.
func LoadFile(path string) (*Definition, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	d, err := Load(file, path)
	if closing := file.Close(); err == nil && closing != nil {
		return nil, fmt.Errorf("definition: %w", closing)
	}
	return d, err
}

// Load reads a definition in YAML, or in JSON, which is YAML too. The name appears in problems. The error is what the reader said, or a *multierror.Error with every problem of
// the text: see Problems. What looks wrong and works all the same is in Definition.Warnings.
func Load(r io.Reader, name string) (*Definition, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("definition %s: %w", name, err)
	}
	return Parse(data, name)
}

// Parse reads a definition from memory, like Load.
func Parse(data []byte, name string) (*Definition, error) {
	ps := &problems{file: name}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch {
	case len(data) > MaxSize:
		ps.report(position{}, "the file is larger than %d KiB, the most that is read", MaxSize>>10)
	case !utf8.Valid(data):
		ps.report(badText(data), "the file is not UTF-8 text")
	case len(bytes.TrimSpace(data)) == 0:
		ps.report(position{}, "the file is empty")
	default:
		if root, ok := ps.tree(data); ok {
			return ps.build(ps.draft(root))
		}
	}
	return nil, ps.err()
}

// badText finds the first byte that is no text.
func badText(data []byte) position {
	at := position{1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return at
		case r == '\n':
			at = position{at.line + 1, 1}
		default:
			at.column++
		}
		data = data[size:]
	}
	return at
}

// draft reads the form of a definition.
func (ps *problems) draft(root value) *draft {
	d := &draft{}
	ps.fields(root, "a definition",
		field{"name", true, ps.text(&d.name, "name")},
		field{"doc", false, ps.text(&d.doc, "doc")},
		field{"initial", true, ps.text(&d.initial, "initial")},
		field{"states", true, ps.states(d)},
		field{"transitions", true, ps.transitions(d)},
		field{"renamed", false, ps.renamed(d)},
	)
	return d
}

func (ps *problems) states(d *draft) func(v value) {
	return func(v value) {
		if !ps.expect(v, isList, "states") {
			return
		}
		if len(v.list) == 0 {
			ps.report(v.at, "states is an empty list; at least one state is wanted")
		}
		for _, item := range v.list {
			s := draftState{at: item.at}
			if item.kind != isMapping {
				ps.text(&s.name, "a state")(item)
			} else {
				ps.fields(item, "a state",
					field{"name", true, ps.text(&s.name, "name")},
					field{"doc", false, ps.text(&s.doc, "doc")},
					field{"terminal", false, ps.boolean(&s.terminal, "terminal")},
					field{"hold", false, ps.boolean(&s.hold, "hold")},
					field{"sla", false, ps.duration(&s.sla, "sla")},
				)
			}
			d.states = append(d.states, s)
		}
	}
}

func (ps *problems) transitions(d *draft) func(v value) {
	return func(v value) {
		if !ps.expect(v, isList, "transitions") {
			return
		}
		for _, item := range v.list {
			t := draftTransition{at: item.at}
			ps.fields(item, "a transition",
				field{"from", true, ps.wordOrWords(&t.from, "from")},
				field{"to", true, ps.wordOrWords(&t.to, "to")},
				field{"require", false, ps.words(&t.require, "require")},
				field{"initiators", false, func(v value) { t.limited = true; ps.words(&t.initiators, "initiators")(v) }},
				field{"guard", false, ps.text(&t.guard, "guard")},
				field{"after", false, ps.duration(&t.after, "after")},
				field{"action", false, ps.action(&t)},
				field{"doc", false, ps.text(&t.doc, "doc")},
			)
			d.transitions = append(d.transitions, t)
		}
	}
}

func (ps *problems) action(t *draftTransition) func(v value) {
	return func(v value) {
		if v.kind == isText {
			ps.text(&t.action, "action")(v)
			return
		}
		ps.fields(v, "an action",
			field{"name", true, ps.text(&t.action, "name")},
			field{"on_success", false, ps.text(&t.success, "on_success")},
			field{"on_failure", false, ps.text(&t.fails, "on_failure")},
		)
	}
}

func (ps *problems) renamed(d *draft) func(v value) {
	return func(v value) {
		if !ps.expect(v, isMapping, "renamed") {
			return
		}
		for _, p := range v.pairs {
			r := draftRename{from: word{text: p.key, at: p.keyAt, ok: true}}
			ps.text(&r.to, "the new name of a state")(p.value)
			d.renamed = append(d.renamed, r)
		}
	}
}
