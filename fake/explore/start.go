package explore

import (
	_ "embed" // the starts
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
)

// Start is a world and what may happen to it: a scenario whose given is the world, and whose steps are what may happen, in any order and at any moment. Known are request, delete, purge,
// discover, hold, label, approve, report and sku. The ids of requests are given anew; an expiry of a hold counts from when it is placed. Calls of the hardware whose jobs are scripted
// as running have their jobs completed or failed by the search.
type Start struct {
	scenario.Scenario
}

//go:embed starts.yaml
var starts []byte

// Starts returns the worlds that the module explores, by name.
func Starts() ([]Start, error) { return ParseStarts("starts.yaml", starts) }

// ParseStarts reads worlds from a scenario file. The error wraps scenario.ErrBadFile.
func ParseStarts(name string, raw []byte) ([]Start, error) {
	list, err := scenario.Parse(name, raw)
	if err != nil {
		return nil, err
	}
	out := make([]Start, len(list))
	for i, s := range list {
		out[i] = Start{s}
		if err := out[i].check(); err != nil {
			return nil, fmt.Errorf("%w: %s:%d: %q: %w", scenario.ErrBadFile, name, s.Line, s.Name, err)
		}
	}
	return out, nil
}

// check reports steps that do not belong into a start.
func (s *Start) check() error {
	for i, step := range s.When {
		if step.Request == nil && step.Delete == "" && step.Purge == "" && step.Discover == nil && step.Hold == nil && step.Label == nil && step.Approve == nil && step.Report == nil && step.SKU == nil {
			return fmt.Errorf("step %d is nothing that may happen to a world at any moment", i+1)
		}
	}
	switch {
	case len(s.Given.Settings.MachineFirmware) > 0:
		return errors.New("images that are on their way to machines are no part of a state, so machine_firmware cannot be explored")
	case s.Given.Simulated != nil:
		return errors.New("simulated hardware has a clock and chances of its own, so it cannot be explored")
	case len(s.Given.Controllers) > 0:
		return errors.New("leases are no part of a state, so several controllers cannot be explored")
	default:
		return nil
	}
}

// racks are the ids of the racks.
func (s *Start) racks() []string {
	var out []string
	for _, r := range s.Given.Racks {
		out = append(out, r.ID)
	}
	for _, r := range s.Given.Expected {
		out = append(out, r.ID)
	}
	return out
}

// wanted is how many devices of a kind a rack of the start is to have.
func (s *Start) wanted(rack string, kind backend.Kind) int {
	id := "P"
	for _, r := range s.Given.Racks {
		if r.ID == rack && r.Profile != nil {
			id = *r.Profile
		}
	}
	for _, r := range s.Given.Expected {
		if r.ID == rack && r.Profile != "" {
			id = r.Profile
		}
	}
	p := s.Given.Profiles[id]
	switch kind {
	case backend.KindMachine:
		return p.Compute
	case backend.KindSwitch:
		return p.Switch
	default:
		return p.PowerShelf
	}
}

// path makes the scenario of a path: the world as it is given, without what the hardware would say of devices that never come.
func (s *Start) path(name string, steps []scenario.Step) scenario.Scenario {
	known := map[string]bool{}
	for _, m := range s.Given.Machines {
		known[m.ID] = true
	}
	for _, m := range s.Given.Switches {
		known[m.ID] = true
	}
	for _, m := range s.Given.PowerShelves {
		known[m.ID] = true
	}
	for _, step := range steps {
		if step.Discover != nil {
			known[step.Discover.ID] = true
		}
	}
	out := scenario.Scenario{Name: name, Given: s.Given, When: steps}
	out.Given.Hardware = nil
	for _, a := range s.Given.Hardware {
		a.Answer = slices.Clone(a.Answer)
		for i := range a.Answer {
			a.Answer[i].Jobs = maps.Clone(a.Answer[i].Jobs)
			maps.DeleteFunc(a.Answer[i].Jobs, func(id string, _ scenario.JobState) bool { return !known[id] })
		}
		out.Given.Hardware = append(out.Given.Hardware, a)
	}
	return out
}
