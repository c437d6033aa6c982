package verify_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/machine"
)

func TestAWrappedStoreIsStillAStore(t *testing.T) {
	t.Parallel()
	backendtest.TestStore(t, func(*testing.T) backend.Store { return verify.Wrap(memory.New(), verify.NewChecker()) })
}

func TestAWrappedStoreStillHandsOutLeases(t *testing.T) {
	t.Parallel()
	backendtest.TestLeases(t, func(t *testing.T) (backend.LeaseStore, func(time.Duration)) {
		t.Helper()
		now := begun
		inner := memory.New()
		inner.LeaseClock(func() time.Time { return now })
		return verify.Wrap(inner, verify.NewChecker()).(backend.LeaseStore), func(d time.Duration) { now = now.Add(d) }
	})
}

// The parts of a store that may be missing.
type (
	bare     struct{ backend.Store }
	watching struct {
		backend.Store
		backend.Watcher
	}
	keeping struct{ backend.CursorStore }
	leasing struct{ backend.LeaseStore }
)

func TestAWrappedStoreCanDoWhatTheInnerOneCanAndNoMore(t *testing.T) {
	t.Parallel()
	m := memory.New()
	type both struct {
		backend.Store
		leases
		backend.Watcher
	}
	type cursorsToo struct {
		backend.Store
		leases
		cursors
	}
	type watched struct {
		backend.Store
		backend.Watcher
		cursors
	}
	for name, inner := range map[string]backend.Store{
		"nothing": bare{m}, "watch": watching{m, m}, "cursors": keeping{m}, "leases": leasing{m}, "leases and watch": both{m, m, m}, "leases and cursors": cursorsToo{m, m, m},
		"watch and cursors": watched{m, m, m}, "all": m,
	} {
		wrapped := verify.Wrap(inner, verify.NewChecker())
		can := func(s backend.Store) [3]bool {
			_, lease := s.(backend.LeaseStore)
			_, watch := s.(backend.Watcher)
			_, cursor := s.(backend.CursorStore)
			return [3]bool{lease, watch, cursor}
		}
		assert.Equal(t, can(inner), can(wrapped), name)
	}
}

type leases interface {
	Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error)
	Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error)
	Release(ctx context.Context, owner string, racks ...string) error
}

type cursors interface {
	Cursor(ctx context.Context, name string) (uint64, error)
	SetCursor(ctx context.Context, name string, from, to uint64) error
	LastPosition(ctx context.Context) (uint64, error)
}

// newborn is the commit that creates a machine.
func newborn(id string) backend.Commit {
	w := backend.Write{Record: backend.Record{Ref: machine.Ref(id), Rack: "r1", Data: []byte("{}")}}
	step(&w, "Reported", "Created")
	return backend.Commit{Writes: []backend.Write{w}}
}

// onward is the commit after that.
func onward(id string) backend.Commit {
	k := newborn(id)
	w := &k.Writes[0]
	w.Expect, w.Record.Data = 1, nil
	step(w, "HostReported", string(machine.HostInitWaitingForPlatformConfiguration))
	return k
}

func TestACommitThatTheStoreRefusesBreaksNothing(t *testing.T) {
	t.Parallel()
	inner, checker := memory.New(), verify.NewChecker()
	store := verify.Wrap(inner, checker)
	results, err := store.Commit(t.Context(), []backend.Commit{newborn("m1"), newborn("m1"), onward("m1"), onward("m1")})
	require.NoError(t, err)
	require.NoError(t, errors.Join(results[0], results[2]))
	require.ErrorIs(t, results[1], backend.ErrConflict)
	require.ErrorIs(t, results[3], backend.ErrConflict)
	assert.Empty(t, checker.Problems())
	require.NoError(t, checker.Audit(t.Context(), store))

	wrong := onward("m2")
	wrong.Writes[0].Expect = 0
	_, err = store.Commit(t.Context(), []backend.Commit{wrong})
	require.NoError(t, err)
	assert.NotEmpty(t, checker.Problems(), "and one that it takes may")
}

