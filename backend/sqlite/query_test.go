package sqlite

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

// plan returns how SQLite answers a query, one step a line.
func plan(t *testing.T, s *Store, text string, values []any) string {
	t.Helper()
	var steps []string
	require.NoError(t, s.query(t.Context(), "EXPLAIN QUERY PLAN "+text, values, func(st *lite.Stmt) error {
		steps = append(steps, st.ColumnText(3))
		return nil
	}))
	return strings.Join(steps, "\n")
}

func TestNoQueryOfTheEngineSortsOrReadsAllRows(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	ref := backend.Ref{Kind: backend.KindMachine, ID: "m1"}
	for name, p := range map[string]string{
		"all":            planOf(t, s, listQuery, backend.Query{}),
		"a page of all":  planOf(t, s, listQuery, backend.Query{After: &backend.Record{Ref: ref, Rack: "A1"}, Limit: 10}),
		"a rack":         planOf(t, s, listQuery, backend.Query{Rack: "A1"}),
		"a kind":         planOf(t, s, listQuery, backend.Query{Rack: "A1", Kind: backend.KindMachine, StatePrefix: "Ready"}),
		"history":        planOf(t, s, historyQuery, backend.HistoryQuery{After: 5, Limit: 10}),
		"a chain":        planOf(t, s, historyQuery, backend.HistoryQuery{Ref: ref}),
		"a chain's page": planOf(t, s, historyQuery, backend.HistoryQuery{Ref: ref, After: 5, Limit: 10}),
		"open requests":  planOf(t, s, requestQuery, backend.RequestQuery{On: ref, OpenOnly: true}),
		"requests":       planOf(t, s, requestQuery, backend.RequestQuery{On: ref}),
		"a request":      planOf(t, s, requestQuery, backend.RequestQuery{ID: "r1", On: ref}),
	} {
		assert.NotContains(t, p, "TEMP B-TREE", name)
		assert.NotContains(t, p, "SCAN o", name)
		assert.NotContains(t, p, "SCAN request", name)
	}
	assert.Contains(t, planOf(t, s, listQuery, backend.Query{After: &backend.Record{Ref: ref, Rack: "A1"}}), "SEARCH r USING COVERING INDEX")
	assert.Contains(t, planOf(t, s, historyQuery, backend.HistoryQuery{Ref: ref, After: 5}), "history_object (object=? AND rowid>?)")
	assert.Contains(t, planOf(t, s, requestQuery, backend.RequestQuery{OpenOnly: true}), "USING INDEX request_open")
}

// planOf returns how SQLite answers a query of the contract.
func planOf[Q any](t *testing.T, s *Store, build func(Q) (string, []any), q Q) string {
	t.Helper()
	text, values := build(q)
	return plan(t, s, text, values)
}

func TestAReadThatIsCancelledInTheMiddleEndsAndItsConnectionGoesOn(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	commitAll(t, s, []backend.Commit{machine("m1", 0, "Ready", `{}`)})
	const endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
	for range 2 * cap(s.readers) {
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		err := s.query(ctx, endless, nil, func(*lite.Stmt) error {
			if seen++; seen == 3 {
				cancel()
			}
			return nil
		})
		require.Equal(t, context.Canceled, err)
		assert.Equal(t, []uint64{1}, versions(t, s, "m1"))
	}
}

func TestAReadThatWaitsForAConnectionCanBeCancelled(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	var taken []*lite.Conn
	for range cap(s.readers) {
		taken = append(taken, <-s.readers)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.Get(ctx, backend.Ref{Kind: backend.KindMachine, ID: "m1"})
		done <- err
	}()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	for _, conn := range taken {
		s.readers <- conn
	}
}
