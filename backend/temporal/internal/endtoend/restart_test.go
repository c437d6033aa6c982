package endtoend_test

import (
	"path/filepath"
	"testing"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/devserver"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
	"github.com/rackstate/rackstate/backend/temporal/journey"
)

func TestAServerThatIsStartedAgainOnItsFileGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	server := serve(t, file, 0)
	c := dial(t, server)

	site, err := virtual.New(t.Context(), virtual.Config{Store: memory.New(), Quick: true, Seed: 2})
	require.NoError(t, err)
	arrive(t, site)
	h := newHopper(site)
	h.work(t, c)
	runner := temporal.NewRunner(c, temporal.RunnerConfig{})
	require.NoError(t, runner.Start(t.Context(), "R01"))

	inventory := newInventory(t)
	w := worker.New(c, "journeys", worker.Options{})
	journey.Register(w, journey.Local{Service: inventory}, checks(func(journey.Check) journey.Finding { return journey.Finding{Note: "dead"} }))
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	journeys := journey.NewClient(c, "journeys")
	require.NoError(t, journeys.Start(t.Context(), journey.Input{Node: "n1", Returns: 1}))
	eventually(t, "the vendor has the node", func() bool { return stateOf(t, inventory) == "rma" })

	for _, steps := range []int{8, 16} {
		eventually(t, "the rack is on its way", func() bool { return h.count() > steps })
		require.False(t, h.ready())
		require.NoError(t, server.Stop())
		server, err = devserver.Start(t.Context(), devserver.Config{File: file, Port: server.Port()}) // the worker finds it again
		require.NoError(t, err)
	}
	t.Cleanup(func() { assert.NoError(t, server.Stop()) })
	eventually(t, "the rack is up", h.ready)
	require.NoError(t, virtual.Consistent(t.Context(), site.Store()))
	require.NoError(t, site.OnceOnly())

	require.NoError(t, journeys.Returned(t.Context(), "n1", journey.Return{By: "ann"}))
	_, err = journeys.Wait(t.Context(), "n1")
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Contains(t, stopped.Why, "after 1 returns from the vendor: dead")
	assert.Equal(t, "maintenance", stateOf(t, inventory))
}
