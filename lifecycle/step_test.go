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

func TestAPassRecordsTheOutcomeThatItsHandlerReturned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		out   lifecycle.Outcome
		state string
		want  backend.Outcome
		after time.Duration // of the next pass; zero: about a resync
	}{
		{"fire", lifecycle.Fire(switchOn), "Warming", backend.Outcome{Kind: backend.OutcomeTransition, Reason: "Dark -> Warming"}, time.Nanosecond},
		{"fire to", lifecycle.FireTo(switchOn, warming), "Warming", backend.Outcome{Kind: backend.OutcomeTransition, Reason: "Dark -> Warming"}, time.Nanosecond},
		{"wait", lifecycle.Wait("light", "it is night", 5*time.Second), "Dark", backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for light: it is night"}, 5 * time.Second},
		{"wait without observation", lifecycle.Wait("light", "", 0), "Dark", backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for light"}, 0},
		{"wait beyond the resync", lifecycle.Wait("light", "", time.Hour), "Dark", backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for light"}, 0},
		{"nothing", lifecycle.Nothing(), "Dark", backend.Outcome{Kind: backend.OutcomeNothing}, 0},
		{"nothing for", lifecycle.NothingFor(2 * time.Second), "Dark", backend.Outcome{Kind: backend.OutcomeNothing}, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](c.out)}))
			s.create(newLamp("a"))
			res := s.step(lampRef("a"))
			c.want.At = begin
			assert.Equal(t, c.want, res.Outcome)
			assert.Equal(t, c.want, s.outcome(lampRef("a")))
			assert.Equal(t, c.want, s.store.record(t, lampRef("a")).Outcome)
			assert.Equal(t, c.state, s.lamp("a").State())
			assert.Equal(t, c.state != "Dark", res.Transition != nil)
			if c.after > 0 {
				assert.Equal(t, begin.Add(c.after.Truncate(time.Microsecond)), res.Next)
			} else {
				assert.WithinDuration(t, begin.Add(30*time.Second), res.Next, 3*time.Second)
			}
		})
	}
}

func TestAHandlerThatReturnsNoOutcomeFails(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Outcome{})}))
	s.create(newLamp("a"))
	out := s.step(lampRef("a")).Outcome
	assert.Equal(t, backend.OutcomeError, out.Kind)
	assert.Equal(t, "lamp/a in Dark: its handler returned no outcome", out.Reason)
}

func TestAHistoryRowSaysFromToWhenWhyAndByWhom(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{
		dark:    always[lamp](lifecycle.Fire(switchOn).Because("it is night").By("janitor")),
		warming: always[lamp](lifecycle.Fire(warm)),
	}))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Create(newLamp("a"), "finder", "seen on the shelf") }))
	s.clock.Add(time.Minute)
	first := s.step(lampRef("a")).Transition
	s.clock.Add(time.Minute)
	second := s.step(lampRef("a")).Transition
	at := func(m time.Duration) time.Time { return begin.Add(m * time.Minute) }
	want := []backend.Transition{
		{Position: 1, Ref: lampRef("a"), Rack: "r", Seq: 1, From: "", To: "Dark", At: at(0), Trigger: "Built", Initiator: "finder", Note: "seen on the shelf"},
		{Position: 2, Ref: lampRef("a"), Rack: "r", Seq: 2, From: "Dark", To: "Warming", At: at(1), Trigger: "SwitchOn", Initiator: "janitor", Note: "it is night"},
		{Position: 3, Ref: lampRef("a"), Rack: "r", Seq: 3, From: "Warming", To: "Glowing/White", At: at(2), Trigger: "Warm", Initiator: "controller"},
	}
	assert.Equal(t, want, s.chain(lampRef("a")))
	want[1].Position, want[2].Position = 0, 0 // the store assigns it
	assert.Equal(t, []backend.Transition{want[1], want[2]}, []backend.Transition{*first, *second})
	l := s.lamp("a")
	assert.Equal(t, at(2), l.Since())
	assert.True(t, l.In("Glowing") && l.In("Glowing/White") && !l.In("Glow") && !l.In("Glowing/Red"))
}

