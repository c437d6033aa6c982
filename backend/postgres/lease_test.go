package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/postgres"
)

func TestThePostgreSQLStoreKeepsTheContractOfLeases(t *testing.T) {
	t.Parallel()
	cluster.Start(t)
	backendtest.TestLeases(t, func(t *testing.T) (backend.LeaseStore, func(time.Duration)) {
		t.Helper()
		schema := newSchema()
		s := open(t, schema)
		return s, func(d time.Duration) { pass(t, schema, d) }
	})
}

// pass lets time pass for the leases of a schema: what has a time of the server's clock was that much earlier.
func pass(t *testing.T, schema string, d time.Duration) {
	t.Helper()
	conn := raw(t, schema)
	exec(t, conn, fmt.Sprintf("UPDATE lease SET expires = expires - interval '%d ms'; UPDATE owner SET expires = expires - interval '%[1]d ms'", d.Milliseconds()))
	require.NoError(t, conn.Close(t.Context()))
}

const ttl = time.Minute

// claim claims one rack that must be free.
func claim(t *testing.T, s *postgres.Store, owner, rack string) backend.Fence {
	t.Helper()
	leases, err := s.Claim(t.Context(), owner, ttl, []string{rack})
	require.NoError(t, err)
	require.Len(t, leases, 1)
	return backend.Fence{Rack: rack, Token: leases[0].Token}
}

// under puts a commit under a lease.
func under(f backend.Fence, c backend.Commit) backend.Commit {
	c.Fences = []backend.Fence{f}
	return c
}

func TestALeaseEndsByTheClockOfTheServer(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := open(t, schema)
	shut(t, s)
	leases, err := s.Claim(t.Context(), "a", 50*time.Millisecond, []string{"A1"})
	require.NoError(t, err)
	fence := backend.Fence{Rack: "A1", Token: leases[0].Token}
	conn := raw(t, schema)
	assert.WithinDuration(t, ask[time.Time](t, conn, "SELECT clock_timestamp()"), leases[0].Expires, time.Second)
	exec(t, conn, "SELECT pg_sleep(0.06)")
	results, err := s.Commit(t.Context(), []backend.Commit{under(fence, step("m1", 0, "Ready"))})
	require.NoError(t, err)
	require.ErrorIs(t, results[0], backend.ErrFenced, "nobody has taken it, and still")
	tenure, err := s.Renew(t.Context(), "a", ttl)
	require.NoError(t, err)
	assert.Empty(t, tenure.Leases)
	assert.Equal(t, []string{"a"}, tenure.Owners)
}

// inFlight has a store commit under a lease, and holds the commit after it has found the lease current. The function that it returns lets it go on
// and returns what became of it.
func inFlight(t *testing.T, schema, name string, fence backend.Fence) (goOn func() error) {
	t.Helper()
	s := openAs(t, schema, name)
	shut(t, s)
	apply(t, s, step("held", 0, "Ready"))
	other := raw(t, schema)
	exec(t, other, "BEGIN; SELECT FROM object WHERE id = 'held' FOR UPDATE")
	done := make(chan error, 1)
	go func() {
		results, err := s.Commit(t.Context(), []backend.Commit{under(fence, step("held", 1, "Assigned"))})
		if err == nil {
			err = results[0]
		}
		done <- err
	}()
	blocked(t, raw(t, schema), name)
	return func() error {
		exec(t, other, "COMMIT")
		return <-done
	}
}

func TestATakeOverWaitsForTheCommitUnderTheOldLease(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := openAs(t, schema, "takes over")
	shut(t, s)
	old := claim(t, s, "a", "A1")
	goOn := inFlight(t, schema, "is taken over", old)
	pass(t, schema, ttl+time.Second)

	claimed := make(chan []backend.Lease, 1)
	go func() {
		leases, err := s.Claim(t.Context(), "b", ttl, []string{"A1"})
		assert.NoError(t, err)
		claimed <- leases
	}()
	conn := raw(t, schema)
	blocked(t, conn, "takes over")
	assert.EqualValues(t, old.Token, ask[int64](t, conn, "SELECT token FROM lease"), "the lease has not changed hands")
	require.NoError(t, goOn())
	leases := <-claimed
	require.Len(t, leases, 1)
	assert.Greater(t, leases[0].Token, old.Token)
	results, err := s.Commit(t.Context(), []backend.Commit{under(old, step("held", 2, "Wrong"))})
	require.NoError(t, err)
	require.ErrorIs(t, results[0], backend.ErrFenced)
}

