package temporal_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/temporal"
)

// alarm notes who is woken.
type alarm struct {
	mu    sync.Mutex
	racks []string
	err   error
}

func (a *alarm) Wake(_ context.Context, racks ...string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.racks = append(a.racks, racks...)
	return a.err
}

// taken returns who was woken since it was last called.
func (a *alarm) taken() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.racks = nil }()
	return slices.Clone(a.racks)
}

func TestWhatAHostDoesWakesTheRackAndWhatAStepDoesWakesNobody(t *testing.T) {
	t.Parallel()
	a := &alarm{err: errors.New("no server")} // which the host does not notice
	clk := sitesim.NewClock(sitesim.Start)
	svc := nodes(t, temporal.Waking(memory.New(), a, slog.New(slog.DiscardHandler)), clk)
	ctl := svc.Controller()
	into(t, svc)
	assert.Equal(t, []string{"R01", "R01"}, a.taken())
	for _, call := range []func() error{
		func() error { return ctl.SetLabels(t.Context(), service.Ref("n1"), 0, map[string]string{"a": "b"}) },
		func() error {
			return ctl.PlaceHold(t.Context(), service.Ref("n1"), lifecycle.Hold{Type: "t", Owner: "ann", Reason: "r"})
		},
		func() error { return ctl.ReleaseHold(t.Context(), service.Ref("n1"), "t", "ann") },
	} {
		require.NoError(t, call())
		assert.Equal(t, []string{"R01"}, a.taken())
	}
	_, err := svc.Transition(t.Context(), "n1", "nowhere", service.Move{Initiator: "ann"})
	require.Error(t, err)
	assert.Empty(t, a.taken(), "nothing was written")

	out, err := step(t, temporal.NewActivities(ctl), sitesim.Start.Add(2*time.Hour))
	require.NoError(t, err)
	assert.Greater(t, out.Steps, 1)
	d, err := svc.Get(t.Context(), "n1")
	require.NoError(t, err)
	assert.Equal(t, "in_service", d.CurrentState)
	assert.Empty(t, a.taken())

	require.NoError(t, ctl.Delete(t.Context(), service.Ref("n1"), "ann", false))
	assert.Equal(t, []string{"R01"}, a.taken())
}

// fixed is a store that says what a test wants.
type fixed struct {
	backend.Store
	results []error
	err     error
}

func (f fixed) Commit(context.Context, []backend.Commit) ([]error, error) { return f.results, f.err }

func TestOnlyRacksThatMayHaveChangedAreWoken(t *testing.T) {
	t.Parallel()
	write := func(racks ...string) (c backend.Commit) {
		for _, r := range racks {
			c.Writes = append(c.Writes, backend.Write{Record: backend.Record{Rack: r}})
		}
		return c
	}
	batch := []backend.Commit{write("R02", "R01", "R01"), write("R03")}
	for name, c := range map[string]struct {
		store fixed
		want  []string
	}{
		"all applied":         {fixed{results: []error{nil, nil}}, []string{"R01", "R02", "R03"}},
		"one refused":         {fixed{results: []error{backend.ErrConflict, nil}}, []string{"R03"}},
		"surely none applied": {fixed{err: backend.ErrNotCommitted}, nil},
		"nobody knows":        {fixed{err: errors.New("connection lost")}, []string{"R01", "R02", "R03"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &alarm{}
			results, err := temporal.Waking(c.store, a, nil).Commit(t.Context(), batch)
			assert.Equal(t, c.store.results, results)
			assert.Equal(t, c.store.err, err)
			assert.Equal(t, c.want, a.taken())
		})
	}
}

// watcher tells of changes.
type watcher struct{}

func (watcher) Watch(context.Context, func([]backend.Change)) error { return nil }

func TestAWakingStoreCanWhatItsStoreCan(t *testing.T) {
	t.Parallel()
	type leases struct{ backend.LeaseStore }
	for name, c := range map[string]struct {
		store           backend.Store
		leases, watches bool
	}{
		"neither": {fixed{}, false, false},
		"leases":  {leases{memory.New()}, true, false},
		"watches": {struct {
			fixed
			watcher
		}{}, false, true},
		"both": {struct {
			leases
			watcher
		}{leases: leases{memory.New()}}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrapped := temporal.Waking(c.store, &alarm{}, nil)
			shared, isShared := wrapped.(backend.LeaseStore)
			told, tells := wrapped.(backend.Watcher)
			require.Equal(t, c.leases, isShared)
			require.Equal(t, c.watches, tells)
			if tells {
				require.NoError(t, told.Watch(t.Context(), nil))
			}
			if !isShared {
				return
			}
			tenure, err := shared.Renew(t.Context(), "w1", time.Minute)
			require.NoError(t, err)
			assert.Equal(t, []string{"w1"}, tenure.Owners)
			got, err := shared.Claim(t.Context(), "w1", time.Minute, []string{"R01"})
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.NoError(t, shared.Release(t.Context(), "w1"))
		})
	}
}
