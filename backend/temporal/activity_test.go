package temporal_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"github.com/rackstate/rackstate/backend/temporal"
)

// nodes is the smallest controller there is: that of a service lifecycle. The node n1 in rack R01 leaves maintenance by itself after an hour.
func nodes(t *testing.T, store backend.Store, clk *sitesim.Clock, tune ...func(*lifecycle.Config)) *service.Service {
	t.Helper()
	def, err := service.Parse([]byte(`
name: node
initial: in_service
states: [in_service, maintenance]
transitions:
  - {from: in_service, to: maintenance}
  - {from: maintenance, to: in_service, after: 1h}
`), "site.yaml")
	require.NoError(t, err)
	cfg := lifecycle.Config{Clock: clk, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range tune {
		f(&cfg)
	}
	svc, err := service.Open(t.Context(), store, def, service.Config{}, cfg)
	require.NoError(t, err)
	return svc
}

// into puts the node n1 into maintenance, in R01.
func into(t *testing.T, svc *service.Service) {
	t.Helper()
	_, err := svc.Create(t.Context(), service.NewNode{ID: "n1", Rack: "R01", Initiator: "ann"})
	require.NoError(t, err)
	_, err = svc.Transition(t.Context(), "n1", "maintenance", service.Move{Initiator: "ann"})
	require.NoError(t, err)
}

// step runs the activity as a worker does.
func step(t *testing.T, a *temporal.Activities, at time.Time) (out temporal.StepOutput, err error) {
	t.Helper()
	env := quiet().NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.StepRack, activity.RegisterOptions{Name: "StepRack"})
	value, err := env.ExecuteActivity(a.StepRack, temporal.StepInput{Rack: "R01", At: at})
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

func TestAStepTakesTheLaterOfBothClocks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ workflow, controller, want time.Duration }{
		"the attempt comes late":    {10 * time.Minute, 20 * time.Minute, 20 * time.Minute},
		"the workflow skipped time": {30 * time.Minute, 20 * time.Minute, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clk := sitesim.NewClock(sitesim.Start)
			svc := nodes(t, memory.New(), clk, func(c *lifecycle.Config) { c.Resync = 24 * time.Hour })
			into(t, svc)
			clk.Set(sitesim.Start.Add(c.controller))
			out, err := step(t, temporal.NewActivities(svc.Controller()), sitesim.Start.Add(c.workflow))
			require.NoError(t, err)
			assert.Equal(t, sitesim.Start.Add(c.want), out.At)
			assert.Equal(t, sitesim.Start.Add(time.Hour), out.Next)
			assert.Equal(t, time.Hour-c.want, out.Wait)
			assert.Equal(t, 1, out.Objects)
			assert.Equal(t, 1, out.Steps)
		})
	}
}

func TestAStepSeesWhatAnotherProcessHasWritten(t *testing.T) {
	t.Parallel()
	store, clk := memory.New(), sitesim.NewClock(sitesim.Start)
	here := temporal.NewActivities(nodes(t, store, clk).Controller())
	out, err := step(t, here, sitesim.Start)
	require.NoError(t, err)
	assert.Zero(t, out.Objects)
	assert.Zero(t, out.Next)

	into(t, nodes(t, store, clk))
	out, err = step(t, here, sitesim.Start)
	require.NoError(t, err)
	assert.Equal(t, 1, out.Objects)
	out, err = step(t, here, sitesim.Start.Add(2*time.Hour))
	require.NoError(t, err)
	assert.Positive(t, out.Steps)
	d, err := nodes(t, store, clk).Get(t.Context(), "n1")
	require.NoError(t, err)
	assert.Equal(t, "in_service", d.CurrentState)
}

func TestAStepOfARackThatAnotherControllerLeasesIsTriedAgain(t *testing.T) {
	t.Parallel()
	store, clk := memory.New(), sitesim.NewClock(sitesim.Start)
	into(t, nodes(t, store, clk))
	svc := nodes(t, store, clk, func(c *lifecycle.Config) { c.Owner = "w1" })
	a := temporal.NewActivities(svc.Controller())
	_, err := step(t, a, sitesim.Start)
	require.ErrorContains(t, err, temporal.ErrNotLeased.Error())

	_, err = svc.Controller().KeepLeases(t.Context())
	require.NoError(t, err)
	out, err := step(t, a, sitesim.Start)
	require.NoError(t, err)
	assert.False(t, out.Next.IsZero())
}

// stuck is a store that does not answer until it is let go.
type stuck struct {
	backend.Store
	asked, let chan struct{}
}

func (s *stuck) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	if q.Rack != "" {
		s.asked <- struct{}{}
		<-s.let
	}
	return s.Store.List(ctx, q)
}

func TestTwoAttemptsAtARackInOneProcessTakeTurns(t *testing.T) {
	t.Parallel()
	store := &stuck{Store: memory.New(), asked: make(chan struct{}, 100), let: make(chan struct{})}
	a := temporal.NewActivities(nodes(t, store, sitesim.NewClock(sitesim.Start)).Controller())
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := step(t, a, sitesim.Start)
			ended <- err
		}()
	}
	<-store.asked
	select {
	case <-store.asked:
		t.Error("both attempts are at work")
	case <-time.After(50 * time.Millisecond):
	}
	close(store.let)
	require.NoError(t, errors.Join(<-ended, <-ended))
}

func TestAWorkerThatFollowsSeesWhatIsWrittenElsewhere(t *testing.T) {
	t.Parallel()
	store, clk := memory.New(), sitesim.NewClock(sitesim.Start)
	here, there := nodes(t, store, clk), nodes(t, store, clk)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- temporal.Follow(ctx, here.Controller(), time.Millisecond, nil) }()
	into(t, there)
	require.Eventually(t, func() bool { return here.Controller().Len() == 1 }, 10*time.Second, time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	d, err := here.Get(t.Context(), "n1")
	require.NoError(t, err)
	assert.Equal(t, "in_service", d.StateHistory[0].To)
}

func TestAStoreThatDoesNotAnswerDoesNotEndTheFollowing(t *testing.T) {
	t.Parallel()
	store := &mute{Store: memory.New()}
	svc := nodes(t, store, sitesim.NewClock(sitesim.Start))
	store.on.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	told := make(chan error, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- temporal.Follow(ctx, svc.Controller(), time.Millisecond, func(err error) { told <- err })
	}()
	require.ErrorIs(t, <-told, errMute)
	require.ErrorIs(t, <-told, errMute)
	stop()
	require.NoError(t, <-ended)
}

var errMute = errors.New("no answer")

// mute is a store that can stop to answer.
type mute struct {
	backend.Store
	on atomic.Bool
}

func (m *mute) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	if m.on.Load() {
		return nil, errMute
	}
	return m.Store.List(ctx, q)
}
