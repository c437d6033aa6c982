package endtoend_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/journey"
)

// checks find what a function says.
type checks func(c journey.Check) journey.Finding

func (f checks) Diagnose(_ context.Context, c journey.Check) (journey.Finding, error) {
	return f(c), nil
}

func (f checks) Firmware(_ context.Context, c journey.Check) (journey.Finding, error) {
	return f(c), nil
}

// newInventory is one with the node n1 in maintenance.
func newInventory(t *testing.T) *service.Service {
	t.Helper()
	svc, err := service.Open(t.Context(), memory.New(), service.DefaultWithReprovision(), service.Config{}, lifecycle.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, err = svc.Create(t.Context(), service.NewNode{ID: "n1", Rack: "R01", Initiator: "ann"})
	require.NoError(t, err)
	_, err = svc.Transition(t.Context(), "n1", "maintenance", service.Move{Initiator: "ann", Note: "fan 3 is loud"})
	require.NoError(t, err)
	return svc
}

func stateOf(t *testing.T, svc *service.Service) string {
	t.Helper()
	d, err := svc.Get(t.Context(), "n1")
	require.NoError(t, err)
	return d.CurrentState
}

func TestAJourneyOnARealServer(t *testing.T) {
	t.Parallel()
	c, server := newServer(t)
	require.NoError(t, temporal.RegisterAttributes(t.Context(), c, server.GetDefaultNamespace()))
	svc := newInventory(t)
	var healthy atomic.Bool
	var keys sync.Map
	w := worker.New(c, temporal.TaskQueue, worker.Options{WorkflowPanicPolicy: worker.FailWorkflow})
	journey.Register(w, journey.Local{Service: svc}, checks(func(c journey.Check) journey.Finding {
		_, again := keys.LoadOrStore(c.Key, true)
		assert.False(t, again, "a key is used for one run of a check, in one journey")
		return journey.Finding{OK: healthy.Load(), Note: "fan 3"}
	}))
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	journeys := journey.NewClient(c, "")
	in := journey.Input{Node: "n1", Attributes: true}

	require.NoError(t, journeys.Start(t.Context(), in))
	require.ErrorIs(t, journeys.Start(t.Context(), in), journey.ErrUnderWay)
	eventually(t, "the vendor has the node", func() bool {
		s, err := journeys.Status(t.Context(), "n1")
		return assert.NoError(t, err) && s.Step == "wait for the vendor"
	})
	eventually(t, "the journey is found by its attributes", func() bool {
		return running(t, c, "RackstateNode = 'n1' AND RackstateRack = 'R01' AND RackstateState = 'rma'") == 1
	})
	healthy.Store(true)
	require.NoError(t, journeys.Returned(t.Context(), "n1", journey.Return{By: "ann", Note: "fan replaced"}))
	res, err := journeys.Wait(t.Context(), "n1")
	require.NoError(t, err)
	assert.Equal(t, []string{"rma", "maintenance", "firmware_update", "in_service"}, res.Moves)
	assert.Equal(t, "in_service", stateOf(t, svc))

	in.TakeOut, in.RMAWait = "another look", time.Hour
	healthy.Store(false)
	require.NoError(t, journeys.Start(t.Context(), in), "the first journey is over")
	eventually(t, "the vendor has the node", func() bool { return stateOf(t, svc) == "rma" })
	require.NoError(t, journeys.Look(t.Context(), "n1"))
	require.NoError(t, journeys.Cancel(t.Context(), "n1"))
	_, err = journeys.Wait(t.Context(), "n1")
	require.True(t, sdk.IsCanceledError(err), "%v", err)
	about, err := c.DescribeWorkflowExecution(t.Context(), journey.WorkflowID("n1"), "")
	require.NoError(t, err)
	assert.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_CANCELED, about.WorkflowExecutionInfo.Status)
	assert.Equal(t, "rma", stateOf(t, svc))

	in.Node = "n7"
	require.NoError(t, journeys.Start(t.Context(), in))
	_, err = journeys.Wait(t.Context(), "n7")
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Contains(t, stopped.Error(), service.ErrUnknownNode.Error())
	require.Error(t, journeys.Returned(t.Context(), "n7", journey.Return{}), "that journey is over")
}
