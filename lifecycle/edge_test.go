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

func TestAHandlerWhoseCommitIsRefusedForItsContentBacksOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, func(d *lampDefinition) { d.Requests = []lifecycle.RequestType[lamp]{{Type: "paint"}} }),
		frameKind(t, frameHandlers{idle: func(_ context.Context, _ *frame, env *lifecycle.Env) (lifecycle.Outcome, error) {
			_, err := env.Post(lampRef("a"), lifecycle.NewRequest{ID: "cycle-1", Type: "paint"})
			return lifecycle.Nothing(), err
		}}))
	s.create(newLamp("a"), newFrame())
	s.step(frameRef())
	require.NoError(t, s.CancelRequest(t.Context(), lampRef("a"), "cycle-1", "x"))
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	s.store.onCommit(func([]backend.Commit) error {
		if n++; n > 1000 {
			cancel()
		}
		return nil
	}, nil)
	_, _, err := s.RunUntilIdle(ctx, s.clock.Now())
	require.NoError(t, err)
	assert.Equal(t, backend.OutcomeError, s.outcome(frameRef()).Kind)
}

func TestABrokenObjectCanBePurged(t *testing.T) {
	t.Parallel()
	store := newTap()
	writeRecord(t, store, backend.Record{Ref: lampRef("sick"), Rack: "r", State: "Floating", Data: []byte(`{`)})
	s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, nil))
	require.NoError(t, s.Purge(t.Context(), lampRef("sick"), "admin", "beyond repair"))
	assert.Equal(t, []string{"Floating", ""}, s.visited(lampRef("sick")))
	assert.Zero(t, s.Len())
}

func TestABrokenRackExistsForItsMembers(t *testing.T) {
	t.Parallel()
	store := newTap()
	writeRecord(t, store, backend.Record{Ref: frameRef(), Rack: "r", State: "Levitating", Data: []byte(`{}`)})
	s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, nil), frameKind(t, nil))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		assert.Equal(t, lifecycle.Parent{Exists: true, State: "Levitating", Broken: true}, tx.Parent("r"))
		assert.False(t, lifecycle.CycleEnded(tx.Parent("r"), &backend.Request{Cycle: "c1"}), "nobody knows its cycle")
		return nil
	}))
}

func TestTheOutcomeOfADeletionIsDeleted(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "x", false))
	s.step(lampRef("a"))
	assert.Equal(t, backend.OutcomeDeleted, s.step(lampRef("a")).Outcome.Kind)
	assert.Equal(t, backend.OutcomeDeleted, s.store.record(t, lampRef("a")).Outcome.Kind)
}

func TestARowByWhichAPathEndsIsDrawnForEachOfItsStates(t *testing.T) {
	t.Parallel()
	d := parseMermaid(t, lampKind(t, nil, row(glowing, "Shatter", "")).Mermaid())
	assert.Contains(t, d.edges, "Glowing/White --Shatter--> [*]")
	assert.Contains(t, d.edges, "Glowing/Red --Shatter--> [*]")
}

func TestARowByWhichEveryStateEndsLeavesTheDiagramWhole(t *testing.T) {
	t.Parallel()
	parseMermaid(t, lampKind(t, nil, row(lifecycle.Any, "Vanish", "")).Mermaid())
}

func TestTwoStatesNeverShareAnIdentifierInTheDiagram(t *testing.T) {
	t.Parallel()
	d := parseMermaid(t, lampKind(t, nil, declare(lifecycle.StateInfo[lampState]{State: "Glowing_White", Class: lifecycle.Resting, Doc: "x"}), row(dark, "Paint", "Glowing_White")).Mermaid())
	assert.Contains(t, d.edges, "Dark --Paint--> Glowing_White")
}

func TestAStateNeedsANameThatMeansNothingElse(t *testing.T) {
	t.Parallel()
	for _, name := range []lampState{"", "*", "(gone)", "Glowing", "A/", "/A", "A//B"} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			d := lampDefinition{Kind: kindLamp, Table: lampTable, States: lampStates, Clone: cloneLamp}
			declare(lifecycle.StateInfo[lampState]{State: name, Class: lifecycle.Resting, Doc: "x"})(&d)
			_, err := lifecycle.Define(d)
			assert.Error(t, err)
		})
	}
}

