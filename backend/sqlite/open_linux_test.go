package sqlite_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/sqlite"
)

// openAsNobody opens a store in a process of a user without rights and returns what it says.
func openAsNobody(t *testing.T, path string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to start a process of a user without rights")
	}
	// The user must be allowed to run this program, whose own folder is closed to others.
	folder, err := os.MkdirTemp("", "rackstate-test") //nolint:usetesting // t.TempDir is closed to other users
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	copied := filepath.Join(folder, "program")
	// A copy that this process wrote itself could be busy: a child of another test may have inherited the open file.
	require.NoError(t, exec.CommandContext(t.Context(), "cp", os.Args[0], copied).Run())

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
	folder, err := os.MkdirTemp("", "rackstate-test") //nolint:usetesting // t.TempDir is closed to other users
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
	said := openAsNobody(t, filepath.Join(publicFolder(t), "store.db"))
	assert.Contains(t, said, "open\n")
	assert.NotContains(t, said, "sqlite:")
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

func TestAPathThatIsNoFileIsRefusedAndNotRead(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o644))
	_, err := sqlite.Open(t.Context(), pipe, sqlite.Config{})
	require.ErrorContains(t, err, pipe+": it is a special file")
}
