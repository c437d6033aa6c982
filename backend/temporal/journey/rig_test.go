package journey_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/rackstate/rackstate/backend/temporal/journey"
)

// node is the node of these tests.
const node = "n1"

// start is when they begin.
func start() time.Time { return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC) }

// rig is a journey in virtual time over an inventory of its own.
type rig struct {
	t      *testing.T
	env    *testsuite.TestWorkflowEnvironment
	svc    *service.Service
	clock  *sitesim.Clock
	inv    journey.Inventory
	checks *scripted
	in     journey.Input
	runs   int
}

// newRig makes an inventory with one node in maintenance. wrap, if not nil, is put around it.
func newRig(t *testing.T, def *service.Definition, wrap func(*rig, journey.Inventory) journey.Inventory) *rig {
	t.Helper()
	r := &rig{t: t, clock: sitesim.NewClock(start()), checks: &scripted{}, in: journey.Input{Node: node}}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	r.svc, err = service.Open(t.Context(), memory.New(), def, service.Config{}, lifecycle.Config{Clock: r.clock, Logger: quiet})
	require.NoError(t, err)
	_, err = r.svc.Create(t.Context(), service.NewNode{ID: node, Rack: "R01", Initiator: "ann"})
	require.NoError(t, err)
	r.person("maintenance")

	r.inv = journey.Local{Service: r.svc}
	if wrap != nil {
		r.inv = wrap(r, r.inv)
	}
	r.begin(start())
	return r
}

// begin makes the environment of a run that begins then.
func (r *rig) begin(at time.Time) {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	r.env = suite.NewTestWorkflowEnvironment()
	r.env.SetStartTime(at)
	r.env.SetTestTimeout(time.Minute)
	r.env.SetWorkflowRunTimeout(5 * 365 * 24 * time.Hour)
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: journey.WorkflowID(node), TaskQueue: "test"})
	journey.Register(registry{r.env}, timely{r.inv, r}, r.checks)
}

// registry makes an environment a worker.Registry, as far as Register needs one.
type registry struct {
	*testsuite.TestWorkflowEnvironment
}

func (r registry) RegisterDynamicActivity(a any, o activity.DynamicRegisterOptions) {
	r.TestWorkflowEnvironment.RegisterDynamicActivity(a, o)
}

func (r registry) RegisterDynamicWorkflow(w any, o workflow.DynamicRegisterOptions) {
	r.TestWorkflowEnvironment.RegisterDynamicWorkflow(w, o)
}

// run runs the journey to its end, through as many runs of its workflow as that takes.
func (r *rig) run() (journey.Result, error) {
	r.t.Helper()
	for {
		r.runs++
		r.env.ExecuteWorkflow(journey.ReturnToServiceWorkflow, r.in)
		require.True(r.t, r.env.IsWorkflowCompleted())
		err := r.env.GetWorkflowError()
		if err == nil {
			var res journey.Result
			require.NoError(r.t, r.env.GetWorkflowResult(&res))
			return res, nil
		}
		var again *workflow.ContinueAsNewError
		if !errors.As(err, &again) {
			return journey.Result{}, err
		}
		r.in = journey.Input{}
		require.NoError(r.t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &r.in))
		r.begin(r.env.Now())
	}
}

// arrive runs the journey, which must end in service.
func (r *rig) arrive() journey.Result {
	r.t.Helper()
	res, err := r.run()
	require.NoError(r.t, err)
	require.Equal(r.t, "in_service", r.state())
	return res
}

// at calls f when the time has come.
func (r *rig) at(after time.Duration, f func()) { r.env.RegisterDelayedCallback(f, after) }

// person moves the node by hand.
func (r *rig) person(to string) {
	r.t.Helper()
	if r.env != nil {
		r.clock.Set(r.env.Now())
	}
	_, err := r.svc.Transition(context.WithoutCancel(r.t.Context()), node, to, service.Move{Initiator: "ann", Note: "by hand"})
	require.NoError(r.t, err)
}

func (r *rig) state() string {
	r.t.Helper()
	d, err := r.svc.Get(r.t.Context(), node)
	require.NoError(r.t, err)
	return d.CurrentState
}

// status asks the journey.
func (r *rig) status() journey.Status {
	r.t.Helper()
	answer, err := r.env.QueryWorkflow(journey.StatusQuery)
	require.NoError(r.t, err)
	var s journey.Status
	require.NoError(r.t, answer.Get(&s))
	return s
}

// story is the history of the node since it was created and put into maintenance.
func (r *rig) story() []string {
	r.t.Helper()
	d, err := r.svc.Get(r.t.Context(), node)
	require.NoError(r.t, err)
	var out []string
	for _, e := range d.StateHistory[2:] {
		out = append(out, e.Initiator+": "+e.From+" > "+e.To+" ("+e.Note+")")
	}
	return out
}

// timely has the inventory live in the time of the workflow.
type timely struct {
	journey.Inventory
	rig *rig
}

func (i timely) Node(ctx context.Context, id string) (journey.Node, error) {
	i.rig.clock.Set(i.rig.env.Now())
	return i.Inventory.Node(ctx, id)
}

func (i timely) Move(ctx context.Context, id, to string, m service.Move) (service.Result, error) {
	i.rig.clock.Set(i.rig.env.Now())
	return i.Inventory.Move(ctx, id, to, m)
}

// scripted are checks that find what a test says, in turn; without more to say, all is well.
type scripted struct {
	mu                    sync.Mutex
	diagnostics, firmware []any // journey.Finding, error, or func(context.Context, journey.Check) (journey.Finding, error)
	keys                  []string
}

func (s *scripted) next(ctx context.Context, c journey.Check, list *[]any) (journey.Finding, error) {
	s.mu.Lock()
	s.keys = append(s.keys, c.Key)
	var answer any = journey.Finding{OK: true}
	if len(*list) > 0 {
		answer, *list = (*list)[0], (*list)[1:]
	}
	s.mu.Unlock()
	switch answer := answer.(type) {
	case journey.Finding:
		return answer, nil
	case error:
		return journey.Finding{}, answer
	case func(context.Context, journey.Check) (journey.Finding, error):
		return answer(ctx, c)
	default:
		return journey.Finding{}, errors.New("the test says nonsense")
	}
}

func (s *scripted) Diagnose(ctx context.Context, c journey.Check) (journey.Finding, error) {
	return s.next(ctx, c, &s.diagnostics)
}

func (s *scripted) Firmware(ctx context.Context, c journey.Check) (journey.Finding, error) {
	return s.next(ctx, c, &s.firmware)
}

// faulty is a finding.
func faulty(note string) journey.Finding { return journey.Finding{Note: note} }
