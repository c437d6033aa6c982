package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
)

func TestAPathThatCannotBeAStoreIsRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	dangling := filepath.Join(folder, "dangling")
	require.NoError(t, os.Symlink(filepath.Join(folder, "nowhere"), dangling))
	missing := filepath.Join(folder, "missing", "store.db")
	for path, want := range map[string]string{
		"":                            "empty path",
		missing:                       "create the folder " + filepath.Dir(missing) + " first",
		folder:                        folder + ": it is a folder, want the path of a file",
		filepath.Join(file, "inside"): file + " is not a folder",
		dangling:                      dangling + ": it is a link that leads nowhere",
	} {
		_, err := sqlite.Open(t.Context(), path, sqlite.Config{})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, path)
		assert.NoFileExists(t, path+".lock")
	}
}

func TestAnOpenWithACancelledContextTouchesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sqlite.Open(ctx, path, sqlite.Config{})
	require.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, path)
}

func TestALogWithoutItsFileIsNotThrownAway(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "store.db")
	s := open(t, folder)
	apply(t, s, step("m1", 0, "Ready"))
	log, err := os.ReadFile(path + "-wal")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.NoError(t, os.WriteFile(path+"-wal", log, 0o644))
	_, err = sqlite.Open(t.Context(), path, sqlite.Config{})
	require.ErrorIs(t, err, backend.ErrCorrupt)
	assert.FileExists(t, path+"-wal")
}
