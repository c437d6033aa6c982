package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rackstate/rackstate/backend"
)

// How a stopped controller is kept from committing: a commit under a lease holds the row of the lease's owner, with the weakest lock, from before it
// looks whether the lease is current until its end. Who takes a lease from an owner takes that row with the strongest lock first, and so waits for
// the commits that have found it current; the ones after see that it is not. Renewing waits for neither.
//
// Claims and releases are serialized by one lock of their own. They are rare, and each is a single message to the server.
const (
	sqlLockLeases = "SELECT pg_advisory_xact_lock(" + lockClassText + ", 'lease'::regclass::oid::integer)"

	// now() is the beginning of the transaction: what has expired in the first statement is what has expired in the later ones.
	sqlHoldExpired = "SELECT name FROM owner WHERE name IN (SELECT owner FROM lease WHERE rack = ANY ($1::text[]) AND expires <= now()) " +
		"ORDER BY name FOR UPDATE"
	sqlNameRacks = "INSERT INTO lease (rack, token, owner, expires) SELECT n, 0, '', '-infinity' FROM unnest($1::text[]) AS n ON CONFLICT DO NOTHING"
	sqlClaim     = "UPDATE lease SET token = token + 1, owner = $1, expires = " + sqlUntil + " WHERE rack = ANY ($3::text[]) AND expires <= now() " +
		"RETURNING rack, owner, token, expires"
	sqlLive  = "INSERT INTO owner AS o (name, expires) VALUES ($1, " + sqlUntil + ") ON CONFLICT (name) DO UPDATE SET expires = EXCLUDED.expires"
	sqlUntil = "clock_timestamp() + $2::bigint * interval '1 microsecond'"

	// Never backwards: a claim that found the lease expired must not be proved wrong by it.
	sqlExtend = "UPDATE lease SET expires = greatest(expires, " + sqlUntil + ") WHERE owner = $1 AND expires > clock_timestamp()"
	sqlOwners = "SELECT name FROM owner WHERE expires > clock_timestamp() ORDER BY name"
	sqlLeases = "SELECT rack, owner, token, expires FROM lease WHERE expires > clock_timestamp() ORDER BY rack"

	sqlHoldOwner  = "SELECT name FROM owner WHERE name = $1 FOR UPDATE"
	sqlRelease    = "UPDATE lease SET expires = '-infinity' WHERE owner = $1 AND rack = ANY ($2::text[])"
	sqlReleaseAll = "UPDATE lease SET expires = '-infinity' WHERE owner = $1"
	sqlGone       = "DELETE FROM owner WHERE name = $1"
	// Owners that never said goodbye, each of them perhaps with a name of its own.
	sqlForget = "DELETE FROM owner WHERE name IN (SELECT o.name FROM owner AS o WHERE o.expires < now() - interval '1 day' " +
		"AND NOT EXISTS (SELECT FROM lease AS l WHERE l.owner = o.name AND l.expires > now()) FOR UPDATE SKIP LOCKED)"
)

// Renew says that an owner lives and extends its leases, see [backend.LeaseStore].
func (s *Store) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	var tenure backend.Tenure
	if err := checkOwner(owner, ttl); err != nil {
		return tenure, err
	}
	err := s.exchange(ctx, "renew leases in", func(b *pgx.Batch) {
		b.Queue(sqlLive, owner, ttl.Microseconds())
		b.Queue(sqlExtend, owner, ttl.Microseconds())
		b.Queue(sqlOwners).Query(func(rows pgx.Rows) (err error) {
			tenure.Owners, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		b.Queue(sqlLeases).Query(func(rows pgx.Rows) (err error) {
			tenure.Leases, err = pgx.CollectRows(rows, readLease)
			return err
		})
	})
	return tenure, err
}

// Claim leases racks that nobody holds, see [backend.LeaseStore].
func (s *Store) Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	if err := errors.Join(checkOwner(owner, ttl), checkNames("rack", racks...)); err != nil {
		return nil, err
	}
	var leases []backend.Lease
	err := s.exchange(ctx, "claim leases in", func(b *pgx.Batch) {
		b.Queue(sqlLockLeases)
		b.Queue(sqlHoldExpired, racks)
		b.Queue(sqlForget)
		b.Queue(sqlLive, owner, ttl.Microseconds())
		b.Queue(sqlNameRacks, racks)
		b.Queue("WITH claimed AS ("+sqlClaim+") SELECT * FROM claimed ORDER BY rack", owner, ttl.Microseconds(), racks).Query(func(rows pgx.Rows) (err error) {
			leases, err = pgx.CollectRows(rows, readLease)
			return err
		})
	})
	return leases, err
}

// readLease reads one row of a lease.
func readLease(row pgx.CollectableRow) (l backend.Lease, err error) {
	var token int64
	err = row.Scan(&l.Rack, &l.Owner, &token, &l.Expires)
	l.Token, l.Expires = uint64(token), l.Expires.UTC()
	return l, err
}

// Release gives up leases, after the commits under them, see [backend.LeaseStore].
func (s *Store) Release(ctx context.Context, owner string, racks ...string) error {
	if err := errors.Join(checkNames("owner", owner), checkNames("rack", racks...)); err != nil {
		return err
	}
	return s.exchange(ctx, "release leases in", func(b *pgx.Batch) {
		b.Queue(sqlLockLeases)
		b.Queue(sqlHoldOwner, owner)
		if len(racks) > 0 {
			b.Queue(sqlRelease, owner, racks)
			return
		}
		b.Queue(sqlReleaseAll, owner)
		b.Queue(sqlGone, owner)
	})
}

// exchange runs statements in one transaction and one message: the server never waits for this process while it holds their locks. All of them
// may be repeated, so it tries again also when it is unknown what became of them.
func (s *Store) exchange(ctx context.Context, doing string, queue func(b *pgx.Batch)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	err := s.persist(ctx, doing, func() error {
		limited, cancel := s.limit(ctx)
		defer cancel()
		b := &pgx.Batch{}
		b.Queue("BEGIN ISOLATION LEVEL READ COMMITTED")
		queue(b)
		b.Queue("COMMIT")
		return s.pool.SendBatch(limited, b).Close()
	})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return s.advise(doing, err)
}

// checkOwner refuses a lease that cannot be.
func checkOwner(owner string, ttl time.Duration) error {
	switch {
	case owner == "":
		return errors.New("postgres: lease: no owner is named")
	case ttl < time.Microsecond:
		return fmt.Errorf("postgres: lease of %s: a time of %s, must be greater than zero", owner, ttl)
	}
	return checkNames("owner", owner)
}
