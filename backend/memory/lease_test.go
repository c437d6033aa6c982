package memory_test

import (
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/memory"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	backendtest.TestLeases(t, func(*testing.T) (backend.LeaseStore, func(time.Duration)) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := memory.New()
		s.LeaseClock(func() time.Time { return now })
		return s, func(d time.Duration) { now = now.Add(d) }
	})
}
