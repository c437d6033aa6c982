// Package leases keeps the leases of a store that lives in one process: in memory, and gone with it. That is enough where the process is the only one that can write.
package leases

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Table is a set of leases. The zero value is empty and ready. It is safe for concurrent use.
type Table struct {
	// Now is where time comes from. nil is the clock of the system.
	Now func() time.Time

	mu     sync.Mutex
	leases map[string]backend.Lease
	tokens map[string]uint64
	alive  map[string]time.Time
}

func (t *Table) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now() //nolint:forbidigo // leases are about the time of this process, and whoever simulates sets Now
}

// Renew is that of backend.LeaseStore.
func (t *Table) Renew(owner string, ttl time.Duration) (backend.Tenure, error) {
	if err := check(owner, ttl); err != nil {
		return backend.Tenure{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.drop(now)
	t.lives(owner, now.Add(ttl))
	for rack, l := range t.leases {
		if l.Owner == owner {
			l.Expires = now.Add(ttl)
			t.leases[rack] = l
		}
	}
	return backend.Tenure{Owners: slices.Sorted(maps.Keys(t.alive)), Leases: sorted(slices.Collect(maps.Values(t.leases)))}, nil
}

// Claim is that of backend.LeaseStore.
func (t *Table) Claim(owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	if err := check(owner, ttl); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.drop(now)
	var got []backend.Lease
	for _, rack := range racks {
		if _, held := t.leases[rack]; held {
			continue
		}
		if t.leases == nil {
			t.leases, t.tokens = map[string]backend.Lease{}, map[string]uint64{}
		}
		t.tokens[rack]++
		l := backend.Lease{Rack: rack, Owner: owner, Token: t.tokens[rack], Expires: now.Add(ttl)}
		t.leases[rack] = l
		got = append(got, l)
	}
	t.lives(owner, now.Add(ttl))
	return sorted(got), nil
}

// Release is that of backend.LeaseStore.
func (t *Table) Release(owner string, racks []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(racks) == 0 {
		delete(t.alive, owner)
	}
	for rack, l := range t.leases {
		if l.Owner == owner && (len(racks) == 0 || slices.Contains(racks, rack)) {
			delete(t.leases, rack)
		}
	}
}

// Check returns backend.ErrFenced unless all the fences are current.
func (t *Table) Check(fences []backend.Fence) error {
	if len(fences) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, f := range fences {
		if l, held := t.leases[f.Rack]; !held || l.Token != f.Token || !l.Expires.After(now) {
			return fmt.Errorf("rack %s under token %d: %w", f.Rack, f.Token, backend.ErrFenced)
		}
	}
	return nil
}

func (t *Table) lives(owner string, until time.Time) {
	if t.alive == nil {
		t.alive = map[string]time.Time{}
	}
	t.alive[owner] = until
}

// drop forgets what has expired; the tokens stay.
func (t *Table) drop(now time.Time) {
	maps.DeleteFunc(t.leases, func(_ string, l backend.Lease) bool { return !l.Expires.After(now) })
	maps.DeleteFunc(t.alive, func(_ string, until time.Time) bool { return !until.After(now) })
}

func sorted(list []backend.Lease) []backend.Lease {
	slices.SortFunc(list, func(a, b backend.Lease) int { return cmp.Compare(a.Rack, b.Rack) })
	return list
}

func check(owner string, ttl time.Duration) error {
	if owner == "" {
		return fmt.Errorf("lease: no owner is named")
	}
	if ttl <= 0 {
		return fmt.Errorf("lease of %s: a time of %s, must be greater than zero", owner, ttl)
	}
	return nil
}
