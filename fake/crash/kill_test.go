//go:build unix

package crash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/crash/internal/hall"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

// lanes is how many runs go on side by side.
const lanes = 2

// endless is how many kills a run survives at most. Most runs take twenty.
const endless = 500

// newRun begins a run in a folder of its own below another one.
func newRun(below string) (*run, error) {
	folder, err := os.MkdirTemp(below, "run-")
	return &run{folder: folder, scratch: folder + "-copy", account: witness.NewAccount()}, err
}

// tally counts what happened.
type tally struct {
	mu                            sync.Mutex
	runs, processes, kills, calls int
	// fresh is how many were killed when the store had not promised anything yet.
	fresh int
	// where says at which places how many were killed.
	where map[string]int
}

func TestAProcessThatIsKilledAgainAndAgainComesToTheEndOfAnUndisturbedRun(t *testing.T) {
	t.Parallel()
	kills, seed := killsOf(t), seedOf(t)
	calm, err := newRun(t.TempDir())
	require.NoError(t, err)
	l, err := calm.live(t.Context(), nil)
	require.NoError(t, err)
	require.False(t, l.killed)
	calls := calm.account.Calls()
	want, err := hall.Look(t.Context(), calm.folder)
	require.NoError(t, err)
	require.Greater(t, len(want.Paths), 4)

	began, all := time.Now(), &tally{where: map[string]int{}}
	folder, failed := t.TempDir(), [lanes]error{}
	var lived sync.WaitGroup
	for lane := range lanes {
		lived.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(lane)))
			for n, killed := 0, 0; n < kills/lanes && failed[lane] == nil; n += killed {
				killed, failed[lane] = all.toTheEnd(t.Context(), folder, random, want)
			}
		})
	}
	lived.Wait()
	t.Logf("%d kills of %d processes in %d runs, %d of them before the first commit; %d calls to the store were told of, %d in an undisturbed run; it took %s",
		all.kills, all.processes, all.runs, all.fresh, all.calls, calls, time.Since(began).Round(time.Millisecond))
	for _, place := range slices.Sorted(maps.Keys(all.where)) {
		t.Logf("%5d  %s", all.where[place], place)
	}
	require.NoError(t, errors.Join(failed[:]...))
	if kills >= 40 {
		assert.Positive(t, all.where["inside a commit, which the file has not"]+all.where["inside a commit, which the file has"], "no commit was hit")
	}
}

// toTheEnd runs the site to its end, however many processes it takes, and returns how many were killed.
func (all *tally) toTheEnd(ctx context.Context, folder string, random *rand.Rand, want hall.End) (kills int, err error) {
	r, err := newRun(folder)
	if err != nil {
		return 0, err
	}
	for n, over := 1, false; !over; n++ {
		b := draw(random, r.account.Calls() == 0)
		l, err := r.live(ctx, &b)
		call := r.account.Open()
		landed := false
		if err == nil {
			landed, err = r.settle(ctx)
		}
		if err != nil {
			return kills, fmt.Errorf("process %d of %s, killed %s after %q no. %d: %w", n, r.folder, b.delay, b.sign, b.nth, err)
		}
		all.count(l, r.where(l, call, landed), r.account.Calls() == 0)
		if over = !l.killed; !over {
			kills++
		}
		if kills > endless {
			return kills, errors.New("the run does not end")
		}
	}
	all.mu.Lock()
	all.runs++
	all.calls += r.account.Calls()
	all.mu.Unlock()
	got, err := hall.Look(ctx, r.folder)
	if diff := cmp.Diff(want, got); err == nil && diff != "" {
		err = fmt.Errorf("another end than that of an undisturbed run:\n%s", diff)
	}
	if err != nil {
		return kills, err
	}
	return kills, os.RemoveAll(r.folder)
}

// count counts a process.
func (all *tally) count(l life, place string, fresh bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.processes++
	if l.killed {
		all.kills++
		all.where[place]++
		if fresh {
			all.fresh++
		}
	}
}

// hastyKills is how many processes may be killed until one is caught that promises too early. Every third or so is.
const hastyKills = 60

func TestAProcessThatPromisesACommitTooEarlyIsCaught(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	for range hastyKills {
		r, err := newRun(t.TempDir())
		require.NoError(t, err)
		r.hasty = true
		l, err := r.live(t.Context(), &blow{callEnded, 1 + random.IntN(20), 0})
		require.NoError(t, err)
		require.True(t, l.killed)
		if _, err = r.settle(t.Context()); err != nil {
			require.ErrorContains(t, err, "missing: ")
			return
		}
	}
	t.Fatalf("%d processes were killed right after they had promised what was not done, and nobody noticed", hastyKills)
}
