package metamorphic_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/metamorphic"
)

// cluster is the server of all tests.
var cluster = pgtest.New(pgtest.Config{})

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// inFiles opens SQLite stores, one for each plan.
func inFiles(t *testing.T) metamorphic.Store {
	t.Helper()
	dir, n := t.TempDir(), 0
	return func(ctx context.Context) (backend.Store, func() error, error) {
		n++
		store, err := sqlite.Open(ctx, filepath.Join(dir, fmt.Sprintf("%d.db", n)), sqlite.Config{Synchronous: sqlite.Normal})
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
}

// onServer has one schema that is emptied after each plan: to make the tables takes longer than a plan.
func onServer(t *testing.T, name string) metamorphic.Store {
	t.Helper()
	dsn := cluster.Start(t)
	store, err := postgres.Open(t.Context(), dsn, postgres.Config{Schema: name, Connections: 1, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), dsn+" search_path="+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, store.Close())
		require.NoError(t, conn.Close(context.WithoutCancel(t.Context())))
	})
	const tables = "DELETE FROM object; DELETE FROM record; DELETE FROM history; DELETE FROM request; DELETE FROM lease; DELETE FROM owner; DELETE FROM cursor"
	return func(ctx context.Context) (backend.Store, func() error, error) {
		empty := func() error {
			_, err := conn.PgConn().Exec(ctx, tables).ReadAll()
			return err
		}
		return store, empty, nil
	}
}

// same compares what two runs have left behind, in all columns but the positions of rows.
func same(t *testing.T, seed uint64, where string, want, got *metamorphic.Result) {
	t.Helper()
	equal := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(metamorphic.Result{}, "Failure", "Steps")}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("seed %d: - in memory, + %s:\n%.3000s", seed, where, diff)
	}
}

// Two hundred plans of every form, on stores that have nothing in common.
func TestAPlanHasTheSameHistoryOnEveryStore(t *testing.T) {
	t.Parallel()
	for block := range uint64(8) {
		t.Run(fmt.Sprint("block ", block), func(t *testing.T) {
			t.Parallel()
			memory := metamorphic.NewRunner()
			others := map[string]*metamorphic.Runner{"on SQLite": metamorphic.NewRunner(metamorphic.On(inFiles(t)))}
			if form := metamorphic.New(block * metamorphic.Block).Form; form != metamorphic.Shared { // there leases last in real time
				others["on PostgreSQL"] = metamorphic.NewRunner(metamorphic.On(onServer(t, fmt.Sprint("plans_", block))))
			}
			for seed := block * metamorphic.Block; seed < block*metamorphic.Block+25; seed++ {
				plan := metamorphic.New(seed)
				want := memory.Run(t.Context(), plan)
				for where, r := range others {
					same(t, seed, where, want, r.Run(t.Context(), plan))
				}
			}
		})
	}
}

func TestAPlanHasTheSameHistoryTwice(t *testing.T) {
	t.Parallel()
	again := metamorphic.NewRunner()
	for seed := uint64(7); seed < 8*metamorphic.Block; seed += 11 {
		plan := metamorphic.New(seed)
		first := metamorphic.NewRunner().Run(t.Context(), plan)
		require.NotEmpty(t, first.History)
		same(t, seed, "again", first, again.Run(t.Context(), metamorphic.New(seed)))
		same(t, seed, "and again", first, again.Run(t.Context(), plan))
		text := fmt.Sprintf("%+v", first.Failure)
		require.Equal(t, text, fmt.Sprintf("%+v", again.Run(t.Context(), plan).Failure), "seed %d", seed)
	}
}

func TestEveryFormIsAmongTheFirstPlans(t *testing.T) {
	t.Parallel()
	var seen []metamorphic.Form
	for block := range uint64(8) {
		if form := metamorphic.New(block * metamorphic.Block).Form; !slices.Contains(seen, form) {
			seen = append(seen, form)
		}
	}
	require.ElementsMatch(t, metamorphic.Forms(), seen)
}
