package lifecycle_test

import (
	"context"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestLabelsAreSetAndRemovedInOneCommit(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	require.NoError(t, s.SetLabels(t.Context(), lampRef("a"), 0, map[string]string{"room": "hall", "row": "1"}))
	before := s.lamp("a")
	require.NoError(t, s.SetLabels(t.Context(), lampRef("a"), before.Version(), map[string]string{"row": "2"}, "room"))
	assert.Equal(t, map[string]string{"row": "2"}, s.lamp("a").Labels)
	assert.Equal(t, map[string]string{"room": "hall", "row": "1"}, before.Labels, "a copy that was handed out stays as it was")
	assert.Equal(t, before.Version()+1, s.lamp("a").Version())
	err := s.SetLabels(t.Context(), lampRef("a"), before.Version(), map[string]string{"row": "3"})
	require.ErrorIs(t, err, backend.ErrConflict)
	require.ErrorContains(t, err, "labels of lamp/a: it has version 3, not 2")
	require.NoError(t, s.SetLabels(t.Context(), lampRef("a"), 0, nil, "row"))
	assert.Nil(t, s.lamp("a").Labels)
	require.ErrorIs(t, s.SetLabels(t.Context(), lampRef("ghost"), 0, nil), backend.ErrNotFound)
	_, err = s.History(t.Context(), lampRef("a"))
	require.NoError(t, err)
}

func TestAReportReplacesWhatItsSourceSaidBefore(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	report := func(source string, alerts ...lifecycle.Alert) {
		require.NoError(t, s.ReportHealth(t.Context(), lampRef("a"), source, alerts...))
	}
	report("sensor", lifecycle.Alert{ID: "hot", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}}, lifecycle.Alert{ID: "dim"})
	report("person", lifecycle.Alert{ID: "ugly"})
	assert.False(t, s.lamp("a").Healthy())
	report("sensor", lifecycle.Alert{ID: "dim"})
	l := s.lamp("a")
	assert.True(t, l.Healthy())
	assert.Equal(t, []lifecycle.Alert{{ID: "ugly", Source: "person"}, {ID: "dim", Source: "sensor"}}, l.Alerts)
	version := l.Version()
	report("sensor", lifecycle.Alert{ID: "dim"})
	assert.Equal(t, version, s.lamp("a").Version(), "the same report again is no news")
	report("sensor")
	report("person")
	assert.Nil(t, s.lamp("a").Alerts)
	require.ErrorIs(t, s.ReportHealth(t.Context(), lampRef("ghost"), "sensor"), backend.ErrNotFound)
}

func TestAnAlertIsAddedOnceAndRemovedByName(t *testing.T) {
	t.Parallel()
	var o lifecycle.Object
	o.AddAlert(lifecycle.Alert{ID: "hot", Source: "sensor", Message: "80"})
	o.AddAlert(lifecycle.Alert{ID: "hot", Source: "person"})
	o.AddAlert(lifecycle.Alert{ID: "hot", Source: "sensor", Message: "90", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	require.Len(t, o.Alerts, 2)
	assert.Equal(t, "90", o.Alerts[1].Message)
	assert.True(t, o.HasAlert(lifecycle.StopReboot))
	assert.False(t, o.HasAlert(lifecycle.ExcludeFromSLA))
	assert.False(t, o.RemoveAlert("person", "cold"))
	assert.True(t, o.RemoveAlert("person", "hot"))
	assert.True(t, o.RemoveAlert("sensor", "hot"))
	assert.Nil(t, o.Alerts)
}

func TestEveryObjectIsVisitedInTheOrderOfRackKindAndID(t *testing.T) {
	t.Parallel()
	store := newTap()
	writeRecord(t, store, backend.Record{Ref: lampRef("broken"), Rack: "r", State: "Floating"})
	s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, nil), frameKind(t, nil))
	early := &lamp{Object: lifecycle.NewObject(lampRef("z"), "q")}
	s.create(newFrame(), newLamp("b"), newLamp("a"), early)
	var got []string
	s.Visit(func(o *lifecycle.Object) { got = append(got, o.Rack()+" "+o.Ref().String()+" "+o.State()) })
	assert.Equal(t, []string{"q lamp/z Dark", "r lamp/a Dark", "r lamp/b Dark", "r lamp/broken Floating", "r rack/r Idle"}, got)
	assert.Equal(t, 5, s.Len())
	var kinds []backend.Kind
	for _, k := range s.Kinds() {
		kinds = append(kinds, k.Name())
	}
	assert.Equal(t, []backend.Kind{kindLamp, backend.KindRack}, kinds)
	assert.Same(t, store, s.Store())
	assert.Equal(t, begin, s.Now())
}

