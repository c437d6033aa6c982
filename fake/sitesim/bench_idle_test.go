package sitesim_test

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

const (
	// productResync is after which time an object at rest is looked at again, and idleResync the same in the benchmark, so that it need not last minutes.
	productResync = 30 * time.Second
	idleResync    = 3 * time.Second
)

// BenchmarkIdle measures a site whose objects are all Ready: how much memory each takes, and what looking at them again and again costs.
func BenchmarkIdle(b *testing.B) {
	sizes := benchSizes(2, 1000)
	f := newFleet(b, sizes[len(sizes)-1])
	f.bringUp(b)
	b.Run("heap", func(b *testing.B) { idleHeap(b, f) })
	b.Run("passes", func(b *testing.B) { idlePasses(b, f) })
	f.close(b)
}

// idleHeap measures what goes away with the manager.
func idleHeap(b *testing.B, f *fleet) {
	if f.manager == nil {
		b.Skip("measured already")
	}
	objects := float64(f.manager.Controller().Len())
	with := heapInUse()
	runtime.KeepAlive(f.manager)
	f.manager = nil
	without := heapInUse()
	index := f.site.Index()
	indexed := heapInUse()
	runtime.KeepAlive(index)
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(with-without-(indexed-without))/objects, "B/object")
	b.ReportMetric(float64(indexed-without)/objects, "site-index-B/object")
	b.ReportMetric(objects, "objects")
}

// heapInUse is how many bytes of the heap can be reached.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// idlePasses runs a new controller over the same store, on the real clock, and counts passes, commits and processor time.
func idlePasses(b *testing.B, f *fleet) {
	seen := &fleetObserver{ready: make(chan struct{})}
	m, err := rack.NewManager(b.Context(), f.store, rack.Config{
		Driver: f.hardware.Driver(), Site: f.site, Credentials: f.credentials,
		Lifecycle: lifecycle.Config{Observer: seen, Logger: slog.New(slog.DiscardHandler), Resync: idleResync},
	})
	require.NoError(b, err)
	objects := float64(m.Controller().Len())
	_, _, err = m.RunUntilIdle(b.Context(), m.Controller().Now())
	require.NoError(b, err)
	seen.reset()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	ended := make(chan error, 1)
	cpu := cpuTime()
	go func() { ended <- m.Run(ctx) }()
	for b.Loop() {
		time.Sleep(2 * idleResync) //nolint:forbidigo // the idle share is measured over real time
	}
	stop()
	require.NoError(b, <-ended)
	each := float64(cpuTime()-cpu) / float64(max(seen.passes.Load(), 1))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(each/1000, "cpu-us/pass")
	b.ReportMetric(100*each*objects/float64(productResync), "%-of-one-core")
	b.ReportMetric(float64(seen.commits.Load()), "commits")
	b.ReportMetric(float64(seen.passes.Load()), "passes")
	b.ReportMetric(objects, "objects")
}

// BenchmarkOneRack brings one rack up alone and measures how long its commits take: nothing else is there to share them with.
func BenchmarkOneRack(b *testing.B) {
	var sum fleetRun
	times := &tapStore{}
	for b.Loop() {
		b.StopTimer()
		f := newFleet(b, 1)
		b.StartTimer()
		sum.add(f.bringUp(b))
		b.StopTimer()
		f.close(b)
		times.took = append(times.took, f.store.took...)
		b.StartTimer()
	}
	sum.report(b)
	b.ReportMetric(float64(times.percentile(0.50).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times.percentile(0.99).Microseconds())/1000, "p99-ms")
}
