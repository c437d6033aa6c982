package sqlite

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// One process has the file at a time, so its leases are kept in memory: they divide racks among the controllers of that process, and are gone with it, as its controllers are.

var _ backend.LeaseStore = (*Store)(nil)

// LeaseClock sets where the time of leases comes from; nil is the clock of the system. It is called before the first lease is claimed.
func (s *Store) LeaseClock(now func() time.Time) { s.leases.Now = now }

// Renew is that of [backend.LeaseStore], for controllers of one process.
func (s *Store) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	if err := s.enter(ctx); err != nil {
		return backend.Tenure{}, err
	}
	defer s.gate.RUnlock()
	return s.leases.Renew(owner, ttl)
}

// Claim is that of [backend.LeaseStore].
func (s *Store) Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.gate.RUnlock()
	return s.leases.Claim(owner, ttl, racks)
}

// Release is that of [backend.LeaseStore].
func (s *Store) Release(ctx context.Context, owner string, racks ...string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	s.leases.Release(owner, racks)
	return nil
}
