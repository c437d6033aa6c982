package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Wrap puts a checker around a store: every commit that the store applies is looked at, before and after, and what is wrong is among Checker.Problems. The store that it returns is a
// backend.LeaseStore, a backend.Watcher and a backend.CursorStore if the inner one is. It is safe for concurrent use; commits and leases go one after the other, also through several
// wrappers of one checker. Whatever is committed past them, by another process, the checker does not see.
//
// A store that holds something already is taken in by World.Load before.
func Wrap(inner backend.Store, c *Checker) backend.Store {
	s := &store{Store: inner, c: c}
	l, leasing := inner.(backend.LeaseStore)
	w, watching := inner.(backend.Watcher)
	k, keeping := inner.(cursors)
	leases := &leaseStore{inner: l, c: c}
	switch {
	case leasing && watching && keeping:
		return struct {
			*store
			*leaseStore
			backend.Watcher
			cursors
		}{s, leases, w, k}
	case leasing && watching:
		return struct {
			*store
			*leaseStore
			backend.Watcher
		}{s, leases, w}
	case leasing && keeping:
		return struct {
			*store
			*leaseStore
			cursors
		}{s, leases, k}
	case watching && keeping:
		return struct {
			*store
			backend.Watcher
			cursors
		}{s, w, k}
	case leasing:
		return struct {
			*store
			*leaseStore
		}{s, leases}
	case watching:
		return struct {
			*store
			backend.Watcher
		}{s, w}
	case keeping:
		return struct {
			*store
			cursors
		}{s, k}
	default:
		return s
	}
}

// cursors is what a backend.CursorStore has beside a store.
type cursors interface {
	Cursor(ctx context.Context, name string) (uint64, error)
	SetCursor(ctx context.Context, name string, from, to uint64) error
	LastPosition(ctx context.Context) (uint64, error)
}

// store passes reads through and looks at commits.
type store struct {
	backend.Store
	c *Checker
}

// Commit applies a batch, see backend.Store. As long as it is not known what became of an earlier commit, it refuses with an error that wraps backend.ErrNotCommitted.
func (s *store) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if err := s.settle(ctx); err != nil {
		return nil, fmt.Errorf("%w: an earlier commit cannot be looked for: %w", backend.ErrNotCommitted, err)
	}
	results, err := s.Store.Commit(ctx, batch)
	switch {
	case errors.Is(err, backend.ErrNotCommitted):
	case err != nil:
		for i := range batch {
			s.c.doubtful = append(s.c.doubtful, copied(&batch[i]))
		}
		_ = s.settle(context.WithoutCancel(ctx)) // the next commit tries again
	default:
		for i := range batch {
			if results[i] == nil {
				s.c.applied(&batch[i])
			}
		}
	}
	return results, err
}

// applied looks at a commit that the store says it has applied.
func (c *Checker) applied(k *backend.Commit) {
	c.problems = append(c.problems, c.before(k)...)
	c.problems = append(c.problems, c.after(k)...)
}

// settle finds out what became of the commits of which nobody knows.
func (s *store) settle(ctx context.Context) error {
	stored := map[backend.Ref]uint64{}
	for i := range s.c.doubtful {
		for j := range s.c.doubtful[i].Writes {
			ref := s.c.doubtful[i].Writes[j].Record.Ref
			rec, err := s.Get(ctx, ref)
			switch {
			case errors.Is(err, backend.ErrNotFound):
				stored[ref] = 0
			case err != nil:
				return err
			default:
				stored[ref] = rec.Version
			}
		}
	}
	for i := range s.c.doubtful {
		if k := &s.c.doubtful[i]; s.c.world.took(k, stored) {
			s.c.applied(k)
		}
	}
	s.c.doubtful = nil
	return nil
}

// took reports whether a store that holds these versions has applied the commit: it could, and its writes are there.
func (w *World) took(k *backend.Commit, stored map[backend.Ref]uint64) bool {
	return !slices.ContainsFunc(k.Writes, func(wr backend.Write) bool {
		version := uint64(0)
		if o := w.objects.get(wr.Record.Ref); o != nil {
			version = o.rec.Version
		}
		return wr.Expect != version || stored[wr.Record.Ref] <= wr.Expect
	})
}

// copied is a commit that the caller cannot change any more.
func copied(k *backend.Commit) backend.Commit {
	out := backend.Commit{Writes: slices.Clone(k.Writes), Post: slices.Clone(k.Post), Update: slices.Clone(k.Update), Fences: slices.Clone(k.Fences)}
	for i := range out.Writes {
		out.Writes[i].Record.Data = slices.Clone(out.Writes[i].Record.Data)
		if t := out.Writes[i].Transition; t != nil {
			row := *t
			out.Writes[i].Transition = &row
		}
	}
	for _, list := range [][]backend.Request{out.Post, out.Update} {
		for i := range list {
			list[i].Params, list[i].Results = slices.Clone(list[i].Params), slices.Clone(list[i].Results)
		}
	}
	return out
}

// leaseStore notes the leases that a store hands out.
type leaseStore struct {
	inner backend.LeaseStore
	c     *Checker
}

// Renew is that of backend.LeaseStore.
func (s *leaseStore) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	tenure, err := s.inner.Renew(ctx, owner, ttl)
	s.note(tenure.Leases)
	return tenure, err
}

// Claim is that of backend.LeaseStore.
func (s *leaseStore) Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	got, err := s.inner.Claim(ctx, owner, ttl, racks)
	s.note(got)
	return got, err
}

// Release is that of backend.LeaseStore.
func (s *leaseStore) Release(ctx context.Context, owner string, racks ...string) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	err := s.inner.Release(ctx, owner, racks...)
	if err == nil {
		s.c.world.released(owner, racks)
	}
	return err
}

func (s *leaseStore) note(leases []backend.Lease) {
	for _, l := range leases {
		s.c.world.leased(l)
	}
}

// settler is a store that may not know what became of a commit.
type settler interface {
	settle(ctx context.Context) error
}
