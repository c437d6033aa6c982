package sitesim_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// tapStore measures the commits of a store and, when asked to, keeps them.
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
	if s.keep {
		s.commits = append(s.commits, batch...)
	}
	s.mu.Unlock()
	s.calls.Add(1)
	s.busy.Store(false)
	return results, err
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
