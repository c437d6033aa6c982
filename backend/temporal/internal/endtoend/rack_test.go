package endtoend_test

import (
	"fmt"
	"testing"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/rack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
)

// running counts the workflows that a query finds.
func running(t *testing.T, c client.Client, query string) int {
	t.Helper()
	list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running' AND " + query})
	require.NoError(t, err)
	return len(list.Executions)
}

func TestWorkflowsBringRacksUpAndAHostThatAsksForSomethingWakesThem(t *testing.T) {
	t.Parallel()
	c, server := newServer(t)
	require.NoError(t, temporal.RegisterAttributes(t.Context(), c, server.GetDefaultNamespace()))
	require.NoError(t, temporal.RegisterAttributes(t.Context(), c, server.GetDefaultNamespace()), "they are there already")
	runner := temporal.NewRunner(c, temporal.RunnerConfig{Options: temporal.RackOptions{Rounds: 10, Attributes: true}})
	store := temporal.Waking(memory.New(), runner, nil)
	site, err := virtual.New(t.Context(), virtual.Config{Store: store, Racks: 2, Quick: true, Seed: 1})
	require.NoError(t, err)
	h := newHopper(site)

	arrive(t, site) // what the host reports starts the workflows
	h.work(t, c)
	eventually(t, "all racks are up", h.ready)
	for r := 1; r <= 2; r++ {
		id := fmt.Sprintf("R%02d", r)
		eventually(t, "the workflow says so", func() bool {
			s, err := runner.Status(t.Context(), id)
			return assert.NoError(t, err) && s.State == "Ready" && s.Objects == 7 && s.Rounds > 10
		})
		eventually(t, "the rack is found by its attributes", func() bool {
			return running(t, c, fmt.Sprintf("RackstateRack = '%s' AND RackstateState = 'Ready'", id)) == 1
		})
	}

	h.mu.Lock()
	_, err = site.Manager().RequestMaintenance(t.Context(), rack.MaintenanceRequest{Rack: "R02", User: "ann", Scope: rack.FullRack()})
	h.mu.Unlock()
	require.NoError(t, err)
	eventually(t, "the host's call has woken the workflow", func() bool { return !h.ready() })
	eventually(t, "the rack is up again", h.ready)
	require.NoError(t, virtual.Consistent(t.Context(), store))
	require.NoError(t, site.OnceOnly())

	require.NoError(t, runner.StartAll(t.Context(), store))
	assert.Equal(t, 2, running(t, c, "WorkflowType = 'RackWorkflow'"), "each rack has one workflow")
	_, err = runner.Status(t.Context(), "R07")
	require.Error(t, err)
}

func TestAWakeThatComesWhileTheWorkflowEndsIsNotLost(t *testing.T) {
	t.Parallel()
	c, _ := newServer(t)
	runner := temporal.NewRunner(c, temporal.RunnerConfig{})
	store := temporal.Waking(memory.New(), runner, nil)
	site, err := virtual.New(t.Context(), virtual.Config{Store: store, Quick: true, Seed: 1})
	require.NoError(t, err)
	h := newHopper(site)
	h.work(t, c)
	for range 20 { // each wake finds an empty rack, so each meets a workflow that begins or ends
		before := h.count()
		require.NoError(t, runner.Wake(t.Context(), "R01"))
		eventually(t, "somebody has looked", func() bool { return h.count() > before })
	}
	h.mu.Lock()
	arrive(t, site)
	h.mu.Unlock()
	eventually(t, "the rack is up", h.ready)
}
