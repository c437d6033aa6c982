package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
)

// many opens several stores of one schema, whose connections have a name of their own.
func many(t *testing.T, n int, name string) []*postgres.Store {
	t.Helper()
	schema := newSchema()
	stores := make([]*postgres.Store, n)
	for i := range stores {
		stores[i] = openAs(t, schema, name)
	}
	shut(t, stores...)
	return stores
}

func TestWritersThatWantTheSameObjectsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	stores := many(t, 3, "contends")
	const objects, rounds = 12, 40
	var all sync.WaitGroup
	for i, s := range stores {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			known := [objects]uint64{}
			for range rounds {
				var batch []backend.Commit
				for range 3 {
					var c backend.Commit
					for _, o := range random.Perm(objects)[:4] {
						c.Writes = append(c.Writes, write(fmt.Sprint("m", o), known[o], "Ready"))
					}
					batch = append(batch, c)
				}
				results, err := s.Commit(t.Context(), batch)
				if !assert.NoError(t, err) {
					return
				}
				for _, err := range results {
					if err != nil && !assert.ErrorIs(t, err, backend.ErrConflict) {
						return
					}
				}
				for o := range known {
					r, err := s.Get(t.Context(), machine(fmt.Sprint("m", o)))
					if err == nil {
						known[o] = r.Version
					}
				}
			}
		})
	}
	all.Wait()
	rows, err := stores[0].History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	next := map[backend.Ref]uint64{}
	for _, row := range rows {
		next[row.Ref]++
		require.Equal(t, next[row.Ref], row.Seq, "the chain of %s", row.Ref)
	}
	for _, line := range strings.Split(cluster.Log(), "\n") {
		assert.False(t, strings.Contains(line, "deadlock detected") && strings.Contains(line, "contends: "), line)
	}
}

func TestWritersThatCreateTheSameObjectsGetOneEach(t *testing.T) {
	t.Parallel()
	stores := many(t, 3, "creates")
	const objects = 120
	wins := make([]int, objects)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, s := range stores {
		all.Go(func() {
			for from := 0; from < objects; from += 20 {
				var batch []backend.Commit
				for o := from; o < from+20; o++ {
					id := o
					if i == 1 { // in the opposite order
						id = 2*from + 19 - o
					}
					c := step(fmt.Sprint("m", id), 0, "Ready")
					c.Post = []backend.Request{{ID: "r", On: machine(fmt.Sprint("m", id)), Initiator: fmt.Sprint(i), State: backend.RequestPending}}
					batch = append(batch, c)
				}
				results, err := s.Commit(t.Context(), batch)
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				for n, err := range results {
					var o int
					_, scanErr := fmt.Sscanf(batch[n].Writes[0].Record.Ref.ID, "m%d", &o)
					assert.NoError(t, scanErr)
					if err == nil {
						wins[o]++
					} else {
						assert.ErrorIs(t, err, backend.ErrConflict)
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for o, n := range wins {
		assert.Equal(t, 1, n, "m%d", o)
	}
	requests, err := stores[0].Requests(t.Context(), backend.RequestQuery{})
	require.NoError(t, err)
	assert.Len(t, requests, objects)
}

func TestADeadlockWithAnotherProgramIsTriedAgain(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := openAs(t, schema, "deadlocked")
	shut(t, s)
	apply(t, s, step("deadlocked-1", 0, "Ready"), step("deadlocked-2", 0, "Ready"))
	other := raw(t, schema)
	exec(t, other, "BEGIN; SELECT FROM object WHERE id = 'deadlocked-2' FOR UPDATE")
	done := make(chan error, 1)
	go func() {
		c := backend.Commit{Writes: []backend.Write{write("deadlocked-2", 1, "Assigned"), write("deadlocked-1", 1, "Assigned")}}
		results, err := s.Commit(t.Context(), []backend.Commit{c})
		if err == nil {
			err = results[0]
		}
		done <- err
	}()
	blocked(t, raw(t, schema), "deadlocked")
	_, err := other.Exec(t.Context(), "SELECT FROM object WHERE id = 'deadlocked-1' FOR UPDATE")
	if err == nil { // the store's transaction was the one that had to give way
		exec(t, other, "COMMIT")
	} else {
		exec(t, other, "ROLLBACK")
	}
	require.NoError(t, <-done)
	r, err := s.Get(t.Context(), machine("deadlocked-1"))
	require.NoError(t, err)
	assert.EqualValues(t, 2, r.Version)
}

func TestAStatementThatTakesTooLongIsGivenUpAndNothingIsCommitted(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	config := quiet(schema)
	config.StatementTimeout = time.Second
	s, err := postgres.Open(t.Context(), cluster.Start(t), config)
	require.NoError(t, err)
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"))
	other := raw(t, schema)
	exec(t, other, "BEGIN; SELECT FROM object FOR UPDATE")
	_, err = s.Commit(t.Context(), []backend.Commit{step("m1", 1, "Assigned")})
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorContains(t, err, "raise Config.StatementTimeout")
	exec(t, other, "COMMIT")
	apply(t, s, step("m1", 1, "Assigned"))
}

func TestCallsThatWaitAreWrittenTogether(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := openAs(t, schema, "writes together")
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"))
	other := raw(t, schema)
	exec(t, other, "BEGIN; SELECT FROM object WHERE id = 'm1' FOR UPDATE")
	var all sync.WaitGroup
	errs := make([]error, 41)
	commit := func(i int, c backend.Commit) {
		all.Go(func() {
			results, err := s.Commit(t.Context(), []backend.Commit{c})
			errs[i] = errors.Join(append(results, err)...)
		})
	}
	commit(0, step("m1", 1, "Assigned"))
	blocked(t, raw(t, schema), "writes together")
	for i := range 40 {
		commit(i+1, step(fmt.Sprint("n", i), 0, "Ready"))
	}
	for postgres.Waiting(s) < 40 {
		runtime.Gosched()
	}
	exec(t, other, "COMMIT")
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	assert.Equal(t, 2, ask[int](t, raw(t, schema), "SELECT count(DISTINCT xmin::text) FROM object"), "one transaction each: m1, and all others")
}
