package sitesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
	"github.com/rackstate/rackstate/backend/sqlite"
)

// stores are the stores that a bring-up must not tell apart.
var stores = map[string]func(*testing.T) backend.Store{
	"memory": func(*testing.T) backend.Store { return memory.New() },
	"sqlite": func(t *testing.T) backend.Store {
		t.Helper()
		return openSQLite(t, filepath.Join(t.TempDir(), "racks.db"))
	},
	"postgresql": func(t *testing.T) backend.Store {
		t.Helper()
		return openPostgreSQL(t)
	},
}

// cluster holds a schema for each store.
var cluster = pgtest.New(pgtest.Config{})

var schemas atomic.Int64

// openPostgreSQL opens a store that ends with the test, in a schema of its own.
func openPostgreSQL(tb testing.TB) *postgres.Store {
	tb.Helper()
	config := postgres.Config{Schema: fmt.Sprint("site ", schemas.Add(1)), Connections: 2, Logger: slog.New(slog.DiscardHandler)}
	store, err := postgres.Open(tb.Context(), cluster.Start(tb), config)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, store.Close()) })
	return store
}

// openSQLite opens a store that ends with the test. It does not wait for the disk: no test here cuts the power.
func openSQLite(tb testing.TB, path string) *sqlite.Store {
	tb.Helper()
	store, err := sqlite.Open(tb.Context(), path, sqlite.Config{Synchronous: sqlite.Normal})
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, store.Close()) })
	return store
}

// account is all that a store holds, as lines of JSON: every transition with its position and time, every record, every request.
func account(t *testing.T, store backend.Store) string {
	t.Helper()
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	history, err := store.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	for _, row := range history {
		require.NoError(t, lines.Encode(row))
	}
	records, err := store.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	for _, r := range records {
		require.NoError(t, lines.Encode(r))
		fmt.Fprintf(&text, "%s\n", r.Data)
	}
	requests, err := store.Requests(t.Context(), backend.RequestQuery{})
	require.NoError(t, err)
	for _, r := range requests {
		require.NoError(t, lines.Encode(r))
	}
	return text.String()
}

// chance are faults that strike by the seed, and only calls that are repeated.
const chance = `
	fail InspectPlatform p=0.2
	lose SubmitPlatform p=0.2
	timeout ResetHost p=0.3
	timeout PowerState p=0.1
	fail FirmwareJob p=0.2
	omit SwitchImageJob p=0.2
	lie PowerState p=0.05
	away on machine/*-compute-1 from 5m for 3m
	lose SetPower p=0.2
	lose StartValidation p=0.5
	job FirmwareJob on machine/R02-compute-3 fails "bad image" count=1`

func TestTheSameSeedGivesTheSameRecordsByteForByteOnEveryStore(t *testing.T) {
	t.Parallel()
	bad := faults(t, chance)
	seeds := uint64(6)
	if testing.Short() || underRace {
		seeds = 3
	}
	for seed := range seeds {
		var first string
		var mu sync.Mutex
		for name, open := range stores {
			t.Run(fmt.Sprintf("seed %d on %s", seed+1, name), func(t *testing.T) {
				t.Parallel()
				for range 2 {
					store := open(t)
					sim := newSim(t, config(3, store, seed+1, bad...))
					require.NoError(t, runWith(t.Context(), sim, operator))
					text := account(t, store)
					require.Greater(t, len(text), 50_000)
					mu.Lock()
					if first == "" {
						first = text
					}
					assert.Empty(t, cmp.Diff(first, text))
					mu.Unlock()
				}
			})
		}
	}
}

func TestAnotherSeedGivesAnotherHistory(t *testing.T) {
	t.Parallel()
	one, two := memory.New(), memory.New()
	bringUp(t, config(1, one, 1))
	bringUp(t, config(1, two, 2))
	assert.NotEqual(t, account(t, one), account(t, two))
}
