package rackstate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/golden"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// allKinds makes all four kinds over a driver that can do nothing: the tables do not depend on it.
func allKinds(t *testing.T) map[string]*lifecycle.Kind {
	t.Helper()
	none := backend.Capabilities{}
	racks, err := rack.New(rack.KindConfig{Driver: none, Profile: func(string) (rack.Profile, bool) { return rack.Profile{}, false }})
	require.NoError(t, err)
	machines, err := machine.New(machine.Config{Driver: none})
	require.NoError(t, err)
	switches, err := nvswitch.New(nvswitch.Config{Driver: none})
	require.NoError(t, err)
	shelves, err := powershelf.New(powershelf.Config{Driver: none})
	require.NoError(t, err)
	return map[string]*lifecycle.Kind{"rack": racks, "machine": machines, "switch": switches, "powershelf": shelves}
}

func TestEveryTableIsSound(t *testing.T) {
	t.Parallel()
	for name, kind := range allKinds(t) {
		require.NoError(t, lifecycle.Check(kind), name)
	}
}

func TestDiagramsAndTablesInDocsAreCurrent(t *testing.T) {
	t.Parallel()
	for name, kind := range allKinds(t) {
		path := "docs/" + name + ".md"
		golden.Region(t, path, "diagram", "mermaid", kind.Mermaid())
		golden.Region(t, path, "tables", "", kind.Markdown())
	}
}
