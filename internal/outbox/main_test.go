package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/internal/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	begin  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	errOut = errors.New("nobody listens")
)

// shelf is a memory store that a test can make fail, and whose calls are counted.
type shelf struct {
	backend.CursorStore
	mu      sync.Mutex
	version map[string]uint64
	reads   int
	history func() error
	set     func() error // before the cursor moves
	moved   func()       // after it has
}

func newShelf() *shelf { return &shelf{CursorStore: memory.New(), version: map[string]uint64{}} }

// hook returns a hook of the store, if there is one.
func (s *shelf) hook(which *func() error) func() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *which == nil {
		return func() error { return nil }
	}
	return *which
}

func (s *shelf) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	s.mu.Lock()
	s.reads++
	s.mu.Unlock()
	if err := s.hook(&s.history)(); err != nil {
		return nil, err
	}
	return s.CursorStore.History(ctx, q)
}

func (s *shelf) SetCursor(ctx context.Context, name string, from, to uint64) error {
	if err := s.hook(&s.set)(); err != nil {
		return err
	}
	err := s.CursorStore.SetCursor(ctx, name, from, to)
	if moved := s.moved; err == nil && moved != nil {
		s.moved = nil
		moved()
	}
	return err
}

func (s *shelf) readings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// move commits one transition of each machine named.
func (s *shelf) move(tb require.TestingT, ids ...string) {
	for _, id := range ids {
		s.mu.Lock()
		v := s.version[id]
		s.version[id]++
		s.mu.Unlock()
		ref := backend.Ref{Kind: backend.KindMachine, ID: id}
		at := begin.Add(time.Duration(v) * time.Second)
		results, err := s.Commit(context.Background(), []backend.Commit{{Writes: []backend.Write{{
			Record: backend.Record{Ref: ref, Rack: "r", State: fmt.Sprint(v), Since: at, Transitions: v + 1},
			Expect: v, Transition: &backend.Transition{Ref: ref, Rack: "r", Seq: v + 1, To: fmt.Sprint(v), At: at, Trigger: "t", Initiator: "i"},
		}}}})
		require.NoError(tb, err)
		require.NoError(tb, results[0])
	}
}

// sink takes rows and keeps their positions. With fail set it refuses from that row of a batch on.
type sink struct {
	mu      sync.Mutex
	got     []uint64
	batches []int
	fail    func(row backend.Transition) error
	before  func(ctx context.Context) // runs before anything is taken
	told    chan struct{}
}

func newSink() *sink { return &sink{told: make(chan struct{}, 1000)} }

func (k *sink) take(ctx context.Context, rows []backend.Transition) (int, error) {
	defer func() { k.told <- struct{}{} }()
	k.mu.Lock()
	before, fail := k.before, k.fail
	k.mu.Unlock()
	if before != nil {
		before(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.batches = append(k.batches, len(rows))
	for i, row := range rows {
		if fail != nil {
			if err := fail(row); err != nil {
				return i, err
			}
		}
		k.got = append(k.got, row.Position)
	}
	return len(rows), nil
}

func (k *sink) positions() []uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]uint64(nil), k.got...)
}

func (k *sink) set(fail func(row backend.Transition) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = fail
}

// await waits until cond holds; it is asked whenever the sink was told something.
func (k *sink) await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !cond() {
		select {
		case <-k.told:
		case <-limit:
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// newFeed makes a feed named "f" on a clock that stands still.
func newFeed(tb require.TestingT, s backend.Store, take outbox.Take, change ...func(*outbox.Config)) (*outbox.Feed, *clock.Mock) {
	clk := clock.NewMock()
	clk.Set(begin)
	cfg := outbox.Config{Name: "f", Clock: clk, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	f, err := outbox.New(s, cfg, take)
	require.NoError(tb, err)
	return f, clk
}

// drain delivers until nothing is left.
func drain(t *testing.T, f *outbox.Feed) {
	t.Helper()
	for {
		n, err := f.Deliver(t.Context())
		require.NoError(t, err)
		if n == 0 {
			return
		}
	}
}

// upTo lists 1 to n.
func upTo(n int) []uint64 {
	var out []uint64
	for i := range n {
		out = append(out, uint64(i+1))
	}
	return out
}
