package lifecycle_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

const testTTL = 15 * time.Second

// replicas are controllers that share a store.
type replicas struct {
	*testing.T
	store *memory.Store
	clock *clock.Mock
	all   map[string]*lifecycle.Controller
	kind  *lifecycle.Kind
}

func newReplicas(t *testing.T, handlers lampHandlers) *replicas {
	t.Helper()
	r := &replicas{T: t, store: memory.New(), clock: clock.NewMock(), all: map[string]*lifecycle.Controller{}, kind: lampKind(t, handlers)}
	r.clock.Set(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	r.store.LeaseClock(r.clock.Now)
	return r
}

// start makes a controller.
func (r *replicas) start(owner string) *lifecycle.Controller {
	r.Helper()
	c, err := lifecycle.NewController(r.Context(), r.store, lifecycle.Config{Clock: r.clock, Owner: owner}, r.kind)
	require.NoError(r, err)
	r.all[owner] = c
	return c
}

// keep has controllers keep their leases, one after the other, until nothing changes any more.
func (r *replicas) keep(owners ...string) {
	r.Helper()
	for range 3 {
		for _, o := range owners {
			require.NoError(r, r.all[o].Refresh(r.Context()))
			_, err := r.all[o].KeepLeases(r.Context())
			require.NoError(r, err)
		}
	}
}

// lampIn creates a lamp in a rack of its own.
func lampIn(t *testing.T, c *lifecycle.Controller, rack string) backend.Ref {
	t.Helper()
	ref := lampRef("lamp-" + rack)
	require.NoError(t, c.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		return tx.Create(&lamp{Object: lifecycle.NewObject(ref, rack)}, "test", "")
	}))
	return ref
}

func (r *replicas) sizes(owners ...string) []int {
	var all []string
	sizes := make([]int, len(owners))
	for i, o := range owners {
		racks := r.all[o].Racks()
		sizes[i] = len(racks)
		all = append(all, racks...)
	}
	slices.Sort(all)
	assert.Equal(r, slices.Compact(slices.Clone(all)), all, "no rack is worked on by two")
	return sizes
}

func TestReplicasShareTheRacksEvenlyAsTheyComeAndGo(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, nil)
	a := r.start("a")
	for i := range 10 {
		lampIn(t, a, fmt.Sprintf("r%d", i))
	}
	r.keep("a")
	assert.Equal(t, []int{10}, r.sizes("a"))
	r.start("b")
	r.keep("a", "b")
	assert.Equal(t, []int{5, 5}, r.sizes("a", "b"))
	r.start("c")
	r.keep("a", "b", "c")
	assert.Equal(t, []int{4, 3, 3}, r.sizes("a", "b", "c"))

	r.clock.Add(testTTL + time.Second) // b and c are gone; a was stopped for as long
	assert.Equal(t, []int{0, 0, 0}, r.sizes("a", "b", "c"))
	r.keep("a")
	assert.Equal(t, []int{10}, r.sizes("a"))
	lampIn(t, a, "r10")
	r.keep("a")
	assert.Equal(t, []int{11}, r.sizes("a"), "a new rack is taken too")
}

func TestAPassThatWasStoppedForLongerThanItsLeaseCommitsNothing(t *testing.T) {
	t.Parallel()
	var r *replicas
	stopped := false
	r = newReplicas(t, lampHandlers{dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		if !stopped { // the process stands still, and another one takes over
			stopped = true
			r.clock.Add(testTTL + time.Second)
			r.start("b")
			r.keep("b")
		}
		return lifecycle.Fire(switchOn), nil
	}})
	a := r.start("a")
	ref := lampIn(t, a, "r1")
	r.keep("a")
	_, err := a.Step(t.Context(), ref, r.clock.Now())
	require.NoError(t, err)
	history, err := r.store.History(t.Context(), backend.HistoryQuery{Ref: ref})
	require.NoError(t, err)
	assert.Len(t, history, 1, "only its creation")
	assert.Empty(t, a.Racks())

	steps, _, err := a.RunUntilIdle(t.Context(), r.clock.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.Zero(t, steps, "it leaves the rack alone")
	_, err = r.all["b"].Step(t.Context(), ref, r.clock.Now())
	require.NoError(t, err)
	history, err = r.store.History(t.Context(), backend.HistoryQuery{Ref: ref})
	require.NoError(t, err)
	assert.Equal(t, string(warming), history[len(history)-1].To)
}

func TestAnExpiredLeaseIsLeftAloneBeforeTheStoreSaysSo(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))})
	a := r.start("a")
	ref := lampIn(t, a, "r1")
	r.keep("a")
	r.clock.Add(testTTL)
	res, err := a.Step(t.Context(), ref, r.clock.Now())
	require.NoError(t, err)
	assert.Nil(t, res.Transition)
}

func TestWhatAHostAsksOfAnyReplicaIsDoneByTheOneThatHoldsTheRack(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, lampHandlers{dark: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		if l.Labels["on"] == "" {
			return lifecycle.Nothing(), nil
		}
		return lifecycle.Fire(switchOn), nil
	}})
	a, b := r.start("a"), r.start("b")
	ref := lampIn(t, a, "r1")
	r.keep("a")
	require.NoError(t, b.Refresh(t.Context()))
	require.Empty(t, b.Racks())

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, c := range []*lifecycle.Controller{a, b} {
		wg.Go(func() { assert.NoError(t, c.Run(ctx)) })
	}
	require.NoError(t, b.SetLabels(t.Context(), ref, 0, map[string]string{"on": "yes"}))
	assert.Eventually(t, func() bool {
		l, err := lifecycle.Get[lamp](b, ref)
		return err == nil && l.State() == string(warming)
	}, 10*time.Second, time.Millisecond, "the one that does not hold the rack sees it too")
	stop()
	wg.Wait()
	tenure, err := r.store.Renew(t.Context(), "c", testTTL)
	require.NoError(t, err)
	assert.Empty(t, tenure.Leases, "a controller that stops gives its racks up at once")
	assert.Equal(t, []string{"c"}, tenure.Owners)
}

// withoutLeases is a store that cannot be shared.
type withoutLeases struct{ backend.Store }

func TestAnOwnerNeedsAStoreThatHasLeases(t *testing.T) {
	t.Parallel()
	_, err := lifecycle.NewController(t.Context(), withoutLeases{memory.New()}, lifecycle.Config{Owner: "a"}, lampKind(t, nil))
	require.ErrorContains(t, err, `Owner is "a", but the store`)
}

func TestTheSharesOfAllOwnersAreAllRacks(t *testing.T) {
	t.Parallel()
	for owners := 1; owners < 6; owners++ {
		for racks := range 20 {
			r := newReplicas(t, nil)
			names := make([]string, owners)
			for i := range owners {
				names[i] = fmt.Sprintf("owner-%d", i)
				r.start(names[i])
			}
			for i := range racks {
				lampIn(t, r.all[names[0]], fmt.Sprintf("r%d", i))
			}
			r.keep(names...)
			sizes := r.sizes(names...)
			sum := 0
			for _, n := range sizes {
				sum += n
			}
			assert.Equal(t, racks, sum, "%d owners", owners)
			assert.LessOrEqual(t, slices.Max(sizes)-slices.Min(sizes), 1, "%d owners, %d racks: %v", owners, racks, sizes)
		}
	}
}
