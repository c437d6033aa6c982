//go:build linux

package powerloss

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shares is the sum of the shares of all tests, and usual is how many cuts they make together unless they are asked for others.
const (
	shares = 680
	usual  = 400
)

// share is how many cuts a test makes whose share this is, and never fewer than it needs.
func share(t *testing.T, share, needs int) int {
	t.Helper()
	all := usual
	if testing.Short() || underRace {
		all = usual / 8
	}
	if text := os.Getenv("RACKSTATE_CUTS"); text != "" {
		var err error
		all, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	return max(needs, share*all/shares)
}

// notUnderRace leaves a test out that only takes long under the race detector.
func notUnderRace(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("files show no race")
	}
}

// drawing returns where the draws of a test come from. The test tells how to have them again.
func drawing(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RACKSTATE_CUT_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("again: RACKSTATE_CUT_SEED=%d RACKSTATE_CUTS=%s go test -count=1 -v -timeout 0 -run '^%s$' ./fake/crash/powerloss", seed, os.Getenv("RACKSTATE_CUTS"), t.Name())
	return rand.New(rand.NewPCG(seed, 1))
}

// place is where a tape is cut, and what becomes then of what was not synced.
type place struct {
	at   int
	fate fate
}

// places draws where a tape is cut, in the order of the tape.
func places(random *rand.Rand, t *tape, n int) []place {
	list := make([]place, n)
	for i := range list {
		list[i] = place{random.IntN(t.end() + 1), fate(random.IntN(int(fates)))}
	}
	slices.SortStableFunc(list, func(a, b place) int { return a.at - b.at })
	return list
}

// everywhere are all places of a tape with every fate, so often that there are about n of them.
func everywhere(t *tape, n int) []place {
	var all []place
	for at := range t.end() + 1 {
		for f := range fates {
			for range max(1, n/int(fates)/t.end()) {
				all = append(all, place{at, f})
			}
		}
	}
	return all
}

// sorted are the keys of a map in their order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
