package lifecycle_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// run starts Run. The function that it returns ends it, and fails the test unless it ends in time and without an error; the end of the test calls it too.
func (s *site) run() (stop func()) {
	s.tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.tb.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			assert.NoError(s.tb, err)
		case <-time.After(patience):
			s.tb.Errorf("Run did not end within %s", patience)
		}
	})
	s.tb.Cleanup(stop)
	return stop
}

// advance moves the clock on, a step at a time, until cond holds.
func (s *site) advance(d time.Duration, what string, cond func() bool) {
	s.tb.Helper()
	for end := time.Now().Add(patience); !cond(); s.clock.Add(d) {
		if time.Now().After(end) {
			s.tb.Fatalf("did not happen within %s: %s", patience, what)
		}
	}
}

// in reports whether every lamp is in a state.
func (s *site) in(state lampState, ids ...string) func() bool {
	return func() bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return s.lamp(id).State() != string(state) })
	}
}

func TestWorkersReconcileManyObjectsAtOnceAndEachByOneOnly(t *testing.T) {
	t.Parallel()
	const workers = 4
	var inside, most atomic.Int32
	var busy sync.Map
	full := make(chan struct{})
	h := func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		if _, twice := busy.LoadOrStore(l.ID(), true); twice {
			return lifecycle.Outcome{}, fmt.Errorf("two workers are on %s", l.Ref())
		}
		defer busy.Delete(l.ID())
		n := inside.Add(1)
		defer inside.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == workers {
			close(full)
		}
		<-full // nobody leaves before all workers are here
		return lifecycle.Fire(switchOn), nil
	}
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: workers}, lampKind(t, lampHandlers{dark: h, warming: always[lamp](lifecycle.Fire(warm))}))
	var ids []string
	for i := range workers {
		ids = append(ids, fmt.Sprint(i))
		s.create(newLamp(ids[i]))
	}
	stop := s.run()
	for range 100 {
		s.Wake(lampRef(ids[0]))
	}
	s.seen.await(t, "all lamps are white", s.in(white, ids...))
	stop()
	assert.Equal(t, int32(workers), most.Load())
	for _, id := range ids {
		assert.Equal(t, []string{"Dark", "Warming", "Glowing/White"}, s.visited(lampRef(id)))
	}
}

func TestCommitsThatAreReadyTogetherAreWrittenTogether(t *testing.T) {
	t.Parallel()
	const lamps = 10
	last := make(chan struct{})
	var looks atomic.Int32
	h := func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		if looks.Add(1) == lamps {
			close(last)
		}
		return lifecycle.Fire(switchOn), nil
	}
	// One worker hands a pass over before it takes the next one: when it looks at the last lamp, nine passes are pending or being written.
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: 1}, lampKind(t, lampHandlers{dark: h}))
	var ids []string
	for i := range lamps {
		ids = append(ids, fmt.Sprint(i))
		s.create(newLamp(ids[i]))
	}
	s.store.onCommit(func([]backend.Commit) error {
		<-last
		return nil
	}, nil)
	stop := s.run()
	s.seen.await(t, "all lamps are warming", s.in(warming, ids...))
	stop()
	_, _, batches := s.seen.told()
	assert.GreaterOrEqual(t, slices.Max(batches), (lamps-1)/2, "batches of %v", batches)
}

func TestACommitThatConflictsFailsAloneInItsBatch(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: 1}, lampKind(t, toWhite()))
	ids := []string{"a", "b", "c"}
	s.create(newLamp("a"), newLamp("b"), newLamp("c"))
	s.store.onCommit(once(func() error {
		s.store.rival(t, lampRef("b"), func(r *backend.Record) { r.Data = []byte(`{"lumen":5}`) })
		return nil
	}), nil)
	stop := s.run()
	s.seen.await(t, "all lamps are white", s.in(white, ids...))
	stop()
	assert.Equal(t, 5, s.lamp("b").Lumen)
	_, conflicts, _ := s.seen.told()
	assert.Equal(t, []backend.Ref{lampRef("b")}, conflicts)
	for _, id := range ids {
		s.chain(lampRef(id))
	}
}

