package service_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/machine/service"
)

func TestAMoveThatWasMadeAlreadyIsRecognised(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]service.Move{
		"by its key":                          {Initiator: "temporal:W", Note: "n", IdempotencyKey: "k1"},
		"by its key and version":              {Initiator: "temporal:W", Note: "n", IdempotencyKey: "k1", ExpectVersion: 1},
		"by the version that it was made for": {Initiator: "temporal:W", Note: "n", ExpectVersion: 1},
		"by all that is known of it":          {Initiator: "temporal:W", Note: "n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stores(t, func(t *testing.T, store backend.Store) {
				r := newRig(t, store).open(service.Default()).create("n1")
				made, err := r.Transition(t.Context(), "n1", "maintenance", first)
				require.NoError(t, err)
				require.False(t, made.AlreadyApplied)
				r.settle()
				r.open(service.Default()) // a restart forgets nothing
				again, err := r.Transition(t.Context(), "n1", "maintenance", first)
				require.NoError(t, err)
				assert.True(t, again.AlreadyApplied)
				assert.Equal(t, made.Entry, again.Entry)
				assert.Equal(t, uint64(2), again.Version)
				assert.Len(t, r.rows(), 2, "no second row")
			})
		})
	}
}

func TestARepetitionIsRecognisedAfterTheNodeHasMovedOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default()).create("n1")
	byVersion := service.Move{Initiator: "w", Note: "n", ExpectVersion: 1}
	_, err := r.Transition(t.Context(), "n1", "maintenance", byVersion)
	require.NoError(t, err)
	byKey := service.Move{Initiator: "w", IdempotencyKey: "k"}
	_, err = r.Transition(t.Context(), "n1", "rma", byKey)
	require.NoError(t, err)
	r.move("maintenance", "ann", "")
	r.move("in_service", "ann", "")
	for _, m := range []service.Move{byVersion, byKey} {
		to := "maintenance"
		if m.IdempotencyKey != "" {
			to = "rma"
		}
		res, err := r.Transition(t.Context(), "n1", to, m)
		require.NoError(t, err)
		assert.True(t, res.AlreadyApplied)
		assert.Equal(t, "in_service", res.State, "where the node is now")
		assert.Equal(t, to, res.Entry.To)
	}
	assert.Len(t, r.rows(), 5)
}

func TestWhatOnlyLooksLikeARepetitionIsNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default()).create("n1")
	_, err := r.Transition(t.Context(), "n1", "maintenance", service.Move{Initiator: "w", Note: "n", ExpectVersion: 1, IdempotencyKey: "k"})
	require.NoError(t, err)
	r.refused("maintenance", service.Move{Initiator: "w", Note: "other", ExpectVersion: 1}, service.ErrVersion, service.ErrNotInTable)
	r.refused("maintenance", service.Move{Initiator: "other", Note: "n"}, service.ErrNotInTable)
	r.refused("rma", service.Move{Initiator: "w", Note: "n", ExpectVersion: 1}, service.ErrVersion)
	r.refused("maintenance", service.Move{Initiator: "w", Note: "n", IdempotencyKey: "k2"}, service.ErrNotInTable)
	r.refused("maintenance", service.Move{Initiator: "w", Note: "other", IdempotencyKey: "k"}, service.ErrKeyReused)
	e := r.refusal("rma", service.Move{Initiator: "w", Note: "n", IdempotencyKey: "k"}, service.ErrKeyReused)
	require.ErrorContains(t, e, "from in_service to maintenance by w at 2025-06-18T16:44:00Z")
}

func TestEnteringAStateAnewIsAMoveOfItsOwnUnlessItCarriesAKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, "name: n\ninitial: On\nstates: [On]\ntransitions: [{from: On, to: On}]\n")).create("n1")
	m := service.Move{Initiator: "w"}
	for range 2 {
		res, err := r.Transition(t.Context(), "n1", "On", m)
		require.NoError(t, err)
		assert.False(t, res.AlreadyApplied)
	}
	m.IdempotencyKey = "k"
	for i := range 2 {
		res, err := r.Transition(t.Context(), "n1", "On", m)
		require.NoError(t, err)
		assert.Equal(t, i == 1, res.AlreadyApplied)
	}
	assert.Equal(t, []string{"On", "On", "On", "On"}, r.way())
}

func TestANodeRemembersItsLastSixteenMoves(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, "name: n\ninitial: On\nstates: [On]\ntransitions: [{from: On, to: On}]\n")).create("n1")
	for i := range 17 {
		_, err := r.Transition(t.Context(), "n1", "On", service.Move{Initiator: "w", IdempotencyKey: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	require.Len(t, r.node().Recent, 16)
	for i, want := range map[int]bool{16: true, 1: true, 0: false} {
		res, err := r.Transition(t.Context(), "n1", "On", service.Move{Initiator: "w", IdempotencyKey: fmt.Sprint(i)})
		require.NoError(t, err)
		assert.Equal(t, want, res.AlreadyApplied, "move %d", i)
		if !want {
			break
		}
	}
}

func TestOfManyWhoHaveReadTheSameVersionOneMoves(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).open(service.Default()).create("n1")
		var mu sync.Mutex
		var all sync.WaitGroup
		won, lost := 0, 0
		for i := range 12 {
			all.Go(func() {
				_, err := r.Transition(t.Context(), "n1", "maintenance", service.Move{Initiator: fmt.Sprintf("w%d", i), ExpectVersion: 1})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case errors.Is(err, service.ErrVersion):
					lost++
				}
			})
		}
		all.Wait()
		assert.Equal(t, 1, won)
		assert.Equal(t, 11, lost)
		assert.Len(t, r.rows(), 2)
	})
}
