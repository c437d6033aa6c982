package lifecycle_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestEveryEventMakesItsObjectDueAtOnce(t *testing.T) {
	t.Parallel()
	a, b := lampRef("a"), lampRef("b")
	for name, c := range map[string]struct {
		event func(s *site) error
		due   []backend.Ref // all that is due then, in this order
	}{
		"a wake-up by the host": {func(s *site) error { s.Wake(a); return nil }, []backend.Ref{a}},
		"a wake-up by a Tx that edits nothing": {func(s *site) error {
			return s.Apply(s.tb.Context(), func(tx *lifecycle.Tx) error { tx.Wake(b); tx.Wake(lampRef("ghost")); return nil })
		}, []backend.Ref{b}},
		"a wake-up by a Tx whose edits change nothing": {func(s *site) error {
			return s.Apply(s.tb.Context(), func(tx *lifecycle.Tx) error {
				tx.Wake(b)
				_, err := tx.Object(a)
				return err
			})
		}, []backend.Ref{b}},
		"a wake-up by a Tx that edits": {func(s *site) error {
			return s.Apply(s.tb.Context(), func(tx *lifecycle.Tx) error {
				o, err := tx.Object(a)
				o.Labels = map[string]string{"x": "y"}
				tx.Wake(b)
				return err
			})
		}, []backend.Ref{a, frameRef(), b}},
		"an edit by the host":   {func(s *site) error { return s.SetLabels(s.tb.Context(), a, 0, map[string]string{"x": "y"}) }, []backend.Ref{a, frameRef()}},
		"a posted request":      {func(s *site) error { s.ask(lifecycle.NewRequest{Type: lightRequest}, a); return nil }, []backend.Ref{a, frameRef()}},
		"a cancelled request":   {func(s *site) error { return s.CancelRequest(s.tb.Context(), b, "old", "ann") }, []backend.Ref{b, frameRef()}},
		"a deletion":            {func(s *site) error { return s.Delete(s.tb.Context(), a, "ann", false) }, []backend.Ref{a, frameRef()}},
		"a placed hold":         {func(s *site) error { s.hold(service); return nil }, []backend.Ref{a, frameRef()}},
		"a released hold":       {func(s *site) error { return s.ReleaseHold(s.tb.Context(), b, service.Type, service.Owner) }, []backend.Ref{b, frameRef()}},
		"a health report":       {func(s *site) error { return s.ReportHealth(s.tb.Context(), a, "x", lifecycle.Alert{ID: "hot"}) }, []backend.Ref{a, frameRef()}},
		"an overriding report":  {func(s *site) error { return s.ReplaceHealth(s.tb.Context(), a, "x") }, []backend.Ref{a, frameRef()}},
		"the move of a member":  {func(s *site) error { return s.fire(lifecycle.Fire(switchOn)) }, []backend.Ref{a, frameRef()}},
		"the end of a member":   {func(s *site) error { return s.Purge(s.tb.Context(), a, "ann", "") }, []backend.Ref{frameRef()}},
		"the birth of a member": {func(s *site) error { s.create(newLamp("c")); return nil }, []backend.Ref{lampRef("c"), frameRef()}},
		"the move of a rack": {func(s *site) error {
			return s.Apply(s.tb.Context(), func(tx *lifecycle.Tx) error { return tx.Fire(frameRef(), lifecycle.Fire(begun)) })
		}, []backend.Ref{frameRef(), a, b}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSiteWith(t, newTap(), rare, frameKind(t, nil), lampKind(t, nil, asking))
			s.create(newFrame(), newLamp("a"), newLamp("b"))
			s.ask(lifecycle.NewRequest{ID: "old", Type: lightRequest}, b)
			require.NoError(t, s.PlaceHold(t.Context(), b, service))
			s.settle()
			s.clock.Add(time.Hour)
			steps, _ := s.settle()
			require.Zero(t, steps, "nothing is due before the event")
			seen := len(s.seen.passes)
			require.NoError(t, c.event(s))
			assert.Equal(t, s.clock.Now().UTC(), s.NextDue())
			s.settle()
			var due []backend.Ref
			for _, p := range s.seen.passes[seen:] {
				due = append(due, p.ref)
			}
			assert.Equal(t, c.due, due[:min(len(c.due), len(due))])
			for _, ref := range due[min(len(c.due), len(due)):] { // what follows from the event
				assert.Contains(t, []string{"a deletion"}, name, "%s is none of its business", ref)
			}
		})
	}
}