func TestRunIsRefusedWhileItRunsAndPossibleAgainAfterwards(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite()))
	s.create(newLamp("a"))
	stop := s.run()
	s.seen.await(t, "a is white", s.in(white, "a"))
	require.ErrorContains(t, s.Run(t.Context()), "running already")
	stop()
	s.create(newLamp("b"))
	assert.Equal(t, "Dark", s.lamp("b").State(), "nobody works on it")
	stop = s.run()
	s.seen.await(t, "b is white", s.in(white, "b"))
	stop()
}

func TestRunEndsInTheStatesInWhichSteppingEnds(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			t.Parallel()
			s := newSiteWith(t, newTap(), lifecycle.Config{Workers: workers}, paradeKinds(t)...)
			s.parade()
			stop := s.run()
			s.advance(time.Second, "the parade is over", s.paradeOver)
			stop()
			assert.Empty(t, cmp.Diff(undisturbed(t), s.ending()))
		})
	}
}

func TestARunThatIsKilledGoesOnFromItsStore(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: 3}, paradeKinds(t)...)
	s.parade()
	for kills := 0; !s.paradeOver(); kills++ {
		require.Less(t, kills, 100)
		was := len(s.store.committed())
		stop := s.run()
		s.advance(time.Second, "something happens", func() bool { return len(s.store.committed()) >= was+3 || s.paradeOver() })
		stop()
		s.restart()
	}
	assert.Empty(t, cmp.Diff(undisturbed(t), s.ending()))
}

func TestAStoreThatFailsUnderRunIsTriedAgainLater(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: 2}, lampKind(t, toWhite()))
	s.create(newLamp("a"), newLamp("b"))
	var failures atomic.Int32
	s.store.onCommit(func([]backend.Commit) error {
		if failures.Add(1) <= 5 {
			return errDisk
		}
		return nil
	}, nil)
	stop := s.run()
	s.advance(time.Second, "both are white", s.in(white, "a", "b"))
	stop()
	for _, id := range []string{"a", "b"} {
		assert.Equal(t, []string{"Dark", "Warming", "Glowing/White"}, s.visited(lampRef(id)))
	}
}

func TestTwoControllersOnOneStoreLoseNoUpdate(t *testing.T) {
	t.Parallel()
	const turns, edits = 40, 50
	h := toWhite()
	spin := func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		if l.Lumen == turns {
			return lifecycle.Nothing(), nil
		}
		l.Lumen++
		return lifecycle.Fire(turn), nil
	}
	h[white], h[red] = spin, spin
	ids := []string{"a", "b", "c"}
	store := newTap()
	first := newSiteWith(t, store, lifecycle.Config{Workers: 2}, lampKind(t, h))
	for _, id := range ids {
		first.create(newLamp(id))
	}
	second := newSiteWith(t, store, lifecycle.Config{Workers: 2}, lampKind(t, h))
	var wg sync.WaitGroup
	var stops []func()
	for n, s := range []*site{first, second} {
		stops = append(stops, s.run())
		wg.Go(func() {
			for i := range edits {
				assert.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
					l, err := lifecycle.Edit[lamp](tx, lampRef(ids[i%len(ids)]))
					if err == nil {
						l.Keys = append(l.Keys, fmt.Sprintf("%d/%d", n, i))
					}
					return err
				}))
			}
		})
	}
	wg.Wait()
	for _, s := range []*site{first, second} {
		s.seen.await(t, "all turns are made", func() bool {
			return !slices.ContainsFunc(ids, func(id string) bool { return s.lamp(id).Lumen < turns })
		})
	}
	for _, stop := range stops {
		stop()
	}
	first.restart()
	var keys []string
	for _, id := range ids {
		l := first.lamp(id)
		assert.Equal(t, turns, l.Lumen)
		rows := first.chain(lampRef(id))
		assert.Len(t, rows, 3+turns, "each turn has one row")
		keys = append(keys, l.Keys...)
	}
	slices.Sort(keys)
	assert.Len(t, slices.Compact(keys), 2*edits, "and each edit is there once")
}
