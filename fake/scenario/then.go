package scenario

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"

	"github.com/rackstate/rackstate/backend"
)

// Then is what must be true at the end. Only what is named is compared.
type Then struct {
	States       map[string]string            `yaml:"states"`
	Gone         []string                     `yaml:"gone"`
	Outcome      map[string]Outcome           `yaml:"outcome"`
	Requests     map[string]string            `yaml:"requests"`
	Results      map[string]map[string]string `yaml:"results"`
	Initiators   map[string]string            `yaml:"initiators"`
	Rejected     *[]Texts                     `yaml:"rejected"`
	Flags        map[string]map[string]bool   `yaml:"flags"`
	Fields       ObjectFields                 `yaml:"fields"`
	Statuses     ObjectStatuses               `yaml:"statuses"`
	Alerts       map[string][]string          `yaml:"alerts"`
	Posted       *[]Posted                    `yaml:"posted"`
	OverSLA      *[]string                    `yaml:"over_sla"`
	Calls        *[]Called                    `yaml:"calls"`
	CallsInclude []Called                     `yaml:"calls_include"`
	CallsExclude []string                     `yaml:"calls_exclude"`
	Started      map[string]int               `yaml:"started"`
	History      map[string][]string          `yaml:"history"`
}

// Texts must all occur, without regard to case.
type Texts struct {
	Mentions []string `yaml:"mentions"`
}

// Outcome is the last recorded outcome.
type Outcome struct {
	Kind     string   `yaml:"kind"`
	Mentions []string `yaml:"mentions"`
}

// Posted is a request that an object put on another. What is empty is not compared.
type Posted struct {
	On        string   `yaml:"on"`
	Type      string   `yaml:"type"`
	Initiator string   `yaml:"initiator"`
	Await     []string `yaml:"await"`
}

// Called is a hardware call. Without devices they are not compared.
type Called struct {
	Call string `yaml:"call"`
	On   Names  `yaml:"on"`
}

// ObjectFields are values by object and name.
type ObjectFields map[string]Fields

// ObjectStatuses are the values of statuses by object and name of the status.
type ObjectStatuses map[string]map[string]Fields

// Fields are values by name. The names are those that given has for the kind of object.
type Fields map[string]Mention

// Mention is a value that must be equal, or texts that must occur: {mentions: [text]}.
type Mention struct {
	// Value has the type of the field, without its pointer: a string, a bool, an int, a Duration, a map[string]string and so on.
	Value    any
	Mentions []string
}

// typeOf is the type that given has for objects of a kind.
func typeOf(kind backend.Kind) (reflect.Type, bool) {
	switch kind {
	case backend.KindRack:
		return reflect.TypeFor[Rack](), true
	case backend.KindMachine:
		return reflect.TypeFor[Machine](), true
	case backend.KindSwitch:
		return reflect.TypeFor[Switch](), true
	case backend.KindPowerShelf:
		return reflect.TypeFor[PowerShelf](), true
	default:
		return nil, false
	}
}

// statusType is the type of the values of a status.
func statusType() reflect.Type { return reflect.TypeFor[CycleStatus]() }

func (f *ObjectFields) decode(d *decoder, node ast.Node) {
	*f = ObjectFields{}
	all, _ := d.pairs(node)
	for _, p := range all {
		on, err := backend.ParseRef(p.key)
		t, known := typeOf(on.Kind)
		if err != nil || !known {
			d.fail(p.at, "%q names no object; use rack/ID, machine/ID, switch/ID or power_shelf/ID", p.key)
			continue
		}
		(*f)[p.key] = d.values(p.node, t)
	}
}

func (s *ObjectStatuses) decode(d *decoder, node ast.Node) {
	*s = ObjectStatuses{}
	all, _ := d.pairs(node)
	for _, p := range all {
		named, _ := d.pairs(p.node)
		(*s)[p.key] = map[string]Fields{}
		for _, which := range named {
			(*s)[p.key][which.key] = d.values(which.node, statusType())
		}
	}
}

// values reads expectations about the fields of a type.
func (d *decoder) values(node ast.Node, t reflect.Type) Fields {
	out := Fields{}
	all, _ := d.pairs(node)
	for _, p := range all {
		i, known := fieldOf(t, p.key)
		if !known {
			d.fail(p.at, "unknown field %q; known are %v", p.key, keysOf(t))
			continue
		}
		if texts, ok := d.mentions(p.node); ok {
			out[p.key] = Mention{Mentions: texts}
			continue
		}
		v := reflect.New(bare(t.Field(i).Type)).Elem()
		d.into(p.node, v)
		out[p.key] = Mention{Value: v.Interface()}
	}
	return out
}

// mentions reads {mentions: [text]}.
func (d *decoder) mentions(node ast.Node) ([]string, bool) {
	m, ok := node.(*ast.MappingNode)
	if !ok || len(m.Values) != 1 {
		return nil, false
	}
	if key, _ := text(m.Values[0].Key); key != "mentions" {
		return nil, false
	}
	var t Texts
	d.fields(node, reflect.ValueOf(&t).Elem())
	return t.Mentions, true
}

// bare is a type without its pointer.
func bare(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// String is for messages.
func (m Mention) String() string {
	if m.Mentions != nil {
		return fmt.Sprintf("mentions of %q", m.Mentions)
	}
	return fmt.Sprint(m.Value)
}
