//go:build unix

package chaos

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/remote"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// named is a connection string whose connections carry the name of a writer and which of its processes it is.
func named(dsn, writer string, life int) string {
	return fmt.Sprintf("%s application_name='%s#%d'", dsn, writer, life)
}

// hostName is the writer that needs no lease.
const hostName = "host"

// auditSQL notes for every row of an object that is written who wrote it and who held the rack. The store has looked at the lease in the same transaction, and keeps others from taking it
// until its end: so the writer must be the owner, and the lease must have been current when the transaction began.
const auditSQL = `
CREATE TABLE audit (at timestamptz, writer text, kind text, id text, rack text, version bigint, owner text, token bigint, current boolean);
CREATE FUNCTION audit_write() RETURNS trigger LANGUAGE plpgsql SET search_path = %[1]s AS $$
BEGIN
	INSERT INTO audit
	SELECT clock_timestamp(), split_part(current_setting('application_name'), '#', 1), NEW.kind, NEW.id, NEW.rack, NEW.version, l.owner, l.token, l.expires > now()
	FROM (SELECT) AS always LEFT JOIN lease AS l ON l.rack = NEW.rack;
	RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON object FOR EACH ROW EXECUTE FUNCTION audit_write();`

// raw connects without a store.
func raw(ctx context.Context, dsn, schema string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	return pgx.ConnectConfig(ctx, config)
}

// beginAudit has the database watch over its writers.
func beginAudit(t *testing.T, dsn, schema string) {
	t.Helper()
	conn, err := raw(t.Context(), dsn, schema)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.PgConn().Exec(t.Context(), fmt.Sprintf(auditSQL, pgx.Identifier{schema}.Sanitize())).ReadAll()
	require.NoError(t, err)
}

// trespasses are the writes of controllers that did not hold the rack, and writes is how many each writer made.
func trespasses(t *testing.T, dsn, schema string) (found []string, writes map[string]int) {
	t.Helper()
	conn, err := raw(t.Context(), dsn, schema)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	rows, err := conn.Query(t.Context(), `SELECT format('%s wrote version %s of %s/%s in %s at %s; owner %s, token %s, current: %s', writer, version, kind, id, rack, at, owner, token, current)
		FROM audit WHERE writer <> $1 AND (writer = owner AND current) IS NOT TRUE ORDER BY at`, hostName)
	require.NoError(t, err)
	found, err = pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	writes = map[string]int{}
	rows, err = conn.Query(t.Context(), "SELECT writer, count(*) FROM audit GROUP BY writer")
	require.NoError(t, err)
	var writer string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&writer, &n}, func() error {
		writes[strings.Clone(writer)] = n
		return nil
	})
	require.NoError(t, err)
	return found, writes
}

// at opens the store of a writer.
func at(t *testing.T, dsn, schema, writer string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), named(dsn, writer, 1), postgres.Config{Schema: schema, Connections: 1, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func TestTheAuditSeesWhoWritesWithoutALease(t *testing.T) {
	t.Parallel()
	const schema = "audit"
	dsn := steady.Start(t)
	pace := remote.NewPace(sitesim.Start, 1)
	hw := fake.New(pace, fake.Config{Instant: true})
	site := newHost(t, 1, at(t, dsn, schema, hostName), hw, pace)
	beginAudit(t, dsn, schema)
	require.NoError(t, site.rackUp(t.Context(), 0))
	work := func(writer, owner string) *rack.Manager {
		m, err := rack.NewManager(t.Context(), at(t, dsn, schema, writer), managed(1, hw.Driver(), lifecycle.Config{Clock: site.pace.Clock(t.Context()), Logger: quiet, Owner: owner}))
		require.NoError(t, err)
		_, err = m.Controller().KeepLeases(t.Context())
		require.NoError(t, err)
		_, _, err = m.RunUntilIdle(t.Context(), pace.Now())
		require.NoError(t, err)
		return m
	}
	work("ada", "ada")
	wrong, writes := trespasses(t, dsn, schema)
	assert.Empty(t, wrong)
	assert.Positive(t, writes["ada"])

	thief := work("thief", "") // a controller that asks nobody
	require.NoError(t, thief.Controller().SetLabels(t.Context(), backend.Ref{Kind: backend.KindRack, ID: "R01"}, 0, map[string]string{"a": "b"}))
	wrong, _ = trespasses(t, dsn, schema)
	require.NotEmpty(t, wrong)
	assert.Regexp(t, `^thief wrote version \d+ of \w+/R01.* in R01 at .*; owner ada, token 1, current: t$`, wrong[len(wrong)-1])
}
