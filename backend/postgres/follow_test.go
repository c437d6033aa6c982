package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// lockPositions is what every writer does before it appends to the history.
const lockPositions = "SELECT pg_advisory_xact_lock(1918985067, 'history'::regclass::oid::integer);"

func TestACommitWaitsForAnEarlierPositionToBecomeVisible(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := openAs(t, schema, "waits for a position")
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"), step("m2", 0, "Ready"))
	other := raw(t, schema)
	exec(t, other, "BEGIN;"+lockPositions+`INSERT INTO history (object, rack, seq, from_state, to_state, "trigger", initiator, note)
		SELECT key, rack, 2, 'Ready', 'Assigned', 'Step', 'another process', '' FROM object WHERE id = 'm1'`)

	done := make(chan error, 1)
	go func() {
		results, err := s.Commit(t.Context(), []backend.Commit{step("m2", 1, "Assigned")})
		if err == nil {
			err = results[0]
		}
		done <- err
	}()
	blocked(t, raw(t, schema), "waits for a position")
	rows, err := s.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	require.Len(t, rows, 2, "a follower has read up to here")
	exec(t, other, "COMMIT")
	require.NoError(t, <-done)
	later, err := s.History(t.Context(), backend.HistoryQuery{After: rows[1].Position})
	require.NoError(t, err)
	require.Len(t, later, 2)
	assert.Equal(t, [2]string{"machine/m1", "machine/m2"}, [2]string{later[0].Ref.String(), later[1].Ref.String()})
}

func TestAFollowerOfThreeWritersMissesNoRow(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	const writers, rounds = 3, 150
	follower := open(t, schema)
	shut(t, follower)
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		s := open(t, schema)
		shut(t, s)
		all.Go(func() {
			for version := range uint64(rounds) {
				results, err := s.Commit(t.Context(), []backend.Commit{step(fmt.Sprint(i), version, "Ready"), step(fmt.Sprint(i, "b"), version, "Ready")})
				if err == nil {
					err = results[0]
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	next := map[backend.Ref]uint64{}
	last := uint64(0)
	deadline := time.Now().Add(patience)
	for seen := 0; seen < 2*writers*rounds && time.Now().Before(deadline); {
		rows, err := follower.History(t.Context(), backend.HistoryQuery{After: last, Limit: 7})
		require.NoError(t, err)
		for _, row := range rows {
			next[row.Ref]++
			require.Equal(t, next[row.Ref], row.Seq, "%s at %d: a row appeared behind the follower's back", row.Ref, row.Position)
			require.Greater(t, row.Position, last)
			last = row.Position
			seen++
		}
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	assert.Len(t, next, 2*writers)
	for ref, n := range next {
		assert.EqualValues(t, rounds, n, ref)
	}
}
