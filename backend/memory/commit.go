package memory

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// Commit applies a batch, see [backend.Store]. It fails as a whole only when the store is closed or ctx has ended before it
// started; both errors wrap [backend.ErrNotCommitted].
func (s *Store) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
	}
	results := make([]error, len(batch))
	for i := range batch {
		// All is checked before anything is changed: a refused Commit leaves no trace.
		if err := s.check(&batch[i]); err != nil {
			results[i] = err
			continue
		}
		s.apply(&batch[i])
		s.tell(&batch[i])
	}
	return results, nil
}

// check reports why a Commit cannot be applied.
func (s *Store) check(c *backend.Commit) error {
	if err := s.leases.Check(c.Fences); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	for i := range c.Writes {
		w := &c.Writes[i]
		if stored := s.version(c.Writes[:i], w.Record.Ref); stored != w.Expect {
			return fmt.Errorf("memory: %s: %w: expected %d, stored %d", w.Record.Ref, backend.ErrConflict, w.Expect, stored)
		}
	}
	for i := range c.Post {
		r := &c.Post[i]
		if s.find(r.On, r.ID) != nil || contains(c.Post[:i], r) {
			return fmt.Errorf("memory: request %q on %s: %w", r.ID, r.On, backend.ErrExists)
		}
	}
	for i := range c.Update {
		r := &c.Update[i]
		if s.find(r.On, r.ID) == nil && !contains(c.Post, r) {
			return fmt.Errorf("memory: request %q on %s: %w: there is no such request", r.ID, r.On, backend.ErrConflict)
		}
	}
	return nil
}

// version returns the version that an object has after the earlier writes of the same Commit.
func (s *Store) version(earlier []backend.Write, ref backend.Ref) uint64 {
	for i := len(earlier) - 1; i >= 0; i-- {
		if earlier[i].Record.Ref == ref {
			return earlier[i].Expect + 1
		}
	}
	if stored := s.objects[ref]; stored != nil {
		return stored.Version
	}
	return 0
}

// apply does what check has allowed.
func (s *Store) apply(c *backend.Commit) {
	for i := range c.Writes {
		s.write(&c.Writes[i])
	}
	for i := range c.Post {
		r := cloneRequest(&c.Post[i])
		s.requests = append(s.requests, &r)
		s.asked[r.On] = append(s.asked[r.On], &r)
	}
	for i := range c.Update {
		r := cloneRequest(&c.Update[i])
		*s.find(r.On, r.ID) = r
	}
}

// write stores one object and its history row.
func (s *Store) write(w *backend.Write) {
	ref := w.Record.Ref
	next := cloneRecord(&w.Record)
	next.Version = w.Expect + 1
	stored := s.objects[ref]
	switch {
	case next.Gone():
		next.Data = nil
	case next.Data == nil && stored != nil:
		next.Data = stored.Data
	}
	if stored == nil {
		stored = new(backend.Record)
		s.objects[ref] = stored
	} else if stored.Rack != next.Rack {
		delete(s.racks[stored.Rack], ref)
	}
	*stored = next
	if s.racks[next.Rack] == nil {
		s.racks[next.Rack] = make(map[backend.Ref]*backend.Record)
	}
	s.racks[next.Rack][ref] = stored
	if w.Transition == nil {
		return
	}
	row := *w.Transition
	row.Position = uint64(len(s.history)) + 1
	row.Ref, row.Rack = ref, next.Rack
	row.At = backend.Timestamp(row.At)
	s.history = append(s.history, row)
	s.chains[ref] = append(s.chains[ref], row.Position)
}

// find returns the stored request with that id on that object, or nil.
func (s *Store) find(on backend.Ref, id string) *backend.Request {
	for _, r := range s.asked[on] {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// contains reports whether a list holds a request with the same id on the same object.
func contains(list []backend.Request, r *backend.Request) bool {
	for i := range list {
		if list[i].ID == r.ID && list[i].On == r.On {
			return true
		}
	}
	return false
}
