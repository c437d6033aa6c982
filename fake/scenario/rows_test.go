package scenario_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/internal/golden"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// TestEveryRowIsTakenByAScenario prints each row of the tables of rack, machine, switch and power shelf with the scenarios that take it, and fails for a row that none
// takes. `go test ./fake/scenario -run EveryRow -v` is the command; docs/rows.md is its output.
func TestEveryRowIsTakenByAScenario(t *testing.T) {
	t.Parallel()
	list, err := scenario.Read("testdata")
	require.NoError(t, err)
	taken := map[string][]string{}
	for _, s := range list {
		report, err := scenario.Run(t.Context(), s, memory.New())
		if err != nil {
			continue // TestScenarios says so
		}
		for _, h := range report.History {
			key := fmt.Sprintf("%s %s %s %s", h.Ref.Kind, h.From, h.Trigger, h.To)
			if !slices.Contains(taken[key], s.Name) {
				taken[key] = append(taken[key], s.Name)
			}
		}
	}
	var text strings.Builder
	missing := 0
	for _, kind := range tables(t) {
		fmt.Fprintf(&text, "## %s\n\n| row | taken by |\n|---|---|\n", kind.Name())
		for _, row := range kind.Rows() {
			by := scenariosOf(kind, row, taken)
			if len(by) == 0 {
				missing++
				by = []string{"**nobody**"}
				t.Errorf("no scenario takes the row of %s: %s --%s--> %s; add one to testdata/rows.yaml", kind.Name(), row.From, row.On, row.To)
			}
			more := ""
			if len(by) > 3 {
				more = fmt.Sprintf(", and %d more", len(by)-3)
				by = by[:3]
			}
			fmt.Fprintf(&text, "| %s --%s--> %s | %s%s |\n", named(row.From, "(new)"), row.On, named(row.To, "(gone)"), strings.Join(by, "; "), more)
		}
		text.WriteString("\n")
	}
	t.Log(text.String())
	if missing == 0 {
		golden.Region(t, "../../docs/rows.md", "rows", "", text.String())
	}
}

func named(state, empty string) string {
	switch state {
	case "":
		return empty
	case lifecycle.Any:
		return "any"
	}
	return state
}

// scenariosOf lists who takes a row, in any state in which it applies.
func scenariosOf(kind *lifecycle.Kind, row lifecycle.Row[string, string], taken map[string][]string) []string {
	from := []string{row.From}
	for _, s := range kind.States() {
		if row.From == lifecycle.Any || strings.HasPrefix(s.State, row.From+"/") && row.From != "" {
			from = append(from, s.State)
		}
	}
	var out []string
	for _, f := range from {
		for _, name := range taken[fmt.Sprintf("%s %s %s %s", kind.Name(), f, row.On, row.To)] {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func tables(t *testing.T) []*lifecycle.Kind {
	t.Helper()
	none := backend.Capabilities{}
	racks, err := rack.New(rack.KindConfig{Driver: none, Profile: func(string) (rack.Profile, bool) { return rack.Profile{}, false }})
	require.NoError(t, err)
	switches, err := nvswitch.New(nvswitch.Config{Driver: none})
	require.NoError(t, err)
	shelves, err := powershelf.New(powershelf.Config{Driver: none})
	require.NoError(t, err)
	machines, err := machine.New(machine.Config{Driver: none})
	require.NoError(t, err)
	return []*lifecycle.Kind{racks, machines, switches, shelves}
}
