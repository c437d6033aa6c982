package sqlite

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// inRackOf moves a Commit's writes to another rack.
func inRackOf(rack string, c backend.Commit) backend.Commit {
	for i := range c.Writes {
		c.Writes[i].Record.Rack, c.Writes[i].Transition.Rack = rack, rack
	}
	return c
}

func TestTheObjectsOfARackAreNeighboursWhateverTheOrderOfTheirCreation(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	for i := range 5 {
		for _, rack := range []string{"A1", "B2", "C3"} {
			commitAll(t, s, []backend.Commit{inRackOf(rack, machine(fmt.Sprintf("%s-m%d", rack, i), 0, "Ready", `{}`))})
		}
	}
	order, err := answer(s.writer.conn, "SELECT group_concat(id, ' ') FROM (SELECT id FROM object ORDER BY key)")
	require.NoError(t, err)
	assert.Equal(t, "A1-m0 A1-m1 A1-m2 A1-m3 A1-m4 B2-m0 B2-m1 B2-m2 B2-m3 B2-m4 C3-m0 C3-m1 C3-m2 C3-m3 C3-m4", order)
}

func TestARefusedCommitLeavesNoKeyAndNoRackBehind(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	commitAll(t, s, []backend.Commit{machine("m1", 0, "Ready", `{}`)})
	bad := inRackOf("B2", machine("n1", 0, "Ready", `{}`))
	bad.Writes = append(bad.Writes, machine("m1", 7, "Wrong", `{}`).Writes...)
	// In the same transaction another rack takes the number that the refused one had, and the refused names come back in other racks.
	results, err := s.Commit(t.Context(), []backend.Commit{
		bad, inRackOf("C3", machine("c1", 0, "Ready", `{}`)),
		inRackOf("D4", machine("n1", 0, "Ready", `{}`)), inRackOf("B2", machine("b1", 0, "Ready", `{}`)),
	})
	require.NoError(t, err)
	require.ErrorIs(t, results[0], backend.ErrConflict)
	require.Equal(t, []error{nil, nil, nil}, results[1:])
	for rack, id := range map[string]string{"A1": "m1", "B2": "b1", "C3": "c1", "D4": "n1"} {
		records, err := s.List(t.Context(), backend.Query{Rack: rack})
		require.NoError(t, err)
		require.Len(t, records, 1, rack)
		assert.Equal(t, id, records[0].Ref.ID)
	}
}

func TestARefusedMoveToAnotherRackIsForgotten(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	commitAll(t, s, []backend.Commit{machine("m1", 0, "Ready", `{}`), machine("m2", 0, "Ready", `{}`)})
	bad := inRackOf("B2", machine("m1", 1, "Ready", `{}`))
	bad.Writes = append(bad.Writes, machine("m2", 7, "Wrong", `{}`).Writes...)
	results, err := s.Commit(t.Context(), []backend.Commit{bad, machine("m1", 1, "Assigned", `{}`), inRackOf("B2", machine("m1", 2, "Moved", `{}`))})
	require.NoError(t, err)
	require.ErrorIs(t, results[0], backend.ErrConflict)
	require.Equal(t, []error{nil, nil}, results[1:])
	rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: backend.Ref{Kind: backend.KindMachine, ID: "m1"}})
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Equal(t, []string{"A1", "A1", "B2"}, []string{rows[0].Rack, rows[1].Rack, rows[2].Rack})
}

func TestARackWithoutAFreeKeyRefusesOneObjectAndNothingElse(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	commitAll(t, s, []backend.Commit{machine("m1", 0, "Ready", `{}`)})
	rack := s.writer.keys.racks["A1"]
	s.writer.keys.next[rack] = (rack+1)<<indexBits - 1
	results, err := s.Commit(t.Context(), []backend.Commit{
		machine("last", 0, "Ready", `{}`), machine("more", 0, "Ready", `{}`),
		inRackOf("B2", machine("b1", 0, "Ready", `{}`)), machine("m1", 1, "Assigned", `{}`),
	})
	require.NoError(t, err)
	require.ErrorContains(t, results[1], `machine/more: nothing was committed: rack "A1" has had 1048576 objects`)
	results[1] = nil
	require.Equal(t, make([]error, 4), results)
	assert.Equal(t, []uint64{2, 1, 0, 1}, versions(t, s, "m1", "last", "more", "b1"))
}
