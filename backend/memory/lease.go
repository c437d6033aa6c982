package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

var (
	_ backend.LeaseStore = (*Store)(nil)
	_ backend.Watcher    = (*Store)(nil)
)

// LeaseClock sets where the time of leases comes from; nil is the clock of the system. It is called before the first lease is claimed.
func (s *Store) LeaseClock(now func() time.Time) { s.leases.Now = now }

// Renew is that of [backend.LeaseStore], for controllers of one process.
func (s *Store) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return backend.Tenure{}, err
	}
	return s.leases.Renew(owner, ttl)
}

// Claim is that of [backend.LeaseStore].
func (s *Store) Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	return s.leases.Claim(owner, ttl, racks)
}

// Release is that of [backend.LeaseStore].
func (s *Store) Release(ctx context.Context, owner string, racks ...string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	s.leases.Release(owner, racks)
	return nil
}

// watcher is one call of Watch that has not returned.
type watcher struct {
	wake    chan struct{}
	pending map[backend.Ref]uint64
}

// Watch tells of the objects that commits write, see [backend.Watcher].
func (s *Store) Watch(ctx context.Context, changed func([]backend.Change)) error {
	w := &watcher{wake: make(chan struct{}, 1), pending: map[backend.Ref]uint64{}}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("memory: %w", backend.ErrClosed)
	}
	s.watchers = append(s.watchers, w)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watchers = slices.DeleteFunc(s.watchers, func(o *watcher) bool { return o == w })
	}()
	changed(nil) // what was committed before is not told
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
		}
		s.mu.Lock()
		told := w.pending
		w.pending = map[backend.Ref]uint64{}
		s.mu.Unlock()
		if list := changes(told); len(list) > 0 {
			changed(list)
		}
	}
}

func changes(told map[backend.Ref]uint64) []backend.Change {
	out := make([]backend.Change, 0, len(told))
	for _, ref := range slices.SortedFunc(maps.Keys(told), backend.Ref.Compare) {
		out = append(out, backend.Change{Ref: ref, Version: told[ref]})
	}
	return out
}

// tell notes what a Commit has written for those who watch. The caller holds the lock.
func (s *Store) tell(c *backend.Commit) {
	for _, w := range s.watchers {
		for i := range c.Writes {
			w.pending[c.Writes[i].Record.Ref] = c.Writes[i].Expect + 1
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}
