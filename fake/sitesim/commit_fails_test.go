package sitesim

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

var errDiskFull = errors.New("no space left on the disk")

// fragile is a store that fails at chosen commits, counted from 1.
type fragile struct {
	backend.Store
	commits atomic.Int64
	// fails says what to do at a commit: fail or not, and whether it is written all the same.
	fails func(n int) (fail, written bool)
}

// Commit fails where it shall: surely not committed, or with nobody knowing.
func (f *fragile) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	fail, written := f.fails(int(f.commits.Add(1)))
	if fail && !written {
		return nil, fmt.Errorf("%w: %w", backend.ErrNotCommitted, errDiskFull)
	}
	results, err := f.Store.Commit(ctx, batch)
	if fail && err == nil {
		return nil, errDiskFull
	}
	return results, err
}

func TestARunGoesOnAfterAnyCommitThatFailed(t *testing.T) {
	t.Parallel()
	count := &fragile{Store: memory.New(), fails: func(int) (bool, bool) { return false, false }}
	cfg := one(t.TempDir())
	cfg.Store, cfg.Journal = count, ""
	want := undisturbed(t, process{cfg: cfg})
	commits := int(count.commits.Load())
	require.Greater(t, commits, 150)
	for name, written := range map[string]bool{"surely not committed": false, "committed and not known": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, k := range points(commits) {
				store := &fragile{Store: memory.New(), fails: func(n int) (bool, bool) { return n == k+1, written }}
				cfg := one("")
				cfg.Store, cfg.Journal = store, ""
				sim := newSim(t, cfg)
				require.ErrorIs(t, runWith(t.Context(), sim, nil), errDiskFull)
				require.NoError(t, consistent(t.Context(), store))
				require.NoError(t, runWith(t.Context(), sim, nil), "commit %d of %d", k+1, commits)
				got, err := traceOf(t.Context(), store, sim.hardware)
				require.NoError(t, err)
				assert.Empty(t, cmp.Diff(want, got), "commit %d of %d failed", k+1, commits)
			}
		})
	}
}

func TestWorkersOutlastADiskThatIsFull(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]bool{"surely not committed": false, "committed and not known": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &fragile{Store: memory.New(), fails: func(n int) (bool, bool) { return n > 10 && n%5 != 0 && n < 200, written }}
			h := newHall(racksAtOnce, store)
			h.engine.Resync = 50 * time.Millisecond // who was not told of a commit that was not known finds out by then
			h.run(t, allReady(racksAtOnce))
			require.Greater(t, store.commits.Load(), int64(11))
			got, err := states(t.Context(), store)
			require.NoError(t, err)
			assert.Equal(t, ready(racksAtOnce), got)
			assert.NoError(t, settled(t.Context(), store, h.hardware))
		})
	}
}
