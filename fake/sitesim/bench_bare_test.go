package sitesim_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/lifecycle"
)

// bareBatch is how many commits the bare store gets at once: as many as the engine's largest batches have.
const bareBatch = 2048

// BenchmarkBareStore writes the commits of a recorded bring-up straight into a new store. The engine's rate over the same bring-up stands beside it: what is
// missing to 1 is what deciding costs.
func BenchmarkBareStore(b *testing.B) {
	rec := record(b)
	var took, cpu time.Duration
	runs := 0
	for b.Loop() {
		b.StopTimer()
		store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "bare.db"), sqlite.Config{})
		require.NoError(b, err)
		replay(b, store, rec.discovery)
		b.StartTimer()
		began, used := time.Now(), cpuTime()
		replay(b, store, rec.commits)
		took, cpu = took+time.Since(began), cpu+cpuTime()-used
		b.StopTimer()
		require.NoError(b, store.Close())
		runs++
		b.StartTimer()
	}
	transitions := float64(runs * len(rec.rows))
	rate := transitions / took.Seconds()
	b.ReportMetric(float64(runs*rec.size)/took.Seconds(), "rows/s")
	b.ReportMetric(rate, "transitions/s")
	b.ReportMetric(rec.engine.rate(), "engine-transitions/s")
	b.ReportMetric(rec.engine.rate()/rate, "engine/bare")
	b.ReportMetric(float64(cpu.Microseconds())/transitions, "cpu-us/transition")
	b.ReportMetric(float64(rec.engine.cpu.Microseconds())/float64(rec.engine.transitions), "engine-cpu-us/transition")
}

// replay writes commits in batches, and fails when one is refused.
func replay(b *testing.B, store backend.Store, commits []backend.Commit) {
	b.Helper()
	for len(commits) > 0 {
		n := min(bareBatch, len(commits))
		results, err := store.Commit(b.Context(), commits[:n])
		require.NoError(b, err)
		for _, refused := range results {
			if refused != nil {
				b.Fatal(refused)
			}
		}
		commits = commits[n:]
	}
}

// recording is what a bring-up committed.
type recording struct {
	kinds map[backend.Kind]*lifecycle.Kind
	// discovery made the objects, commits brought them up.
	discovery, commits []backend.Commit
	// rows are the transitions of commits, and size is how many rows of any sort they write.
	rows []backend.Transition
	size int
	// engine is how the engine did.
	engine fleetRun
}

// record brings a site up and keeps what was committed. The rates of the engine are those of this run, so that a comparison compares like with like: same minutes,
// same machine, same rows.
func record(b *testing.B) *recording {
	b.Helper()
	sizes := benchSizes(5, 100)
	f := newFleet(b, sizes[len(sizes)-1], keepCommits)
	rec := &recording{kinds: map[backend.Kind]*lifecycle.Kind{}, discovery: f.store.commits}
	f.store.commits = nil
	rec.engine = f.bringUp(b)
	for _, k := range f.manager.Controller().Kinds() {
		rec.kinds[k.Name()] = k
	}
	f.close(b)
	rec.commits = f.store.commits
	for _, c := range rec.commits {
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
