package postgres_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
)

func TestAConnectionCutAnywhereInACommitIsReportedTruthfully(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		client, server string // where the connection is cut: when this side says that
		applied        bool
		fails          bool
	}{
		"before anything is locked": {client: "rackstate_begin", applied: true},
		"after the locks":           {server: "machine", applied: true},
		"on the way to the server":  {client: "rackstate_commit", fails: true},
		"on the way back":           {server: "COMMIT\x00", applied: true, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, dsn := newProxy(t)
			s, err := postgres.Open(t.Context(), dsn, quiet(newSchema()))
			require.NoError(t, err)
			shut(t, s)
			apply(t, s, step("m1", 0, "Ready"), step("m2", 0, "Ready"))
			if c.client != "" {
				p.cutBefore.Store(&c.client)
			} else {
				p.cutAfter.Store(&c.server)
			}
			results, err := s.Commit(t.Context(), []backend.Commit{step("m1", 1, "Assigned"), step("m2", 7, "Wrong"), step("m2", 1, "Assigned")})
			require.EqualValues(t, 1, p.cuts.Load())
			if c.fails {
				require.Error(t, err)
				require.NotErrorIs(t, err, backend.ErrNotCommitted, "this side cannot know")
				assert.Nil(t, results)
			} else {
				require.NoError(t, err, "what was surely not committed is tried again")
				require.NoError(t, results[0])
				require.ErrorIs(t, results[1], backend.ErrConflict)
				require.NoError(t, results[2])
			}
			version := uint64(1)
			if c.applied {
				version = 2
			}
			for _, id := range []string{"m1", "m2"} {
				r, err := s.Get(t.Context(), machine(id))
				require.NoError(t, err)
				assert.Equal(t, version, r.Version, id)
			}
			rows, err := s.History(t.Context(), backend.HistoryQuery{})
			require.NoError(t, err)
			assert.Len(t, rows, int(2*version))
			apply(t, s, step("m1", version, "Ready"))
		})
	}
}

func TestACutReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	p, dsn := newProxy(t)
	s, err := postgres.Open(t.Context(), dsn, quiet(newSchema()))
	require.NoError(t, err)
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"))
	word := "machine"
	p.cutAfter.Store(&word)
	records, err := s.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.EqualValues(t, 1, p.cuts.Load())
}

func TestTerminatedSessionsLoseNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := openAs(t, schema, "is terminated")
	shut(t, s)
	admin := raw(t, schema)
	apply(t, s, step("m1", 0, "Ready"), step("m2", 0, "Ready"))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 60 {
			var n int
			const kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity, pg_sleep(0.01) WHERE application_name = 'is terminated'"
			if !assert.NoError(t, admin.QueryRow(t.Context(), kill).Scan(&n)) {
				return
			}
		}
	}()
	version, unknown := uint64(1), 0
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		default:
		}
		c := backend.Commit{Writes: []backend.Write{write("m1", version, "Ready"), write("m2", version, "Ready")}}
		results, err := s.Commit(t.Context(), []backend.Commit{c})
		if err == nil {
			require.NoError(t, results[0], "an attempt that was repeated had been committed")
			version++
		}
		r, readErr := s.Get(t.Context(), machine("m1"))
		require.NoError(t, readErr)
		switch {
		case err == nil, errors.Is(err, backend.ErrNotCommitted):
			require.Equal(t, version, r.Version, "after %v", err)
		default:
			unknown++
			require.Contains(t, []uint64{version, version + 1}, r.Version)
			version = r.Version
		}
		other, readErr := s.Get(t.Context(), machine("m2"))
		require.NoError(t, readErr)
		require.Equal(t, r.Version, other.Version, "half a commit")
	}
	rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: machine("m1")})
	require.NoError(t, err)
	assert.Len(t, rows, int(version))
	t.Logf("%d commits, %d of unknown outcome", version, unknown)
}
