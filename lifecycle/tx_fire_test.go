package lifecycle_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// fire moves lamp a as a host does.
func (s *site) fire(out lifecycle.Outcome) error {
	return s.Apply(s.tb.Context(), func(tx *lifecycle.Tx) error { return tx.Fire(lampRef("a"), out) })
}

func TestAHostMovesAnObjectInTheCommitOfItsOtherEdits(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"), newLamp("b"))
	s.settle()
	before, moves := len(s.store.committed()), len(s.seen.rows())
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		l, err := lifecycle.Edit[lamp](tx, lampRef("a"))
		if err != nil {
			return err
		}
		l.Lumen = 7
		b, err := tx.Object(lampRef("b"))
		if err != nil {
			return err
		}
		b.Labels = map[string]string{"next": "yes"}
		if _, err := tx.Post(lampRef("a"), lifecycle.NewRequest{ID: "q", Type: lightRequest}); err != nil {
			return err
		}
		if err := tx.Fire(lampRef("a"), lifecycle.Fire(switchOn).By("ann").Because("dusk")); err != nil {
			return err
		}
		assert.Equal(t, "Warming", l.State(), "the Tx sees where it is")
		return nil
	}))
	commits := s.store.committed()[before:]
	require.Len(t, commits, 1)
	assert.Len(t, commits[0].Writes, 2)
	assert.Len(t, commits[0].Post, 1)
	l := s.lamp("a")
	assert.Equal(t, []any{"Warming", begin, 7, uint64(2)}, []any{l.State(), l.Since(), l.Lumen, l.Transitions()})
	rows := s.chain(lampRef("a"))
	require.Len(t, rows, 2)
	want := backend.Transition{
		Position: rows[1].Position, Ref: lampRef("a"), Rack: "r", Seq: 2, From: "Dark", To: "Warming", At: begin, Trigger: "SwitchOn", Initiator: "ann", Note: "dusk",
	}
	assert.Equal(t, want, rows[1])
	want.Position = 0
	assert.Equal(t, []backend.Transition{want}, s.seen.rows()[moves:], "the observer is told")
}

func TestAMoveThatNobodySignsIsTheHostsAndNotTheControllers(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	require.NoError(t, s.fire(lifecycle.Fire(switchOn)))
	rows := s.chain(lampRef("a"))
	assert.Equal(t, lifecycle.InitiatorText("", ""), rows[1].Initiator)
}

func TestAMoveThatTheTableDoesNotHaveIsRefusedByTypeAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.settle()
	before, commits := s.everything(), len(s.store.committed())
	var refused *lifecycle.TriggerError
	require.ErrorAs(t, s.fire(lifecycle.Fire(warm)), &refused)
	assert.Equal(t, []any{"Dark", "Warm", []string{"SwitchOn", "Discarded"}}, []any{refused.State, refused.Trigger, refused.Permitted})
	require.ErrorAs(t, s.fire(lifecycle.FireTo(switchOn, red)), &refused)
	assert.Equal(t, "Glowing/Red", refused.To)
	require.ErrorContains(t, s.fire(lifecycle.Nothing()), `the outcome is "nothing", must be a transition`)
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Fire(lampRef("ghost"), lifecycle.Fire(warm)) })
	require.ErrorIs(t, err, backend.ErrNotFound)
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		require.ErrorIs(t, tx.Fire(lampRef("a"), lifecycle.Fire(warm)), lifecycle.ErrNotPermitted)
		return nil // a host that goes on all the same
	}))
	assert.Equal(t, before, s.everything())
	assert.Len(t, s.store.committed(), commits)
}

func TestATriggerWithSeveralTargetsMustNameOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn)), warming: always[lamp](lifecycle.Fire(blow))}))
	s.create(newLamp("a"))
	s.settle()
	var refused *lifecycle.TriggerError
	require.ErrorAs(t, s.fire(lifecycle.Fire(repair)), &refused)
	assert.True(t, refused.Ambiguous)
	require.NoError(t, s.fire(lifecycle.FireTo(repair, warming)))
	assert.Equal(t, []string{"Dark", "Warming", "Burnt", "Warming"}, s.visited(lampRef("a")))
}

