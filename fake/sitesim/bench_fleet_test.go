package sitesim_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// BenchmarkFleet brings racks up from Created to Ready, all at once, on hardware that takes no time, through Controller.Run and a durable SQLite file.
func BenchmarkFleet(b *testing.B) {
	for _, racks := range benchSizes(10, 100, 300, 1000, 3000) {
		b.Run(fmt.Sprintf("racks=%d", racks), func(b *testing.B) {
			var sum fleetRun
			for b.Loop() {
				b.StopTimer()
				f := newFleet(b, racks)
				b.StartTimer()
				run := f.bringUp(b)
				b.StopTimer()
				f.close(b)
				sum.add(run)
				b.StartTimer()
			}
			sum.report(b)
		})
	}
}

// benchSizes leaves the smallest of the sizes under -short.
func benchSizes(sizes ...int) []int {
	if testing.Short() {
		return sizes[:1]
	}
	return sizes
}

// fleet is a site on simulated hardware.
type fleet struct {
	site        *rack.Site
	clock       *hopClock
	store       *tapStore
	seen        *fleetObserver
	hardware    *fake.Hardware
	credentials *fake.Credentials
	manager     *rack.Manager
}

// keepCommits has a fleet keep what is committed.
func keepCommits(f *fleet) { f.store.keep = true }

// newFleet opens a store and has every device discovered; nothing has been reconciled yet.
func newFleet(b *testing.B, racks int, tune ...func(*fleet)) *fleet {
	b.Helper()
	site := benchSite(racks)
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "fleet.db"), sqlite.Config{})
	require.NoError(b, err)
	f := &fleet{
		site: site, clock: newHopClock(), store: &tapStore{Store: store}, credentials: &fake.Credentials{},
		seen: &fleetObserver{ready: make(chan struct{}), want: int64(racks)},
	}
	for _, t := range tune {
		t(f)
	}
	f.hardware = fake.New(f.clock, fake.Config{Instant: true, Remember: 8})
	f.manager, err = rack.NewManager(b.Context(), f.store, rack.Config{
		Driver: f.hardware.Driver(), Site: site, Credentials: f.credentials,
		Catalog: backend.Catalog{{ID: benchFirmware, HardwareType: "gb200", Available: true}},
		Lifecycle: lifecycle.Config{
			Clock: f.clock, Observer: f.seen, Logger: slog.New(slog.DiscardHandler),
			Resync: time.Hour, HandlerTimeout: time.Hour,
		},
	})
	require.NoError(b, err)
	for _, r := range site.Racks {
		found := benchFound(f.manager.Site(), r.ID)
		for _, d := range found {
			dev := backend.Device{Ref: backend.Ref{Kind: d.Kind, ID: d.ID}, Rack: d.Rack, Endpoint: d.Endpoint}
			require.NoError(b, f.hardware.Add(dev, fake.Traits{}))
		}
		require.NoError(b, f.manager.Discover(b.Context(), found...))
	}
	f.seen.reset()
	f.store.reset()
	return f
}

func (f *fleet) close(b *testing.B) {
	b.Helper()
	require.NoError(b, f.store.Close())
}

// bringUp runs the controller until every rack is Ready.
func (f *fleet) bringUp(b *testing.B) fleetRun {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	ended := make(chan error, 1)
	began, cpu := time.Now(), cpuTime()
	go func() { ended <- f.manager.Run(ctx) }()
	hops := 0
	for over := false; !over; {
		select {
		case <-f.seen.ready:
			over = true
		case err := <-ended:
			require.NoError(b, err)
			b.Fatal("the controller ended by itself")
		case <-time.After(100 * time.Microsecond):
			if f.idle() {
				f.clock.hop(f.manager.Controller().NextDue())
				hops++
			}
		}
		if hops > 5_000 {
			b.Fatalf("the racks do not become ready: %s", f.stragglers())
		}
	}
	run := fleetRun{
		took: time.Since(began), cpu: cpuTime() - cpu, transitions: f.seen.transitions.Load(), passes: f.seen.passes.Load(),
		commits: f.seen.commits.Load(), batches: f.seen.batches.Load(), conflicts: f.seen.conflicts.Load(), hops: int64(hops), runs: 1,
	}
	stop()
	require.NoError(b, <-ended)
	require.Empty(b, f.stragglers())
	return run
}

