package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/sqlite"
)

// open opens the store in a folder.
func open(t testing.TB, folder string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(folder, "store.db"), sqlite.Config{})
	require.NoError(t, err)
	return s
}

func TestTheSQLiteStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	backendtest.TestStore(t, func(t *testing.T) backend.Store { return open(t, t.TempDir()) })
}

func TestTheSQLiteStoreKeepsTheContractAcrossRestarts(t *testing.T) {
	t.Parallel()
	backendtest.TestReopen(t, func(t *testing.T, folder string) backend.Store { return open(t, folder) })
}

func BenchmarkCommit(b *testing.B) {
	backendtest.BenchStore(b, func(b *testing.B) backend.Store { return open(b, b.TempDir()) })
}