func TestAnObjectMovesOnceInACommit(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		require.NoError(t, tx.Fire(lampRef("a"), lifecycle.Fire(switchOn)))
		return tx.Fire(lampRef("a"), lifecycle.Fire(warm))
	})
	require.ErrorContains(t, err, `fire Warm on lamp/a: it has moved in this commit already, from "Dark" to "Warming"`)
	err = s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		require.NoError(t, tx.Create(newLamp("b"), "", ""))
		return tx.Fire(lampRef("b"), lifecycle.Fire(switchOn))
	})
	require.ErrorContains(t, err, `from "" to "Dark"`)
	assert.Equal(t, []string{"Dark"}, s.visited(lampRef("a")))
}

func TestAMovePassesThroughAHold(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.hold(service)
	s.settle()
	require.NoError(t, s.fire(lifecycle.Fire(switchOn)))
	s.settle()
	assert.Equal(t, "Warming", s.lamp("a").State())
	assert.Len(t, s.lamp("a").Holds, 1)
	assert.Contains(t, s.outcome(lampRef("a")).Reason, "waits for its holds", "it is held in its new state")
}

func TestAMoveOutOfLifeLeavesATombstoneAndTellsTheRack(t *testing.T) {
	t.Parallel()
	s := newSite(t, frameKind(t, nil, keepsCount), lampKind(t, lampHandlers{scrap: always[lamp](lifecycle.Nothing())}, asking))
	s.create(newFrame(), newLamp("a"))
	s.settle()
	s.ask(lifecycle.NewRequest{ID: "q", Type: lightRequest}, lampRef("a"))
	require.NoError(t, s.fire(lifecycle.Fire(discarded).By("ann")))
	assert.Empty(t, s.OpenRequests(lampRef("a")), "what is on its way out does nothing else any more")
	assert.Equal(t, backend.RequestSuperseded, s.requests(lampRef("a"))[0].State)
	s.settle()
	frames, commits := s.seen.passesOf(frameRef()), len(s.store.committed())
	require.NoError(t, s.fire(lifecycle.Fire(removed).By("ann")))
	assert.Len(t, s.store.committed(), commits+1, "object and rack in one commit")
	_, err := lifecycle.Get[lamp](s.Controller, lampRef("a"))
	require.ErrorIs(t, err, backend.ErrNotFound)
	stone := s.store.record(t, lampRef("a"))
	assert.True(t, stone.Gone())
	assert.Equal(t, backend.OutcomeDeleted, stone.Outcome.Kind)
	assert.Equal(t, uint64(3), stone.Transitions)
	assert.Equal(t, []string{"lamp/a", "lamp/a"}, s.frame().Members, "arrival and departure")
	s.settle()
	assert.Equal(t, frames+1, s.seen.passesOf(frameRef()))
	s.create(newLamp("a"))
	assert.Equal(t, []string{"Dark", "Scrapping", "", "Dark"}, s.visited(lampRef("a")), "the chain goes on")
}

// keepsCount notes every arrival and departure in the frame.
func keepsCount(d *frameDefinition) {
	d.OnMember = func(f *frame, member backend.Ref) { f.Members = append(f.Members, member.String()) }
}

func TestAHandlersPassThatWasOvertakenByAMoveIsRepeatedInTheNewState(t *testing.T) {
	t.Parallel()
	var keys []string
	h := lampHandlers{dark: submitting(&keys), warming: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		l.Lumen++
		return lifecycle.Nothing(), nil
	}}
	s := newSite(t, lampKind(t, h))
	s.create(newLamp("a"))
	s.store.onCommit(once(func() error { return s.fire(lifecycle.Fire(switchOn).By("ann")) }), nil)
	assert.True(t, s.step(lampRef("a")).Conflict)
	s.settle()
	rows := s.chain(lampRef("a"))
	require.Len(t, rows, 2, "the host's move and no other")
	assert.Equal(t, "ann", rows[1].Initiator)
	assert.Equal(t, 1, s.lamp("a").Lumen, "the new state's handler has run")
}

