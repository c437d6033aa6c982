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

func TestDeletionWinsOverEveryRequest(t *testing.T) {
	t.Parallel()
	for _, started := range []bool{false, true} {
		calls := 0
		s := newSite(t, lampKind(t, lampHandlers{dark: counting(&calls)}, asking))
		s.create(newLamp("a"))
		s.ask(lifecycle.NewRequest{ID: "q", Type: lightRequest}, lampRef("a"))
		if started {
			require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Start(lampRef("a"), "q") }))
		}
		require.NoError(t, s.Delete(t.Context(), lampRef("a"), "ann", false))
		s.clock.Add(time.Second)
		s.settle()
		assert.Zero(t, calls, "it is marked before any handler could look")
		all := s.requests(lampRef("a"))
		require.Len(t, all, 1)
		assert.Equal(t, backend.RequestSuperseded, all[0].State)
		assert.Equal(t, "deletion of lamp/a", all[0].Reason)
		assert.Equal(t, begin.Add(time.Second), all[0].EndedAt)
		rows := s.chain(lampRef("a"))
		require.Len(t, rows, 3)
		assert.Equal(t, "Discarded", rows[1].Trigger)
		assert.Equal(t, "marked deleted", rows[1].Note)
		assert.Equal(t, "Removed", rows[2].Trigger)
		assert.Equal(t, []string{"ann", "ann"}, []string{rows[1].Initiator, rows[2].Initiator})
	}
}

func TestARequestForDeletionIsFinishedByIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "q", Type: lifecycle.ForceDelete}, lampRef("a"))
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "ann", true))
	s.settle()
	assert.Zero(t, s.Len())
	assert.Equal(t, backend.RequestFinished, s.requests(lampRef("a"))[0].State)
}

func TestADeletedObjectLeavesATombstoneAndItsHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite()))
	s.create(newLamp("a"), newLamp("b"))
	s.settle()
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "", false))
	s.step(lampRef("a"))
	res := s.step(lampRef("a"))
	assert.Empty(t, res.Transition.To)
	assert.True(t, res.Next.IsZero())
	assert.Equal(t, 1, s.Len())
	for _, err := range []error{
		func() error { _, err := lifecycle.Get[lamp](s.Controller, lampRef("a")); return err }(),
		func() error { _, err := s.Explain(lampRef("a")); return err }(),
		func() error { _, err := s.Outcome(lampRef("a")); return err }(),
		s.Delete(t.Context(), lampRef("a"), "", false),
	} {
		require.ErrorIs(t, err, backend.ErrNotFound)
	}
	rec := s.store.record(t, lampRef("a"))
	assert.True(t, rec.Gone())
	assert.Nil(t, rec.Data)
	assert.Equal(t, uint64(5), rec.Transitions)
	assert.Equal(t, []string{"Dark", "Warming", "Glowing/White", "Scrapping", ""}, s.visited(lampRef("a")))
	s.restart()
	assert.Equal(t, 1, s.Len(), "a tombstone is no object")
}

func TestAnObjectOfTheSameNameContinuesTheHistoryAndRepeatsNoKey(t *testing.T) {
	t.Parallel()
	var keys []string
	s := newSite(t, lampKind(t, lampHandlers{dark: submitting(&keys)}))
	for range 2 {
		l := newLamp("a")
		l.Sockets = []string{"E27"}
		s.create(l)
		s.settle()
		assert.Equal(t, []string{"E27"}, s.lamp("a").Sockets)
		require.NoError(t, s.Delete(t.Context(), lampRef("a"), "", false))
		s.settle()
	}
	s.create(newLamp("a"))
	assert.Equal(t, []string{"Dark", "Warming", "Scrapping", "", "Dark", "Warming", "Scrapping", "", "Dark"}, s.visited(lampRef("a")))
	assert.Equal(t, []string{"lamp/a#1/Light/0", "lamp/a#5/Light/0"}, keys)
	l := s.lamp("a")
	assert.Equal(t, uint64(9), l.Transitions())
	assert.Nil(t, l.Deletion, "the new one is not marked")
	assert.Empty(t, l.Sockets, "and has nothing of the old one")
}

