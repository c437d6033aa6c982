package remote

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// SharedStore is a store that controllers share and that tells of what the others write.
type SharedStore interface {
	backend.LeaseStore
	backend.Watcher
}

// Leases returns the store with leases that last in virtual time: a store counts in real time, and a controller asks in its own.
func (p Pace) Leases(store SharedStore) SharedStore { return leases{store, p} }

type leases struct {
	SharedStore
	pace Pace
}

// Renew converts the time.
func (l leases) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	return l.SharedStore.Renew(ctx, owner, l.pace.Real(ttl))
}

// Claim converts the time.
func (l leases) Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	return l.SharedStore.Claim(ctx, owner, l.pace.Real(ttl), racks)
}
