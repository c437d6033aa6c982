package scenario_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
)

// cluster is the server of all tests.
var cluster = pgtest.New(pgtest.Config{})

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// schemas are stores on one server. They are emptied and used again, because to make the tables takes as long as a scenario.
type schemas struct {
	parent *testing.T
	dsn    string

	mu   sync.Mutex
	made int
	free []*emptied
}

// emptied is a store without rows.
type emptied struct {
	*postgres.Store
	clean *pgx.Conn
}

func newSchemas(t *testing.T) *schemas {
	t.Helper()
	return &schemas{parent: t, dsn: cluster.Start(t)}
}

// open returns an empty store, which comes back when the test ends.
func (s *schemas) open(t *testing.T) backend.Store {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		s.free = append(s.free, s.create(t))
	}
	last := len(s.free) - 1
	store := s.free[last]
	s.free = s.free[:last]
	t.Cleanup(func() { s.giveBack(t, store) })
	return store.Store
}

// create makes a schema.
func (s *schemas) create(t *testing.T) *emptied {
	t.Helper()
	s.made++
	name := fmt.Sprintf("scenarios_%d", s.made)
	store, err := postgres.Open(s.parent.Context(), s.dsn, postgres.Config{Schema: name, Connections: 1, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	s.parent.Cleanup(func() { require.NoError(s.parent, store.Close()) })
	conn, err := pgx.Connect(s.parent.Context(), s.dsn+" search_path="+name)
	require.NoError(t, err)
	s.parent.Cleanup(func() { require.NoError(s.parent, conn.Close(context.WithoutCancel(s.parent.Context()))) })
	return &emptied{store, conn}
}

// giveBack empties a store.
func (s *schemas) giveBack(t *testing.T, store *emptied) {
	t.Helper()
	const tables = "DELETE FROM object; DELETE FROM record; DELETE FROM history; DELETE FROM request; DELETE FROM lease; DELETE FROM owner; DELETE FROM cursor"
	_, err := store.clean.PgConn().Exec(s.parent.Context(), tables).ReadAll()
	require.NoError(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, store)
}
