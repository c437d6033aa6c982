package postgres_test

import (
	"fmt"
	"hash/fnv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
)

func TestThePostgreSQLStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	cluster.Start(t)
	backendtest.TestStore(t, func(t *testing.T) backend.Store { return open(t, newSchema()) })
}

func TestThePostgreSQLStoreKeepsTheContractAcrossRestarts(t *testing.T) {
	t.Parallel()
	cluster.Start(t)
	backendtest.TestReopen(t, func(t *testing.T, folder string) backend.Store {
		h := fnv.New64()
		_, err := h.Write([]byte(folder))
		require.NoError(t, err)
		return open(t, fmt.Sprintf("folder %x", h.Sum64()))
	})
}

func TestAnObjectThatReturnsInAnotherRackIsListedThere(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema())
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"), step("m2", 0, "Ready"), step("m1", 1, ""))
	moved := step("m1", 2, "Created")
	moved.Writes[0].Record.Rack, moved.Writes[0].Transition.Rack = "B2", "B2"
	apply(t, s, moved)
	for rack, want := range map[string]string{"A1": "machine/m2", "B2": "machine/m1"} {
		records, err := s.List(t.Context(), backend.Query{Rack: rack})
		require.NoError(t, err)
		require.Len(t, records, 1, rack)
		assert.Equal(t, want, records[0].Ref.String())
	}
	rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: machine("m1")})
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Equal(t, []string{"A1", "A1", "B2"}, []string{rows[0].Rack, rows[1].Rack, rows[2].Rack})
}

func TestABatchLargerThanAStatementIsOneTransaction(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema())
	shut(t, s)
	const n = 2345
	batch := make([]backend.Commit, n)
	for i := range batch {
		batch[i] = step(fmt.Sprint("m", i), 0, "Ready")
		batch[i].Post = []backend.Request{{ID: fmt.Sprint(i), On: machine(fmt.Sprint("m", i)), State: backend.RequestPending}}
	}
	apply(t, s, batch...)
	for i := range batch {
		batch[i] = step(fmt.Sprint("m", i), 1, "")
		batch[i].Update = []backend.Request{{ID: fmt.Sprint(i), On: machine(fmt.Sprint("m", i)), State: backend.RequestWithdrawn}}
	}
	apply(t, s, batch...)
	rows, err := s.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	require.Len(t, rows, 2*n)
	for i, row := range rows {
		require.Equal(t, fmt.Sprintf("machine/m%d", i%n), row.Ref.String(), "the order of the batch")
	}
	requests, err := s.Requests(t.Context(), backend.RequestQuery{})
	require.NoError(t, err)
	require.Len(t, requests, n)
	require.Equal(t, "2344", requests[n-1].ID, "the order of posting")
	records, err := s.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	require.Empty(t, records)
}

func TestStoresOfTwoSchemasShareNothing(t *testing.T) {
	t.Parallel()
	a, b := open(t, newSchema()), open(t, newSchema())
	shut(t, a, b)
	apply(t, a, step("m1", 0, "Ready"))
	_, err := b.Get(t.Context(), machine("m1"))
	require.ErrorIs(t, err, backend.ErrNotFound)
	apply(t, b, step("m1", 0, "Assigned"))
	r, err := a.Get(t.Context(), machine("m1"))
	require.NoError(t, err)
	assert.Equal(t, "Ready", r.State)
}

func TestTwoStoresOfOneSchemaSeeEachOther(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	a, b := open(t, schema), open(t, schema)
	shut(t, a, b)
	apply(t, a, step("m1", 0, "Ready"))
	apply(t, b, step("m1", 1, "Assigned"))
	results, err := a.Commit(t.Context(), []backend.Commit{step("m1", 1, "Wrong"), step("m1", 2, "Ready")})
	require.NoError(t, err)
	require.ErrorIs(t, results[0], backend.ErrConflict)
	require.ErrorContains(t, results[0], "expected 1, stored 2")
	require.NoError(t, results[1])
}
