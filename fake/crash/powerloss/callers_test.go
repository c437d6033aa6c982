//go:build linux

package powerloss

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/crash/internal/hall"
)

// callers is how many commit at the same time, so that the store writes several of them together.
const callers = 8

// both are the two machines of a caller, which change together and only together.
func both(caller int) [2]backend.Ref {
	return [2]backend.Ref{{Kind: backend.KindMachine, ID: fmt.Sprint(caller, "-left")}, {Kind: backend.KindMachine, ID: fmt.Sprint(caller, "-right")}}
}

// turn is the commit that takes the machines of a caller from one version to the next.
func turn(caller int, version uint64, size int) backend.Commit {
	var c backend.Commit
	at := time.Date(2026, 1, 1, 0, 0, int(version), 0, time.UTC)
	from, to := fmt.Sprint("State/", version), fmt.Sprint("State/", version+1)
	if version == 0 {
		from = ""
	}
	for _, ref := range both(caller) {
		c.Writes = append(c.Writes, backend.Write{
			Record:     backend.Record{Ref: ref, Rack: "A1", State: to, Since: at, Transitions: version + 1, Data: make([]byte, size)},
			Expect:     version,
			Transition: &backend.Transition{Ref: ref, Rack: "A1", Seq: version + 1, From: from, To: to, At: at, Trigger: "Turned"},
		})
	}
	return c
}

// called is a tape of many callers at the same time.
func called(t *testing.T, turns int) *tape {
	t.Helper()
	tp := newTape(t, small, nil)
	store, err := sqlite.Open(t.Context(), filepath.Join(tp.folder, hall.StoreFile), sqlite.Config{})
	require.NoError(t, err)
	var all sync.WaitGroup
	failed := make([]error, callers)
	for caller := range callers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(8, uint64(caller)))
			for version := range uint64(turns) {
				tp.add(entry{deed: told, ack: ack{caller, version, false}})
				results, err := store.Commit(t.Context(), []backend.Commit{turn(caller, version, random.IntN(9000))})
				if failed[caller] = errors.Join(append(results, err)...); failed[caller] != nil {
					return
				}
				tp.add(entry{deed: told, ack: ack{caller, version + 1, true}})
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(failed...))
	require.NoError(t, store.Close())
	return tp
}

func TestCommitsThatAreWrittenTogetherSurviveTheLossOfPowerEach(t *testing.T) {
	t.Parallel()
	random := drawing(t)
	tp := called(t, 30)
	folder, tally, together := scratch(t), newTally(), 0
	require.NoError(t, each(t.Context(), tp, random, places(random, tp, share(t, 60, 8)), func(c *cut) error {
		var begun, done [callers]uint64
		for _, e := range tp.entries[:c.at] {
			if e.deed == told && e.ack.done {
				done[e.ack.caller] = e.ack.version
			} else if e.deed == told {
				begun[e.ack.caller] = e.ack.version + 1
			}
		}
		waiting := 0
		for caller := range callers {
			if begun[caller] > done[caller] {
				waiting++
			}
		}
		if waiting > 1 {
			together++
		}
		tally.count(c)
		return c.found(t.Context(), folder, func(store *sqlite.Store) error { return turned(t.Context(), store, begun, done) })
	}))
	tally.log(t, tp)
	t.Logf("at %d cuts several callers were waiting", together)
	require.Positive(t, together)
}

// turned checks that the machines of every caller are where they were promised to be, or one turn farther if that was asked for.
func turned(ctx context.Context, store backend.Store, begun, done [callers]uint64) error {
	for caller := range callers {
		var at [2]uint64
		for i, ref := range both(caller) {
			r, err := store.Get(ctx, ref)
			if errors.Is(err, backend.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			at[i] = r.Version
			rows, err := store.History(ctx, backend.HistoryQuery{Ref: ref})
			if err != nil {
				return err
			}
			if n := uint64(len(rows)); n != r.Version || rows[n-1].To != r.State {
				return fmt.Errorf("%s has version %d in %s, and %d rows", ref, r.Version, r.State, n)
			}
		}
		if at[0] != at[1] {
			return fmt.Errorf("caller %d: half a commit: versions %v", caller, at)
		}
		if at[0] < done[caller] || at[0] > max(begun[caller], done[caller]) {
			return fmt.Errorf("caller %d: missing: version %d was promised, %d asked for, %d is there", caller, done[caller], begun[caller], at[0])
		}
	}
	return nil
}