func TestAHandlerThatReadsSeesTheWorldAsItIsAndTheTimeOfItsPass(t *testing.T) {
	t.Parallel()
	at := begin.Add(time.Hour + time.Nanosecond)
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		assert.Equal(t, begin.Add(time.Hour), env.Now())
		assert.Equal(t, lampRef("a"), env.Self())
		assert.NotNil(t, env.Log())
		return lifecycle.Fire(switchOn), nil
	}}))
	s.create(newLamp("a"))
	res, err := s.Step(t.Context(), lampRef("a"), at)
	require.NoError(t, err)
	require.NotNil(t, res.Transition)
}

func TestACopyOfAnObjectIsNobodyElses(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	l := newLamp("a")
	l.Sockets = []string{"E27"}
	s.create(l)
	c := s.lamp("a")
	c.Sockets[0], c.Lumen = "changed", 7
	assert.Equal(t, "E27", s.lamp("a").Sockets[0])
	assert.Zero(t, s.lamp("a").Lumen)
}

func TestAConfigurationThatCannotWorkIsRefusedWithItsValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg  lifecycle.Config
		want []string
	}{
		{lifecycle.Config{BackoffMin: time.Hour}, []string{"BackoffMin is 1h0m0s and greater than BackoffMax, which is 2m0s"}},
		{lifecycle.Config{Workers: -1, Resync: -time.Second, HandlerTimeout: -1}, []string{"Workers is -1", "Resync is -1s", "HandlerTimeout is -1ns"}},
	} {
		_, err := lifecycle.NewController(t.Context(), memory.New(), c.cfg)
		for _, want := range c.want {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestAnEmptyConfigurationIsRight(t *testing.T) {
	t.Parallel()
	cfg := lifecycle.Config{}.WithDefaults()
	assert.NotNil(t, cfg.Clock)
	assert.NotNil(t, cfg.Logger)
	assert.NotNil(t, cfg.Observer)
	assert.GreaterOrEqual(t, cfg.Workers, 8)
	assert.Equal(t, 30*time.Second, cfg.Resync)
	assert.Equal(t, time.Second, cfg.BackoffMin)
	assert.Equal(t, 2*time.Minute, cfg.BackoffMax)
	assert.Equal(t, 3*time.Minute, cfg.HandlerTimeout)
	mine := clock.NewMock()
	assert.Same(t, mine, lifecycle.Config{Clock: mine}.WithDefaults().Clock)
	ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{})
	require.NoError(t, err)
	assert.Zero(t, ctl.Len())
}

func TestAStoreThatCannotBeReadIsReported(t *testing.T) {
	t.Parallel()
	store := memory.New()
	require.NoError(t, store.Close())
	_, err := lifecycle.NewController(t.Context(), store, lifecycle.Config{})
	require.ErrorIs(t, err, backend.ErrClosed)
}

func TestReconcilingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.RunUntilIdle(ctx, begin)
	require.ErrorIs(t, err, context.Canceled)
	steps, _ := s.settle()
	assert.Equal(t, 1, steps, "what was due is still due")
}

func TestARefusalNamesTheObjectTheRequestAndTheReason(t *testing.T) {
	t.Parallel()
	err := error(&lifecycle.RejectedError{Ref: lampRef("a"), Type: "paint", Err: errShort})
	require.EqualError(t, err, "paint of lamp/a rejected: short circuit")
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	require.ErrorIs(t, err, errShort)
}

func TestAnObserverNeedNotListenToEverything(t *testing.T) {
	t.Parallel()
	type deaf struct{ lifecycle.NoObserver }
	ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{Observer: deaf{}}, lampKind(t, toWhite()))
	require.NoError(t, err)
	require.NoError(t, ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Create(newLamp("a"), "", "") }))
	steps, _, err := ctl.RunUntilIdle(t.Context(), time.Now())
	require.NoError(t, err)
	assert.Equal(t, 3, steps)
}
