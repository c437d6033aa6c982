package sitesim_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// durable is a server that waits for the disk. Each benchmark that uses it stops it.
func durable() *pgtest.Cluster {
	return pgtest.New(pgtest.Config{Fsync: true, Settings: []string{"max_wal_size = '4GB'"}})
}

// BenchmarkReplicas brings the same racks up with one, two and three controllers on one durable PostgreSQL, and makes the same transitions with the hand-written loop and the bare
// store right after. The controllers are in one process, each with a store, a clock and connections of its own.
func BenchmarkReplicas(b *testing.B) {
	cluster := durable()
	defer func() { require.NoError(b, cluster.Stop()) }()
	dsn := cluster.Start(b)
	racks := benchSizes(5, 100)
	var rec *recording
	for _, n := range []int{1, 2, 3} {
		b.Run(fmt.Sprintf("controllers=%d", n), func(b *testing.B) {
			var sum fleetRun
			var reads int64
			for b.Loop() {
				b.StopTimer()
				f := newReplicaFleet(b, dsn, racks[len(racks)-1], n)
				b.StartTimer()
				run := f.bringUp(b)
				b.StopTimer()
				sum.add(run)
				reads += f.calls() - run.batches
				if n == 1 {
					rec = f.recording()
				}
				f.close(b)
				b.StartTimer()
			}
			sum.report(b)
			b.ReportMetric(float64(reads)/float64(sum.transitions), "reads/transition")
		})
	}
	b.Run("bare", func(b *testing.B) {
		var took time.Duration
		runs := 0
		for b.Loop() {
			b.StopTimer()
			store := openReplica(b, dsn, newSchema())
			replay(b, store, rec.discovery)
			b.StartTimer()
			began := time.Now()
			replay(b, store, rec.commits)
			took += time.Since(began)
			runs++
			b.StopTimer()
			require.NoError(b, store.Close())
			b.StartTimer()
		}
		b.ReportMetric(float64(runs*len(rec.rows))/took.Seconds(), "transitions/s")
		b.ReportMetric(float64(runs*rec.size)/took.Seconds(), "rows/s")
	})
	b.Run("hand", func(b *testing.B) {
		rows := rec.rows[:min(len(rec.rows), handRows)]
		var took time.Duration
		runs := 0
		for b.Loop() {
			b.StopTimer()
			loop := newHandPostgres(b, dsn, rec, rows)
			b.StartTimer()
			began := time.Now()
			for i := range rows {
				require.NoError(b, loop.fire(b.Context(), &rows[i]))
			}
			took += time.Since(began)
			runs++
			b.StopTimer()
			require.NoError(b, loop.conn.Close(b.Context()))
			b.StartTimer()
		}
		b.ReportMetric(float64(runs*len(rows))/took.Seconds(), "transitions/s")
	})
}

var benchSchemas atomic.Int64

func newSchema() string { return fmt.Sprint("bench ", benchSchemas.Add(1)) }

func openReplica(b *testing.B, dsn, schema string) *postgres.Store {
	b.Helper()
	store, err := postgres.Open(b.Context(), dsn, postgres.Config{Schema: schema, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	return store
}

// tapShared is a shared store that is measured.
type tapShared struct {
	*postgres.Store
	tap *tapStore
}

func (s tapShared) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	return s.tap.Commit(ctx, batch)
}

func (s tapShared) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	return s.tap.Get(ctx, ref)
}

func (s tapShared) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	return s.tap.Requests(ctx, q)
}

// replicaFleet is a site with several controllers.
type replicaFleet struct {
	clock    *hopClock
	all      []*fleet
	stores   []*postgres.Store
	observer *fleetObserver
	last     int64
	found    []backend.Commit
}

