package scenario

import (
	"fmt"

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
	Label     *Label     `yaml:"label"`
	Hardware  []Answered `yaml:"hardware"`
	Jobs      *Jobs      `yaml:"jobs"`
	Status    *Status    `yaml:"status"`
	Discover  *Discover  `yaml:"discover"`
	Delete    string     `yaml:"delete"`
	Purge     string     `yaml:"purge"`
	Crash     *string    `yaml:"crash"`
}

// UnmarshalYAML reads a map of one key, or the word crash.
func (s *Step) UnmarshalYAML(node ast.Node) error {
	if !scalar(node) {
		type plain Step
		return decode(node, (*plain)(s))
	}
	var word string
	if err := decode(node, &word); err != nil {
		return err
	}
	if word != "crash" {
		return at(node, "%q is no step by itself; only crash is", word)
	}
	s.Crash = new(string)
	return nil
}

// Cancel stops a request, by its id or by the object that it is on.
type Cancel struct {
	ID        string `yaml:"id"`
	On        string `yaml:"on"`
	Initiator string `yaml:"initiator"`
}

// On names an object.
type On struct {
	On string `yaml:"on"`
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

// check reports a step that says nothing or several things.
func (s Step) check() error {
	n := 0
	for _, set := range []bool{s.Reconcile != nil, s.Stabilize != "", s.Advance != nil, s.Run != nil, s.Request != nil, s.Cancel != nil, s.Approve != nil,
		s.Label != nil, s.Hardware != nil, s.Jobs != nil, s.Status != nil, s.Discover != nil, s.Delete != "", s.Purge != "", s.Crash != nil} {
		if set {
			n++
		}
	}
	switch {
	case n != 1:
		return fmt.Errorf("a step has one key, this one has %d", n)
	case s.Stabilize != "" && s.Stabilize != "all":
		return fmt.Errorf("stabilize %q is not known; use all", s.Stabilize)
	}
	return nil
}
