package verify_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/rack"
)

// Two controllers share a store, take turns, and stand still now and then for longer than a lease lasts.
func TestNoTwoControllersThatShareAStoreBreakARule(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			inner := memory.New()
			h := newHall(t, inner, 3, seed, "lose ApplyFirmware p=0.3; fail SetPower p=0.2", verify.Concurrent())
			inner.LeaseClock(h.clock.Now)
			h.config.Lifecycle.LeaseTTL = 15 * time.Second
			var both []*rack.Manager
			for _, owner := range []string{"a", "b"} {
				h.config.Lifecycle.Owner = owner
				m, err := rack.NewManager(t.Context(), h.store, h.config)
				require.NoError(t, err)
				both = append(both, m)
			}
			random := rand.New(rand.NewPCG(seed, 9))
			asleep := []time.Time{{}, {}}
			worked := map[int]int{}
			for range 4000 {
				n := random.IntN(2)
				h.Manager = both[n]
				if h.clock.Now().After(asleep[n]) {
					if random.IntN(5) > 0 { // what it does before it renews, it does under a lease that may have run out
						_, err := h.Controller().KeepLeases(t.Context())
						require.NoError(t, err)
					}
					before := len(h.Controller().Racks())
					h.settle()
					if before > 0 {
						worked[n]++
					}
				}
				if random.IntN(60) == 0 {
					asleep[n] = h.clock.Now().Add(time.Minute)
				}
				h.clock.Set(h.clock.Now().Add(time.Duration(random.IntN(4000)) * time.Millisecond))
				if len(h.checker.Problems()) > 0 {
					break
				}
			}
			h.well(t.Context())
			assert.Greater(t, min(worked[0], worked[1]), 500, "both have worked")
			ready := 0
			for _, r := range h.checker.World().Records() {
				if r.State == "Ready" {
					ready++
				}
			}
			assert.Greater(t, ready, 10)
		})
	}
}
