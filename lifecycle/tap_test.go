package lifecycle_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

// tap stands between a controller and its store. It counts what is committed, and lets a test fail a call, delay it, or write first.
type tap struct {
	backend.Store

	mu      sync.Mutex
	commits []backend.Commit
	before  func(batch []backend.Commit) error // an error is returned and nothing is committed
	after   func(batch []backend.Commit) error // what was committed stays so; the error is returned instead of the results
	reads   func(ref backend.Ref) error        // an error is returned by Get
}

func newTap() *tap { return &tap{Store: memory.New()} }

// onCommit sets what happens before and after every commit from now on.
func (s *tap) onCommit(before, after func(batch []backend.Commit) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// onGet sets what happens before every Get from now on.
func (s *tap) onGet(f func(ref backend.Ref) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = f
}

func (s *tap) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	s.mu.Lock()
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		if err := before(batch); err != nil {
			return nil, err
		}
	}
	results, err := s.Store.Commit(ctx, batch)
	s.mu.Lock()
	for i := range results {
		if results[i] == nil {
			s.commits = append(s.commits, batch[i])
		}
	}
	s.mu.Unlock()
	if after != nil && err == nil {
		if err := after(batch); err != nil {
			return nil, err
		}
	}
	return results, err
}

func (s *tap) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	s.mu.Lock()
	reads := s.reads
	s.mu.Unlock()
	if reads != nil {
		if err := reads(ref); err != nil {
			return nil, err
		}
	}
	return s.Store.Get(ctx, ref)
}

// committed returns all commits that were applied.
func (s *tap) committed() []backend.Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commits)
}

// rival writes to the store behind the controller's back: it changes the record of an object and counts its version up.
func (s *tap) rival(tb testing.TB, ref backend.Ref, change func(r *backend.Record)) {
	tb.Helper()
	rec, err := s.Store.Get(tb.Context(), ref)
	require.NoError(tb, err)
	w := backend.Write{Record: *rec, Expect: rec.Version}
	if change != nil {
		change(&w.Record)
	}
	results, err := s.Store.Commit(tb.Context(), []backend.Commit{{Writes: []backend.Write{w}}})
	require.NoError(tb, err)
	require.NoError(tb, results[0])
}

// record reads an object as it is stored.
func (s *tap) record(tb testing.TB, ref backend.Ref) backend.Record {
	tb.Helper()
	rec, err := s.Store.Get(tb.Context(), ref)
	require.NoError(tb, err)
	return *rec
}
