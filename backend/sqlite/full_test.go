package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

// versions returns the versions of machines, zero for those that do not exist.
func versions(t *testing.T, s *Store, ids ...string) []uint64 {
	t.Helper()
	found := make([]uint64, len(ids))
	for i, id := range ids {
		r, err := s.Get(t.Context(), backend.Ref{Kind: backend.KindMachine, ID: id})
		if !errors.Is(err, backend.ErrNotFound) {
			require.NoError(t, err)
			found[i] = r.Version
		}
	}
	return found
}

func TestAFullFileFailsTheWholeBatchAndNothingIsApplied(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), Config{})
	require.NoError(t, err)
	commitAll(t, s, []backend.Commit{machine("m1", 0, "Ready", `{}`)})
	pages, err := number(s.writer.conn, "PRAGMA page_count")
	require.NoError(t, err)
	require.NoError(t, script(s.writer.conn, fmt.Sprintf("PRAGMA max_page_count = %d", pages+2)))

	large := `"` + strings.Repeat("x", 1<<20) + `"`
	elsewhere := machine("n1", 0, "Ready", `{}`)
	elsewhere.Writes[0].Record.Rack = "B2"
	results, err := s.Commit(t.Context(), []backend.Commit{machine("m1", 1, "Assigned", `{}`), elsewhere, machine("m2", 0, "Ready", large)})
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorContains(t, err, s.path)
	require.ErrorContains(t, err, "free some space for "+filepath.Dir(s.path))
	assert.Equal(t, lite.ResultFull, lite.ErrCode(err).ToPrimary())
	assert.Nil(t, results)
	assert.Equal(t, []uint64{1, 0, 0}, versions(t, s, "m1", "n1", "m2"))

	// What needs no space still works, and all of it when there is space again.
	commitAll(t, s, []backend.Commit{machine("m1", 1, "Assigned", `{}`)})
	require.NoError(t, script(s.writer.conn, "PRAGMA max_page_count = 1073741823"))
	commitAll(t, s, []backend.Commit{elsewhere, machine("m2", 0, "Ready", large)})
	assert.Equal(t, []uint64{2, 1, 1}, versions(t, s, "m1", "n1", "m2"))
	require.NoError(t, s.Close())
}

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
	_, err = s.Commit(t.Context(), []backend.Commit{machine("m1", version, "Ready", data)})
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

func TestAnotherProgramThatHoldsTheWriteLockFailsACommitAndNotTheStore(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	s.writer.conn.SetBusyTimeout(0)
	other, err := lite.OpenConn(s.path, lite.OpenReadWrite)
	require.NoError(t, err)
	require.NoError(t, script(other, "BEGIN IMMEDIATE"))
	_, err = s.Commit(t.Context(), []backend.Commit{machine("m1", 0, "Ready", `{}`)})
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorContains(t, err, "another program writes to the file")
	assert.Equal(t, []uint64{0}, versions(t, s, "m1"))
	require.NoError(t, other.Close())
	commitAll(t, s, []backend.Commit{machine("m1", 0, "Ready", `{}`)})
}
