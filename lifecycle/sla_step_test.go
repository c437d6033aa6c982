package lifecycle_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
)

// Colours that may not stay for long beside the time that a lamp may glow.
const (
	whiteSLA = 10 * time.Minute
	redSLA   = 25 * time.Minute
)

func withSteps(d *lampDefinition) {
	declare(lifecycle.StateInfo[lampState]{State: white, Class: lifecycle.Working, SLA: glowingSLA, StepSLA: whiteSLA, Clock: glowing, Doc: "shines white"})(d)
	declare(lifecycle.StateInfo[lampState]{State: red, Class: lifecycle.Working, SLA: glowingSLA, StepSLA: redSLA, Clock: glowing, Doc: "shines red"})(d)
}

// turning is a lamp that glows white, and turns when it is told to.
func turning(t *testing.T) (s *site, turnTo func(lampState)) {
	t.Helper()
	h, colour := toWhite(), white
	for _, at := range []lampState{white, red} {
		h[at] = func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
			if colour == at {
				return lifecycle.Nothing(), nil
			}
			return lifecycle.Fire(turn), nil
		}
	}
	s = newSiteWith(t, newTap(), rare, lampKind(t, h, withSteps))
	s.create(newLamp("a"))
	s.settle()
	return s, func(to lampState) {
		colour = to
		s.step(lampRef("a"))
		s.settle()
	}
}

// inState is how long lamp a has been in its very state.
func (s *site) inState() time.Duration {
	s.tb.Helper()
	return s.lamp("a").ElapsedInState(s.clock.Now())
}

func TestEachClockIsReportedOnceAndTheEngineLooksWhenTheFirstOneIsOver(t *testing.T) {
	t.Parallel()
	s, turnTo := turning(t)
	assert.Equal(t, begin.Add(whiteSLA+time.Microsecond), s.NextDue(), "the clock of the very state is over first")
	s.clock.Set(s.NextDue())
	s.settle()
	want := []overdue{{ref: lampRef("a"), state: "Glowing/White", elapsed: whiteSLA + time.Microsecond, step: true}}
	assert.Equal(t, want, s.overdue())
	assert.True(t, s.outcome(lampRef("a")).OverSLA)
	assert.Equal(t, begin.Add(glowingSLA+time.Microsecond), s.NextDue(), "the shared clock goes on")

	s.after(10 * time.Minute)
	turnTo(red)
	assert.Zero(t, s.inState())
	assert.False(t, s.outcome(lampRef("a")).OverSLA, "a new state, a new clock, and the shared one is not over")
	s.after(redSLA + time.Microsecond)
	require.Len(t, s.overdue(), 2)
	assert.Equal(t, overdue{ref: lampRef("a"), state: "Glowing/Red", elapsed: redSLA + time.Microsecond, step: true}, s.overdue()[1])
	assert.Equal(t, begin.Add(glowingSLA+time.Microsecond), s.NextDue())

	version := s.lamp("a").Version()
	s.clock.Set(s.NextDue())
	s.settle()
	require.Len(t, s.overdue(), 3, "the shared one is news although the other one was over before")
	assert.Equal(t, overdue{ref: lampRef("a"), state: "Glowing/Red", elapsed: glowingSLA + time.Microsecond}, s.overdue()[2])
	assert.Equal(t, version, s.lamp("a").Version(), "and nothing that must be written")

	turnTo(white)
	assert.True(t, s.outcome(lampRef("a")).OverSLA, "over on the shared clock, whatever the state")
	s.restart()
	s.after(whiteSLA + time.Second)
	s.after(time.Hour)
	over := s.overdue()
	require.Len(t, over, 4, "a restart repeats nothing")
	assert.True(t, over[3].step)
}

func TestAHoldPausesBothClocksAlsoAcrossAMove(t *testing.T) {
	t.Parallel()
	s, turnTo := turning(t)
	s.after(4 * time.Minute)
	s.hold(service)
	turnTo(red)
	s.after(2 * time.Minute)
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Fire(lampRef("a"), lifecycle.Fire(turn)) }))
	s.after(3 * time.Minute)
	assert.Equal(t, 4*time.Minute, s.elapsed())
	assert.Zero(t, s.inState(), "red has been held all the time")
	s.release()
	s.settle()
	assert.Equal(t, begin.Add(9*time.Minute+redSLA+time.Microsecond), s.NextDue())
	s.clock.Add(time.Minute)
	assert.Equal(t, 5*time.Minute, s.elapsed())
	assert.Equal(t, time.Minute, s.inState())
	s.restart()
	assert.Equal(t, 5*time.Minute, s.elapsed())
	assert.Equal(t, time.Minute, s.inState())
}

