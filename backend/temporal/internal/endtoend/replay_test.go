package endtoend_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
	"github.com/rackstate/rackstate/backend/temporal/journey"
)

// updateVariable has the histories in testdata recorded anew:
//
//	UPDATE=1 go test ./internal/endtoend -run TestAHistoryThatWasJustRecordedReplays
//
// Do that only when workflow code has changed on purpose and no workflow of the old code runs anywhere; otherwise guard the change with workflow.GetVersion and add a history.
const updateVariable = "UPDATE"

func TestWorkflowCodeStillReplaysTheHistoriesThatWereRecorded(t *testing.T) {
	t.Parallel()
	replay(t, "testdata")
}

// replay replays the five histories of a folder.
func replay(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		r := worker.NewWorkflowReplayer()
		r.RegisterWorkflow(temporal.RackWorkflow)
		r.RegisterWorkflow(journey.ReturnToServiceWorkflow)
		require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(quiet(), file), file)
	}
}

func TestAWorkflowThatDecidesOtherwiseDoesNotReplay(t *testing.T) {
	t.Parallel()
	sleepy := func(ctx workflow.Context, in temporal.RackInput) (temporal.Status, error) {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return temporal.Status{}, err
		}
		return temporal.RackWorkflow(ctx, in)
	}
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(sleepy, workflow.RegisterOptions{Name: "RackWorkflow"})
	require.Error(t, r.ReplayWorkflowHistoryFromJSONFile(quiet(), "testdata/rack-continued.json"))
}

// recorder writes histories into a folder.
type recorder struct {
	t   *testing.T
	c   client.Client
	dir string
}

// keep writes the history of a run, without the name of the machine.
func (r recorder) keep(id, run, name string) {
	r.t.Helper()
	var h history.History
	for events := r.c.GetWorkflowHistory(r.t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		require.NoError(r.t, err)
		h.Events = append(h.Events, e)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
	require.NoError(r.t, err)
	host, err := os.Hostname()
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(filepath.Join(r.dir, name+".json"), []byte(strings.ReplaceAll(string(text), host, "recorder")+"\n"), 0o644))
}

func TestAHistoryThatWasJustRecordedReplays(t *testing.T) {
	t.Parallel()
	c, server := newServer(t)
	require.NoError(t, temporal.RegisterAttributes(t.Context(), c, server.GetDefaultNamespace()))
	r := recorder{t, c, t.TempDir()}
	if os.Getenv(updateVariable) != "" {
		r.dir = "testdata"
	}
	r.racks()
	r.journeys()
	replay(t, r.dir)
}

func (r recorder) racks() {
	t, c := r.t, r.c
	t.Helper()
	site, err := virtual.New(t.Context(), virtual.Config{Store: memory.New(), Quick: true, Seed: 1})
	require.NoError(t, err)
	h := newHopper(site)
	h.pauses = 5
	h.work(t, c)
	runner := temporal.NewRunner(c, temporal.RunnerConfig{Options: temporal.RackOptions{Rounds: 12, Attributes: true}})
	require.NoError(t, runner.Start(t.Context(), "R07"))
	require.NoError(t, c.GetWorkflow(t.Context(), temporal.WorkflowID("R07"), "").Get(t.Context(), nil))
	r.keep(temporal.WorkflowID("R07"), "", "rack-gone")
	h.mu.Lock()
	arrive(t, site)
	h.mu.Unlock()
	require.NoError(t, runner.Wake(t.Context(), "R01"))
	about, err := c.DescribeWorkflowExecution(t.Context(), temporal.WorkflowID("R01"), "")
	require.NoError(t, err)
	require.NoError(t, runner.Wake(t.Context(), "R01"))
	eventually(t, "the rack is up", h.ready)
	r.keep(temporal.WorkflowID("R01"), about.WorkflowExecutionInfo.FirstRunId, "rack-continued")
}

// held is a bench whose firmware validation never ends by itself.
type held struct{ checks }

func (held) Firmware(ctx context.Context, _ journey.Check) (journey.Finding, error) {
	<-ctx.Done()
	return journey.Finding{}, ctx.Err()
}

func (r recorder) journeys() {
	t, c := r.t, r.c
	t.Helper()
	record := func(name string, bench journey.Checks, in journey.Input, act func(*journey.Client)) error {
		svc := newInventory(t)
		w := worker.New(c, name, worker.Options{Identity: "recorder"})
		journey.Register(w, journey.Local{Service: svc}, bench)
		require.NoError(t, w.Start())
		defer w.Stop()
		journeys := journey.NewClient(c, name)
		in.Node, in.Attributes, in.Heartbeat = "n1", true, time.Second
		require.NoError(t, journeys.Start(t.Context(), in))
		act(journeys)
		_, err := journeys.Wait(t.Context(), "n1")
		r.keep(journey.WorkflowID("n1"), "", name)
		return err
	}
	waits := func(step string) func(*journey.Client) {
		return func(j *journey.Client) {
			eventually(t, step, func() bool {
				s, err := j.Status(t.Context(), "n1")
				return assert.NoError(t, err) && s.Step == step
			})
		}
	}
	times := 0
	mended := checks(func(journey.Check) journey.Finding { times++; return journey.Finding{OK: times > 1, Note: "fan 3"} })
	require.NoError(t, record("journey-mended", mended, journey.Input{}, func(j *journey.Client) {
		waits("wait for the vendor")(j)
		require.NoError(t, j.Look(t.Context(), "n1"))
		require.NoError(t, j.Returned(t.Context(), "n1", journey.Return{By: "ann", Note: "fan replaced"}))
	}))
	fine := checks(func(journey.Check) journey.Finding { return journey.Finding{OK: true} })
	require.Error(t, record("journey-cancelled", held{fine}, journey.Input{}, func(j *journey.Client) {
		waits("validate firmware")(j)
		require.NoError(t, j.Cancel(t.Context(), "n1"))
	}))
	dead := checks(func(journey.Check) journey.Finding { return journey.Finding{Note: "dead"} })
	require.Error(t, record("journey-stopped", dead, journey.Input{RMAWait: time.Second, Returns: 1}, func(*journey.Client) {}))
}