// idle reports whether nothing is due, nothing is being written, and nothing has happened since the last question.
func (f *fleet) idle() bool {
	now := f.seen.passes.Load() + f.store.calls.Load()
	same := now == f.seen.last
	f.seen.last = now
	return same && !f.store.busy.Load() && f.manager.Controller().NextDue().After(f.clock.Now())
}

// stragglers describes the first objects that are not Ready.
func (f *fleet) stragglers() string {
	text, n := "", 0
	f.manager.Controller().Visit(func(o *lifecycle.Object) {
		if o.State() == string(rack.Ready) {
			return
		}
		if n++; n <= 5 {
			out, _ := f.manager.Controller().Outcome(o.Ref())
			text += fmt.Sprintf("%s in %s (%s: %s)\n", o.Ref(), o.State(), out.Kind, out.Reason)
		}
	})
	return text
}

// fleetObserver counts what the controller does.
type fleetObserver struct {
	lifecycle.NoObserver
	transitions, passes, commits, batches, conflicts, racksReady atomic.Int64
	want                                                         int64
	last                                                         int64
	ready                                                        chan struct{}
}

func (o *fleetObserver) reset() {
	o.transitions.Store(0)
	o.passes.Store(0)
	o.commits.Store(0)
	o.batches.Store(0)
	o.conflicts.Store(0)
}

// Transitioned counts, and says when the last rack is Ready.
func (o *fleetObserver) Transitioned(t backend.Transition) {
	o.transitions.Add(1)
	if t.Ref.Kind == backend.KindRack && t.To == string(rack.Ready) && o.racksReady.Add(1) == o.want {
		close(o.ready)
	}
}

// Passed counts.
func (o *fleetObserver) Passed(backend.Ref, backend.Outcome) { o.passes.Add(1) }

// Conflict counts.
func (o *fleetObserver) Conflict(backend.Ref) { o.conflicts.Add(1) }

// Committed counts.
func (o *fleetObserver) Committed(commits int, _ time.Duration, _ error) {
	o.commits.Add(int64(commits))
	o.batches.Add(1)
}

// fleetRun is what one or more bring-ups took.
type fleetRun struct {
	took, cpu                                                    time.Duration
	transitions, passes, commits, batches, conflicts, hops, runs int64
}

func (r *fleetRun) add(o fleetRun) {
	r.took += o.took
	r.cpu += o.cpu
	r.transitions += o.transitions
	r.passes += o.passes
	r.commits += o.commits
	r.batches += o.batches
	r.conflicts += o.conflicts
	r.hops += o.hops
	r.runs += o.runs
}

// rate is the transitions per second.
func (r *fleetRun) rate() float64 { return float64(r.transitions) / r.took.Seconds() }

func (r *fleetRun) report(b *testing.B) {
	b.ReportMetric(r.rate(), "transitions/s")
	b.ReportMetric(float64(r.cpu.Microseconds())/float64(r.transitions), "cpu-us/transition")
	b.ReportMetric(float64(r.transitions)/float64(r.runs), "transitions")
	b.ReportMetric(float64(r.passes)/float64(r.transitions), "passes/transition")
	b.ReportMetric(float64(r.commits)/float64(r.transitions), "commits/transition")
	b.ReportMetric(float64(r.commits)/float64(r.batches), "commits/batch")
	b.ReportMetric(float64(r.conflicts)/float64(r.transitions), "conflicts/transition")
	b.ReportMetric(float64(r.hops)/float64(r.runs), "hops")
}

// cpuTime is the time that all threads of the process have spent computing, also in the kernel.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