func TestTheSecondClockCostsTheRecordNothing(t *testing.T) {
	t.Parallel()
	fields := func(s *site) map[string]any {
		out := map[string]any{}
		require.NoError(t, json.Unmarshal(s.store.record(t, lampRef("a")).Data, &out))
		return out
	}
	s, turnTo := turning(t)
	assert.Empty(t, fields(s), "never moved on a shared clock, never paused")
	turnTo(red)
	assert.Equal(t, map[string]any{"clock_start": "2026-01-01T00:00:00Z"}, fields(s), "the shared clock's own")
	s.hold(service)
	s.after(time.Second)
	s.release()
	s.settle()
	assert.NotContains(t, fields(s), "paused_before")
	turnTo(white)
	assert.Contains(t, fields(s), "paused_before")
}

func TestAStateWithoutAnSLAOfItsOwnIsWatchedByItsStepSLA(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare, lampKind(t, toWhite(),
		declare(lifecycle.StateInfo[lampState]{State: white, Class: lifecycle.Working, StepSLA: whiteSLA, Clock: glowing, Doc: "shines white"})))
	s.create(newLamp("a"))
	s.settle()
	s.after(whiteSLA + time.Second)
	assert.Len(t, s.overdue(), 1)
	x, err := s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Contains(t, x.String(), "\nstep SLA  10m0s, exceeded\n")
	assert.NotContains(t, x.String(), "\nSLA ")
}

func TestAnExplanationShowsBothClocks(t *testing.T) {
	t.Parallel()
	s, turnTo := turning(t)
	s.after(30 * time.Minute)
	turnTo(red)
	s.after(5 * time.Minute)
	x, err := s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{35 * time.Minute, glowingSLA, 5 * time.Minute, redSLA}, []time.Duration{x.Elapsed, x.SLA, x.StepElapsed, x.StepSLA})
	assert.Contains(t, x.String(), "SLA       1h0m0s, 25m0s left\nstep SLA  25m0s, 20m0s left\n")
	s.clock.Add(time.Hour)
	x, err = s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Contains(t, x.String(), "SLA       1h0m0s, over by 35m0s and not reported\n", "no pass has looked yet")
	s.settle()
	x, err = s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Contains(t, x.String(), "SLA       1h0m0s, exceeded\nstep SLA  25m0s, exceeded\n")
}

func TestCheckRefusesAStepThatMayLastLongerThanTheWhole(t *testing.T) {
	t.Parallel()
	require.NoError(t, lifecycle.Check(lampKind(t, nil, withSteps)))
	require.NoError(t, lifecycle.Check(lampKind(t, nil,
		declare(lifecycle.StateInfo[lampState]{State: white, Class: lifecycle.Working, StepSLA: whiteSLA, Clock: glowing, Doc: "shines white"}))))
	err := lifecycle.Check(lampKind(t, nil, declare(lifecycle.StateInfo[lampState]{
		State: red, Class: lifecycle.Working, SLA: glowingSLA, StepSLA: glowingSLA + 1, Clock: glowing, Doc: "shines red",
	})))
	var finding *lifecycle.Finding
	require.ErrorAs(t, err, &finding)
	assert.Equal(t, "lamp state Glowing/Red: its StepSLA of 1h0m0.000000001s is greater than its SLA of 1h0m0s, which is over first; make the StepSLA smaller, or leave it out",
		finding.Error())
}

func TestTheStatesTableNamesBothLimits(t *testing.T) {
	t.Parallel()
	text := lampKind(t, nil, withSteps,
		declare(lifecycle.StateInfo[lampState]{State: warming, Class: lifecycle.Working, StepSLA: whiteSLA, Doc: "not bright yet"})).Markdown()
	assert.Contains(t, text, "| Glowing/Red | working | 1h, 25m in this state |")
	assert.Contains(t, text, "| Warming | working | 10m in this state |")
}
