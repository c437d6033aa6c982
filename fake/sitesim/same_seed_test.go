package sitesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/sqlite"
)

// stores are the stores that a bring-up must not tell apart.
var stores = map[string]func(*testing.T) backend.Store{
	"memory": func(*testing.T) backend.Store { return memory.New() },
	"sqlite": func(t *testing.T) backend.Store {
		t.Helper()
		return openSQLite(t, filepath.Join(t.TempDir(), "racks.db"))
	},
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
	for seed := uint64(1); seed <= 4; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			var first string
			for name, open := range stores {
				for range 2 {
					store := open(t)
					sim := newSim(t, config(3, store, seed, bad...))
					require.NoError(t, runWith(t.Context(), sim, operator))
					text := account(t, store)
					if first == "" {
						first = text
					}
					require.Greater(t, len(text), 50_000)
					assert.Empty(t, cmp.Diff(first, text), name)
				}
			}
		})
	}
}

func TestAnotherSeedGivesAnotherHistory(t *testing.T) {
	t.Parallel()
	one, two := memory.New(), memory.New()
	bringUp(t, config(1, one, 1))
	bringUp(t, config(1, two, 2))
	assert.NotEqual(t, account(t, one), account(t, two))
}
