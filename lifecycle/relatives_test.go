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

// frame returns a copy of the frame.
func (s *site) frame() *frame {
	s.tb.Helper()
	f, err := lifecycle.Get[frame](s.Controller, frameRef())
	require.NoError(s.tb, err)
	return f
}

// edit changes a lamp as a host does.
func (s *site) edit(id string, change func(l *lamp)) {
	s.tb.Helper()
	require.NoError(s.tb, s.Apply(s.tb.Context(), func(tx *lifecycle.Tx) error {
		l, err := lifecycle.Edit[lamp](tx, lampRef(id))
		if err == nil {
			change(l)
		}
		return err
	}))
}

func TestTheMovesOfManyMembersWakeTheirRackOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, frameKind(t, nil), lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	other := &frame{Object: lifecycle.NewObject(backend.Ref{Kind: backend.KindRack, ID: "other"}, "other")}
	s.create(newFrame(), other)
	s.settle()
	s.create(newLamp("a"), newLamp("b"), newLamp("c"))
	s.step(frameRef())
	before := s.seen.passesOf(frameRef())
	others := s.seen.passesOf(other.Ref())
	for _, id := range []string{"a", "b", "c"} {
		require.NotNil(t, s.step(lampRef(id)).Transition)
	}
	s.settle()
	assert.Equal(t, before+1, s.seen.passesOf(frameRef()))
	assert.Equal(t, others, s.seen.passesOf(other.Ref()), "another rack is none of their business")
}

func TestAMoveOfARackWakesItsMembersExceptThoseThatIgnoreIt(t *testing.T) {
	t.Parallel()
	for _, ignore := range []bool{false, true} {
		s := newSite(t, frameKind(t, frameHandlers{idle: func(_ context.Context, f *frame, _ *lifecycle.Env) (lifecycle.Outcome, error) {
			if len(f.Labels) > 0 {
				return lifecycle.Fire(begun), nil
			}
			return lifecycle.Nothing(), nil
		}}), lampKind(t, nil, func(d *lampDefinition) { d.IgnoreRack = ignore }))
		s.create(newFrame(), newLamp("a"), newLamp("b"))
		s.settle()
		before := s.seen.passesOf(lampRef("a"))
		require.NoError(t, s.SetLabels(t.Context(), frameRef(), 0, map[string]string{"go": "now"}))
		steps, _ := s.settle()
		assert.Equal(t, "Busy", s.frame().State())
		if ignore {
			assert.Equal(t, 2, steps, "the frame moves and looks again")
			assert.Equal(t, before, s.seen.passesOf(lampRef("a")))
		} else {
			assert.Equal(t, 4, steps, "and each lamp looks once")
			assert.Equal(t, before+1, s.seen.passesOf(lampRef("a")))
		}
	}
}

func TestAPassWithoutAMoveWakesNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, frameKind(t, nil), lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		l.Lumen++
		return lifecycle.Nothing(), nil
	}}))
	s.create(newFrame(), newLamp("a"))
	s.settle()
	before := s.seen.passesOf(frameRef())
	s.step(lampRef("a"))
	s.settle()
	assert.Equal(t, before, s.seen.passesOf(frameRef()))
}

func TestAnEditByTheHostWakesTheObjectAndItsRack(t *testing.T) {
	t.Parallel()
	s := newSite(t, frameKind(t, nil), lampKind(t, nil))
	s.create(newFrame(), newLamp("a"), newLamp("b"))
	s.settle()
	lamps, frames := s.seen.passesOf(lampRef("a")), s.seen.passesOf(frameRef())
	s.edit("a", func(l *lamp) { l.Lumen = 3 })
	steps, _ := s.settle()
	assert.Equal(t, 2, steps)
	assert.Equal(t, lamps+1, s.seen.passesOf(lampRef("a")))
	assert.Equal(t, frames+1, s.seen.passesOf(frameRef()))
	s.edit("a", func(l *lamp) { l.Lumen = 3 })
	steps, _ = s.settle()
	assert.Zero(t, steps, "an edit that changes nothing wakes nobody")
}

func TestAHandlerCanWakeWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	lit := false
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if l.ID() == "a" && !lit {
			lit = true
			env.Wake(lampRef("b"))
			env.Wake(lampRef("ghost"))
		}
		return lifecycle.Nothing(), nil
	}}))
	s.create(newLamp("a"), newLamp("b"))
	s.step(lampRef("b"))
	before := s.seen.passesOf(lampRef("b"))
	s.step(lampRef("a"))
	s.settle()
	assert.Equal(t, before+1, s.seen.passesOf(lampRef("b")))
}

func TestAWakeUpOfAPassThatFailedIsNotSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if l.ID() == "a" {
			env.Wake(lampRef("b"))
			return lifecycle.Outcome{}, errShort
		}
		return lifecycle.Nothing(), nil
	}}))
	s.create(newLamp("a"), newLamp("b"))
	s.settle()
	before := s.seen.passesOf(lampRef("b"))
	s.step(lampRef("a"))
	s.settle()
	assert.Equal(t, before, s.seen.passesOf(lampRef("b")))
}