// shaky is a store that fails after or before it has committed.
type shaky struct {
	*memory.Store
	mu     sync.Mutex
	after  error // returned after the commit
	before error // returned instead of the commit
	blind  error // returned by reads
}

var errLost = errors.New("the line is dead")

func (s *shaky) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		return nil, s.before
	}
	results, err := s.Store.Commit(ctx, batch)
	if s.after != nil {
		return nil, s.after
	}
	return results, err
}

func (s *shaky) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	if s.blind != nil {
		return nil, s.blind
	}
	return s.Store.Get(ctx, ref)
}

func TestACommitOfUnknownOutcomeIsLookedFor(t *testing.T) {
	t.Parallel()
	batch := []backend.Commit{newborn("m1"), newborn("m2"), onward("m1"), newborn("m2")}
	for name, c := range map[string]struct {
		inner *shaky
		want  int
	}{
		"applied":              {&shaky{Store: memory.New(), after: errLost}, 2},
		"not applied":          {&shaky{Store: memory.New(), before: errLost}, 0},
		"surely not committed": {&shaky{Store: memory.New(), before: backend.ErrNotCommitted}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checker := verify.NewChecker()
			store := verify.Wrap(c.inner, checker)
			_, err := store.Commit(t.Context(), batch)
			require.Error(t, err)
			assert.Len(t, checker.World().Records(), c.want)
			assert.Empty(t, checker.Problems())
			assert.NoError(t, checker.Audit(t.Context(), store))
		})
	}
}

func TestAStoreThatCannotBeReadTakesNothingMoreUntilItIsKnownWhatItHolds(t *testing.T) {
	t.Parallel()
	inner, checker := &shaky{Store: memory.New(), after: errLost, blind: errLost}, verify.NewChecker()
	store := verify.Wrap(inner, checker)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	first := []backend.Commit{newborn("m1")}
	_, err := store.Commit(t.Context(), first)
	require.ErrorIs(t, err, errLost)
	first[0].Writes[0].Record.State = "spoiled" // it belongs to the caller again
	_, err = store.Commit(ctx, []backend.Commit{onward("m1")})
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorIs(t, err, errLost)
	require.ErrorIs(t, checker.Audit(t.Context(), store), errLost)
	assert.Empty(t, checker.World().Records())

	inner.after, inner.blind = nil, nil
	results, err := store.Commit(t.Context(), []backend.Commit{onward("m1")})
	require.NoError(t, err)
	require.NoError(t, results[0])
	assert.Empty(t, checker.Problems())
	assert.NoError(t, checker.Audit(t.Context(), store))
}

func TestSeveralWrappersShareAChecker(t *testing.T) {
	t.Parallel()
	inner, checker := memory.New(), verify.NewChecker()
	one, two := verify.Wrap(inner, checker), verify.Wrap(inner, checker)
	var wg sync.WaitGroup
	for i, store := range []backend.Store{one, two, one, two} {
		wg.Go(func() {
			for n := range 50 {
				id := string(rune('a'+i)) + string(rune('a'+n%25)) + string(rune('a'+n/25))
				_, err := store.Commit(t.Context(), []backend.Commit{newborn(id), onward(id)})
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.Empty(t, checker.Problems())
	assert.Len(t, checker.World().Records(), 200)
	assert.NoError(t, checker.Audit(t.Context(), inner))
}

func TestAnotherStoreIsAuditedTheSame(t *testing.T) {
	t.Parallel()
	inner, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "racks.db"), sqlite.Config{Synchronous: sqlite.Normal})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, inner.Close()) })
	h := newHall(t, inner, 1, 1, "")
	h.run(bringUp)
	h.well(t.Context())
	require.Len(t, h.checker.World().Records(), 7)
}
