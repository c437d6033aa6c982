package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/sqlite"
)

func TestTheSQLiteStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	backendtest.TestStore(t, func(t *testing.T) backend.Store { return open(t, t.TempDir()) })
}

func TestTheSQLiteStoreKeepsTheContractAcrossRestarts(t *testing.T) {
	t.Parallel()
	backendtest.TestReopen(t, func(t *testing.T, folder string) backend.Store { return open(t, folder) })
}

func TestARelaxedStoreWithOneReaderKeepsTheContract(t *testing.T) {
	t.Parallel()
	backendtest.TestStore(t, func(t *testing.T) backend.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), sqlite.Config{Synchronous: sqlite.Normal, Readers: 1})
		require.NoError(t, err)
		return s
	})
}

func TestAConfigurationThatCannotWorkIsRefusedByField(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	_, err := sqlite.Open(t.Context(), path, sqlite.Config{Readers: -1})
	require.ErrorContains(t, err, "Config.Readers is -1")
	_, err = sqlite.Open(t.Context(), path, sqlite.Config{Synchronous: 7})
	require.ErrorContains(t, err, "Config.Synchronous is 7")
	assert.NoFileExists(t, path)
}

func TestAnObjectThatReturnsInAnotherRackIsListedThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, folder)
	apply(t, s, step("m1", 0, "Ready"), step("m2", 0, "Ready"), step("m1", 1, ""))
	moved := step("m1", 2, "Created")
	moved.Writes[0].Record.Rack, moved.Writes[0].Transition.Rack = "B2", "B2"
	apply(t, s, moved)
	require.NoError(t, s.Close())

	s = open(t, folder)
	defer func() { require.NoError(t, s.Close()) }()
	for rack, want := range map[string]string{"A1": "machine/m2", "B2": "machine/m1"} {
		records, err := s.List(t.Context(), backend.Query{Rack: rack})
		require.NoError(t, err)
		require.Len(t, records, 1, rack)
		assert.Equal(t, want, records[0].Ref.String())
	}
	rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: backend.Ref{Kind: backend.KindMachine, ID: "m1"}})
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Equal(t, []string{"A1", "A1", "B2"}, []string{rows[0].Rack, rows[1].Rack, rows[2].Rack})
}

func BenchmarkCommit(b *testing.B) {
	backendtest.BenchStore(b, func(b *testing.B) backend.Store { return open(b, b.TempDir()) })
}

// BenchmarkCommitFromManyCallers shows what it brings that commits of many goroutines are written together: each of them commits one
// object at a time and waits for the disk.
func BenchmarkCommitFromManyCallers(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := open(b, b.TempDir())
			var all sync.WaitGroup
			b.ResetTimer()
			for caller := range callers {
				all.Go(func() {
					for version := range uint64(b.N/callers + 1) {
						results, err := s.Commit(b.Context(), []backend.Commit{step(fmt.Sprint(caller), version, "Ready")})
						if err != nil || results[0] != nil {
							b.Error(err, results)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			require.NoError(b, s.Close())
		})
	}
}
