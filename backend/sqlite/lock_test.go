package sqlite_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
)

// startWriter starts this program again as a process of its own that commits to a store until it is killed. It returns what the process
// prints, after the line that says that the store is open.
func startWriter(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+path, childJob+"=write")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.Equal(t, "open", lines.Text())
	return cmd, lines
}

func TestASecondOpenInTheSameProcessIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "store.db")
	s := open(t, folder)
	link := filepath.Join(t.TempDir(), "link.db")
	require.NoError(t, os.Symlink(path, link))
	for _, name := range []string{path, link} {
		_, err := sqlite.Open(t.Context(), name, sqlite.Config{})
		require.ErrorIs(t, err, backend.ErrLocked)
		assert.ErrorContains(t, err, path)
		assert.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid())+", which is this one")
	}
	apply(t, s, step("m1", 0, "Ready"))
	require.NoError(t, s.Close())
	require.NoError(t, open(t, folder).Close())
}

func TestASecondProcessIsRefusedWithTheNumberOfTheFirst(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	cmd, _ := startWriter(t, path)
	_, err := sqlite.Open(t.Context(), path, sqlite.Config{})
	require.ErrorIs(t, err, backend.ErrLocked)
	assert.ErrorContains(t, err, path)
	assert.ErrorContains(t, err, "process "+strconv.Itoa(cmd.Process.Pid)+" has it open")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // It was killed; that is what Wait reports.
}

func TestAKilledProcessLosesNothingThatWasAcknowledgedAndLeavesNoLock(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	acknowledged := uint64(0)
	for round := range 3 {
		cmd, lines := startWriter(t, filepath.Join(folder, "store.db"))
		for range 20 * (round + 1) {
			require.True(t, lines.Scan())
			n, err := strconv.ParseUint(lines.Text(), 10, 64)
			require.NoError(t, err, lines.Text())
			acknowledged = n
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() {
			if n, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil {
				acknowledged = n
			}
		}
		_ = cmd.Wait() // It was killed; that is what Wait reports.

		s := open(t, folder)
		for _, id := range []string{"m1", "m2"} {
			ref := backend.Ref{Kind: backend.KindMachine, ID: id}
			r, err := s.Get(t.Context(), ref)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, r.Version, acknowledged)
			assert.LessOrEqual(t, r.Version, acknowledged+1, "more than the commit in flight is stored")
			rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: ref})
			require.NoError(t, err)
			require.Len(t, rows, int(r.Version))
			for i, row := range rows {
				assert.Equal(t, uint64(i+1), row.Seq)
			}
			acknowledged = max(acknowledged, r.Version)
		}
		require.NoError(t, s.Close())
	}
}
