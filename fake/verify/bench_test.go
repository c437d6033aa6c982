package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/verify"
)

// recorder keeps the commits that a store has applied.
type recorder struct {
	backend.Store
	applied []backend.Commit
}

// Commit is that of backend.Store.
func (r *recorder) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	results, err := r.Store.Commit(ctx, batch)
	for i := range results {
		if results[i] == nil {
			r.applied = append(r.applied, batch[i])
		}
	}
	return results, err
}

// bringUp is longer than a bring-up takes.
const bringUp = 4 * time.Hour

// BenchmarkCommit is what a search pays for each commit of the life of a small rack: a clone, the look before and the look after. "new" has data that nobody has seen before.
func BenchmarkCommit(b *testing.B) {
	commits := lifeOfARack(b)
	b.Run("seen", func(b *testing.B) { replay(b, commits, nil) })
	b.Run("new", func(b *testing.B) { replay(b, commits, func() *verify.Checker { return verify.NewChecker() }) })
}

// replay has a checker take in commits, cloned at each, and begins again at the end, with the cache as it is or with a new one.
func replay(b *testing.B, commits []backend.Commit, fresh func() *verify.Checker) {
	b.Helper()
	first := verify.NewChecker()
	c := first.Clone()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		n := i % len(commits)
		if n == 0 {
			b.StopTimer()
			c = first.Clone()
			if fresh != nil {
				c = fresh()
			}
			b.StartTimer()
		}
		c = c.Clone()
		if found := append(c.Commit(&commits[n]), c.Applied(&commits[n])...); len(found) > 0 {
			b.Fatal(found)
		}
	}
}

// BenchmarkCall is what a search pays for each hardware call with a key.
func BenchmarkCall(b *testing.B) {
	c := verify.NewChecker()
	for _, k := range lifeOfARack(b) {
		c.Applied(&k)
	}
	rec, ok := c.World().Record(backend.Ref{Kind: backend.KindMachine, ID: "R01-compute-1"})
	require.True(b, ok)
	call := verify.Call{Name: "ResetHost", Key: key(rec.Ref, int(rec.Transitions), "ResetHost"), Devices: []backend.Device{{Ref: rec.Ref, Rack: rec.Rack}}}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if found := c.Clone().Call(call); len(found) > 0 {
			b.Fatal(found)
		}
	}
}

// lifeOfARack are the commits of the bring-up of one rack of five devices.
func lifeOfARack(b *testing.B) []backend.Commit {
	b.Helper()
	rec := &recorder{Store: memory.New()}
	h := newHall(b, rec, 1, 1, "")
	h.run(bringUp)
	require.Empty(b, h.checker.Problems())
	require.Greater(b, len(rec.applied), 200)
	return rec.applied
}
