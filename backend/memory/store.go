// Package memory keeps records, requests, history and cursors in the memory of the process: for tests, simulations and demonstrations.
//
// A [Store] keeps every promise of [backend.Store] except that it is not durable: what it holds is gone with the process. It has no
// goroutine and no file, and answers in the same order on every run.
package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/leases"
)

// Store implements [backend.Store]. Make one with New; it is safe for concurrent use.
type Store struct {
	mu     sync.RWMutex
	closed bool

	// objects holds every record, tombstones included; racks has the same records sorted into their racks.
	objects map[backend.Ref]*backend.Record
	racks   map[string]map[backend.Ref]*backend.Record

	// history is ordered by Position, which is the index plus one. chains holds the positions of each object.
	history []backend.Transition
	chains  map[backend.Ref][]uint64

	// requests is in the order of posting; an entry is replaced in place, so the order stays. asked holds the entries of each object.
	requests []*backend.Request
	asked    map[backend.Ref][]*backend.Request

	cursors map[string]uint64

	leases   leases.Table
	watchers []*watcher
}

var _ backend.CursorStore = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{
		objects: make(map[backend.Ref]*backend.Record),
		racks:   make(map[string]map[backend.Ref]*backend.Record),
		chains:  make(map[backend.Ref][]uint64),
		asked:   make(map[backend.Ref][]*backend.Request),
		cursors: make(map[string]uint64),
	}
}

// Close makes every later call return [backend.ErrClosed] and lets go of what the store held. It returns nil.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.objects, s.racks, s.history, s.chains, s.requests, s.asked, s.cursors = nil, nil, nil, nil, nil, nil, nil
	return nil
}

// usable reports why a call cannot be served: the context has ended, or the store is closed. The caller holds the lock.
func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return fmt.Errorf("memory: %w", backend.ErrClosed)
	}
	return ctx.Err()
}
