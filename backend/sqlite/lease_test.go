package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/sqlite"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	backendtest.TestLeases(t, func(t *testing.T) (backend.LeaseStore, func(time.Duration)) {
		t.Helper()
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "racks.db"), sqlite.Config{Synchronous: sqlite.Normal})
		require.NoError(t, err)
		s.LeaseClock(func() time.Time { return now })
		return s, func(d time.Duration) { now = now.Add(d) }
	})
}
