package backendtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// brokenReads are faults in what the reads return, and in Close.
var brokenReads = []brokenCase{
	{
		name: "BlankRecord", fault: "returns an empty record for an unknown object", caughtBy: "GetUnknown",
		hooks: faults{get: func(b *broken, ctx context.Context, ref backend.Ref) (*backend.Record, error) {
			r, err := b.CursorStore.Get(ctx, ref)
			if errors.Is(err, backend.ErrNotFound) {
				return &backend.Record{Ref: ref}, nil
			}
			return r, err
		}},
	},
	{
		name: "CountsFromTwo", fault: "returns a version that is too high", caughtBy: "VersionIsExpectPlusOne",
		hooks: eachGet(func(r *backend.Record) { r.Version++ }),
	},
	{
		name: "RoundedNumbers", fault: "keeps numbers as floating point", caughtBy: "LargeNumbers",
		hooks: eachGet(func(r *backend.Record) { r.Transitions = min(r.Transitions, 1<<53) }),
	},
	{
		name: "LocalTimes", fault: "returns times of another zone", caughtBy: "ExactTimes",
		hooks: eachGet(func(r *backend.Record) { r.Since = r.Since.In(time.FixedZone("CET", 3600)) }),
	},
	{
		name: "SharedSlices", fault: "shares byte slices with the caller", caughtBy: "CallerReusesWhatItHanded CallerChangesWhatItGot",
		hooks: sharedData,
	},
	{name: "AnyKind", fault: "ignores Kind in List", caughtBy: "ListKind", hooks: eachList(func(q *backend.Query) { q.Kind = "" }, nil)},
	{name: "AnyRack", fault: "ignores Rack in List", caughtBy: "ListRack OddNames", hooks: eachList(func(q *backend.Query) { q.Rack = "" }, nil)},
	{
		name: "NoLimit", fault: "ignores Limit in List", caughtBy: "ListPages ListAllConditions",
		hooks: eachList(func(q *backend.Query) { q.Limit = 0 }, nil),
	},
	{
		name: "EndlessPages", fault: "ignores After in List", caughtBy: "ListPages ListAfterAGoneRecord",
		hooks: eachList(func(q *backend.Query) { q.After = nil }, nil),
	},
	{
		name: "UnsortedList", fault: "lists by kind first", caughtBy: "ListOrder ListPages",
		hooks: eachList(nil, func(records []backend.Record) []backend.Record {
			slices.SortStableFunc(records, func(x, y backend.Record) int { return x.Ref.Compare(y.Ref) })
			return records
		}),
	},
	{
		name: "BareList", fault: "leaves the data out of a List", caughtBy: "ListWholeRecords NilDataStay",
		hooks: eachList(nil, func(records []backend.Record) []backend.Record {
			for i := range records {
				records[i].Data = nil
			}
			return records
		}),
	},
	{
		name: "TornList", fault: "reads the records of a List at different times", caughtBy: "ReadersSeeWholeCommits",
		hooks: eachList(nil, func(records []backend.Record) []backend.Record {
			if len(records) > 1 {
				records[0].Version++
			}
			return records
		}),
	},
	{
		name: "LoosePrefix", fault: "takes MaintenanceX for a kind of Maintenance", caughtBy: "ListStatePrefix",
		hooks: faults{list: func(b *broken, ctx context.Context, q backend.Query) ([]backend.Record, error) {
			prefix := q.StatePrefix
			q.StatePrefix = ""
			records, err := b.CursorStore.List(ctx, q)
			return slices.DeleteFunc(records, func(r backend.Record) bool { return !strings.HasPrefix(r.State, prefix) }), err
		}},
	},
	{
		name: "ListedTombstones", fault: "lists tombstones", caughtBy: "ListWithoutTombstones",
		hooks: faults{list: func(b *broken, ctx context.Context, q backend.Query) ([]backend.Record, error) {
			records, err := b.CursorStore.List(ctx, q)
			if r, getErr := b.CursorStore.Get(ctx, machineRef("m1")); getErr == nil && r.Gone() {
				records = slices.Insert(records, 0, *r)
			}
			return records, err
		}},
	},
	{
		name: "SortedRequests", fault: "returns requests by id", caughtBy: "OrderOfPosting",
		hooks: eachAsk(nil, func(requests []backend.Request) []backend.Request {
			slices.SortStableFunc(requests, func(x, y backend.Request) int { return strings.Compare(x.ID, y.ID) })
			return requests
		}),
	},
	{name: "AnyID", fault: "ignores ID in Requests", caughtBy: "RequestsByID", hooks: eachAsk(func(q *backend.RequestQuery) { q.ID = "" }, nil)},
	{
		name: "AnyObject", fault: "ignores On in Requests", caughtBy: "RequestsOnAnObject",
		hooks: eachAsk(func(q *backend.RequestQuery) { q.On = backend.Ref{} }, nil),
	},
	{
		name: "AllRequests", fault: "ignores Limit in Requests", caughtBy: "RequestsLimit",
		hooks: eachAsk(func(q *backend.RequestQuery) { q.Limit = 0 }, nil),
	},
	{
		name: "StartedIsClosed", fault: "takes a started request for an ended one", caughtBy: "OpenRequests",
		hooks: faults{ask: func(b *broken, ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
			requests, err := b.CursorStore.Requests(ctx, q)
			return slices.DeleteFunc(requests, func(r backend.Request) bool {
				return q.OpenOnly && r.State == backend.RequestStarted
			}), err
		}},
	},
	{
		name: "ReorderedHistory", fault: "returns history newest first", caughtBy: "HistoryOrder PositionsGrow",
		hooks: eachHistory(nil, func(rows []backend.Transition) { slices.Reverse(rows) }),
	},
	{
		name: "FallingPositions", fault: "hands out falling positions", caughtBy: "PositionsGrow",
		hooks: eachHistory(nil, func(rows []backend.Transition) {
			for i := range rows {
				rows[i].Position = 1000 - rows[i].Position
			}
		}),
	},
	{
		name: "EndlessHistory", fault: "ignores After in History", caughtBy: "HistoryPages",
		hooks: eachHistory(func(q *backend.HistoryQuery) { q.After = 0 }, nil),
	},
	{
		name: "AllHistory", fault: "ignores Limit in History", caughtBy: "HistoryPages",
		hooks: eachHistory(func(q *backend.HistoryQuery) { q.Limit = 0 }, nil),
	},
	{
		name: "EverybodysHistory", fault: "ignores Ref in History", caughtBy: "HistoryOfOneObject",
		hooks: eachHistory(func(q *backend.HistoryQuery) { q.Ref = backend.Ref{} }, nil),
	},
	{
		name: "DeafToCancel", fault: "ignores the context of a read", caughtBy: "ReadAfterCancel",
		hooks: faults{get: func(b *broken, ctx context.Context, ref backend.Ref) (*backend.Record, error) {
			return b.CursorStore.Get(context.WithoutCancel(ctx), ref)
		}},
	},
	{
		name: "LostCloseError", fault: "answers ErrNotFound after Close", caughtBy: "CallsAfterClose",
		hooks: faults{get: func(b *broken, ctx context.Context, ref backend.Ref) (*backend.Record, error) {
			r, err := b.CursorStore.Get(ctx, ref)
			if errors.Is(err, backend.ErrClosed) {
				err = backend.ErrNotFound
			}
			return r, err
		}},
	},
	{
		name: "CloseOnce", fault: "returns an error when it is closed a second time", caughtBy: "CloseTwice",
		hooks: faults{close: func(b *broken) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.closed++
			if b.closed > 1 {
				return backend.ErrClosed
			}
			return b.CursorStore.Close()
		}},
	},
}

// sharedData hands out the very slices that it was handed.
var sharedData = faults{
	commit: func(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		results, err := b.CursorStore.Commit(ctx, batch)
		for i := range results {
			for _, w := range batch[i].Writes {
				if results[i] == nil && w.Record.Data != nil {
					b.data[w.Record.Ref] = w.Record.Data
				}
			}
		}
		return results, err
	},
	get: func(b *broken, ctx context.Context, ref backend.Ref) (*backend.Record, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		r, err := b.CursorStore.Get(ctx, ref)
		if err == nil && len(r.Data) > 0 {
			r.Data = b.data[ref]
		}
		return r, err
	},
}