func TestAKindCanRefuseDeletionUnlessItIsForced(t *testing.T) {
	t.Parallel()
	errTenant := errors.New("somebody reads by its light")
	s := newSite(t, lampKind(t, nil, func(d *lampDefinition) {
		d.AcceptDelete = func(_ *lifecycle.Tx, _ *lamp, mark lifecycle.Deletion) error {
			if mark.Force {
				return nil
			}
			return errTenant
		}
	}))
	s.create(newLamp("a"))
	err := s.Delete(t.Context(), lampRef("a"), "ann", false)
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	require.ErrorIs(t, err, errTenant)
	require.EqualError(t, err, "delete of lamp/a rejected: somebody reads by its light")
	assert.False(t, s.lamp("a").Deleted())
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "ann", true))
	assert.Equal(t, &lifecycle.Deletion{At: begin, Initiator: "ann", Force: true}, s.lamp("a").Deletion)
	s.settle()
	assert.Zero(t, s.Len())
}

func TestAMarkIsReplacedOnlyByAStrongerOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{scrap: always[lamp](lifecycle.Wait("the truck", "", 0))}))
	s.create(newLamp("a"))
	for i, c := range []struct {
		by    string
		force bool
		want  lifecycle.Deletion
	}{
		{"ann", false, lifecycle.Deletion{At: begin, Initiator: "ann"}},
		{"bob", false, lifecycle.Deletion{At: begin, Initiator: "ann"}},
		{"cid", true, lifecycle.Deletion{At: begin.Add(2 * time.Second), Initiator: "cid", Force: true}},
		{"dan", true, lifecycle.Deletion{At: begin.Add(2 * time.Second), Initiator: "cid", Force: true}},
		{"eva", false, lifecycle.Deletion{At: begin.Add(2 * time.Second), Initiator: "cid", Force: true}},
	} {
		require.NoError(t, s.Delete(t.Context(), lampRef("a"), c.by, c.force), "%d", i)
		assert.Equal(t, &c.want, s.lamp("a").Deletion, "%d", i)
		s.settle()
		s.clock.Add(time.Second)
	}
	assert.Equal(t, "Scrapping", s.lamp("a").State(), "it waits in the state of deletion until its handler lets it go")
}

func TestAMarkSurvivesARestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "ann", false))
	s.restart()
	s.settle()
	assert.Equal(t, []string{"Dark", "Scrapping", ""}, s.visited(lampRef("a")))
}

func TestAnObjectThatFailsCanBeDeleted(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		panic("no filament")
	}}))
	s.create(newLamp("a"))
	s.settle()
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "ann", false))
	s.settle()
	assert.Zero(t, s.Len())
}

func TestPurgeRemovesAnObjectWhateverItDoesAndSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	calls := 0
	s := newSite(t, lampKind(t, lampHandlers{scrap: counting(&calls)}, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "q", Type: lightRequest}, lampRef("a"))
	s.hold(service)
	require.NoError(t, s.Purge(t.Context(), lampRef("a"), "admin", "the ceiling came down"))
	rows := s.chain(lampRef("a"))
	require.Len(t, rows, 2)
	last := rows[1]
	assert.Equal(t, "Dark", last.From)
	assert.Empty(t, last.To)
	assert.Equal(t, "Purged", last.Trigger)
	assert.Equal(t, "admin", last.Initiator)
	assert.Equal(t, "the ceiling came down", last.Note)
	assert.Zero(t, calls)
	assert.Zero(t, s.Len())
	req := s.requests(lampRef("a"))[0]
	assert.Equal(t, backend.RequestSuperseded, req.State)
	assert.Equal(t, "purge of lamp/a", req.Reason)
	require.ErrorIs(t, s.Purge(t.Context(), lampRef("a"), "admin", "again"), backend.ErrNotFound)
	s.create(newLamp("a"))
	assert.Equal(t, []string{"Dark", "", "Dark"}, s.visited(lampRef("a")))
}

func TestANameIsTakenUntilItsObjectIsGone(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	create := func(e lifecycle.Entity) error {
		return s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Create(e, "", "") })
	}
	require.ErrorIs(t, create(newLamp("a")), backend.ErrExists)
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "", false))
	require.ErrorIs(t, create(newLamp("a")), backend.ErrExists, "it is marked and not gone")
	s.settle()
	require.NoError(t, create(newLamp("a")))
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		require.NoError(t, tx.Create(newLamp("b"), "", ""))
		return tx.Create(newLamp("b"), "", "")
	})
	require.ErrorIs(t, err, backend.ErrExists)
	require.ErrorIs(t, create(newFrame()), lifecycle.ErrUnknownKind)
	require.ErrorIs(t, create(newLamp("a b")), backend.ErrBadRef)
	require.ErrorIs(t, create(&lamp{Object: lifecycle.NewObject(lampRef("c"), "")}), backend.ErrBadRef)
	assert.Equal(t, 1, s.Len())
}