// newReplicaFleet has every device discovered and the racks divided; nothing has been reconciled yet.
func newReplicaFleet(b *testing.B, dsn string, racks, n int) *replicaFleet {
	b.Helper()
	r := &replicaFleet{clock: newHopClock(), observer: &fleetObserver{ready: make(chan struct{}), want: int64(racks)}}
	hardware, site, schema := fake.New(r.clock, fake.Config{Instant: true, Remember: 8}), benchSite(racks), newSchema()
	for i := range n {
		store := openReplica(b, dsn, schema)
		f := &fleet{site: site, clock: newHopClock(), store: &tapStore{Store: store, keep: n == 1}, seen: r.observer, hardware: hardware}
		var err error
		f.manager, err = rack.NewManager(b.Context(), tapShared{store, f.store}, rack.Config{
			Driver: hardware.Driver(), Site: site, Catalog: backend.Catalog{{ID: benchFirmware, HardwareType: "gb200", Available: true}},
			Lifecycle: lifecycle.Config{
				Clock: f.clock, Observer: r.observer, Logger: slog.New(slog.DiscardHandler), Owner: fmt.Sprint("controller-", i),
				// Virtual time hops, and the store's does not: the leases are made once, and last.
				Resync: time.Hour, HandlerTimeout: time.Hour, LeaseTTL: 1000 * time.Hour,
			},
		})
		require.NoError(b, err)
		r.all, r.stores = append(r.all, f), append(r.stores, store)
	}
	first := r.all[0]
	for _, e := range site.Racks {
		found := benchFound(first.manager.Site(), e.ID)
		for _, d := range found {
			require.NoError(b, hardware.Add(backend.Device{Ref: backend.Ref{Kind: d.Kind, ID: d.ID}, Rack: d.Rack, Endpoint: d.Endpoint}, fake.Traits{}))
		}
		require.NoError(b, first.manager.Discover(b.Context(), found...))
	}
	r.found, first.store.commits = first.store.commits, nil
	for range 3 {
		for _, f := range r.all {
			require.NoError(b, f.manager.Controller().Refresh(b.Context()))
			_, err := f.manager.Controller().KeepLeases(b.Context())
			require.NoError(b, err)
		}
	}
	r.observer.reset()
	for _, f := range r.all {
		f.store.calls.Store(0)
	}
	return r
}

// bringUp runs all controllers until every rack is Ready.
func (r *replicaFleet) bringUp(b *testing.B) fleetRun {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var running sync.WaitGroup
	began, cpu := time.Now(), cpuTime()
	for _, f := range r.all {
		running.Go(func() {
			if err := f.manager.Run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	hops := 0
	for over := false; !over; {
		select {
		case <-r.observer.ready:
			over = true
		case <-time.After(100 * time.Microsecond):
			if r.idle() {
				r.hop()
				hops++
			}
		}
		require.Less(b, time.Since(began), 10*time.Minute, "the racks do not become ready: %s", r.all[0].stragglers())
	}
	seen := r.observer
	run := fleetRun{
		took: time.Since(began), cpu: cpuTime() - cpu, transitions: seen.transitions.Load(), passes: seen.passes.Load(), commits: seen.commits.Load(),
		batches: seen.batches.Load(), conflicts: seen.conflicts.Load(), hops: int64(hops), runs: 1,
	}
	stop()
	running.Wait()
	return run
}

// idle reports whether nothing is due in any controller, nothing is being written, and nothing has happened since the last question.
func (r *replicaFleet) idle() bool {
	now := r.observer.passes.Load()
	now += r.calls()
	for _, f := range r.all {
		if due := f.manager.Controller().NextDue(); f.store.busy.Load() || !due.IsZero() && !due.After(f.clock.Now()) {
			return false
		}
	}
	same := now == r.last
	r.last = now
	return same
}

// calls is how often the stores were asked anything.
func (r *replicaFleet) calls() (n int64) {
	for _, f := range r.all {
		n += f.store.calls.Load()
	}
	return n
}

// hop moves the time of all to what is due next in any.
func (r *replicaFleet) hop() {
	var next time.Time
	for _, f := range r.all {
		if due := f.manager.Controller().NextDue(); !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	r.clock.hop(next)
	for _, f := range r.all {
		f.clock.hop(next)
	}
}

// recording is what the only controller committed.
func (r *replicaFleet) recording() *recording {
	f := r.all[0]
	rec := &recording{kinds: map[backend.Kind]*lifecycle.Kind{}, discovery: r.found}
	for _, k := range f.manager.Controller().Kinds() {
		rec.kinds[k.Name()] = k
	}
	for _, c := range f.store.commits {
		c.Fences = nil // the leases were those of another schema
		rec.commits = append(rec.commits, c)
		rec.size += len(c.Writes) + len(c.Post) + len(c.Update)
		for _, w := range c.Writes {
			if w.Transition != nil {
				rec.rows = append(rec.rows, *w.Transition)
				rec.size++
			}
		}
	}
	return rec
}

func (r *replicaFleet) close(b *testing.B) {
	b.Helper()
	for _, s := range r.stores {
		require.NoError(b, s.Close())
	}
}
