package sqlite_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

func TestACursorSurvivesARestartAndAPersonSeesHowFarItLags(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, folder)
	apply(t, s, step("m1", 0, "Ready"), step("m1", 1, "Ready"), step("m1", 2, "Ready"))
	require.NoError(t, s.SetCursor(t.Context(), "hook", 0, 1))
	require.NoError(t, s.SetCursor(t.Context(), "inventory", 0, 3))
	require.NoError(t, s.Close())

	s = open(t, folder)
	at, err := s.Cursor(t.Context(), "hook")
	require.NoError(t, err)
	assert.Equal(t, uint64(1), at)
	require.NoError(t, s.SetCursor(t.Context(), "hook", 1, 2))
	require.ErrorIs(t, s.SetCursor(t.Context(), "hook", 1, 3), backend.ErrConflict)
	require.ErrorContains(t, s.SetCursor(t.Context(), "hook", 2, 1<<63), "there is no position 9223372036854775808")
	require.NoError(t, s.Close())
	assert.Equal(t, []map[string]any{{"name": "hook", "position": 2.0, "lag": 1.0}, {"name": "inventory", "position": 3.0, "lag": 0.0}}, shell(t, filepath.Join(folder, "store.db"), "SELECT * FROM cursors"))
}

func TestCursorsAndCommitsOfManyCallersAreWrittenTogetherAndFailApart(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	const callers, rounds = 8, 20
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			name := string(rune('a' + i))
			for round := range uint64(rounds) {
				results, err := s.Commit(t.Context(), []backend.Commit{step(name, round, "Ready")})
				assert.NoError(t, err)
				assert.NoError(t, results[0])
				assert.NoError(t, s.SetCursor(t.Context(), name, round, round+1))
				assert.ErrorIs(t, s.SetCursor(t.Context(), name, round, 99), backend.ErrConflict)
			}
		})
	}
	all.Wait()
	for i := range callers {
		at, err := s.Cursor(t.Context(), string(rune('a'+i)))
		require.NoError(t, err)
		assert.Equal(t, uint64(rounds), at)
	}
	last, err := s.LastPosition(t.Context())
	require.NoError(t, err)
	assert.Equal(t, uint64(callers*rounds), last)
}