func TestVersionCountsCommitsAndTransitionsCountsMoves(t *testing.T) {
	t.Parallel()
	type counts struct{ version, transitions uint64 }
	s := newSite(t, lampKind(t, lampHandlers{
		dark: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
			if l.Lumen == 2 {
				return lifecycle.Fire(switchOn), nil
			}
			l.Lumen++
			return lifecycle.Nothing(), nil
		},
	}))
	s.create(newLamp("a"))
	var got []counts
	for range 5 {
		l, rec := s.lamp("a"), s.store.record(t, lampRef("a"))
		assert.Equal(t, counts{rec.Version, rec.Transitions}, counts{l.Version(), l.Transitions()})
		got = append(got, counts{l.Version(), l.Transitions()})
		s.step(lampRef("a"))
	}
	assert.Equal(t, []counts{{1, 1}, {2, 1}, {3, 1}, {4, 2}, {5, 2}}, got, "created, edited, edited, moved, first outcome in the new state")
	s.step(lampRef("a"))
	assert.Equal(t, uint64(5), s.lamp("a").Version(), "nothing changes any more")
}

func TestAPassThatChangesNothingWritesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Wait("light", "it is night", time.Second))}))
	s.create(newLamp("a"))
	s.step(lampRef("a"))
	before := len(s.store.committed())
	for range 20 {
		s.clock.Add(time.Second)
		s.step(lampRef("a"))
	}
	assert.Len(t, s.store.committed(), before)
	assert.Equal(t, 21, s.seen.passesOf(lampRef("a")), "all the passes were made")
}

func TestAnOutcomeKeepsSinceWhenUntilItsReasonChanges(t *testing.T) {
	t.Parallel()
	seen := "it is night"
	s := newSite(t, lampKind(t, lampHandlers{dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		return lifecycle.Wait("light", seen, time.Second), nil
	}}))
	s.create(newLamp("a"))
	s.step(lampRef("a"))
	s.clock.Add(time.Minute)
	assert.Equal(t, begin, s.step(lampRef("a")).Outcome.At)
	seen = "it dawns"
	s.clock.Add(time.Minute)
	assert.Equal(t, begin.Add(2*time.Minute), s.step(lampRef("a")).Outcome.At)
	assert.Equal(t, begin, s.lamp("a").Since(), "the state is as old as before")
}

func TestWhatAHandlerEditedIsCommittedWithItsTransitionAsOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		l.Lumen = 400
		return lifecycle.Fire(switchOn), nil
	}}))
	s.create(newLamp("a"))
	before := len(s.store.committed())
	s.step(lampRef("a"))
	commits := s.store.committed()[before:]
	require.Len(t, commits, 1)
	require.Len(t, commits[0].Writes, 1)
	w := commits[0].Writes[0]
	assert.Equal(t, "Warming", w.Record.State)
	assert.JSONEq(t, `{"lumen":400}`, string(w.Record.Data))
	assert.Equal(t, uint64(1), w.Expect)
	require.NotNil(t, w.Transition)
	assert.Equal(t, "SwitchOn", w.Transition.Trigger)
}

func TestDataThatDidNotChangeAreNotWrittenAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite()))
	l := newLamp("a")
	l.Lumen = 800
	s.create(l)
	s.settle()
	for _, c := range s.store.committed()[1:] {
		assert.Nil(t, c.Writes[0].Record.Data, "only state and outcome changed")
	}
	assert.JSONEq(t, `{"lumen":800}`, string(s.store.record(t, lampRef("a")).Data))
	s.restart()
	assert.Equal(t, 800, s.lamp("a").Lumen)
}

