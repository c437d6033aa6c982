package explore

import (
	"fmt"
	"slices"
	"strings"
)

// search is one search of a preset.
type search struct {
	start  string
	budget Budget
	states int
}

// presets are lists of searches. Those without a bound on states are complete within their budget.
var presets = map[string][]search{
	"short": {
		{start: "small", budget: Budget{Requests: 1, Crashes: 1}},
		{start: "error", budget: Budget{Faults: 1}},
	},
	"ci": {
		{start: "small", budget: Budget{Requests: 1, Faults: 1, Crashes: 1}},
		{start: "small", budget: Budget{Requests: 1, Holds: 1}},
		{start: "validation"},
		{start: "bring-up"},
		{start: "ready", budget: Budget{Requests: 1}},
	},
	"long": {
		{start: "small", budget: Budget{Requests: 1, Faults: 1, Crashes: 1, Jumps: 1}},
		{start: "small", budget: Budget{Requests: 1, Crashes: 1, Holds: 1}},
		{start: "small", budget: Budget{Requests: 1, Faults: 1, Holds: 1}},
		{start: "small", budget: Budget{Requests: 1, Holds: 1, Jumps: 1}},
		{start: "small", budget: Budget{Requests: 1, Ticks: 1}},
		{start: "small", budget: Budget{Requests: 1, Faults: 2}},
		{start: "small", budget: Budget{Requests: 2}},
		{start: "bring-up", budget: Budget{Faults: 1}},
		{start: "bring-up", budget: Budget{Crashes: 1}},
		{start: "bring-up", budget: Budget{Requests: 1}},
		{start: "bring-up", budget: Budget{Holds: 1}},
		{start: "error", budget: Budget{Requests: 1}},
		{start: "error", budget: Budget{Requests: 1, Faults: 1}},
		{start: "tenant", budget: Budget{Requests: 1}},
		{start: "tenant", budget: Budget{Requests: 1, Faults: 1}},
		{start: "validation", budget: Budget{Requests: 1}},
		{start: "ready", budget: Budget{Requests: 1, Crashes: 1}},
		{start: "ready", budget: Budget{Requests: 1, Faults: 1}},
		{start: "ready", budget: Budget{Requests: 1, Holds: 1}},
		{start: "ready", budget: Budget{Requests: 1, Jumps: 1}},
		{start: "ready", budget: Budget{Requests: 2}},
		{start: "ready", budget: oneOfEach, states: 20_000_000},
	},
}

// Presets names the lists of searches that there are.
func Presets() []string { return []string{"short", "ci", "long"} }

// Preset returns a list of searches. Clock and Workers are still to be set.
func Preset(name string) ([]Config, error) {
	list, known := presets[name]
	if !known {
		return nil, fmt.Errorf("explore: there is no preset %q; there are %s", name, strings.Join(Presets(), ", "))
	}
	starts, err := Starts()
	if err != nil {
		return nil, err
	}
	out := make([]Config, len(list))
	for i, s := range list {
		at := slices.IndexFunc(starts, func(o Start) bool { return o.Name == s.start })
		out[i] = Config{Start: starts[at], Budget: s.budget, States: s.states}
	}
	return out, nil
}
