package scenario_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/scenario"
)

func inMemory(*testing.T) backend.Store { return memory.New() }

func TestScenarios(t *testing.T) {
	t.Parallel()
	scenario.RunDir(t, "testdata", inMemory)
}

// TestScenariosOnSQLite runs every scenario on both stores: what happened must be the same, and so must what is expected of it.
func TestScenariosOnSQLite(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T) backend.Store {
		store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "racks.db"), sqlite.Config{Synchronous: sqlite.Normal})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		return store
	})
}

// TestScenariosOnPostgreSQL does the same on one server.
func TestScenariosOnPostgreSQL(t *testing.T) {
	t.Parallel()
	onBoth(t, newSchemas(t).open)
}

// leaseClock is implemented by stores whose leases last in the time of the scenario.
type leaseClock interface{ LeaseClock(now func() time.Time) }

// onBoth runs every scenario in memory and on a store that is empty.
func onBoth(t *testing.T, open func(t *testing.T) backend.Store) {
	t.Helper()
	list, err := scenario.Read("testdata")
	require.NoError(t, err)
	require.NotEmpty(t, list)
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			if _, own := store.(leaseClock); !own && len(s.Given.Controllers) > 0 {
				t.Skip("leases last in real time here")
			}
			want, wantErr := scenario.Run(t.Context(), s, memory.New())
			got, gotErr := scenario.Run(t.Context(), s, store)
			require.Equal(t, wantErr, gotErr)
			same := cmp.Options{cmpopts.IgnoreFields(backend.Transition{}, "Position"), cmpopts.EquateEmpty()}
			if diff := cmp.Diff(want.History, got.History, same); diff != "" {
				t.Errorf("the histories differ (- in memory, + on %T):\n%s", store, diff)
			}
			require.Equal(t, want.Trace, got.Trace)
		})
	}
}
