package outbox_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/outbox"
)

// run runs a feed until the test ends, and fails the test if it does not end then.
func run(t *testing.T, f *outbox.Feed) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
}

func TestARunningFeedCatchesUpAndThenWaitsToBeWoken(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	s.move(t, "a", "b")
	f, clk := newFeed(t, s, k.take, func(c *outbox.Config) { c.Batch = 1 })
	run(t, f)
	k.await(t, "it catches up", func() bool { return len(k.positions()) == 2 })
	for i := range 50 {
		s.move(t, "a")
		f.Wake()
		k.await(t, "a row is handed on", func() bool { return len(k.positions()) == i+3 })
	}
	for range 10 {
		clk.Add(24 * time.Hour)
	}
	assert.LessOrEqual(t, s.readings(), 2*52+1, "two looks for each row and a last one: nothing is polled")
}

func TestARunningFeedTriesAgainWhenItsTimeHasComeOrWhenItIsTold(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	k.set(func(backend.Transition) error { return errOut })
	s.move(t, "a")
	f, clk := newFeed(t, s, k.take, func(c *outbox.Config) { c.BackoffMin, c.BackoffMax = time.Hour, time.Hour })
	run(t, f)
	failures := func() int { return f.Status().Failures }
	k.await(t, "the first failure", func() bool { return failures() == 1 })
	f.Wake()
	for range 1000 {
		runtime.Gosched()
	}
	assert.Equal(t, 1, failures(), "a new row is no reason to try sooner")
	for failures() == 1 {
		f.Retry()
		runtime.Gosched()
	}
	tried := failures()
	for failures() <= tried {
		clk.Add(10 * time.Minute)
	}
	k.set(nil)
	for len(k.positions()) == 0 {
		clk.Add(10 * time.Minute)
	}
	assert.Equal(t, upTo(1), k.positions())
}

func TestAReplayEndsABackoff(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	k.set(func(row backend.Transition) error {
		if row.Position == 1 {
			return errOut
		}
		return nil
	})
	s.move(t, "a", "b")
	f, _ := newFeed(t, s, k.take)
	run(t, f)
	k.await(t, "the failure", func() bool { return f.Status().Failures == 1 })
	require.NoError(t, f.Seek(t.Context(), 1))
	k.await(t, "what lies behind is handed on", func() bool { return len(k.positions()) == 1 })
	assert.Equal(t, []uint64{2}, k.positions(), "a row that nobody can take is left out by a person's word")
}

// told is a store that tells of commits.
type told struct {
	*shelf
	watch func(ctx context.Context, changed func([]backend.Change)) error
}

func (s told) Watch(ctx context.Context, changed func([]backend.Change)) error {
	return s.watch(ctx, changed)
}

func TestWhatAnotherProcessCommitsIsNoticedWhenTheStoreTells(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	tell := make(chan func([]backend.Change), 1)
	f, _ := newFeed(t, told{s, func(ctx context.Context, changed func([]backend.Change)) error {
		tell <- changed
		<-ctx.Done()
		return nil
	}}, k.take)
	run(t, f)
	changed := <-tell
	s.move(t, "a")
	changed(nil)
	k.await(t, "the row is handed on", func() bool { return len(k.positions()) == 1 })
}

func TestAStoreThatStopsTellingStopsNothingElse(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	f, _ := newFeed(t, told{s, func(context.Context, func([]backend.Change)) error { return errOut }}, k.take)
	run(t, f)
	s.move(t, "a")
	f.Wake()
	k.await(t, "the row is handed on", func() bool { return len(k.positions()) == 1 })
}

func TestNoRowIsLostAndNoneComesBeforeItsPredecessorWhateverFails(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s, k := newShelf(), newSink()
		ctx := context.Background() //nolint:usetesting // rapid's T has no Context
		var f *outbox.Feed
		restart := func() {
			f, _ = newFeed(rt, s, k.take, func(c *outbox.Config) { c.Batch = rapid.IntRange(1, 5).Draw(rt, "batch") })
		}
		restart()
		moved := 0
		rt.Repeat(map[string]func(*rapid.T){
			"commit": func(rt *rapid.T) {
				s.move(rt, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "machine"))
				moved++
			},
			"deliver": func(rt *rapid.T) {
				left := rapid.IntRange(0, 6).Draw(rt, "rows until it fails")
				k.set(func(backend.Transition) error {
					if left--; left < 0 {
						return errOut
					}
					return nil
				})
				s.set = nil
				if rapid.IntRange(0, 3).Draw(rt, "store") == 0 {
					s.set = func() error { return errOut }
				}
				_, _ = f.Deliver(ctx)
			},
			"crash": func(*rapid.T) { restart() },
			"": func(rt *rapid.T) {
				seen := uint64(0)
				for i, at := range k.positions() {
					if at > seen+1 {
						rt.Fatalf("row %d comes although %d was never taken over (delivery %d)", at, seen+1, i)
					}
					seen = max(seen, at)
				}
				if at, err := s.Cursor(ctx, "f"); err == nil && at > seen {
					rt.Fatalf("the cursor is at %d, taken over was %d", at, seen)
				}
			},
		})
		k.set(nil)
		s.set = nil
		for {
			n, err := f.Deliver(ctx)
			require.NoError(rt, err)
			if n == 0 {
				break
			}
		}
		last := map[uint64]bool{}
		for _, at := range k.positions() {
			last[at] = true
		}
		require.Len(rt, last, moved, "every row was taken over")
	})
}
