package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
)

// ear hears what a watch tells.
type ear struct {
	t     *testing.T
	calls chan []backend.Change
	stop  context.CancelFunc
	ended chan error
}

// listen watches a store and waits until it does.
func listen(t *testing.T, s *postgres.Store) *ear {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	e := &ear{t: t, calls: make(chan []backend.Change, 1000), stop: stop, ended: make(chan error, 1)}
	go func() { e.ended <- s.Watch(ctx, func(changes []backend.Change) { e.calls <- changes }) }()
	t.Cleanup(stop)
	require.Empty(t, e.next(), "it begins with everything")
	return e
}

// next returns what is told next.
func (e *ear) next() []backend.Change {
	e.t.Helper()
	select {
	case changes := <-e.calls:
		return changes
	case <-time.After(patience):
		e.t.Fatal("nothing is told")
		return nil
	}
}

// end ends the watch and returns what Watch returned.
func (e *ear) end() error {
	e.stop()
	return <-e.ended
}

func TestAWatchTellsWhatEveryProcessCommits(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	a, b := open(t, schema), open(t, schema)
	shut(t, a, b)
	e := listen(t, a)
	apply(t, b, step("m1", 0, "Ready"), step("m2", 0, "Ready"), step("m1", 1, "Assigned"))
	assert.Equal(t, []backend.Change{{Ref: machine("m1"), Version: 2}, {Ref: machine("m2"), Version: 1}}, e.next())
	apply(t, a, step("m2", 1, "Assigned"))
	assert.Equal(t, []backend.Change{{Ref: machine("m2"), Version: 2}}, e.next(), "its own too")
	results, err := b.Commit(t.Context(), []backend.Commit{step("m1", 0, "Wrong")})
	require.NoError(t, err)
	require.Error(t, results[0])
	quiet := step("m1", 2, "Assigned")
	quiet.Writes[0].Transition = nil
	quiet.Post = []backend.Request{{ID: "r1", On: machine("m1"), State: backend.RequestPending}}
	apply(t, b, quiet)
	assert.Equal(t, []backend.Change{{Ref: machine("m1"), Version: 3}}, e.next(), "a refused commit is not told, a request is")
	require.NoError(t, e.end())
}

func TestWhatIsToldCanBeRead(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	a, b := open(t, schema), open(t, schema)
	shut(t, a, b)
	e := listen(t, b)
	for version := range uint64(50) {
		apply(t, a, step("m1", version, "Ready"))
		for told := uint64(0); told <= version; {
			changes := e.next()
			told = changes[len(changes)-1].Version
			r, err := b.Get(t.Context(), machine("m1"))
			require.NoError(t, err)
			require.GreaterOrEqual(t, r.Version, told)
		}
	}
}

func TestAWatchThatLosesItsConnectionSaysToLookAtEverything(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := openAs(t, schema, "watches")
	shut(t, s)
	e := listen(t, s)
	const kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'watches' AND query LIKE 'LISTEN %'"
	for version := range uint64(3) {
		require.Equal(t, 1, ask[int](t, raw(t, schema), kill))
		require.Empty(t, e.next())
		apply(t, s, step("m1", version, "Ready"))
		require.Equal(t, []backend.Change{{Ref: machine("m1"), Version: version + 1}}, e.next())
	}
}

func TestAWatchEndsWithItsStore(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema())
	e := listen(t, s)
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-e.ended, backend.ErrClosed)
	require.ErrorIs(t, s.Watch(t.Context(), nil), backend.ErrClosed)
}

func TestACloseWaitsForAWatchThatReads(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema())
	reading, closing := make(chan struct{}), make(chan struct{})
	var read error
	var all sync.WaitGroup
	all.Go(func() {
		err := s.Watch(t.Context(), func([]backend.Change) {
			close(reading)
			<-closing
			_, read = s.List(t.Context(), backend.Query{})
		})
		assert.ErrorIs(t, err, backend.ErrClosed)
	})
	<-reading
	all.Go(func() { assert.NoError(t, s.Close()) })
	for begun := false; !begun; {
		_, err := s.List(t.Context(), backend.Query{})
		begun = errors.Is(err, backend.ErrClosed)
	}
	close(closing)
	all.Wait()
	require.ErrorIs(t, read, backend.ErrClosed)
}

func TestASlowListenerMissesNothing(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := open(t, schema)
	shut(t, s)
	told := make(chan []backend.Change)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(ctx, func(changes []backend.Change) { told <- changes }) }()
	require.Empty(t, <-told)
	const n = 40
	for version := range uint64(n) {
		apply(t, s, step("m1", version, "Ready"), step(fmt.Sprint("m", version+2), 0, "Ready"))
	}
	latest := map[backend.Ref]uint64{}
	for latest[machine("m1")] < n {
		for _, c := range <-told {
			require.Greater(t, c.Version, latest[c.Ref])
			latest[c.Ref] = c.Version
		}
	}
	assert.Len(t, latest, n+1)
	stop()
	require.NoError(t, <-ended)
}
