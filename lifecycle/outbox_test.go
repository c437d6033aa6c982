package lifecycle_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

// listener is a notifier that keeps what it is told.
type listener struct {
	mu     sync.Mutex
	rows   []backend.Transition
	calls  int
	answer func(ctx context.Context) error // an error refuses all rows
	told   chan struct{}
}

func newListener() *listener { return &listener{told: make(chan struct{}, 1000)} }

func (l *listener) Notify(ctx context.Context, rows []backend.Transition) error {
	defer func() { l.told <- struct{}{} }()
	l.mu.Lock()
	l.calls++
	answer := l.answer
	l.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(l.rows, rows...)
	return nil
}

func (l *listener) set(answer func(ctx context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

func (l *listener) heard() []backend.Transition {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.rows)
}

func (l *listener) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// await waits until as many rows were told.
func (l *listener) await(t *testing.T, rows int) {
	t.Helper()
	limit := time.After(patience)
	for len(l.heard()) < rows {
		select {
		case <-l.told:
		case <-limit:
			t.Fatalf("%d rows were told, want %d", len(l.heard()), rows)
		}
	}
}

// shelf is the store of a relay's tests: the tap, with the cursors of the store behind it.
type shelf struct {
	*tap
	cursors
}

type cursors interface {
	Cursor(ctx context.Context, name string) (uint64, error)
	SetCursor(ctx context.Context, name string, from, to uint64) error
	LastPosition(ctx context.Context) (uint64, error)
}

func newShelf() shelf {
	store := memory.New()
	return shelf{tap: &tap{Store: store}, cursors: store}
}

// relay makes a relay on the clock of a site.
func relayTo(s *site, store shelf, to backend.Notifier, change ...func(*lifecycle.RelayConfig)) *lifecycle.Relay {
	cfg := lifecycle.RelayConfig{Name: "ears", Clock: s.clock, Logger: s.cfg.Logger}
	for _, c := range change {
		c(&cfg)
	}
	r, err := lifecycle.NewRelay(store, to, cfg)
	require.NoError(s.tb, err)
	return r
}

// listening is a site over a shelf, with a relay that its controller wakes.
func listening(t *testing.T, kinds ...*lifecycle.Kind) (*site, shelf, *listener, *lifecycle.Relay) {
	t.Helper()
	store, ears := newShelf(), newListener()
	s := newSiteWith(t, store.tap, lifecycle.Config{}, kinds...)
	r := relayTo(s, store, ears)
	s.cfg.Observer = r.Observe(s.seen)
	s.restart()
	return s, store, ears, r
}

// runRelay runs a relay until the test ends.
func runRelay(t *testing.T, r *lifecycle.Relay) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
}

func TestARelayTellsTheHistoryAndGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	s, store, ears, r := listening(t, lampKind(t, toWhite()))
	s.create(newLamp("a"), newLamp("b"))
	s.settle()
	n, err := r.Deliver(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 6, n)
	history, err := s.store.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	assert.Equal(t, history, ears.heard())
	assert.Equal(t, lifecycle.RelayStatus{Cursor: 6}, r.Status())

	s.create(newLamp("c"))
	n, err = relayTo(s, store, ears).Deliver(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	require.NoError(t, r.Replay(t.Context(), 5))
	n, err = r.Deliver(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

func TestANotifierThatFailsIsToldAgainAndHoldsUpNoTransition(t *testing.T) {
	t.Parallel()
	s, _, ears, r := listening(t, lampKind(t, toWhite()))
	deaf := errors.New("deaf")
	ears.set(func(context.Context) error { return deaf })
	s.create(newLamp("a"))
	s.settle()
	_, err := r.Deliver(t.Context())
	require.ErrorIs(t, err, deaf)
	s.create(newLamp("b"))
	s.settle()
	assert.Equal(t, "Glowing/White", s.lamp("b").State())
	st := r.Status()
	assert.Equal(t, []any{uint64(0), 1, begin}, []any{st.Cursor, st.Failures, st.Since.UTC()})
	assert.True(t, st.Next.After(begin))
	ears.set(nil)
	n, err := r.Deliver(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 6, n)
}

func TestARunningRelayIsWokenByTheController(t *testing.T) {
	t.Parallel()
	s, _, ears, r := listening(t, lampKind(t, toWhite()))
	runRelay(t, r)
	for i, id := range []string{"a", "b", "c"} {
		s.create(newLamp(id))
		s.settle()
		ears.await(t, 3*(i+1))
	}
	calls := ears.asked()
	s.after(time.Hour)
	assert.Equal(t, calls, ears.asked(), "nobody moved")
	assert.Len(t, s.seen.rows(), 9, "the other observer is told too")
}

func TestATransitionWhoseCommitGaveNoAnswerIsToldWithoutWaitingForTheNext(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	s, _, ears, r := listening(t, lampKind(t, nil))
	s.create(newLamp("a"))
	runRelay(t, r)
	ears.await(t, 1)
	s.store.onCommit(nil, once(func() error { return lost }))
	require.ErrorIs(t, s.fire(lifecycle.Fire(switchOn)), lost)
	ears.await(t, 2)
}

func TestANotifierThatHangsIsGivenUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	s, store, ears, _ := listening(t, lampKind(t, nil))
	r := relayTo(s, store, ears, func(c *lifecycle.RelayConfig) {
		c.Timeout, c.BackoffMin = time.Minute, time.Hour
		c.BackoffMax = time.Hour
	})
	ears.set(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	s.create(newLamp("a"))
	runRelay(t, r)
	for ears.asked() == 0 {
		runtime.Gosched()
	}
	for r.Status().Failures == 0 {
		s.clock.Add(10 * time.Second)
	}
	require.ErrorIs(t, r.Status().Err, context.DeadlineExceeded)
	ears.set(nil)
	for len(ears.heard()) == 0 {
		s.clock.Add(10 * time.Minute)
	}
}

func TestARelayThatBeginsNowIsNotToldWhatWas(t *testing.T) {
	t.Parallel()
	s, store, ears, _ := listening(t, lampKind(t, nil))
	s.create(newLamp("a"))
	r := relayTo(s, store, ears, func(c *lifecycle.RelayConfig) { c.FromNow = true })
	require.NoError(t, r.Open(t.Context()))
	s.create(newLamp("b"))
	_, err := r.Deliver(t.Context())
	require.NoError(t, err)
	require.Len(t, ears.heard(), 1)
	assert.Equal(t, lampRef("b"), ears.heard()[0].Ref)
}

func TestARelayNeedsANameAndAStoreWithCursors(t *testing.T) {
	t.Parallel()
	_, err := lifecycle.NewRelay(newShelf(), newListener(), lifecycle.RelayConfig{})
	require.ErrorContains(t, err, "relay: a reader of the history needs a name")
	_, err = lifecycle.NewRelay(newShelf(), newListener(), lifecycle.RelayConfig{Name: "x", Timeout: -1})
	require.ErrorContains(t, err, "the Timeout of x is -1ns")
	_, err = lifecycle.NewRelay(newTap(), newListener(), lifecycle.RelayConfig{Name: "x"})
	require.ErrorIs(t, err, backend.ErrNotSupported)
}

func TestAnObserverThatWakesNeedsNoOther(t *testing.T) {
	t.Parallel()
	wakes := 0
	o := lifecycle.Waking(nil, func() { wakes++ })
	o.Transitioned(backend.Transition{})
	o.Committed(1, 0, nil)
	assert.Equal(t, 1, wakes, "what was committed well is told as transitions")
	o.Committed(1, 0, errDisk)
	o.OverStepSLA(lampRef("a"), "", 0)
	assert.Equal(t, 2, wakes)
}
