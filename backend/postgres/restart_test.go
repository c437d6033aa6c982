package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
)

// ownCluster starts a server that the test may stop.
func ownCluster(t *testing.T) (*pgtest.Cluster, string) {
	t.Helper()
	c := pgtest.New(pgtest.Config{})
	dsn := c.Start(t)
	t.Cleanup(func() { assert.NoError(t, c.Stop()) })
	return c, dsn
}

// caller commits steps of one machine after the other, and knows what it was told.
type caller struct {
	store   *postgres.Store
	id      string
	version uint64 // what is stored, as far as it knows
	acked   atomic.Uint64
	lost    int // commits of unknown outcome
	refused int
}

// run commits until stop is closed.
func (c *caller) run(t *testing.T, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		results, err := c.store.Commit(t.Context(), []backend.Commit{step(c.id, c.version, "Ready")})
		switch {
		case err == nil && results[0] == nil:
			c.version++
			c.acked.Store(c.version)
			continue
		case err == nil:
			t.Errorf("%s: nobody else writes it, but: %v", c.id, results[0])
			return
		case errors.Is(err, backend.ErrNotCommitted):
			c.refused++
			continue
		}
		c.lost++
		r, err := c.store.Get(t.Context(), machine(c.id))
		switch {
		case errors.Is(err, backend.ErrNotFound) && c.version == 0:
			continue
		case !assert.NoError(t, err):
			return
		}
		if r.Version != c.version && r.Version != c.version+1 {
			t.Errorf("%s is at %d, after %d and a commit of unknown outcome", c.id, r.Version, c.version)
			return
		}
		c.version = r.Version
	}
}

func TestAServerThatCrashesUnderLoadLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	server, dsn := ownCluster(t)
	var callers []*caller
	for i := range 2 {
		s, err := postgres.Open(t.Context(), dsn, quiet("load"))
		require.NoError(t, err)
		shut(t, s)
		for j := range 3 {
			callers = append(callers, &caller{store: s, id: fmt.Sprint(i, "-", j)})
		}
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, c := range callers {
		all.Go(func() { c.run(t, stop) })
	}
	// progress waits until every caller has committed more.
	progress := func() {
		deadline := time.Now().Add(patience)
		for _, c := range callers {
			for from := c.acked.Load(); c.acked.Load() < from+5; {
				require.True(t, time.Now().Before(deadline), "no progress: %s", server.Log())
				_, err := c.store.Get(t.Context(), machine(c.id)) // passes the time
				require.True(t, err == nil || errors.Is(err, backend.ErrNotFound), "%v", err)
			}
		}
	}
	progress()
	for range 3 {
		require.NoError(t, server.Restart(pgtest.Immediate))
		progress()
	}
	close(stop)
	all.Wait()
	lost, refused := 0, 0
	for _, c := range callers {
		lost, refused = lost+c.lost, refused+c.refused
		r, err := c.store.Get(t.Context(), machine(c.id))
		require.NoError(t, err)
		assert.Equal(t, c.version, r.Version, c.id)
		rows, err := c.store.History(t.Context(), backend.HistoryQuery{Ref: machine(c.id)})
		require.NoError(t, err)
		for i, row := range rows {
			require.EqualValues(t, i+1, row.Seq, "the chain of %s", c.id)
		}
		assert.Len(t, rows, int(r.Version))
	}
	assert.Zero(t, refused, "what was not committed is tried again until the server is back")
	t.Logf("%d commits of unknown outcome", lost)
}

func TestAServerThatIsAwayForLongIsReportedAndFoundAgain(t *testing.T) {
	t.Parallel()
	server, dsn := ownCluster(t)
	config := quiet("away")
	config.RetryFor = 50 * time.Millisecond
	s, err := postgres.Open(t.Context(), dsn, config)
	require.NoError(t, err)
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"))
	e := listen(t, s)
	require.NoError(t, server.Pause(pgtest.Fast))

	_, err = s.Commit(t.Context(), []backend.Commit{step("m1", 1, "Assigned")})
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorContains(t, err, "start the server")
	_, err = s.List(t.Context(), backend.Query{})
	require.ErrorContains(t, err, "start the server")
	_, err = s.Claim(t.Context(), "a", ttl, []string{"A1"})
	require.Error(t, err)
	require.Error(t, s.SetCursor(t.Context(), "c", 0, 1))
	_, err = postgres.Open(t.Context(), dsn, config)
	require.ErrorContains(t, err, "start the server")

	require.NoError(t, server.Resume())
	require.Empty(t, e.next(), "a watch has missed something")
	apply(t, s, step("m1", 1, "Assigned"))
	require.Equal(t, []backend.Change{{Ref: machine("m1"), Version: 2}}, e.next())
	records, err := s.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.NoError(t, s.SetCursor(t.Context(), "c", 0, 1))
}

func TestCloseDoesNotWaitForAServerThatIsAway(t *testing.T) {
	t.Parallel()
	server, dsn := ownCluster(t)
	config := quiet("close")
	config.RetryFor = time.Hour
	heard := make(logged, 100)
	config.Logger = slog.New(heard)
	s, err := postgres.Open(t.Context(), dsn, config)
	require.NoError(t, err)
	require.NoError(t, server.Pause(pgtest.Immediate))
	done := make(chan error, 2)
	go func() {
		_, err := s.Commit(t.Context(), []backend.Commit{step("m1", 0, "Ready")})
		done <- err
	}()
	go func() {
		_, err := s.List(t.Context(), backend.Query{})
		done <- err
	}()
	for doing := map[string]bool{}; len(doing) < 2; {
		doing[<-heard] = true
	}
	require.NoError(t, s.Close())
	for range 2 {
		require.ErrorIs(t, <-done, backend.ErrClosed)
	}
}

// logged is a logger that hands on what a store tries again.
type logged chan string

func (l logged) Enabled(context.Context, slog.Level) bool { return true }

func (l logged) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "doing" {
			l <- a.Value.String()
		}
		return true
	})
	return nil
}

func (l logged) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l logged) WithGroup(string) slog.Handler { return l }
