package sitesim_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// takeOverRacks is how many racks the dead owner held.
const takeOverRacks = 20

// BenchmarkTakeOver measures, in real time, from when an owner renews no more until another controller works on all its racks. The owner dies at a random moment between two renewals, which
// it makes as often as a controller does.
func BenchmarkTakeOver(b *testing.B) {
	cluster := durable()
	defer func() { require.NoError(b, cluster.Stop()) }()
	dsn := cluster.Start(b)
	random := rand.New(rand.NewPCG(1, 2))
	for _, ttl := range []time.Duration{time.Second, 3 * time.Second} {
		b.Run(fmt.Sprintf("lease=%s", ttl), func(b *testing.B) {
			deaths := 12
			if testing.Short() {
				deaths = 1
			}
			var ratios []float64
			for b.Loop() {
				for range deaths {
					lives := ttl + time.Duration(random.Int64N(int64(ttl)))
					ratios = append(ratios, float64(takeOver(b, dsn, ttl, lives))/float64(ttl))
				}
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[0], "min/lease")
			b.ReportMetric(ratios[len(ratios)/2], "median/lease")
			b.ReportMetric(ratios[len(ratios)-1], "max/lease")
		})
	}
}

// takeOver lets an owner live for a while, and measures until the survivor has everything.
func takeOver(b *testing.B, dsn string, ttl, lives time.Duration) time.Duration {
	b.Helper()
	store := openReplica(b, dsn, newSchema())
	defer func() { require.NoError(b, store.Close()) }()
	m, err := rack.NewManager(b.Context(), store, rack.Config{
		Driver: fake.New(newHopClock(), fake.Config{Instant: true}).Driver(), Site: benchSite(takeOverRacks),
		Lifecycle: lifecycle.Config{Logger: slog.New(slog.DiscardHandler), Owner: "survivor", LeaseTTL: ttl},
	})
	require.NoError(b, err)
	var racks []string
	for _, r := range m.Site().Racks() {
		racks = append(racks, r)
		require.NoError(b, m.Discover(b.Context(), benchFound(m.Site(), r)[0]))
	}
	leases, err := store.Claim(b.Context(), "victim", ttl, racks)
	require.NoError(b, err)
	require.Len(b, leases, takeOverRacks)

	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	live(b, store, ttl, lives)
	died := time.Now()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for len(m.Controller().Racks()) < takeOverRacks {
		<-look.C
		require.Less(b, time.Since(died), 10*ttl)
	}
	took := time.Since(died)
	stop()
	require.NoError(b, <-ended)
	return took
}

// live renews the leases of the victim until it dies.
func live(b *testing.B, store backend.LeaseStore, ttl, lives time.Duration) {
	b.Helper()
	death := time.NewTimer(lives)
	defer death.Stop()
	renew := time.NewTicker(ttl / 3)
	defer renew.Stop()
	for {
		select {
		case <-death.C:
			return
		case <-renew.C:
			_, err := store.Renew(b.Context(), "victim", ttl)
			require.NoError(b, err)
		}
	}
}
