package rack_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/rackstate/rackstate/rack"
)

func TestAnObjectThatIsNoDeviceIsNoMemberOfItsRack(t *testing.T) {
	t.Parallel()
	kind, err := service.NewKind(service.Default(), service.Config{})
	require.NoError(t, err)
	expected := rack.ExpectedRack{ID: "r1", ProfileID: "p1"}
	racks, err := rack.NewManager(t.Context(), memory.New(), rack.Config{
		Driver: backend.Capabilities{}, Kinds: []*lifecycle.Kind{kind.Kind},
		Site: &rack.Site{Profiles: map[string]rack.Profile{"p1": {ID: "p1"}}, Racks: []rack.ExpectedRack{expected}},
	})
	require.NoError(t, err)
	ctl := racks.Controller()
	require.NoError(t, ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		return tx.Create(rack.NewRack(expected), "test", "")
	}))
	nodes, err := service.New(t.Context(), ctl, kind)
	require.NoError(t, err)
	now := ctl.Now()
	_, _, err = racks.RunUntilIdle(t.Context(), now)
	require.NoError(t, err)
	before, err := racks.Rack("r1")
	require.NoError(t, err)
	require.Equal(t, string(rack.Ready), before.State())

	_, err = nodes.Create(t.Context(), service.NewNode{ID: "n1", Rack: "r1", Initiator: "ann"})
	require.NoError(t, err)
	_, _, err = racks.RunUntilIdle(t.Context(), now)
	require.NoError(t, err)
	after, err := racks.Rack("r1")
	require.NoError(t, err)
	assert.Equal(t, before.Transitions(), after.Transitions(), "the rack is not discovered anew")
	assert.False(t, after.TopologyChanged)
}