func TestWhatAHandlerDoesToOthersIsInItsOwnCommit(t *testing.T) {
	t.Parallel()
	asked := false
	s := newSite(t, lampKind(t, nil, asking), frameKind(t, frameHandlers{idle: func(_ context.Context, f *frame, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if asked {
			return lifecycle.Nothing(), nil
		}
		asked = true
		for _, l := range lifecycle.Members[lamp](&env.Tx, f.Rack()) {
			if _, err := env.Post(l.Ref(), lifecycle.NewRequest{ID: "c1", Type: lightRequest, Initiator: lifecycle.RackInitiator("r"), Cycle: "c1"}); err != nil {
				return lifecycle.Outcome{}, err
			}
			e, err := lifecycle.Edit[lamp](&env.Tx, l.Ref())
			if err != nil {
				return lifecycle.Outcome{}, err
			}
			e.Lumen = 9
		}
		f.Cycle = "c1"
		return lifecycle.Fire(begun), nil
	}}))
	s.create(newFrame(), newLamp("a"), newLamp("b"))
	for _, id := range []string{"a", "b"} {
		s.step(lampRef(id))
	}
	commits, passes := len(s.store.committed()), s.seen.passesOf(lampRef("a"))
	require.NotNil(t, s.step(frameRef()).Transition)
	added := s.store.committed()[commits:]
	require.Len(t, added, 1)
	assert.Len(t, added[0].Writes, 3)
	assert.Len(t, added[0].Post, 2)
	s.settle()
	assert.Equal(t, passes+1, s.seen.passesOf(lampRef("a")), "and those that it touched look at once")
	for _, id := range []string{"a", "b"} {
		assert.Equal(t, 9, s.lamp(id).Lumen)
		assert.Equal(t, "rack-r", s.OpenRequests(lampRef(id))[0].Initiator)
	}
}

func TestAMemberKnowsItsRacksStateAndCycle(t *testing.T) {
	t.Parallel()
	var seen []lifecycle.Parent
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		seen = append(seen, env.Rack())
		return lifecycle.Nothing(), nil
	}}), frameKind(t, frameHandlers{idle: func(_ context.Context, f *frame, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		f.Cycle = "c1"
		return lifecycle.Fire(begun), nil
	}}))
	s.create(newLamp("a"))
	s.step(lampRef("a"))
	s.create(newFrame())
	s.step(lampRef("a"))
	s.step(frameRef())
	s.step(lampRef("a"))
	assert.Equal(t, []lifecycle.Parent{{}, {Exists: true, State: "Idle"}, {Exists: true, State: "Busy", Cycle: "c1"}}, seen)
}

func TestARackHearsOfMembersThatArriveAndThoseThatAreGone(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil), frameKind(t, nil, func(d *frameDefinition) {
		d.OnMember = func(f *frame, m backend.Ref) { f.Members = append(f.Members, m.String()) }
	}))
	s.create(newLamp("early"), newFrame(), newLamp("a"))
	assert.Equal(t, []string{"lamp/a"}, s.frame().Members, "in the commit that created it")
	s.settle()
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "ann", false))
	require.NoError(t, s.Purge(t.Context(), lampRef("early"), "ann", "broken"))
	s.settle()
	assert.Equal(t, []string{"lamp/a", "lamp/early", "lamp/a"}, s.frame().Members)
}

func TestObjectsAreFoundByTheirFurtherNames(t *testing.T) {
	t.Parallel()
	k := lampKind(t, nil, func(d *lampDefinition) { d.Names = func(l *lamp) []string { return l.Sockets } })
	s := newSite(t, k)
	named := func(name string) []backend.Ref {
		var out []backend.Ref
		require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
			out = tx.Named(name)
			return nil
		}))
		return out
	}
	a, b := newLamp("a"), newLamp("b")
	a.Sockets, b.Sockets = []string{"E14", "E27"}, []string{"E27"}
	s.create(b, a)
	assert.Equal(t, []backend.Ref{lampRef("a")}, named("E14"))
	assert.Equal(t, []backend.Ref{lampRef("a"), lampRef("b")}, named("E27"), "in the order of their ids")
	s.edit("a", func(l *lamp) { l.Sockets = []string{"E14", "G9"} })
	assert.Equal(t, []backend.Ref{lampRef("b")}, named("E27"))
	assert.Equal(t, []backend.Ref{lampRef("a")}, named("G9"))
	s.restart()
	assert.Equal(t, []backend.Ref{lampRef("a")}, named("G9"))
	require.NoError(t, s.Purge(t.Context(), lampRef("a"), "", "gone"))
	assert.Empty(t, named("E14"))
	assert.Empty(t, named("G9"))
	s.store.rival(t, lampRef("b"), func(r *backend.Record) { r.Data = []byte(`{"sockets":["B22"]}`) })
	s.edit("b", func(l *lamp) { l.Lumen = 1 })
	assert.Equal(t, []backend.Ref{lampRef("b")}, named("B22"), "what another process wrote is indexed when it is read")
}

