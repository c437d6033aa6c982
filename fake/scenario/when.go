package scenario

import (
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// Step is one thing that happens. One of its fields is set.
type Step struct {
	Reconcile Names      `yaml:"reconcile"`
	Stabilize string     `yaml:"stabilize"`
	Advance   *Duration  `yaml:"advance"`
	Run       *Duration  `yaml:"run"`
	Request   *Request   `yaml:"request"`
	Cancel    *Cancel    `yaml:"cancel"`
	Approve   *On        `yaml:"approve"`
	Report    *Installed `yaml:"report"`
	SKU       *SKU       `yaml:"sku"`
	Label     *Label     `yaml:"label"`
	Hardware  []Answered `yaml:"hardware"`
	Jobs      *Jobs      `yaml:"jobs"`
	Status    *Status    `yaml:"status"`
	Discover  *Discover  `yaml:"discover"`
	Hold      *Hold      `yaml:"hold"`
	Lift      *Lift      `yaml:"lift"`
	Delete    string     `yaml:"delete"`
	Purge     string     `yaml:"purge"`
	// Crash is empty for a crash at once, or "after-call CALL", or "after-call CALL N" for the N-th time that it is made, or the like of a commit.
	Crash    *string   `yaml:"crash"`
	Faults   *[]string `yaml:"faults"`
	As       string    `yaml:"as"`
	Pause    string    `yaml:"pause"`
	Stall    *Stall    `yaml:"stall"`
	Continue string    `yaml:"continue"`
	Kill     string    `yaml:"kill"`
}

func (s *Step) decode(dec *decoder, node ast.Node) {
	word, plain := text(node)
	switch {
	case !plain:
		dec.fields(node, reflect.ValueOf(s).Elem())
	case word == "crash":
		s.Crash = new(string)
	default:
		dec.fail(node, "%q is no step by itself; only crash is", word)
	}
}

// keys lists the keys that are set.
func (s Step) keys() []string {
	v := reflect.ValueOf(s)
	var out []string
	for i, key := range keysOf(v.Type()) {
		if !v.Field(i).IsZero() {
			out = append(out, key)
		}
	}
	return out
}

// Cancel stops a request, by its id or by the object that it is on.
type Cancel struct {
	ID        string `yaml:"id"`
	On        string `yaml:"on"`
	Initiator string `yaml:"initiator"`
}

// Lift releases a hold.
type Lift struct {
	On    string `yaml:"on"`
	Type  string `yaml:"type"`
	Owner string `yaml:"owner"`
}

// On names an object.
type On struct {
	On string `yaml:"on"`
}

// Installed is what a person or a script says about the firmware that they were to install. Without an error it is there.
type Installed struct {
	On    string `yaml:"on"`
	By    string `yaml:"by"`
	Error string `yaml:"error"`
}

// SKU assigns a SKU to a machine; an empty id takes it away.
type SKU struct {
	On string `yaml:"on"`
	ID string `yaml:"id"`
}

// Label sets and removes labels.
type Label struct {
	On     string            `yaml:"on"`
	Set    map[string]string `yaml:"set"`
	Remove []string          `yaml:"remove"`
}

// Discover reports a device.
type Discover struct {
	Kind string `yaml:"kind"`
	ID   string `yaml:"id"`
	Rack string `yaml:"rack"`
}
