package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// openNew opens a new store.
func openNew(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), Config{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// together lets calls of Commit wait until all of them are in the queue, then lets them go. It returns what each got.
func together(t *testing.T, s *Store, batches [][]backend.Commit) ([][]error, []error) {
	t.Helper()
	results, errs := make([][]error, len(batches)), make([]error, len(batches))
	s.queue.mu.Lock()
	s.queue.led = true
	s.queue.mu.Unlock()
	var all sync.WaitGroup
	for i, batch := range batches {
		all.Go(func() { results[i], errs[i] = s.Commit(context.WithoutCancel(t.Context()), batch) })
		for waiting := 0; waiting <= i; runtime.Gosched() {
			s.queue.mu.Lock()
			waiting = len(s.queue.waiting)
			s.queue.mu.Unlock()
		}
	}
	s.queue.pass()
	all.Wait()
	return results, errs
}

// transactions counts the transactions in the write-ahead log: the last frame of each carries the size of the file.
func transactions(t *testing.T, s *Store) int {
	t.Helper()
	log, err := os.ReadFile(s.path + "-wal")
	require.NoError(t, err)
	const logHeader, frameHeader, page = 32, 24, 4096
	n := 0
	for at := logHeader; at+frameHeader+page <= len(log); at += frameHeader + page {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			n++
		}
	}
	return n
}

func TestCallsThatWaitTogetherAreWrittenInOneTransaction(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	before := transactions(t, s)
	var batches [][]backend.Commit
	for i := range 50 {
		batches = append(batches, []backend.Commit{machine(fmt.Sprint(i), 0, "Ready", `{}`), machine("shared", 0, "Ready", `{}`)})
	}
	results, errs := together(t, s, batches)
	won := 0
	for i := range batches {
		require.NoError(t, errs[i])
		require.NoError(t, results[i][0])
		if results[i][1] == nil {
			won++
		} else {
			require.ErrorIs(t, results[i][1], backend.ErrConflict)
		}
	}
	assert.Equal(t, 1, won, "calls that created the same object")
	assert.Equal(t, 1, transactions(t, s)-before)
	assert.False(t, s.queue.led, "the last one gives up the lead")
}

func TestCallsThatDoNotWaitHaveTransactionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	before := transactions(t, s)
	for i := range 3 {
		commitAll(t, s, []backend.Commit{machine(fmt.Sprint(i), 0, "Ready", `{}`)})
	}
	assert.Equal(t, 3, transactions(t, s)-before)
}

func TestAGroupHasABoundAndTheLeadPassesOn(t *testing.T) {
	t.Parallel()
	q := &queue{}
	var calls []*call
	for range 5 {
		c := &call{rows: groupRows / 2, turn: make(chan bool, 1)}
		calls = append(calls, c)
		assert.Equal(t, len(calls) == 1, q.join(c), "the first one leads")
	}
	assert.Equal(t, calls[:2], q.take())
	q.pass()
	assert.False(t, <-calls[2].turn)
	assert.Equal(t, calls[2:4], q.take())
	q.pass()
	assert.False(t, <-calls[4].turn)
	large := &call{rows: 10 * groupRows}
	assert.False(t, q.join(large))
	assert.Equal(t, calls[4:5], q.take())
	q.waiting[0].turn = make(chan bool, 1)
	q.pass()
	assert.Equal(t, []*call{large}, q.take(), "a batch above the bound goes alone")
	q.pass()
	assert.False(t, q.led)
}

func TestAFailedTransactionFailsEveryCallOfItsGroupAndNoOther(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	pages, err := number(s.writer.conn, "PRAGMA page_count")
	require.NoError(t, err)
	require.NoError(t, script(s.writer.conn, fmt.Sprintf("PRAGMA max_page_count = %d", pages+20)))
	large := `"` + strings.Repeat("x", 1<<20) + `"`
	_, errs := together(t, s, [][]backend.Commit{{machine("a", 0, "Ready", `{}`)}, {machine("b", 0, "Ready", large)}, {machine("c", 0, "Ready", `{}`)}})
	for _, err := range errs {
		require.ErrorIs(t, err, backend.ErrNotCommitted)
	}
	assert.Equal(t, []uint64{0, 0, 0}, versions(t, s, "a", "b", "c"))
	_, errs = together(t, s, [][]backend.Commit{{machine("a", 0, "Ready", `{}`)}, {machine("c", 0, "Ready", `{}`)}})
	require.NoError(t, errors.Join(errs...))
	assert.Equal(t, []uint64{1, 0, 1}, versions(t, s, "a", "b", "c"))
}

func TestCloseWaitsForTheCallsThatRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(t.Context(), path, Config{})
	require.NoError(t, err)
	const workers = 8
	begun := make(chan struct{}, workers)
	applied := make([]uint64, workers)
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			for {
				_, err := s.Commit(context.WithoutCancel(t.Context()), []backend.Commit{machine(fmt.Sprint(i), applied[i], "Ready", `{}`)})
				if err != nil {
					assert.ErrorIs(t, err, backend.ErrClosed)
					assert.ErrorIs(t, err, backend.ErrNotCommitted)
					return
				}
				applied[i]++
				if applied[i] == 1 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range workers {
		<-begun
	}
	require.NoError(t, s.Close())
	all.Wait()
	s, err = Open(t.Context(), path, Config{})
	require.NoError(t, err)
	for i := range workers {
		assert.Equal(t, applied[i], versions(t, s, fmt.Sprint(i))[0], "what was answered before Close is stored, and nothing else")
	}
	require.NoError(t, s.Close())
}
