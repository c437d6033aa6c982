package sitesim

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/rack"
)

// smallDisk mounts a file system in memory, and skips the test where that is not allowed.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("needs the right to mount a file system: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
}

func TestARunOnAFullDiskGoesOnWhenThereIsSpaceAgain(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "size=32m")
	ballast := filepath.Join(disk, "ballast")
	store := openSQLite(t, filepath.Join(disk, "racks.db"))
	h := newHall(racksAtOnce, store)
	filled, freed := false, false
	up := allReady(racksAtOnce)
	h.run(t, func(m *rack.Manager, seen *watch) bool {
		switch {
		case !filled && seen.rows.Load() > 300:
			fill(t, ballast)
			filled = true
		case filled && !freed && seen.failed.Load() > 3:
			assert.NoError(t, os.Remove(ballast))
			freed = true
		}
		return freed && up(m, seen)
	})
	assert.NoError(t, settled(t.Context(), store, h.hardware))
	got, err := states(t.Context(), store)
	require.NoError(t, err)
	assert.Equal(t, ready(racksAtOnce), got)
}
