package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/postgres"
)

// BenchmarkCommit measures with the durability of production: the server waits for the disk.
func BenchmarkCommit(b *testing.B) {
	durable.Start(b)
	backendtest.BenchStore(b, func(b *testing.B) backend.Store { return openDurable(b, newSchema()) })
}

// openDurable opens a store in the cluster that waits for the disk.
func openDurable(b *testing.B, schema string) *postgres.Store {
	s, err := postgres.Open(b.Context(), durable.Start(b), quiet(schema))
	require.NoError(b, err)
	return s
}

// BenchmarkCommitFromManyCallers shows what it brings that commits of many goroutines are written together: each of them commits one
// object at a time and waits for the disk.
func BenchmarkCommitFromManyCallers(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := openDurable(b, newSchema())
			commitFrom(b, callers, func(int) *postgres.Store { return s }, 1)
			require.NoError(b, s.Close())
		})
	}
}

// BenchmarkCommitFromManyStores shows what several processes reach together on one database, each with batches of 256.
func BenchmarkCommitFromManyStores(b *testing.B) {
	for _, n := range []int{1, 2, 3} {
		b.Run(fmt.Sprintf("stores=%d", n), func(b *testing.B) {
			schema := newSchema()
			stores := make([]*postgres.Store, n)
			for i := range stores {
				stores[i] = openDurable(b, schema)
			}
			commitFrom(b, n, func(i int) *postgres.Store { return stores[i] }, 256)
			for _, s := range stores {
				require.NoError(b, s.Close())
			}
		})
	}
}

// BenchmarkCommitUnderLeases shows what it costs that commits are made under leases: 36 racks in a batch of 1,000.
func BenchmarkCommitUnderLeases(b *testing.B) {
	for _, leased := range []bool{false, true} {
		b.Run(fmt.Sprintf("leased=%t", leased), func(b *testing.B) {
			s := openDurable(b, newSchema())
			racks := make([]string, 36)
			for i := range racks {
				racks[i] = fmt.Sprint("rack", i)
			}
			leases, err := s.Claim(b.Context(), "controller", time.Hour, racks)
			require.NoError(b, err)
			batch := make([]backend.Commit, 1000)
			b.ResetTimer()
			for version := range uint64(b.N/len(batch) + 1) {
				for i := range batch {
					batch[i] = step(fmt.Sprint(i), version, "Ready")
					if leased {
						l := leases[i%len(leases)]
						batch[i].Fences = []backend.Fence{{Rack: l.Rack, Token: l.Token}}
					}
				}
				apply(b, s, batch...)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			require.NoError(b, s.Close())
		})
	}
}

// commitFrom lets each of some callers commit batches of its own objects.
func commitFrom(b *testing.B, callers int, store func(caller int) *postgres.Store, size int) {
	var all sync.WaitGroup
	b.ResetTimer()
	for caller := range callers {
		all.Go(func() {
			for version := range uint64(b.N/callers/size + 1) {
				batch := make([]backend.Commit, size)
				for i := range batch {
					batch[i] = step(fmt.Sprintf("%d-%d", caller, i), version, "Ready")
				}
				results, err := store(caller).Commit(b.Context(), batch)
				if err != nil || results[0] != nil {
					b.Error(err, results)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
