package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
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