func TestATriggerThatTheTableDoesNotPermitChangesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		out  lifecycle.Outcome
		want string
	}{
		{"a trigger of another state", lifecycle.Fire(warm), "lamp in state Dark: trigger Warm is not permitted; permitted are SwitchOn, Discarded"},
		{"a trigger that nobody knows", lifecycle.Fire("Explode"), "lamp in state Dark: trigger Explode is not permitted; permitted are SwitchOn, Discarded"},
		{"a wrong target", lifecycle.FireTo(switchOn, red), "lamp in state Dark: trigger SwitchOn to Glowing/Red is not permitted; permitted are SwitchOn, Discarded"},
		{"the end without a row", lifecycle.Deleted(), "lamp in state Dark: trigger (gone) is not permitted; permitted are SwitchOn, Discarded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
				l.Lumen = 1
				o, err := env.Object(frameRef())
				o.Labels = map[string]string{"touched": "yes"}
				return c.out, err
			}}), frameKind(t, nil))
			s.create(newFrame(), newLamp("a"))
			res := s.step(lampRef("a"))
			assert.Equal(t, backend.OutcomeError, res.Outcome.Kind)
			assert.Equal(t, c.want, res.Outcome.Reason)
			assert.Nil(t, res.Transition)
			l := s.lamp("a")
			assert.Equal(t, "Dark", l.State())
			assert.Zero(t, l.Lumen, "its edits are gone")
			assert.Equal(t, []string{"Dark"}, s.visited(lampRef("a")))
			f, err := lifecycle.Get[frame](s.Controller, frameRef())
			require.NoError(t, err)
			assert.Empty(t, f.Labels, "its edits of others too")
		})
	}
}

func TestAGuardedTriggerGoesWhereTheHandlerSays(t *testing.T) {
	t.Parallel()
	for _, to := range []lampState{dark, warming} {
		t.Run(string(to), func(t *testing.T) {
			t.Parallel()
			h := toWhite()
			h[dark] = always[lamp](lifecycle.Fire(switchOn))
			h[warming] = func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
				if l.Transitions() > 3 {
					return lifecycle.Nothing(), nil
				}
				return lifecycle.Fire(blow), nil
			}
			h[burnt] = always[lamp](lifecycle.FireTo(repair, to))
			s := newSite(t, lampKind(t, h))
			s.create(newLamp("a"))
			for range 3 {
				s.step(lampRef("a"))
			}
			assert.Equal(t, []string{"Dark", "Warming", "Burnt", string(to)}, s.visited(lampRef("a")))
		})
	}
}

func TestAnAmbiguousTriggerIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{
		dark: always[lamp](lifecycle.Fire(switchOn)), warming: always[lamp](lifecycle.Fire(blow)), burnt: always[lamp](lifecycle.Fire(repair)),
	}))
	s.create(newLamp("a"))
	s.settle()
	assert.Equal(t, "lamp in state Burnt: trigger Repair leads to several states, name one", s.outcome(lampRef("a")).Reason)
	assert.Equal(t, "Burnt", s.lamp("a").State())
}

func TestTimesAreKeptInWholeMicrosecondsOfUTC(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite()))
	s.create(newLamp("a"))
	odd := begin.Add(time.Second + 1234*time.Nanosecond).In(time.FixedZone("CET", 3600))
	res, err := s.Step(t.Context(), lampRef("a"), odd)
	require.NoError(t, err)
	want := begin.Add(time.Second + time.Microsecond)
	assert.Equal(t, want, res.Transition.At)
	assert.Equal(t, want, s.lamp("a").Since())
	assert.Equal(t, want, res.Outcome.At)
}

func TestAStepOfAnObjectThatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	_, err := s.Step(t.Context(), lampRef("ghost"), begin)
	require.ErrorIs(t, err, backend.ErrNotFound)
	s.Wake(lampRef("ghost"))
	steps, next := s.settle()
	assert.Zero(t, steps)
	assert.True(t, next.IsZero())
}

func TestAnObjectIsReconciledByOneStepAtATime(t *testing.T) {
	t.Parallel()
	inside, leave := make(chan struct{}), make(chan struct{})
	s := newSite(t, lampKind(t, lampHandlers{dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		close(inside)
		<-leave
		return lifecycle.Nothing(), nil
	}}))
	s.create(newLamp("a"))
	done := make(chan error)
	go func() {
		_, err := s.Step(t.Context(), lampRef("a"), begin)
		done <- err
	}()
	<-inside
	_, err := s.Step(t.Context(), lampRef("a"), begin)
	require.ErrorIs(t, err, backend.ErrConflict)
	close(leave)
	require.NoError(t, <-done)
}
