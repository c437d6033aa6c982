package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
)

// cluster serves all tests but those that stop a server. durable is that of the benchmarks.
var (
	cluster = pgtest.New(pgtest.Config{})
	durable = pgtest.New(pgtest.Config{Fsync: true, Settings: []string{"max_wal_size = '4GB'"}})
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := errors.Join(cluster.Stop(), durable.Stop()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}

var schemas atomic.Int64

// newSchema returns a name that no other test has.
func newSchema() string { return fmt.Sprintf("test %d", schemas.Add(1)) }

// quiet is the configuration of most tests.
func quiet(schema string) postgres.Config {
	return postgres.Config{Schema: schema, Connections: 2, Logger: slog.New(slog.DiscardHandler)}
}

// open opens the store of a schema in the cluster that all tests share; the test closes it.
func open(tb testing.TB, schema string) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(tb.Context(), cluster.Start(tb), quiet(schema))
	require.NoError(tb, err)
	return s
}

// openAs opens a store whose connections have a name of their own.
func openAs(tb testing.TB, schema, name string) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(tb.Context(), cluster.Start(tb)+" application_name='"+name+"'", quiet(schema))
	require.NoError(tb, err)
	return s
}

// shut closes a store at the end of a test.
func shut(tb testing.TB, stores ...*postgres.Store) {
	tb.Helper()
	tb.Cleanup(func() {
		for _, s := range stores {
			if err := s.Close(); err != nil {
				tb.Error(err)
			}
		}
	})
}

// raw connects without a store, with a schema as the search path.
func raw(tb testing.TB, schema string) *pgx.Conn {
	tb.Helper()
	config, err := pgx.ParseConfig(cluster.Start(tb))
	require.NoError(tb, err)
	config.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	conn, err := pgx.ConnectConfig(tb.Context(), config)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close(context.WithoutCancel(tb.Context())) })
	return conn
}

// exec runs statements.
func exec(tb testing.TB, conn *pgx.Conn, statements string) {
	tb.Helper()
	_, err := conn.PgConn().Exec(tb.Context(), statements).ReadAll()
	require.NoError(tb, err)
}

// ask reads one value.
func ask[T any](tb testing.TB, conn *pgx.Conn, query string, args ...any) T {
	tb.Helper()
	var v T
	require.NoError(tb, conn.QueryRow(tb.Context(), query, args...).Scan(&v))
	return v
}

// patience bounds every wait of a test for something that must happen soon.
const patience = time.Minute

// blocked waits until a connection of a schema's stores waits for a lock.
func blocked(tb testing.TB, conn *pgx.Conn, name string) {
	tb.Helper()
	deadline := time.Now().Add(patience)
	for {
		n := ask[int](tb, conn, "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'", name)
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatal("nothing waits for a lock")
		}
	}
}

// stepTime is the time of a step.
func stepTime(version uint64) time.Time {
	return time.Date(2026, 3, 29, 1, 59, 59, 123_457_000, time.UTC).Add(time.Duration(version) * time.Second)
}

// machine names a machine.
func machine(id string) backend.Ref { return backend.Ref{Kind: backend.KindMachine, ID: id} }

// step is a Commit that takes a machine of rack A1 to a state.
func step(id string, expect uint64, state string) backend.Commit {
	return backend.Commit{Writes: []backend.Write{write(id, expect, state)}}
}

// write is the Write of a step.
func write(id string, expect uint64, state string) backend.Write {
	ref := machine(id)
	return backend.Write{
		Record: backend.Record{
			Ref: ref, Rack: "A1", State: state, Since: stepTime(expect), Transitions: expect + 1,
			Outcome: backend.Outcome{Kind: backend.OutcomeTransition, At: stepTime(expect)}, Data: []byte(fmt.Sprintf(`{"n":%d}`, expect)),
		},
		Expect:     expect,
		Transition: &backend.Transition{Ref: ref, Rack: "A1", Seq: expect + 1, To: state, At: stepTime(expect), Trigger: "Step", Initiator: "controller"},
	}
}

// apply commits and requires that all is applied.
func apply(tb testing.TB, s backend.Store, batch ...backend.Commit) {
	tb.Helper()
	results, err := s.Commit(tb.Context(), batch)
	require.NoError(tb, err)
	for _, err := range results {
		require.NoError(tb, err)
	}
}
