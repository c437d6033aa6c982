//go:build unix

package crash

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killsOf is how many processes are killed.
func killsOf(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("RACKSTATE_KILLS"); text != "" {
		kills, err := strconv.Atoi(text)
		require.NoError(t, err)
		return kills
	}
	if testing.Short() || underRace {
		return 10
	}
	return 40
}

// seedOf is the seed of the draws, which it tells with how to have it again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RACKSTATE_KILL_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("again: RACKSTATE_KILL_SEED=%d RACKSTATE_KILLS=%d go test -count=1 -v -timeout 0 -run Kill ./fake/crash", seed, killsOf(t))
	return seed
}
