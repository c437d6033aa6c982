package sitesim_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// tapStore measures the commits of a store and, when asked to, keeps those that were applied.
type tapStore struct {
	backend.Store
	busy  atomic.Bool
	calls atomic.Int64
	keep  bool

	mu      sync.Mutex
	took    []time.Duration
	commits []backend.Commit
}

// Commit passes a batch on.
func (s *tapStore) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	s.busy.Store(true)
	began := time.Now()
	results, err := s.Store.Commit(ctx, batch)
	took := time.Since(began)
	s.mu.Lock()
	s.took = append(s.took, took)
	for i := range results {
		if s.keep && results[i] == nil {
			s.commits = append(s.commits, batch[i])
		}
	}
	s.mu.Unlock()
	s.calls.Add(1)
	s.busy.Store(false)
	return results, err
}

// Get passes a question on.
func (s *tapStore) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	s.calls.Add(1)
	return s.Store.Get(ctx, ref)
}

// Requests passes a question on.
func (s *tapStore) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	s.calls.Add(1)
	return s.Store.Requests(ctx, q)
}

// reset forgets how long commits took; what it keeps, it keeps.
func (s *tapStore) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = nil
}

// percentile is the time within which that part of the commits was done.
func (s *tapStore) percentile(part float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