func TestATxSeesItsOwnEdits(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking), frameKind(t, nil))
	s.create(newFrame(), newLamp("b"), newLamp("a"))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		l, err := lifecycle.Edit[lamp](tx, lampRef("a"))
		require.NoError(t, err)
		l.Lumen = 4
		same, ok := lifecycle.Look[lamp](tx, lampRef("a"))
		assert.True(t, ok)
		assert.Same(t, l, same)
		again, err := lifecycle.Edit[lamp](tx, lampRef("a"))
		require.NoError(t, err)
		assert.Same(t, l, again)
		members := lifecycle.Members[lamp](tx, "r")
		require.Len(t, members, 2)
		assert.Same(t, l, members[0], "in the order of ids, and the edited one")
		all := lifecycle.All[lamp](tx, kindLamp)
		require.Len(t, all, 2)
		assert.Same(t, l, all[0])
		assert.Empty(t, lifecycle.Members[lamp](tx, "elsewhere"))
		assert.Empty(t, lifecycle.All[frame](tx, kindLamp))
		require.NoError(t, tx.Create(newLamp("c"), "", ""))
		_, ok = lifecycle.Look[lamp](tx, lampRef("c"))
		assert.True(t, ok)
		assert.Len(t, lifecycle.Members[lamp](tx, "r"), 3)
		_, err = tx.Post(lampRef("c"), lifecycle.NewRequest{Type: lightRequest})
		require.NoError(t, err)
		assert.Len(t, tx.Requests(lampRef("c")), 1)
		return nil
	}))
	assert.Len(t, s.OpenRequests(lampRef("c")), 1)
	assert.Equal(t, 4, s.lamp("a").Lumen)
}

func TestATxWithManyEditsFindsEachOfThem(t *testing.T) {
	t.Parallel()
	const lamps = 20
	s := newSite(t, lampKind(t, nil), frameKind(t, nil))
	s.create(newFrame())
	before := len(s.store.committed())
	id := func(i int) string { return string(rune('a' + i)) }
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		for i := range lamps {
			require.NoError(t, tx.Create(newLamp(id(i)), "", ""))
			require.ErrorIs(t, tx.Create(newLamp(id(i)), "", ""), backend.ErrExists)
		}
		for i := range lamps {
			e, err := tx.Entity(lampRef(id(i)))
			require.NoError(t, err)
			e.(*lamp).Lumen = i
			same, ok := lifecycle.Look[lamp](tx, lampRef(id(i)))
			require.True(t, ok)
			assert.Same(t, e, same)
		}
		return nil
	}))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		for i := range lamps {
			l, err := lifecycle.Edit[lamp](tx, lampRef(id(i)))
			require.NoError(t, err)
			l.Lumen++
		}
		var seen []string
		tx.EachMember("r", func(e lifecycle.Entity) {
			seen = append(seen, e.Base().ID())
			i := len(seen) - 1
			assert.Equal(t, id(i), seen[i])
			assert.Equal(t, i+1, e.(*lamp).Lumen, "it is the edited one")
		})
		assert.Len(t, seen, lamps)
		_, err := tx.Entity(lampRef("ghost"))
		require.ErrorIs(t, err, backend.ErrNotFound)
		return nil
	}))
	assert.Len(t, s.store.committed(), before+2)
	for i := range lamps {
		assert.Equal(t, i+1, s.lamp(id(i)).Lumen)
	}
}

func TestAnObjectIsNotTakenForOneOfAnotherKind(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil), frameKind(t, nil))
	s.create(newFrame(), newLamp("a"))
	_, err := lifecycle.Get[frame](s.Controller, lampRef("a"))
	require.ErrorContains(t, err, "lamp/a is a *lifecycle_test.lamp")
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		_, err := lifecycle.Edit[frame](tx, lampRef("a"))
		require.ErrorContains(t, err, "lamp/a is a *lifecycle_test.lamp")
		_, ok := lifecycle.Look[frame](tx, lampRef("a"))
		assert.False(t, ok)
		_, err = lifecycle.Edit[lamp](tx, lampRef("ghost"))
		require.ErrorIs(t, err, backend.ErrNotFound)
		return nil
	}))
}

func TestAnObjectIsLookedAtAgainAfterTheResyncAlthoughNothingHappened(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), lifecycle.Config{Resync: time.Minute}, lampKind(t, nil))
	s.create(newLamp("a"), newLamp("b"), newLamp("c"), newLamp("d"))
	_, next := s.settle()
	times := map[time.Time]bool{}
	for range 4 {
		times[next] = true
		assert.WithinDuration(t, begin.Add(time.Minute), next, 6*time.Second)
		s.clock.Set(next)
		_, next = s.settle()
	}
	assert.Len(t, times, 4, "not all at once")
}
