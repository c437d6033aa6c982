package temporal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Waker wakes those who drive racks. A Runner is one.
type Waker interface {
	Wake(ctx context.Context, racks ...string) error
}

// wakeTimeout bounds how long a commit of a host is held up by a Temporal server that does not answer.
const wakeTimeout = 5 * time.Second

// Waking returns a store that wakes the racks which a commit has written. Give it to the controller of a host: whatever the host calls then, Apply, Request, Delete, SetLabels or
// rack.Manager.Discover, reaches the workflow of its rack. What a step commits for its own rack wakes nobody, for its workflow knows. A wake that fails is logged and no error: the commit is durable,
// and the workflow looks when something is due. A nil logger is slog.Default().
func Waking(store backend.Store, w Waker, log *slog.Logger) backend.Store {
	if log == nil {
		log = slog.Default()
	}
	s := waking{Store: store, waker: w, log: log}
	leases, shared := store.(backend.LeaseStore)
	watcher, tells := store.(backend.Watcher)
	switch {
	case shared && tells:
		return struct {
			sharing
			backend.Watcher
		}{sharing{s, leases}, watcher}
	case shared:
		return sharing{s, leases}
	case tells:
		return struct {
			waking
			backend.Watcher
		}{s, watcher}
	default:
		return s
	}
}

type waking struct {
	backend.Store
	waker Waker
	log   *slog.Logger
}

// Commit commits, and wakes the racks that may have changed by it.
func (s waking) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	results, err := s.Store.Commit(ctx, batch)
	if errors.Is(err, backend.ErrNotCommitted) {
		return results, err
	}
	racks := touched(batch, results)
	if own, stepping := ctx.Value(steppedRack{}).(string); stepping {
		racks = slices.DeleteFunc(racks, func(r string) bool { return r == own })
	}
	if len(racks) > 0 {
		s.wake(ctx, racks)
	}
	return results, err
}

// wake outlives the caller's context: a host that was cut off after its commit has still written something.
func (s waking) wake(ctx context.Context, racks []string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), wakeTimeout)
	defer stop()
	if err := s.waker.Wake(ctx, racks...); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "racks were not woken; they look when something is due", slog.Any("racks", racks), slog.Any("error", err))
	}
}

// touched are the racks that a batch may have written, in order. Without results nobody knows what was applied.
func touched(batch []backend.Commit, results []error) []string {
	var racks []string
	for i, c := range batch {
		if i < len(results) && results[i] != nil {
			continue
		}
		for _, w := range c.Writes {
			racks = append(racks, w.Record.Rack)
		}
	}
	slices.Sort(racks)
	return slices.Compact(racks)
}

// sharing passes on the leases of the store.
type sharing struct {
	waking
	leases backend.LeaseStore
}

// Renew is that of backend.LeaseStore.
func (s sharing) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	return s.leases.Renew(ctx, owner, ttl)
}

// Claim is that of backend.LeaseStore.
func (s sharing) Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	return s.leases.Claim(ctx, owner, ttl, racks)
}

// Release is that of backend.LeaseStore.
func (s sharing) Release(ctx context.Context, owner string, racks ...string) error {
	return s.leases.Release(ctx, owner, racks...)
}

// steppedRack is the key under which the context of a step says which rack is stepped.
type steppedRack struct{}

func within(ctx context.Context, rack string) context.Context {
	return context.WithValue(ctx, steppedRack{}, rack)
}