func TestAMoveThatWasOvertakenByAPassIsDecidedAnew(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	s.store.onCommit(once(func() error {
		s.step(lampRef("a"))
		return nil
	}), nil)
	calls := 0
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		calls++
		return tx.Fire(lampRef("a"), lifecycle.Fire(switchOn).By("ann"))
	})
	require.ErrorIs(t, err, lifecycle.ErrNotPermitted, "it is warming already")
	assert.Equal(t, 2, calls)
	assert.Len(t, s.chain(lampRef("a")), 2)
}

func TestAMovedObjectAndItsRelativesAreDueAtOnce(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare, frameKind(t, nil), lampKind(t, nil))
	s.create(newFrame(), newLamp("a"), newLamp("b"))
	s.settle()
	s.clock.Add(time.Minute)
	require.NoError(t, s.fire(lifecycle.Fire(switchOn)))
	assert.Equal(t, s.clock.Now().UTC(), s.NextDue())
	steps, _ := s.settle()
	assert.Equal(t, 2, steps, "the lamp and its frame")
	assert.Equal(t, begin.Add(time.Minute+warmingSLA+time.Microsecond), s.NextDue(), "and the SLA of its new state is watched")
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Fire(frameRef(), lifecycle.Fire(begun)) }))
	steps, _ = s.settle()
	assert.Equal(t, 3, steps, "the frame and both lamps")
}

func TestAMoveReportsNoSLATwiceAndForgetsNone(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare, lampKind(t, nil))
	s.create(newLamp("a"))
	for _, on := range []lampTrigger{switchOn, warm} {
		require.NoError(t, s.fire(lifecycle.Fire(on)))
		s.settle()
	}
	s.after(glowingSLA + time.Second)
	require.Len(t, s.overdue(), 1)
	require.NoError(t, s.fire(lifecycle.Fire(turn)))
	assert.True(t, s.outcome(lampRef("a")).OverSLA, "at once: the clock is shared")
	s.settle()
	require.Len(t, s.overdue(), 1, "no news")
	require.NoError(t, s.fire(lifecycle.Fire(blow)))
	s.settle()
	require.Len(t, s.overdue(), 2)
	assert.Equal(t, "Burnt", s.overdue()[1].state, "reported at once, although the state before was over too")
}

func TestAHandlerMovesOthersAndNotItself(t *testing.T) {
	t.Parallel()
	var own error
	s := newSite(t, frameKind(t, frameHandlers{idle: func(_ context.Context, f *frame, env *lifecycle.Env) (lifecycle.Outcome, error) {
		own = env.Fire(f.Ref(), lifecycle.Fire(begun))
		return lifecycle.Fire(begun), env.Fire(lampRef("a"), lifecycle.Fire(switchOn))
	}}), lampKind(t, nil))
	s.create(newLamp("a"), newFrame())
	before := len(s.store.committed())
	s.step(frameRef())
	require.EqualError(t, own, "fire Begun on rack/r: its own handler moves it by its outcome")
	require.Len(t, s.store.committed(), before+1)
	assert.Len(t, s.store.committed()[before].Writes, 2)
	assert.Equal(t, []string{"Idle", "Busy"}, s.visited(frameRef()))
	rows := s.chain(lampRef("a"))
	assert.Equal(t, "controller", rows[1].Initiator)
	data, err := json.Marshal(s.lamp("a"))
	require.NoError(t, err)
	assert.JSONEq(t, "{}", string(data))
}

func TestABrokenObjectIsNotMoved(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.store.rival(t, lampRef("a"), func(r *backend.Record) { r.State = "Melted" })
	s.restart()
	var unknown *lifecycle.UnknownStateError
	require.ErrorAs(t, s.fire(lifecycle.Fire(switchOn)), &unknown)
	assert.Equal(t, "Melted", s.store.record(t, lampRef("a")).State)
}
