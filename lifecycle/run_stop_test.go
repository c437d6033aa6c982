package lifecycle_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAStopLetsPassesInFlightBecomeDurable(t *testing.T) {
	t.Parallel()
	const workers = 3
	leave := make(chan struct{})
	var inside sync.WaitGroup
	inside.Add(workers)
	h := func(ctx context.Context, _ *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		inside.Done()
		<-leave
		return lifecycle.Fire(switchOn), ctx.Err()
	}
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: workers}, lampKind(t, lampHandlers{dark: h}))
	s.create(newLamp("a"), newLamp("b"), newLamp("c"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	inside.Wait()
	cancel()
	select {
	case err := <-done:
		require.Fail(t, "Run did not wait for its workers", "%v", err)
	default:
	}
	close(leave)
	require.NoError(t, <-done)
	told := map[backend.Ref][]backend.Transition{}
	for _, r := range s.seen.rows() {
		told[r.Ref] = append(told[r.Ref], r)
	}
	for _, id := range []string{"a", "b", "c"} {
		rows := s.chain(lampRef(id))
		assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef(id)), "its context did not end with Run's")
		for i := range rows {
			rows[i].Position = 0
		}
		assert.Equal(t, rows, told[lampRef(id)], "what was told is durable, and what is durable was told")
	}
}

func TestADriverThatHangsCostsOneWorkerAndNotTheService(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hung := make(chan struct{})
	h := toWhite()
	h[dark] = func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		if l.ID() == "hung" {
			close(hung)
			<-release // deaf to its context
		}
		return lifecycle.Fire(switchOn), nil
	}
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: 1, HandlerTimeout: time.Minute}, lampKind(t, h))
	s.create(newLamp("hung"))
	stop := s.run()
	<-hung
	s.create(newLamp("b"))
	s.advance(time.Minute, "another worker takes over", s.in(white, "b"))
	assert.GreaterOrEqual(t, s.clock.Now(), begin.Add(2*time.Minute), "it was given its time")
	close(release)
	s.seen.await(t, "the hung one comes back and goes on", s.in(white, "hung"))
	stop()
	assert.Equal(t, []string{"Dark", "Warming", "Glowing/White"}, s.visited(lampRef("hung")))
}

func TestAStopDoesNotWaitForEverForADriverThatHangs(t *testing.T) {
	t.Parallel()
	release, hung, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: 2, HandlerTimeout: time.Minute}, lampKind(t, lampHandlers{
		dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
			defer close(left)
			close(hung)
			<-release
			return lifecycle.Nothing(), nil
		},
	}))
	s.create(newLamp("a"))
	ctx, cancel := context.WithCancel(t.Context())
	var ended atomic.Bool
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx)
		ended.Store(true)
	}()
	<-hung
	cancel()
	s.advance(time.Minute, "Run gives up", ended.Load)
	require.NoError(t, <-done)
	close(release)
	<-left
}

func TestOtherWorkersGoOnWhileOneDriverHangs(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	h := toWhite()
	h[dark] = func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		if l.ID() == "hung" {
			<-release
		}
		return lifecycle.Fire(switchOn), nil
	}
	s := newSiteWith(t, newTap(), lifecycle.Config{Workers: 2}, lampKind(t, h))
	s.create(newLamp("hung"), newLamp("b"), newLamp("c"))
	stop := s.run()
	s.seen.await(t, "the others are white", s.in(white, "b", "c"))
	assert.Equal(t, "Dark", s.lamp("hung").State())
	close(release)
	s.seen.await(t, "all are white", s.in(white, "hung"))
	stop()
}
