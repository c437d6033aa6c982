package lifecycle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// counting is a handler that counts its calls and does nothing.
func counting(calls *int) lifecycle.Handler[lamp] {
	return func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		*calls++
		return lifecycle.Nothing(), nil
	}
}

var service = lifecycle.Hold{Type: "service", Owner: "ann", Reason: "the ladder leans on it"}

// hold places a hold on lamp a.
func (s *site) hold(h lifecycle.Hold) {
	s.tb.Helper()
	require.NoError(s.tb, s.PlaceHold(s.tb.Context(), lampRef("a"), h))
}

// release removes the hold that service is from lamp a.
func (s *site) release() {
	s.tb.Helper()
	require.NoError(s.tb, s.ReleaseHold(s.tb.Context(), lampRef("a"), service.Type, service.Owner))
}

// elapsed is how long the clock of lamp a's state has run.
func (s *site) elapsed() time.Duration {
	s.tb.Helper()
	return s.lamp("a").Elapsed(s.clock.Now())
}

func TestAHeldObjectIsLeftAloneAndItsClockStandsStill(t *testing.T) {
	t.Parallel()
	calls := 0
	s := newSite(t, lampKind(t, lampHandlers{dark: counting(&calls)}))
	s.create(newLamp("a"))
	s.settle()
	s.after(time.Minute)
	before := calls
	s.hold(service)
	s.settle()
	s.after(time.Hour)
	assert.Equal(t, before, calls, "no handler runs")
	assert.Equal(t, time.Minute, s.elapsed())
	out := s.outcome(lampRef("a"))
	assert.Equal(t, backend.OutcomeWait, out.Kind)
	assert.Equal(t, "waits for its holds to be released: service by ann (the ladder leans on it)", out.Reason)
	s.release()
	s.settle()
	assert.Equal(t, before+1, calls, "it goes on at once")
	s.after(time.Minute)
	assert.Equal(t, 2*time.Minute, s.elapsed())
	assert.Empty(t, s.lamp("a").Holds)
}

func TestAHoldEndsByItselfAtItsExpiryExactly(t *testing.T) {
	t.Parallel()
	calls := 0
	s := newSiteWith(t, newTap(), lifecycle.Config{Resync: time.Hour}, lampKind(t, lampHandlers{dark: counting(&calls)}))
	s.create(newLamp("a"))
	s.settle()
	h := service
	h.Expires = begin.Add(10 * time.Minute)
	s.hold(h)
	_, next := s.settle()
	assert.Equal(t, h.Expires, next)
	assert.Contains(t, s.outcome(lampRef("a")).Reason, "until 2026-01-01T00:10:00Z")
	s.clock.Set(h.Expires.Add(-time.Microsecond))
	s.step(lampRef("a"))
	assert.Equal(t, 1, calls)
	s.clock.Set(h.Expires)
	s.settle()
	assert.Equal(t, 2, calls)
	assert.Zero(t, s.elapsed())
	assert.Empty(t, s.lamp("a").Holds)
}

func TestAHoldThatExpiredUnseenPausedTheClockUntilItsExpiryOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	h := service
	h.Expires = begin.Add(time.Minute)
	s.hold(h)
	s.after(time.Hour)
	assert.Equal(t, 59*time.Minute, s.elapsed())
}

func TestAnObjectIsHeldWhileAnyHoldStands(t *testing.T) {
	t.Parallel()
	calls := 0
	s := newSite(t, lampKind(t, lampHandlers{dark: counting(&calls)}))
	s.create(newLamp("a"))
	short := lifecycle.Hold{Type: "service", Owner: "bob", Reason: "paint is wet", Expires: begin.Add(time.Minute)}
	s.hold(short)
	s.hold(service)
	s.settle()
	assert.Contains(t, s.outcome(lampRef("a")).Reason, "by ann", "the one that stands longest is named")
	s.after(10 * time.Minute)
	assert.Len(t, s.lamp("a").Holds, 1)
	assert.Zero(t, calls)
	s.release()
	s.settle()
	assert.Equal(t, 1, calls)
	assert.Zero(t, s.elapsed())
}

func TestTheClockStandsStillUntilTheLastHoldIsReleased(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.hold(lifecycle.Hold{Type: "service", Owner: "bob", Reason: "paint is wet", Expires: begin.Add(10 * time.Second)})
	s.hold(service)
	s.settle()
	s.clock.Add(20 * time.Second) // bob's has ended, and no pass has seen that
	s.release()
	s.settle()
	assert.Zero(t, s.elapsed())
	s.after(5 * time.Second)
	assert.Equal(t, 5*time.Second, s.elapsed())
}

