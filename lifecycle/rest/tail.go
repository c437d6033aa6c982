package rest

import (
	"context"
	"math"
	"sort"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// tail reads the end of the history once for all streams: they follow at about the same place, and each would read the same rows again. It has no goroutine; whoever comes
// first reads.
type tail struct {
	store backend.Store

	mu sync.Mutex
	// rows are rows behind the position from, without a gap. They are only ever appended or replaced, so parts of them may be handed out.
	rows []backend.Transition
	from uint64
}

// tailRows is how many rows the tail keeps. A stream that is further behind reads the store by itself.
const tailRows = 4096

func newTail(store backend.Store) *tail { return &tail{store: store} }

// after returns rows behind a position, oldest first, for reading only; none when there are no more.
func (t *tail) after(ctx context.Context, position uint64) ([]backend.Transition, error) {
	t.mu.Lock()
	if position < t.from {
		t.mu.Unlock()
		return t.read(ctx, position)
	}
	defer t.mu.Unlock()
	if position > t.end() { // nobody followed for a while
		t.rows, t.from = nil, position
	}
	if n := len(t.rows); position < t.end() {
		i := sort.Search(n, func(i int) bool { return t.rows[i].Position > position })
		return t.rows[i:n:n], nil
	}
	rows, err := t.read(ctx, position)
	if err != nil {
		return nil, err
	}
	if over := len(t.rows) + len(rows) - tailRows; over > 0 && over < len(t.rows) {
		t.rows, t.from = append([]backend.Transition(nil), t.rows[over:]...), t.rows[over-1].Position
	}
	t.rows = append(t.rows, rows...)
	return rows, nil
}

func (t *tail) end() uint64 {
	if n := len(t.rows); n > 0 {
		return t.rows[n-1].Position
	}
	return t.from
}

func (t *tail) read(ctx context.Context, position uint64) ([]backend.Transition, error) {
	return t.store.History(ctx, backend.HistoryQuery{After: position, Limit: scanBatch})
}

// known reports whether a position is that of a row, or the beginning. Rows are never removed, so an unknown one comes from another store.
func (t *tail) known(ctx context.Context, position uint64) (bool, error) {
	if position == 0 {
		return true, nil
	}
	rows, err := t.store.History(ctx, backend.HistoryQuery{After: position - 1, Limit: 1})
	return len(rows) > 0, err
}

// head returns the position of the newest row, zero when there is none. A store reads forward only, so the end is sought in doubling steps, and then by halves.
func (t *tail) head(ctx context.Context) (uint64, error) {
	low, high := uint64(0), uint64(1) // the newest row lies at low or behind, and before high once the doubling has ended
	for high <= maxPosition/2 {
		there, err := t.known(ctx, high)
		if err != nil {
			return 0, err
		}
		if !there {
			break
		}
		low, high = high, 2*high
	}
	for low+1 < high {
		mid := low + (high-low)/2
		there, err := t.known(ctx, mid)
		if err != nil {
			return 0, err
		}
		if there {
			low = mid
		} else {
			high = mid
		}
	}
	return low, nil
}

// maxPosition is the greatest position that every store can keep.
const maxPosition = math.MaxInt64
