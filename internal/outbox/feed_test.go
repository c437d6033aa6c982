package outbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/outbox"
)

func TestEveryRowIsHandedOnOnceInOrderAndInBatches(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	f, _ := newFeed(t, s, k.take, func(c *outbox.Config) { c.Batch = 4 })
	n, err := f.Deliver(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
	s.move(t, "a", "b", "a", "c", "a", "b", "a", "a", "b", "c")
	drain(t, f)
	assert.Equal(t, upTo(10), k.positions())
	assert.Equal(t, []int{4, 4, 2}, k.batches)
	assert.Equal(t, outbox.Status{Cursor: 10}, f.Status())

	again, _ := newFeed(t, s, k.take)
	s.move(t, "a")
	drain(t, again)
	assert.Equal(t, upTo(11), k.positions(), "another process goes on where this one was")
}

func TestWhatWasNotTakenOverIsHandedOnAgainAndNothingBeforeIt(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	f, clk := newFeed(t, s, k.take)
	s.move(t, "a", "b", "a", "b", "c")
	k.set(func(row backend.Transition) error {
		if row.Position == 4 {
			return errOut
		}
		return nil
	})
	n, err := f.Deliver(t.Context())
	require.ErrorIs(t, err, errOut)
	assert.Equal(t, 3, n)
	st := f.Status()
	assert.Equal(t, []any{uint64(3), 1, clk.Now(), begin.Add(time.Second)}, []any{st.Cursor, st.Failures, st.Since, st.Waiting})
	require.ErrorIs(t, st.Err, errOut)
	restarted, _ := newFeed(t, s, k.take)
	_, err = restarted.Deliver(t.Context())
	require.ErrorIs(t, err, errOut)
	k.set(nil)
	drain(t, f)
	assert.Equal(t, upTo(5), k.positions())
	assert.Equal(t, outbox.Status{Cursor: 5}, f.Status(), "and the failure is forgotten")
}

func TestTheTimeToTheNextAttemptDoublesBetweenItsBoundsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	waits := func(seed uint64) []time.Duration {
		s, k := newShelf(), newSink()
		k.set(func(backend.Transition) error { return errOut })
		f, clk := newFeed(t, s, k.take, func(c *outbox.Config) { c.Seed, c.BackoffMax = seed, time.Minute })
		s.move(t, "a")
		var out []time.Duration
		for range 40 {
			_, err := f.Deliver(t.Context())
			require.Error(t, err)
			out = append(out, f.Status().Next.Sub(clk.Now()))
			clk.Set(f.Status().Next)
		}
		assert.Equal(t, begin, f.Status().Since)
		return out
	}
	got := waits(1)
	for i, d := range got {
		base := min(time.Second<<min(i, 10), time.Minute)
		assert.InDelta(t, base, d, float64(base)/10, "attempt %d", i+1)
	}
	assert.Equal(t, got, waits(1))
	assert.NotEqual(t, got, waits(2))
}

// later asks for a pause.
type later time.Duration

func (l later) Error() string             { return "not now" }
func (l later) RetryAfter() time.Duration { return time.Duration(l) }

func TestAReceiverMayAskForALongerPauseWithinTheBounds(t *testing.T) {
	t.Parallel()
	for asked, want := range map[time.Duration]time.Duration{0: time.Second, -time.Hour: time.Second, 20 * time.Second: 20 * time.Second, time.Hour: time.Minute} {
		s, k := newShelf(), newSink()
		k.set(func(backend.Transition) error { return errors.Join(errOut, later(asked)) })
		f, clk := newFeed(t, s, k.take, func(c *outbox.Config) { c.BackoffMax = time.Minute })
		s.move(t, "a")
		_, err := f.Deliver(t.Context())
		require.Error(t, err)
		assert.InDelta(t, want, f.Status().Next.Sub(clk.Now()), float64(want)/10)
	}
}

