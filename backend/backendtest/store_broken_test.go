package backendtest

import (
	"context"
	"slices"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

// broken is a memory store with a fault in one of its methods.
type broken struct {
	backend.CursorStore
	faults
	mu     sync.Mutex
	data   map[backend.Ref][]byte
	closed int
}

// faults are hooks in place of methods. A nil one leaves the method as it is.
type faults struct {
	commit func(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error)
	get    func(b *broken, ctx context.Context, ref backend.Ref) (*backend.Record, error)
	list   func(b *broken, ctx context.Context, q backend.Query) ([]backend.Record, error)
	ask    func(b *broken, ctx context.Context, q backend.RequestQuery) ([]backend.Request, error)
	rows   func(b *broken, ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error)
	close  func(b *broken) error
	cursor func(b *broken, name string) (uint64, error)
	move   func(b *broken, name string, from, to uint64) error
	last   func(b *broken) (uint64, error)
}

func (b *broken) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if b.commit == nil {
		return b.CursorStore.Commit(ctx, batch)
	}
	return b.commit(b, ctx, batch)
}

func (b *broken) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	if b.get == nil {
		return b.CursorStore.Get(ctx, ref)
	}
	return b.get(b, ctx, ref)
}

func (b *broken) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	if b.list == nil {
		return b.CursorStore.List(ctx, q)
	}
	return b.list(b, ctx, q)
}

func (b *broken) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	if b.ask == nil {
		return b.CursorStore.Requests(ctx, q)
	}
	return b.ask(b, ctx, q)
}

func (b *broken) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	if b.rows == nil {
		return b.CursorStore.History(ctx, q)
	}
	return b.rows(b, ctx, q)
}

func (b *broken) Close() error {
	if b.close == nil {
		return b.CursorStore.Close()
	}
	return b.close(b)
}

// brokenCase is a fault and the rules that must catch it.
type brokenCase struct {
	name, fault, caughtBy string
	hooks                 faults
}

// open returns a new store with the fault.
func (c brokenCase) open() backend.Store {
	return &broken{CursorStore: memory.New(), faults: c.hooks, data: map[backend.Ref][]byte{}}
}

// brokenStore returns the case of that name.
func brokenStore(name string) brokenCase {
	return brokenStores[slices.IndexFunc(brokenStores, func(c brokenCase) bool { return c.name == name })]
}

// eachCommit breaks every Commit of a batch in the same way before it is applied.
func eachCommit(spoil func(b *broken, c *backend.Commit)) faults {
	return faults{commit: func(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		var all []error
		for _, c := range batch {
			c.Writes, c.Post, c.Update = slices.Clone(c.Writes), slices.Clone(c.Post), slices.Clone(c.Update)
			spoil(b, &c)
			results, err := b.CursorStore.Commit(ctx, []backend.Commit{c})
			if err != nil {
				return nil, err
			}
			all = append(all, results...)
		}
		return all, nil
	}}
}

// eachWrite breaks every write in the same way.
func eachWrite(spoil func(b *broken, w *backend.Write)) faults {
	return eachCommit(func(b *broken, c *backend.Commit) {
		for i := range c.Writes {
			spoil(b, &c.Writes[i])
		}
	})
}

// version is the stored version of an object.
func (b *broken) version(ref backend.Ref) uint64 {
	if r, err := b.CursorStore.Get(context.Background(), ref); err == nil {
		return r.Version
	}
	return 0
}

// asked reports whether a request with that id is stored on that object.
func (b *broken) asked(r backend.Request) bool {
	found, _ := b.CursorStore.Requests(context.Background(), backend.RequestQuery{ID: r.ID, On: r.On})
	return len(found) > 0
}

// brokenStores are all faults that the suite must notice.
var brokenStores = slices.Concat(brokenCommits, brokenReads, brokenCursors)

// eachGet breaks every record that Get returns.
func eachGet(spoil func(r *backend.Record)) faults {
	return faults{get: func(b *broken, ctx context.Context, ref backend.Ref) (*backend.Record, error) {
		r, err := b.CursorStore.Get(ctx, ref)
		if err == nil {
			spoil(r)
		}
		return r, err
	}}
}

// eachList breaks every query of List and its answer. Either function may be nil.
func eachList(query func(q *backend.Query), answer func(records []backend.Record) []backend.Record) faults {
	return faults{list: func(b *broken, ctx context.Context, q backend.Query) ([]backend.Record, error) {
		if query != nil {
			query(&q)
		}
		records, err := b.CursorStore.List(ctx, q)
		if answer != nil {
			records = answer(records)
		}
		return records, err
	}}
}

// eachAsk does the same for Requests.
func eachAsk(query func(q *backend.RequestQuery), answer func(requests []backend.Request) []backend.Request) faults {
	return faults{ask: func(b *broken, ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
		if query != nil {
			query(&q)
		}
		requests, err := b.CursorStore.Requests(ctx, q)
		if answer != nil {
			requests = answer(requests)
		}
		return requests, err
	}}
}

// eachHistory does the same for History.
func eachHistory(query func(q *backend.HistoryQuery), answer func(rows []backend.Transition)) faults {
	return faults{rows: func(b *broken, ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
		if query != nil {
			query(&q)
		}
		rows, err := b.CursorStore.History(ctx, q)
		if answer != nil {
			answer(rows)
		}
		return rows, err
	}}
}