func TestAReleaseWaitsForTheCommitUnderTheLease(t *testing.T) {
	t.Parallel()
	for name, racks := range map[string][]string{"one rack": {"A1"}, "all racks": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := newSchema()
			s := openAs(t, schema, "releases "+name)
			shut(t, s)
			goOn := inFlight(t, schema, "is released "+name, claim(t, s, "a", "A1"))
			released := make(chan error, 1)
			go func() { released <- s.Release(t.Context(), "a", racks...) }()
			conn := raw(t, schema)
			blocked(t, conn, "releases "+name)
			assert.True(t, ask[bool](t, conn, "SELECT expires > now() FROM lease"), "the lease is there")
			require.NoError(t, goOn())
			require.NoError(t, <-released)
			claim(t, s, "b", "A1")
		})
	}
}

func TestARenewalWaitsForNoCommit(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := open(t, schema)
	shut(t, s)
	fence := claim(t, s, "a", "A1")
	goOn := inFlight(t, schema, "is renewed", fence)
	tenure, err := s.Renew(t.Context(), "a", 2*ttl)
	require.NoError(t, err)
	require.Len(t, tenure.Leases, 1)
	assert.WithinDuration(t, time.Now().Add(2*ttl), tenure.Leases[0].Expires, ttl/2)
	require.NoError(t, goOn())
}

func TestTheServerEndsACommitWhoseProcessWasStopped(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := openAs(t, schema, "is looked at")
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"))
	conn := raw(t, schema)
	// What the connection for commits was told is what the next one will be told.
	for setting, want := range map[string]string{"idle_in_transaction_session_timeout": "5s", "statement_timeout": "30s"} {
		got, err := postgres.Setting(t.Context(), s, setting)
		require.NoError(t, err)
		assert.Equal(t, want, got, setting)
	}
	exec(t, conn, "SET idle_in_transaction_session_timeout = '20ms'; BEGIN; SELECT FROM object FOR UPDATE")
	apply(t, s, step("m1", 1, "Assigned")) // waits until the server has ended the other one
}

func TestControllersOfManyProcessesNeverHoldOneRackTogether(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	const processes, rounds = 3, 15
	racks := []string{"r1", "r2", "r3", "r4", "r5"}
	var mu sync.Mutex
	tokens := map[string]map[uint64]string{}
	var all sync.WaitGroup
	for i := range processes {
		s := open(t, schema)
		shut(t, s)
		owner := fmt.Sprint("owner", i)
		all.Go(func() {
			for round := range rounds {
				wanted := slices.Clone(racks)
				if round%2 == i%2 {
					slices.Reverse(wanted)
				}
				leases, err := s.Claim(t.Context(), owner, ttl, wanted)
				if !assert.NoError(t, err) {
					return
				}
				tenure, err := s.Renew(t.Context(), owner, ttl)
				assert.NoError(t, err)
				mu.Lock()
				for _, l := range leases {
					if tokens[l.Rack] == nil {
						tokens[l.Rack] = map[uint64]string{}
					}
					assert.Empty(t, tokens[l.Rack][l.Token], "a token was given twice")
					tokens[l.Rack][l.Token] = owner
					assert.Contains(t, tenure.Leases, backend.Lease{Rack: l.Rack, Owner: owner, Token: l.Token, Expires: expiry(tenure, l.Rack)})
				}
				mu.Unlock()
				if round%3 == 2 {
					assert.NoError(t, s.Release(t.Context(), owner))
				} else if len(leases) > 0 {
					assert.NoError(t, s.Release(t.Context(), owner, leases[0].Rack))
				}
			}
		})
	}
	all.Wait()
	for _, rack := range racks {
		assert.NotEmpty(t, tokens[rack], rack)
		for token := uint64(1); token <= uint64(len(tokens[rack])); token++ {
			assert.NotEmpty(t, tokens[rack][token], "%s: token %d was given to nobody", rack, token)
		}
	}
}

// expiry is when the lease of a rack ends.
func expiry(tenure backend.Tenure, rack string) time.Time {
	for _, l := range tenure.Leases {
		if l.Rack == rack {
			return l.Expires
		}
	}
	return time.Time{}
}

func TestOwnersThatNeverCameBackAreForgotten(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := open(t, schema)
	shut(t, s)
	claim(t, s, "gone", "A1")
	claim(t, s, "resting", "A2")
	pass(t, schema, 25*time.Hour)
	conn := raw(t, schema)
	exec(t, conn, "UPDATE lease SET expires = now() + interval '1 hour' WHERE owner = 'resting'")
	fence := claim(t, s, "new", "A3")
	assert.Equal(t, []string{"new", "resting"}, ask[[]string](t, conn, "SELECT array_agg(name ORDER BY name) FROM owner"))
	apply(t, s, under(fence, step("m1", 0, "Ready")), under(backend.Fence{Rack: "A2", Token: 1}, step("m2", 0, "Ready")))
}