func TestAnOwnerHasOneHoldOfEachType(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.hold(service)
	s.clock.Add(time.Minute)
	again := service
	again.Reason, again.Expires = "the ladder still leans on it", begin.Add(time.Hour+time.Nanosecond)
	s.hold(again)
	again.At, again.Expires = begin.Add(time.Minute), begin.Add(time.Hour)
	assert.Equal(t, []lifecycle.Hold{again}, s.lamp("a").Holds, "it was replaced")
	other := service
	other.Type = "quarantine"
	s.hold(other)
	assert.Len(t, s.lamp("a").Holds, 2)
	assert.Equal(t, begin, s.lamp("a").PausedSince, "the clock stands still since the first one")
}

func TestAHoldIsRefusedWithAllReasonsInTheSameOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	want := "hold of lamp/a rejected: 4 errors occurred:\n\t* it has no type\n\t* it has no owner\n\t* it has no reason\n" +
		"\t* it expires at 2026-01-01T00:00:00Z, which is not after now (2026-01-01T00:00:00Z)\n\n"
	for range 20 {
		err := s.PlaceHold(t.Context(), lampRef("a"), lifecycle.Hold{Expires: begin})
		require.ErrorIs(t, err, lifecycle.ErrRejected)
		require.EqualError(t, err, want)
	}
	assert.Empty(t, s.lamp("a").Holds)
	require.ErrorIs(t, s.PlaceHold(t.Context(), lampRef("ghost"), service), backend.ErrNotFound)
	require.ErrorIs(t, s.ReleaseHold(t.Context(), lampRef("ghost"), "service", "ann"), backend.ErrNotFound)
	require.ErrorIs(t, s.ReleaseHold(t.Context(), lampRef("a"), "service", "ann"), backend.ErrNotFound)
}

func TestDeletionPassesThroughHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.hold(service)
	s.settle()
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "admin", false))
	s.settle()
	assert.Equal(t, []string{"Dark", "Scrapping", ""}, s.visited(lampRef("a")))
}

func TestTheClockOfADeletionRunsUnderAHold(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{scrap: always[lamp](lifecycle.Wait("the truck", "", 0))}))
	s.create(newLamp("a"))
	s.hold(service)
	s.after(10 * time.Minute)
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "admin", false))
	s.settle()
	assert.Equal(t, "Scrapping", s.lamp("a").State())
	s.after(10 * time.Minute)
	assert.Equal(t, 10*time.Minute, s.elapsed())
	assert.True(t, s.outcome(lampRef("a")).OverSLA)
	s.release()
	s.after(5 * time.Minute)
	assert.Equal(t, 15*time.Minute, s.elapsed())
}

func TestADeletionCountsAHoldThatExpiredUnseenUntilItsExpiryOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	h := service
	h.Expires = begin.Add(time.Minute)
	s.hold(h)
	s.clock.Add(10 * time.Minute)
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "admin", false))
	assert.Equal(t, 9*time.Minute, s.elapsed())
}

func TestAHoldSurvivesARestart(t *testing.T) {
	t.Parallel()
	calls := 0
	s := newSite(t, lampKind(t, lampHandlers{dark: counting(&calls)}))
	s.create(newLamp("a"))
	s.hold(service)
	s.restart()
	s.after(time.Minute)
	assert.Zero(t, calls)
	assert.Zero(t, s.elapsed())
	s.release()
	s.settle()
	assert.Equal(t, 1, calls)
}

func TestAHandlerCanStopTheClockOfItsObject(t *testing.T) {
	t.Parallel()
	held := true
	s := newSite(t, lampKind(t, lampHandlers{
		dark: always[lamp](lifecycle.Fire(switchOn)),
		warming: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
			if held {
				l.Pause(env.Now())
			} else {
				l.Resume(env.Now())
			}
			return lifecycle.Nothing(), nil
		},
	}))
	s.create(newLamp("a"))
	s.settle()
	s.after(3 * warmingSLA)
	assert.Zero(t, s.elapsed())
	assert.False(t, s.outcome(lampRef("a")).OverSLA)
	held = false
	s.Wake(lampRef("a"))
	s.settle()
	s.after(time.Minute)
	assert.Equal(t, time.Minute, s.elapsed())
}

func TestAHoldComesBeforeWhatCannotBeDone(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, func(d *lampDefinition) { delete(d.Handlers, dark) }))
	s.create(newLamp("a"))
	s.hold(service)
	s.settle()
	assert.Equal(t, backend.OutcomeWait, s.outcome(lampRef("a")).Kind, "nobody asks it to do anything")
	s.release()
	s.settle()
	assert.Contains(t, s.outcome(lampRef("a")).Reason, lifecycle.ErrUnhandledState.Error())
}
