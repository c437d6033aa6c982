package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
)

// planOf returns how the server answers a query, one step a line.
func planOf(t *testing.T, conn *pgx.Conn, explain string, values ...any) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), explain, append([]any{pgx.QueryExecModeExec}, values...)...)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}

func TestACommitReadsNoWholeTable(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	shut(t, open(t, schema))
	conn := raw(t, schema)
	exec(t, conn, "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan")
	for name, sql := range postgres.Statements() {
		arguments := strings.Count(sql, "$")
		for strings.Count(sql, fmt.Sprint("$", arguments)) == 0 && arguments > 0 {
			arguments--
		}
		if arguments == 0 {
			continue
		}
		exec(t, conn, "PREPARE "+name+" AS "+sql)
		plan := planOf(t, conn, "EXPLAIN EXECUTE "+name+"(NULL"+strings.Repeat(", NULL", arguments-1)+")")
		assert.NotContains(t, plan, "Seq Scan", "%s\n%s", sql, plan)
	}
}

func TestAReadUsesTheIndexThatIsThereForIt(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	shut(t, open(t, schema))
	conn := raw(t, schema)
	exec(t, conn, `
		INSERT INTO object SELECT 'r' || n / 36, 'machine', 'm' || n, 'Ready', now(), 1, 1, '', '', NULL, false, n FROM generate_series(1, 20000) AS n;
		INSERT INTO record SELECT n, '{}' FROM generate_series(1, 20000) AS n;
		INSERT INTO history (object, rack, seq, from_state, to_state, at, "trigger", initiator, note)
			SELECT 1 + n % 2000, 'r', n, '', '', now(), '', '', '' FROM generate_series(1, 60000) AS n;
		INSERT INTO request (id, kind, object, rack, type, state, initiator, reference, cycle, cancelled_by, reason)
			SELECT 'q' || n, 'machine', 'm' || n % 2000, 'r', '', CASE WHEN n % 1000 = 0 THEN 'pending' ELSE 'finished' END, '', '', '', '', ''
			FROM generate_series(1, 20000) AS n;
		ANALYZE`)
	list := func(q backend.Query) func() (string, []any) {
		return func() (string, []any) { return postgres.ListSQL(q) }
	}
	history := func(q backend.HistoryQuery) func() (string, []any) {
		return func() (string, []any) { return postgres.HistorySQL(q) }
	}
	requests := func(q backend.RequestQuery) func() (string, []any) {
		return func() (string, []any) { return postgres.RequestsSQL(q) }
	}
	m7 := machine("m7")
	for name, c := range map[string]struct {
		query func() (string, []any)
		uses  string
		sorts bool // few rows, all of them wanted
	}{
		"a rack":                {list(backend.Query{Rack: "r7"}), "object_pkey", true},
		"a page of all":         {list(backend.Query{Limit: 100}), "object_pkey", false},
		"a later page":          {list(backend.Query{Limit: 100, After: &backend.Record{Ref: m7, Rack: "r7"}}), "object_pkey", false},
		"a page of history":     {history(backend.HistoryQuery{After: 30_000, Limit: 100}), "history_pkey", false},
		"a chain":               {history(backend.HistoryQuery{Ref: m7}), "history_object", true},
		"a page of a chain":     {history(backend.HistoryQuery{Ref: m7, After: 30_000, Limit: 10}), "history_object", false},
		"one request":           {requests(backend.RequestQuery{ID: "q7"}), "request_name", true},
		"requests on an object": {requests(backend.RequestQuery{On: m7}), "request_object", true},
		"open requests":         {requests(backend.RequestQuery{OpenOnly: true}), "request_open", true},
		"open on an object":     {requests(backend.RequestQuery{OpenOnly: true, On: m7}), "request_open", true},
	} {
		text, values := c.query()
		plan := planOf(t, conn, "EXPLAIN "+text, values...)
		assert.Contains(t, plan, c.uses, "%s\n%s", name, plan)
		assert.NotContains(t, plan, "Seq Scan", "%s\n%s", name, plan)
		if !c.sorts {
			assert.NotContains(t, plan, "Sort", "%s\n%s", name, plan)
		}
	}
}
