package lifecycle_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

// slowLeases is a store whose answers about leases come late, or not at all.
type slowLeases struct {
	*memory.Store
	clock         *clock.Mock
	before, after time.Duration
	deaf          bool
}

func (s *slowLeases) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	s.clock.Add(s.before)
	defer func() { s.clock.Add(s.after) }()
	return s.Store.Renew(ctx, owner, ttl)
}

func (s *slowLeases) Release(ctx context.Context, owner string, racks ...string) error {
	if s.deaf {
		return errors.New("the server is away")
	}
	return s.Store.Release(ctx, owner, racks...)
}

// slowly makes a controller on a store with slow leases. It holds one rack with a lamp, and has looked at nothing yet.
func slowly(t *testing.T) (*slowLeases, *lifecycle.Controller, backend.Ref) {
	t.Helper()
	s := &slowLeases{Store: memory.New(), clock: clock.NewMock()}
	s.clock.Set(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s.LeaseClock(s.clock.Now)
	c := slowController(t, s)
	ref := lampIn(t, c, "r1")
	require.NoError(t, keepOnce(t, c))
	require.Equal(t, []string{"r1"}, c.Racks())
	return s, c, ref
}

func slowController(t *testing.T, s *slowLeases) *lifecycle.Controller {
	t.Helper()
	c, err := lifecycle.NewController(t.Context(), s, lifecycle.Config{Clock: s.clock, Owner: "a"}, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	require.NoError(t, err)
	return c
}

func keepOnce(t *testing.T, c *lifecycle.Controller) error {
	t.Helper()
	_, err := c.KeepLeases(t.Context())
	return err
}

// idles has a controller do what is due, and requires that it leaves the lamp alone.
func idles(t *testing.T, s *slowLeases, c *lifecycle.Controller, ref backend.Ref) {
	t.Helper()
	_, _, err := c.RunUntilIdle(t.Context(), s.clock.Now())
	require.NoError(t, err)
	require.Equal(t, string(dark), stateOf(t, s, ref))
}

// works has a controller do what is due, and requires that it goes on with the lamp.
func works(t *testing.T, s *slowLeases, c *lifecycle.Controller, ref backend.Ref) {
	t.Helper()
	_, _, err := c.RunUntilIdle(t.Context(), s.clock.Now())
	require.NoError(t, err)
	assert.Equal(t, string(warming), stateOf(t, s, ref))
}

func stateOf(t *testing.T, s *slowLeases, ref backend.Ref) string {
	t.Helper()
	rec, err := s.Get(t.Context(), ref)
	require.NoError(t, err)
	return rec.State
}

func TestWhatFellDueWhileALeaseWasRenewedTooSlowlyIsDoneAfterwards(t *testing.T) {
	t.Parallel()
	s, c, ref := slowly(t)
	s.before, s.after = testTTL-time.Second, 2*time.Second // the store has extended the lease in time, and the answer is too late to be relied upon
	require.NoError(t, keepOnce(t, c))
	idles(t, s, c, ref)
	s.before, s.after = 0, 0
	require.NoError(t, keepOnce(t, c))
	works(t, s, c, ref)
}

func TestAControllerThatStartsUnderItsOldNameGoesOnWithItsRacks(t *testing.T) {
	t.Parallel()
	s, _, ref := slowly(t)
	c := slowController(t, s) // the first one is dead, and its lease has not expired
	idles(t, s, c, ref)       // Run begins to work before it has asked for leases
	require.NoError(t, keepOnce(t, c))
	works(t, s, c, ref)
}

func TestRacksThatCouldNotBeGivenUpAreWorkedOn(t *testing.T) {
	t.Parallel()
	s, c, ref := slowly(t)
	s.deaf = true
	_, err := s.Store.Renew(t.Context(), "0", testTTL) // another controller comes, to which the rack belongs
	require.NoError(t, err)
	require.Error(t, keepOnce(t, c))
	idles(t, s, c, ref)
	require.NoError(t, s.Store.Release(t.Context(), "0")) // and goes
	require.NoError(t, keepOnce(t, c))
	works(t, s, c, ref)
}
