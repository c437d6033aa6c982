package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

func TestAFullDiskLosesNothingAndTheStoreGoesOnWhenThereIsSpace(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("needs the right to mount a file system: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	ballast := filepath.Join(folder, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o644))
	path := filepath.Join(folder, "store.db")
	s, err := Open(t.Context(), path, Config{})
	require.NoError(t, err)

	version := uint64(0)
	data := `"` + strings.Repeat("x", 20_000) + `"`
	for err == nil {
		require.Less(t, version, uint64(1000), "the disk is never full")
		_, err = s.Commit(t.Context(), []backend.Commit{machine("m1", version, "Ready", data), machine("m2", version, "Ready", data)})
		if err == nil {
			version++
		}
	}
	require.NotZero(t, version)
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorContains(t, err, "free some space for "+folder)
	assert.Equal(t, []uint64{version, version}, versions(t, s, "m1", "m2"))
	_, err = s.Commit(t.Context(), []backend.Commit{machine("m1", version, "Ready", data), machine("m2", version, "Ready", data)})
	require.Error(t, err, "the disk is full still")

	require.NoError(t, os.Remove(ballast))
	commitAll(t, s, []backend.Commit{machine("m1", version, "Ready", data), machine("m2", version, "Ready", data)})
	require.NoError(t, s.Close())
	s, err = Open(t.Context(), path, Config{})
	require.NoError(t, err)
	assert.Equal(t, []uint64{version + 1, version + 1}, versions(t, s, "m1", "m2"))
	rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: backend.Ref{Kind: backend.KindMachine, ID: "m1"}})
	require.NoError(t, err)
	assert.Len(t, rows, int(version)+1)
	require.NoError(t, s.Close())
}