func TestCheckFindsAStateThatTheDeletionMarkCannotLeave(t *testing.T) {
	t.Parallel()
	assert.Error(t, lifecycle.Check(lampKind(t, nil, func(d *lampDefinition) { d.OnDeleted = "Typo" })))
}

func TestADeletionThatHangsUnderAHoldIsReported(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{scrap: always[lamp](lifecycle.Wait("the truck", "", 0))}))
	s.create(newLamp("a"))
	require.NoError(t, s.PlaceHold(t.Context(), lampRef("a"), lifecycle.Hold{Type: "m", Owner: "x", Reason: "r"}))
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "x", false))
	s.settle()
	for range 20 {
		s.after(time.Minute)
	}
	assert.True(t, s.outcome(lampRef("a")).OverSLA)
}

func TestAStartedRequestIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		r, ok := env.First("paint")
		if !ok {
			return lifecycle.Nothing(), nil
		}
		return lifecycle.Nothing(), env.Begin(r.ID)
	}}, func(d *lampDefinition) { d.Requests = []lifecycle.RequestType[lamp]{{Type: "paint"}} }))
	s.create(newLamp("a"))
	_, err := s.Request(t.Context(), lifecycle.NewRequest{ID: "p", Type: "paint"}, lampRef("a"))
	require.NoError(t, err)
	s.settle()
	s.clock.Add(time.Minute)
	s.step(lampRef("a"))
	assert.Equal(t, begin, s.OpenRequests(lampRef("a"))[0].StartedAt)
}

func TestAFailingObjectIsReportedWhenItsSLAEnds(t *testing.T) {
	t.Parallel()
	h := lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn)), warming: failing(-1, errShort, lifecycle.Nothing())}
	s := newSite(t, lampKind(t, h))
	s.create(newLamp("a"))
	_, next := s.settle()
	for next.Before(begin.Add(time.Hour)) && !s.outcome(lampRef("a")).OverSLA {
		s.clock.Set(next)
		_, next = s.settle()
	}
	over, _, _ := s.seen.told()
	require.Len(t, over, 1)
	assert.LessOrEqual(t, over[0].elapsed, warmingSLA+time.Millisecond)
}

func TestMembersCreatedInTheSameTxComeInTheOrderOfIDs(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("b"))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		require.NoError(t, tx.Create(newLamp("a"), "", ""))
		var ids []string
		for _, l := range lifecycle.Members[lamp](tx, "r") {
			ids = append(ids, l.ID())
		}
		assert.Equal(t, []string{"a", "b"}, ids)
		ids = nil
		for _, l := range lifecycle.All[lamp](tx, kindLamp) {
			ids = append(ids, l.ID())
		}
		assert.Equal(t, []string{"a", "b"}, ids)
		return nil
	}))
}

func TestAHoldIsNoReasonToReportAnSLATwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	s.settle()
	s.after(warmingSLA + time.Second)
	require.Len(t, s.overdue(), 1)
	s.hold(service)
	s.settle()
	s.after(time.Minute)
	s.release()
	s.settle()
	assert.Len(t, s.overdue(), 1)
}

func TestAHandlerThatIsNilIsNoHandler(t *testing.T) {
	t.Parallel()
	k := lampKind(t, lampHandlers{dark: nil})
	assert.False(t, k.Handled("Dark"))
}

func TestAConflictThatCannotBeReadBackBacksOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite()))
	s.create(newLamp("a"))
	s.store.rival(t, lampRef("a"), nil)
	s.store.onGet(func(backend.Ref) error { return errDisk })
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	s.store.onCommit(func([]backend.Commit) error {
		if n++; n > 1000 {
			cancel()
		}
		return nil
	}, nil)
	_, _, err := s.RunUntilIdle(ctx, s.clock.Now())
	require.NoError(t, err)
}
