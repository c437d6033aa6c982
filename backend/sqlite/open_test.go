package sqlite_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
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
	pipe := filepath.Join(folder, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o644))
	missing := filepath.Join(folder, "missing", "store.db")
	for path, want := range map[string]string{
		"":                            "empty path",
		missing:                       "create the folder " + filepath.Dir(missing) + " first",
		folder:                        folder + ": it is a folder, want the path of a file",
		filepath.Join(file, "inside"): file + " is not a folder",
		dangling:                      "follow the link " + dangling,
		pipe:                          pipe + ": it is a special file",
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

// openAsNobody opens a store in a process of a user without rights and returns what it says.
func openAsNobody(t *testing.T, path string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to start a process of a user without rights")
	}
	// The user must be allowed to run this program, whose own folder is closed to others.
	folder, err := os.MkdirTemp("", "rackstate-test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	program, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	copied := filepath.Join(folder, "program")
	require.NoError(t, os.WriteFile(copied, program, 0o755))

	cmd := exec.CommandContext(t.Context(), copied)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), childVariable+"="+path, childJob+"=open")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", out)
	}
	return string(out)
}

// publicFolder makes a folder that every user can reach.
func publicFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "rackstate-test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o777))
	return folder
}

func TestAFolderThatTheUserMayNotWriteIsNamed(t *testing.T) {
	t.Parallel()
	folder := publicFolder(t)
	path := filepath.Join(folder, "store.db")
	require.NoError(t, os.Chmod(folder, 0o755))
	said := openAsNobody(t, path)
	assert.Contains(t, said, path)
	assert.Contains(t, said, "this user must be allowed to write the file and the folder "+folder)
}

func TestAFileThatTheUserMayNotWriteIsNamed(t *testing.T) {
	t.Parallel()
	folder := publicFolder(t)
	s := open(t, folder)
	require.NoError(t, s.Close())
	path := filepath.Join(folder, "store.db")
	require.NoError(t, os.Remove(path+".lock"))
	require.NoError(t, os.Chmod(path, 0o444))
	said := openAsNobody(t, path)
	assert.Contains(t, said, path)
	assert.Contains(t, said, "this user must be allowed to write the file and the folder "+folder)
}

func TestAUserWithRightsOpensTheSameFile(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "open\n", openAsNobody(t, filepath.Join(publicFolder(t), "store.db")))
}

// mountTemp mounts a file system of the given size in memory, and skips the test where that is not possible.
func mountTemp(t *testing.T, options string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, options); err != nil {
		t.Skipf("needs the right to mount a file system: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	return folder
}

func TestAReadOnlyFileSystemIsNamed(t *testing.T) {
	t.Parallel()
	folder := mountTemp(t, "size=1m")
	require.NoError(t, open(t, folder).Close())
	require.NoError(t, syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err := sqlite.Open(t.Context(), filepath.Join(folder, "store.db"), sqlite.Config{})
	require.ErrorContains(t, err, filepath.Join(folder, "store.db"))
	require.ErrorContains(t, err, "the folder "+folder+" cannot be written")
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
