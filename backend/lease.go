package backend

import (
	"context"
	"errors"
	"time"
)

// Lease is the right of one controller to work on a rack and what is inside it, for a time.
type Lease struct {
	// Rack is the id of the rack.
	Rack string
	// Owner is the name of the controller.
	Owner string
	// Token is the fencing token. It grows whenever the rack changes its owner, also when the same owner comes back after its lease had expired, and never goes back.
	Token uint64
	// Expires is when it ends unless it is renewed, by the clock of the store.
	Expires time.Time
}

// Fence names the lease under which a Commit is made.
type Fence struct {
	Rack  string
	Token uint64
}

// Tenure is who works on what.
type Tenure struct {
	// Owners are the controllers that have renewed within their time, the asking one too, in the order of their names. One that holds nothing is among them.
	Owners []string
	// Leases are those that have not expired, of all owners, in the order of racks.
	Leases []Lease
}

// LeaseStore is a Store that many controllers share. The engine looks for it; a store that does not have it belongs to one controller.
//
// Time is the store's own, so that the clocks of controllers do not matter. A controller that was stopped for longer than its lease finds its commits refused, however sure
// it is of itself.
type LeaseStore interface {
	Store

	// Renew says that the owner lives and extends all leases that it still holds until ttl from now. A lease that has expired is not extended, even when nobody has taken it
	// since. It returns who works on what after that.
	Renew(ctx context.Context, owner string, ttl time.Duration) (Tenure, error)

	// Claim leases to the owner those of the racks that nobody holds, until ttl from now, and returns them with their new tokens. A rack needs no record to be claimed.
	Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]Lease, error)

	// Release gives up leases of the owner, so that others need not wait until they expire; with no rack named all of them, and the owner is no longer among those that live.
	// What it does not hold is left alone.
	Release(ctx context.Context, owner string, racks ...string) error
}

// ErrFenced says that a lease under which the Commit was made is no longer current. Nothing was changed. Stop working on that rack.
var ErrFenced = errors.New("the lease is no longer current")

// Change names an object that somebody has written, and its version after that.
type Change struct {
	Ref     Ref
	Version uint64
}

// Watcher is a Store that tells of what other processes commit. The engine looks for it; without it, what others wrote is seen when a commit conflicts.
type Watcher interface {
	// Watch calls changed with the objects that commits have written, those of this process too, soon after they are durable, until ctx ends; then it returns nil. It
	// calls changed without any when it may have missed some: look at everything. It reconnects by itself, and returns an error only when it never will. changed
	// returns soon, and is not called by two goroutines at once.
	Watch(ctx context.Context, changed func([]Change)) error
}