func TestAHoldThatEndsByItselfMakesItsObjectDueThatVeryMoment(t *testing.T) {
	t.Parallel()
	calls := 0
	s := newSiteWith(t, newTap(), rare, lampKind(t, lampHandlers{dark: counting(&calls)}))
	s.create(newLamp("a"))
	h := service
	for i, owner := range []string{"ann", "bob"} {
		h.Owner, h.Expires = owner, begin.Add(time.Duration(i+1)*time.Minute)
		s.hold(h)
	}
	s.settle()
	assert.Equal(t, begin.Add(2*time.Minute), s.NextDue(), "when the last one ends")
	s.clock.Set(s.NextDue())
	s.settle()
	assert.Equal(t, 1, calls)
}

func TestAMoveByAHandlerMakesRackAndMembersDueAtOnce(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare,
		frameKind(t, frameHandlers{idle: func(_ context.Context, f *frame, env *lifecycle.Env) (lifecycle.Outcome, error) {
			if l, ok := lifecycle.Look[lamp](&env.Tx, lampRef("a")); ok && l.State() == string(warming) {
				return lifecycle.Fire(begun), nil
			}
			return lifecycle.Nothing(), nil
		}}),
		lampKind(t, lampHandlers{
			dark: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
				if l.Lumen > 0 {
					return lifecycle.Fire(switchOn), nil
				}
				return lifecycle.Nothing(), nil
			},
			warming: func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
				if env.Rack().State == string(busy) {
					return lifecycle.Fire(warm), nil
				}
				return lifecycle.Nothing(), nil
			},
		}))
	s.create(newFrame(), newLamp("a"))
	s.settle()
	s.clock.Add(time.Hour)
	s.edit("a", func(l *lamp) { l.Lumen = 1 })
	s.settle()
	assert.Equal(t, "Glowing/White", s.lamp("a").State(), "member, rack and member again, without a resync")
	for _, row := range s.chain(lampRef("a"))[1:] {
		assert.Equal(t, begin.Add(time.Hour), row.At)
	}
}

func TestACommitOfUnknownOutcomeWakesAllTheSame(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	fail := func(s *site) { s.store.onCommit(nil, once(func() error { return lost })) }

	s := newSiteWith(t, newTap(), rare, frameKind(t, nil), lampKind(t, nil))
	s.create(newFrame(), newLamp("a"), newLamp("b"))
	s.settle()
	fail(s)
	require.ErrorIs(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		tx.Wake(lampRef("b"))
		return tx.Fire(lampRef("a"), lifecycle.Fire(switchOn))
	}), lost)
	assert.Equal(t, "Warming", s.lamp("a").State(), "it was applied")
	steps, _ := s.settle()
	assert.Equal(t, 3, steps, "lamp, frame, and who was to be woken")
	assert.Equal(t, begin.Add(warmingSLA+time.Microsecond), s.NextDue(), "its SLA is watched")

	on := false
	s = newSiteWith(t, newTap(), rare, frameKind(t, nil), lampKind(t, lampHandlers{dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		if on {
			return lifecycle.Fire(switchOn), nil
		}
		return lifecycle.Nothing(), nil
	}}))
	s.create(newFrame(), newLamp("a"))
	s.settle()
	on = true
	fail(s)
	frames := s.seen.passesOf(frameRef())
	_, err := s.Step(t.Context(), lampRef("a"), s.clock.Now())
	require.ErrorIs(t, err, lost)
	s.after(2 * time.Second)
	assert.Equal(t, frames+1, s.seen.passesOf(frameRef()), "the rack has looked at where its member got to")
	assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef("a")))
}

func TestAWakeUpReachesAnObjectThatBacksOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: failing(-1, errShort, lifecycle.Nothing())}))
	s.create(newLamp("a"))
	for range 8 {
		s.step(lampRef("a"))
	}
	require.True(t, s.NextDue().After(begin.Add(time.Minute)))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error { tx.Wake(lampRef("a")); return nil }))
	assert.Equal(t, begin, s.NextDue())
}
