package backendtest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/rackstate/rackstate/backend"
)

// reopening closes and opens a store before the first read after a Commit, so that a read shows only what was kept.
type reopening struct {
	open func() backend.Store

	// mu is held for writing while the store is replaced and read, for reading by commits.
	mu     sync.RWMutex
	store  backend.Store
	closed atomic.Bool
	// changed says that there was a Commit since the store was opened.
	changed atomic.Bool
}

// newReopening opens the store for the first time. It returns a [backend.CursorStore] if that is one.
func newReopening(open func() backend.Store) backend.Store {
	r := &reopening{open: open, store: open()}
	if _, ok := r.store.(backend.CursorStore); ok {
		return &reopeningCursors{r}
	}
	return r
}

// again replaces the store after a Commit, unless it was closed for good. The caller holds the lock.
func (r *reopening) again() error {
	if r.closed.Load() || !r.changed.Swap(false) {
		return nil
	}
	if err := r.store.Close(); err != nil {
		return fmt.Errorf("close the store to open it again: %w", err)
	}
	r.store = r.open()
	return nil
}

func (r *reopening) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.again(); err != nil {
		return nil, err
	}
	return r.store.Get(ctx, ref)
}

func (r *reopening) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.again(); err != nil {
		return nil, err
	}
	return r.store.List(ctx, q)
}

func (r *reopening) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.changed.Store(true)
	return r.store.Commit(ctx, batch)
}

func (r *reopening) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.again(); err != nil {
		return nil, err
	}
	return r.store.Requests(ctx, q)
}

func (r *reopening) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.again(); err != nil {
		return nil, err
	}
	return r.store.History(ctx, q)
}

// Close closes for good. It takes no lock for writing, because Close must be possible while commits run.
func (r *reopening) Close() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	err := r.store.Close()
	r.closed.Store(true)
	return err
}

// reopeningCursors does the same for a store that keeps cursors.
type reopeningCursors struct{ *reopening }

func (r *reopeningCursors) Cursor(ctx context.Context, name string) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.again(); err != nil {
		return 0, err
	}
	return r.store.(backend.CursorStore).Cursor(ctx, name)
}

func (r *reopeningCursors) SetCursor(ctx context.Context, name string, from, to uint64) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.changed.Store(true)
	return r.store.(backend.CursorStore).SetCursor(ctx, name, from, to)
}

func (r *reopeningCursors) LastPosition(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.again(); err != nil {
		return 0, err
	}
	return r.store.(backend.CursorStore).LastPosition(ctx)
}
