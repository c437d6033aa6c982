package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

func TestALogThatEndsAnywhereHoldsWholeCommitsOnly(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	const commits = 12
	for version := range uint64(commits) {
		// Data of more than a page, so that a commit has many frames.
		data := string(make4K(`"0123456789abcde"`))
		pair := machine("m1", version, "Ready", data)
		pair.Writes = append(pair.Writes, machine("m2", version, "Ready", data).Writes...)
		commitAll(t, s, []backend.Commit{pair})
	}
	file, err := os.ReadFile(s.path)
	require.NoError(t, err)
	log, err := os.ReadFile(s.path + "-wal")
	require.NoError(t, err)

	last := uint64(0)
	for _, cutAt := range cuts(len(log)) {
		path := filepath.Join(t.TempDir(), "store.db")
		require.NoError(t, os.WriteFile(path, file, 0o644))
		require.NoError(t, os.WriteFile(path+"-wal", log[:cutAt], 0o644))
		crashed, err := Open(t.Context(), path, Config{Readers: 1})
		require.NoError(t, err, "cut at %d of %d", cutAt, len(log))
		found := versions(t, crashed, "m1", "m2")
		assert.Equal(t, found[0], found[1], "half a commit, cut at %d", cutAt)
		assert.GreaterOrEqual(t, found[0], last, "a longer log holds less, cut at %d", cutAt)
		rows, err := crashed.History(t.Context(), backend.HistoryQuery{})
		require.NoError(t, err)
		assert.Len(t, rows, int(2*found[0]), "cut at %d", cutAt)
		require.NoError(t, crashed.Close())
		last = found[0]
	}
	assert.Equal(t, uint64(commits), last)
}

// cuts are places at which a log may end after a crash: inside headers, at pages, and the whole of it.
func cuts(size int) []int {
	places := []int{1, 31, 32, 33}
	for at := 32 + 24 + 4096; at < size; at += 5 * (24 + 4096) {
		places = append(places, at-1, at, at+20)
	}
	return append(places, size-1, size)
}

func TestOnlyAFullDiskIsSureAfterAFailedCommit(t *testing.T) {
	t.Parallel()
	assert.ErrorIs(t, commitFailure(lite.ResultFull.ToError()), backend.ErrNotCommitted)
	for _, code := range []lite.ResultCode{lite.ResultIOErrFsync, lite.ResultIOErrWrite, lite.ResultIOErrSHMSize, lite.ResultNoMem} {
		err := commitFailure(code.ToError())
		require.Error(t, err)
		assert.NotErrorIs(t, err, backend.ErrNotCommitted, code)
		assert.Equal(t, code, lite.ErrCode(err))
	}
}
