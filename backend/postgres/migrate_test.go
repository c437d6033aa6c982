package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
)

// names lists the migrations in a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.NotEmpty(t, names)
	return names
}

func TestTheNumbersOfTheMigrationsHaveNoGap(t *testing.T) {
	t.Parallel()
	for i, name := range names(t, "migrations") {
		assert.Regexp(t, `^\d{4}_[a-z_]+\.sql$`, name)
		assert.Equal(t, fmt.Sprintf("%04d", i+1), name[:4], name)
	}
}

func TestMigrationsHaveTheNumbersOfThoseOfSQLite(t *testing.T) {
	t.Parallel()
	ours := names(t, "migrations")
	for i, name := range names(t, "../sqlite/migrations") {
		require.Less(t, i, len(ours), "SQLite has migration %s", name)
		assert.Equal(t, name, ours[i], "one number means one thing; steps that only one of the stores takes come last")
	}
}

// relations lists all that a schema holds.
const relations = "SELECT coalesce(string_agg(c.relname || ' ' || c.relkind::text, ', ' ORDER BY c.relname), '') " +
	"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1"

func TestManyReplicasMayOpenANewSchemaTogether(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	cluster.Start(t)
	const replicas = 6
	stores := make([]*postgres.Store, replicas)
	errs := make([]error, replicas)
	var all sync.WaitGroup
	for i := range replicas {
		all.Go(func() { stores[i], errs[i] = postgres.Open(t.Context(), cluster.Start(t), quiet(schema)) })
	}
	all.Wait()
	for i := range replicas {
		require.NoError(t, errs[i])
		apply(t, stores[i], step("m1", uint64(i), "Ready"))
		require.NoError(t, stores[i].Close())
	}
	assert.Equal(t, len(names(t, "migrations")), ask[int](t, raw(t, schema), "SELECT count(*) FROM migration"))
}

func TestANewerSchemaIsRefusedWithBothVersions(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	require.NoError(t, open(t, schema).Close())
	conn := raw(t, schema)
	known := len(names(t, "migrations"))
	exec(t, conn, fmt.Sprintf("INSERT INTO migration VALUES (%d, '%04d_later.sql')", known+1, known+1))
	_, err := postgres.Open(t.Context(), cluster.Start(t), quiet(schema))
	require.ErrorIs(t, err, backend.ErrNewerSchema)
	require.ErrorContains(t, err, fmt.Sprintf("version %d, this program understands up to %d", known+1, known))
	require.ErrorContains(t, err, schema)
}

func TestASchemaOfAnotherProgramIsRefusedAndNotTouched(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string]string{
		"other tables":     "CREATE TABLE object (mine integer)",
		"other migrations": "CREATE TABLE migration (number integer, name text); INSERT INTO migration VALUES (1, '0001_mine.sql')",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := newSchema()
			conn := raw(t, schema)
			exec(t, conn, fmt.Sprintf("CREATE SCHEMA %q; %s", schema, statements))
			before := ask[string](t, conn, relations, schema)
			_, err := postgres.Open(t.Context(), cluster.Start(t), quiet(schema))
			require.ErrorIs(t, err, postgres.ErrForeignSchema)
			require.ErrorContains(t, err, "choose another Config.Schema")
			assert.Equal(t, before, ask[string](t, conn, relations, schema))
		})
	}
}

func TestAnUpgradeThatFailsLeavesTheSchemaAsItWas(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := open(t, schema)
	apply(t, s, step("m1", 0, "Ready"))
	require.NoError(t, s.Close())
	conn := raw(t, schema)
	// A schema of the version before the last, with a view in the way of what the last step creates.
	exec(t, conn, "DROP VIEW leases; DROP TABLE lease, owner; DELETE FROM migration WHERE number = 4; CREATE VIEW leases AS SELECT 1")
	before := ask[string](t, conn, relations, schema)
	_, err := postgres.Open(t.Context(), cluster.Start(t), quiet(schema))
	require.ErrorContains(t, err, "upgrade from schema version 3 to 4: 0004_leases.sql")
	assert.Equal(t, before, ask[string](t, conn, relations, schema))

	exec(t, conn, "DROP VIEW leases")
	s = open(t, schema)
	shut(t, s)
	apply(t, s, step("m1", 1, "Assigned"))
	claim(t, s, "a", "A1")
}

func TestAnEmptySchemaThatSomebodyElseMadeIsUsed(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	exec(t, raw(t, schema), fmt.Sprintf("CREATE SCHEMA %q", schema))
	require.NoError(t, open(t, schema).Close())
}

func TestAConfigurationThatCannotWorkIsRefusedByField(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]postgres.Config{
		"Config.Schema is":           {Schema: strings.Repeat("x", 64)},
		"Config.Schema is \"pg_x\"":  {Schema: "pg_x"},
		"Config.Connections is -1":   {Connections: -1},
		"Config.StatementTimeout is": {StatementTimeout: time.Microsecond},
		"Config.RetryFor is -1ns":    {RetryFor: -1},
	} {
		_, err := postgres.Open(t.Context(), "host=/nowhere", config)
		require.ErrorContains(t, err, want)
	}
}

func TestAConnectionStringIsNeverShownWithItsPassword(t *testing.T) {
	t.Parallel()
	config := quiet(newSchema())
	config.RetryFor = time.Millisecond
	for _, dsn := range []string{
		"postgres://ann:secret@127.0.0.1:1/racks?sslmode=disable", "postgres://ann:secret@127.0.0.1:port/racks", "user=ann password=secret host=/nowhere",
		"postgres://ann:secret@127.0.0.1:1/racks?sslmode=perhaps",
	} {
		_, err := postgres.Open(t.Context(), dsn, config)
		require.Error(t, err, dsn)
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("test"))
	defer cancel()
	_, err := postgres.Open(ctx, "host=/nowhere", quiet(newSchema()))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAServerThatOnlyReadsIsNamedAsTheReason(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	require.NoError(t, open(t, schema).Close())
	config := quiet(schema)
	config.RetryFor = 50 * time.Millisecond
	s, err := postgres.Open(t.Context(), cluster.Start(t)+" options='-c default_transaction_read_only=on'", config)
	require.NoError(t, err, "what is there can be read")
	shut(t, s)
	_, err = s.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	_, err = s.Commit(t.Context(), []backend.Commit{step("m1", 0, "Ready")})
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorContains(t, err, "target_session_attrs=read-write")
}