func TestAReceiverThatPanicsOrTakesNothingWithoutAReasonHasFailed(t *testing.T) {
	t.Parallel()
	s := newShelf()
	s.move(t, "a", "b")
	f, _ := newFeed(t, s, func(context.Context, []backend.Transition) (int, error) { panic("ouch") })
	_, err := f.Deliver(t.Context())
	require.EqualError(t, err, "panic: ouch")
	f, _ = newFeed(t, s, func(context.Context, []backend.Transition) (int, error) { return 0, nil })
	_, err = f.Deliver(t.Context())
	require.EqualError(t, err, "none of 2 transitions was taken over")
	f, _ = newFeed(t, s, func(context.Context, []backend.Transition) (int, error) { return 1, nil })
	n, err := f.Deliver(t.Context())
	require.NoError(t, err, "it wants the rest in another call")
	assert.Equal(t, 1, n)
	assert.Equal(t, outbox.Status{Cursor: 1}, f.Status())
	f, _ = newFeed(t, s, func(context.Context, []backend.Transition) (int, error) { return 77, nil })
	n, err = f.Deliver(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}

func TestAFeedThatBeginsNowLeavesOutWhatWasAndMissesNothingAfterwards(t *testing.T) {
	t.Parallel()
	fromNow := func(c *outbox.Config) { c.FromNow = true }
	for _, before := range []int{0, 3} {
		s, k := newShelf(), newSink()
		for range before {
			s.move(t, "a")
		}
		f, _ := newFeed(t, s, k.take, fromNow)
		require.NoError(t, f.Open(t.Context()))
		s.move(t, "a", "b")
		restarted, _ := newFeed(t, s, k.take, fromNow)
		drain(t, restarted)
		assert.Equal(t, []uint64{uint64(before) + 1, uint64(before) + 2}, k.positions(), "a restart does not begin anew")
	}
}

func TestAReplayHandsOnAgainWhateverIsGoingOn(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]func(s *shelf, k *sink, seek func()){
		"between deliveries":             func(_ *shelf, _ *sink, seek func()) { seek() },
		"while rows are handed on":       func(_ *shelf, k *sink, seek func()) { k.before = func(context.Context) { k.before = nil; seek() } },
		"just after the cursor moved":    func(s *shelf, _ *sink, seek func()) { s.moved = seek },
		"just before the cursor moves":   func(s *shelf, _ *sink, seek func()) { s.set = func() error { s.set = nil; seek(); return nil } },
		"while the cursor is being read": func(s *shelf, _ *sink, seek func()) { s.history = func() error { s.history = nil; seek(); return nil } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, k := newShelf(), newSink()
			f, _ := newFeed(t, s, k.take)
			s.move(t, "a", "b", "c")
			drain(t, f)
			s.move(t, "a")
			sought := false
			during(s, k, func() {
				sought = true
				require.NoError(t, f.Seek(context.WithoutCancel(t.Context()), 1))
			})
			drain(t, f)
			require.True(t, sought)
			got := k.positions()
			assert.Equal(t, []uint64{2, 3, 4}, got[len(got)-3:], "all behind the position, last")
			assert.Equal(t, uint64(4), f.Status().Cursor)
			require.NoError(t, f.Seek(t.Context(), 3))
			assert.Equal(t, uint64(3), f.Status().Cursor)
			require.NoError(t, f.Seek(t.Context(), 4))
			drain(t, f)
			assert.Equal(t, got, k.positions(), "forwards leaves out")
		})
	}
}

func TestACursorThatSomebodyElseMovedIsFollowed(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	f, _ := newFeed(t, s, k.take)
	s.move(t, "a", "b", "c")
	k.before = func(ctx context.Context) {
		k.before = nil
		assert.NoError(t, s.SetCursor(ctx, "f", 0, 2))
	}
	_, err := f.Deliver(t.Context())
	require.NoError(t, err, "that is no failure")
	drain(t, f)
	assert.Equal(t, []uint64{1, 2, 3, 3}, k.positions())
}

func TestAStoreThatFailsIsAFailureAndNothingIsLost(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	f, _ := newFeed(t, s, k.take)
	s.move(t, "a", "b")
	disk := errors.New("disk on fire")
	s.history = func() error { return disk }
	_, err := f.Deliver(t.Context())
	require.ErrorIs(t, err, disk)
	s.history, s.set = nil, func() error { return disk }
	_, err = f.Deliver(t.Context())
	require.ErrorIs(t, err, disk)
	assert.Equal(t, 1, f.Status().Failures, "rows were handed on: the backoff begins anew")
	s.set = nil
	drain(t, f)
	assert.Equal(t, []uint64{1, 2, 1, 2}, k.positions(), "handed on again, for nobody noted that it was")
}

func TestStoppingKeepsWhatWasTakenOverAndIsNoFailure(t *testing.T) {
	t.Parallel()
	s, k := newShelf(), newSink()
	f, _ := newFeed(t, s, k.take)
	s.move(t, "a", "b", "c")
	ctx, stop := context.WithCancel(t.Context())
	k.set(func(row backend.Transition) error {
		if row.Position == 3 {
			stop()
			return ctx.Err()
		}
		return nil
	})
	_, err := f.Deliver(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, outbox.Status{Cursor: 2}, f.Status())
	at, err := s.Cursor(t.Context(), "f")
	require.NoError(t, err)
	assert.Equal(t, uint64(2), at)
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]outbox.Config{
		"needs a name":                      {},
		"the Batch of f is -1":              {Name: "f", Batch: -1},
		"the backoff of f is from 2s to 1s": {Name: "f", BackoffMin: 2 * time.Second, BackoffMax: time.Second},
	} {
		_, err := outbox.New(newShelf(), cfg, nil)
		require.ErrorContains(t, err, want)
	}
	_, err := outbox.New(struct{ backend.Store }{newShelf()}, outbox.Config{Name: "f"}, nil)
	require.ErrorIs(t, err, backend.ErrNotSupported)
}
