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

// rare looks at objects so seldom that a test sees what the engine does by itself.
var rare = lifecycle.Config{Resync: 1000 * time.Hour}

// overdue is what the observer was told about exceeded SLAs.
func (s *site) overdue() []overdue {
	over, _, _ := s.seen.told()
	return over
}

func TestAnObjectIsReportedOnceWhenItsSLAIsOver(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	_, next := s.settle()
	due := begin.Add(warmingSLA)
	assert.Equal(t, due.Add(time.Microsecond), next, "it is looked at when the SLA is over, without polling")
	s.clock.Set(due)
	assert.False(t, s.step(lampRef("a")).Outcome.OverSLA, "to the last microsecond it is in time")
	s.clock.Set(due.Add(time.Microsecond))
	steps, next := s.settle()
	assert.Equal(t, 1, steps)
	assert.True(t, next.After(due.Add(time.Hour)))
	want := backend.Outcome{Kind: backend.OutcomeNothing, At: begin, OverSLA: true}
	assert.Equal(t, want, s.outcome(lampRef("a")))
	assert.Equal(t, want, s.store.record(t, lampRef("a")).Outcome)
	told := []overdue{{ref: lampRef("a"), state: "Warming", elapsed: warmingSLA + time.Microsecond}}
	assert.Equal(t, told, s.overdue())
	assert.Equal(t, "Warming", s.lamp("a").State(), "it moves nothing")
	s.after(time.Hour)
	s.step(lampRef("a"))
	s.restart()
	s.settle()
	assert.Equal(t, told, s.overdue(), "not even a restart reports it again")
}

func TestSubStatesThatShareAClockShareTheSLA(t *testing.T) {
	t.Parallel()
	h := toWhite()
	colour := white
	back := func(at lampState) lifecycle.Handler[lamp] {
		return func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
			if colour == at {
				return lifecycle.Nothing(), nil
			}
			return lifecycle.Fire(turn), nil
		}
	}
	h[white], h[red] = back(white), back(red)
	s := newSiteWith(t, newTap(), rare, lampKind(t, h))
	s.create(newLamp("a"))
	s.settle()
	for _, next := range []lampState{red, white, red} {
		s.clock.Add(15 * time.Minute)
		colour = next
		s.step(lampRef("a"))
		s.settle()
	}
	assert.Equal(t, string(red), s.lamp("a").State())
	assert.Equal(t, begin.Add(45*time.Minute), s.lamp("a").Since(), "the state is new")
	assert.Equal(t, 45*time.Minute, s.elapsed(), "the clock is not")
	assert.Equal(t, begin.Add(glowingSLA+time.Microsecond), s.NextDue())
	s.clock.Set(s.NextDue())
	s.settle()
	require.Len(t, s.overdue(), 1)
	assert.Equal(t, "Glowing/Red", s.overdue()[0].state)
	colour = white
	s.step(lampRef("a"))
	s.settle()
	assert.True(t, s.outcome(lampRef("a")).OverSLA, "the next sub-state is over it too")
	assert.Len(t, s.overdue(), 1, "and that is no news")
}

func TestANewStateBeginsANewClock(t *testing.T) {
	t.Parallel()
	hot := false
	h := lampHandlers{
		dark: always[lamp](lifecycle.Fire(switchOn)),
		warming: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
			if hot {
				return lifecycle.Fire(warm), nil
			}
			return lifecycle.Nothing(), nil
		},
	}
	s := newSiteWith(t, newTap(), rare, lampKind(t, h))
	s.create(newLamp("a"))
	s.settle()
	s.after(warmingSLA + time.Second)
	require.True(t, s.outcome(lampRef("a")).OverSLA)
	hot = true
	s.step(lampRef("a"))
	assert.False(t, s.outcome(lampRef("a")).OverSLA)
	assert.Zero(t, s.elapsed())
	s.settle()
	s.after(glowingSLA + time.Microsecond)
	assert.Len(t, s.overdue(), 2, "the other state has an SLA of its own")
}

func TestWhatPausedOrSharedAClockEndsWithTheStatesThatHadIt(t *testing.T) {
	t.Parallel()
	next := map[lampState]lifecycle.Outcome{dark: lifecycle.Fire(switchOn), warming: lifecycle.Nothing(), white: lifecycle.Fire(turn), red: lifecycle.Nothing()}
	h := lampHandlers{}
	for state := range next {
		h[state] = func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) { return next[state], nil }
	}
	s := newSiteWith(t, newTap(), rare, lampKind(t, h))
	s.create(newLamp("a"))
	s.settle()
	s.hold(service)
	s.after(4 * time.Minute)
	s.release()
	s.after(time.Minute)
	assert.Equal(t, time.Minute, s.elapsed(), "warming was paused for a while")
	next[warming] = lifecycle.Fire(warm)
	s.step(lampRef("a"))
	assert.Equal(t, "Glowing/White", s.lamp("a").State())
	s.clock.Add(time.Minute)
	assert.Equal(t, time.Minute, s.elapsed(), "white was not")
	s.step(lampRef("a"))
	s.clock.Add(time.Minute)
	assert.Equal(t, 2*time.Minute, s.elapsed(), "red shares the clock of white")
	next[red], next[dark] = lifecycle.Fire(switchOff), lifecycle.Nothing()
	s.step(lampRef("a"))
	s.clock.Add(time.Minute)
	assert.Equal(t, "Dark", s.lamp("a").State())
	assert.Equal(t, time.Minute, s.elapsed(), "dark does not")
}

func TestAnExcludedObjectIsNotReportedUntilItIsIncludedAgain(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	s.settle()
	alert := lifecycle.Alert{ID: "repair", Classifications: []lifecycle.Classification{lifecycle.ExcludeFromSLA}}
	require.NoError(t, s.ReportHealth(t.Context(), lampRef("a"), "ann", alert))
	s.settle()
	s.after(3 * warmingSLA)
	s.step(lampRef("a"))
	assert.Empty(t, s.overdue())
	assert.False(t, s.outcome(lampRef("a")).OverSLA)
	require.NoError(t, s.ReportHealth(t.Context(), lampRef("a"), "ann"))
	s.settle()
	assert.Len(t, s.overdue(), 1)
}

func TestAStateThatIsReportedAtOnceIsOverItsSLAFromTheBeginning(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn)), warming: always[lamp](lifecycle.Fire(blow))}))
	s.create(newLamp("a"))
	s.settle()
	assert.Equal(t, "Burnt", s.lamp("a").State())
	assert.True(t, s.outcome(lampRef("a")).OverSLA)
	assert.Equal(t, []overdue{{ref: lampRef("a"), state: "Burnt"}}, s.overdue())
	s.after(time.Hour)
	assert.Len(t, s.overdue(), 1)
}

func TestTimeUnderAHoldDoesNotCountAgainstTheSLA(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	s.settle()
	s.after(warmingSLA - time.Minute)
	s.hold(service)
	_, next := s.settle()
	assert.True(t, next.After(begin.Add(24*time.Hour)), "and is no reason to look")
	s.after(24 * time.Hour)
	s.step(lampRef("a"))
	assert.Empty(t, s.overdue())
	s.release()
	_, next = s.settle()
	assert.Equal(t, s.clock.Now().Add(time.Minute+time.Microsecond).UTC(), next)
	s.clock.Set(next)
	s.settle()
	assert.Len(t, s.overdue(), 1)
}

func TestAStateWithoutAnSLAIsNeverReported(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	for range 3 {
		s.after(1000 * time.Hour)
	}
	assert.Empty(t, s.overdue())
}
