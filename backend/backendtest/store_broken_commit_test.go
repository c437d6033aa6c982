package backendtest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// brokenCommits are faults in what Commit does.
var brokenCommits = []brokenCase{
	{
		name: "LostCAS", fault: "ignores Expect", caughtBy: "StaleVersion CreateTwice CreateOverATombstone UpdateUnknown OneWinsEachVersion",
		hooks: eachWrite(func(b *broken, w *backend.Write) { w.Expect = b.version(w.Record.Ref) }),
	},
	{
		name: "CreateOverwrites", fault: "takes an Expect of zero for any version", caughtBy: "CreateTwice",
		hooks: eachWrite(func(b *broken, w *backend.Write) {
			if w.Expect == 0 {
				w.Expect = b.version(w.Record.Ref)
			}
		}),
	},
	{
		name: "LostHistoryRow", fault: "loses the row of a deletion", caughtBy: "CreatedAgain DeletionAndReturn",
		hooks: eachWrite(func(_ *broken, w *backend.Write) {
			if w.Record.Gone() {
				w.Transition = nil
			}
		}),
	},
	{
		name: "InventedHistory", fault: "writes a row without a transition", caughtBy: "NoTransitionNoRow",
		hooks: eachWrite(func(_ *broken, w *backend.Write) {
			if w.Transition == nil {
				w.Transition = &backend.Transition{Seq: 1}
			}
		}),
	},
	{
		name: "LostNote", fault: "loses the note of a transition", caughtBy: "TransitionAsItWas",
		hooks: eachWrite(func(_ *broken, w *backend.Write) {
			if w.Transition != nil {
				row := *w.Transition
				row.Note = ""
				w.Transition = &row
			}
		}),
	},
	{
		name: "DroppedRequest", fault: "drops the last request of a Commit", caughtBy: "PostedAsItWas PostTwice OneIDOnManyObjects OrderOfPosting",
		hooks: eachCommit(func(_ *broken, c *backend.Commit) { c.Post = c.Post[:max(0, len(c.Post)-1)] }),
	},
	{
		name: "PostTwice", fault: "takes a request that exists for posted", caughtBy: "PostTwice PostAgainAfterItEnded PostTwiceInABatch",
		hooks: eachCommit(func(b *broken, c *backend.Commit) {
			c.Post = slices.DeleteFunc(c.Post, func(r backend.Request) bool { return b.asked(r) })
		}),
	},
	{
		name: "UpsertedRequest", fault: "posts a request that it should update", caughtBy: "UpdateMissing",
		hooks: eachCommit(func(b *broken, c *backend.Commit) {
			for _, r := range c.Update {
				if !b.asked(r) {
					c.Post = append(c.Post, r)
				}
			}
		}),
	},
	{
		name: "OneKind", fault: "keys objects by id alone", caughtBy: "OneIDInTwoKinds",
		hooks: eachWrite(func(_ *broken, w *backend.Write) { w.Record.Ref.Kind = backend.KindMachine }),
	},
	{
		name: "FirstWriteOnly", fault: "applies the first write of a Commit", caughtBy: "ManyWritesApply",
		hooks: eachCommit(func(_ *broken, c *backend.Commit) { c.Writes = c.Writes[:min(1, len(c.Writes))] }),
	},
	{
		name: "HalfCommits", fault: "applies a Commit in parts", caughtBy: "OneOfManyWritesFails UpdateThenFail NeighboursSurvive StaleWriteRefusesRequests",
		hooks: faults{commit: inHalves},
	},
	{
		name: "AllOrNothing", fault: "lets one conflict fail the whole batch", caughtBy: "NeighboursSurvive LaterSeesEarlier FailInTheMiddleOfABatch",
		hooks: faults{commit: allOrNothing},
	},
	{
		name: "NoEmptyBatch", fault: "refuses an empty batch", caughtBy: "EmptyBatch",
		hooks: faults{commit: func(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error) {
			if len(batch) == 0 {
				return nil, backend.ErrNotCommitted
			}
			return b.CursorStore.Commit(ctx, batch)
		}},
	},
	{
		name: "LostTombstones", fault: "forgets the counters of a deleted object", caughtBy: "CreateOverATombstone CreatedAgain LaterSeesEarlier",
		hooks: eachWrite(func(b *broken, w *backend.Write) {
			if r, err := b.CursorStore.Get(context.Background(), w.Record.Ref); err == nil && r.Gone() {
				switch w.Expect {
				case 0:
					w.Expect = r.Version
				default:
					w.Expect = 1 << 60
				}
			}
		}),
	},
	{
		name: "ErasedData", fault: "erases the data when a Write has none", caughtBy: "NilDataStay",
		hooks: eachWrite(func(b *broken, w *backend.Write) {
			if w.Record.Data == nil && b.version(w.Record.Ref) > 0 {
				w.Record.Data = []byte{}
			}
		}),
	},
	{
		name: "NullData", fault: "stores null where a new object has no data", caughtBy: "NoDataAtAll",
		hooks: eachWrite(func(_ *broken, w *backend.Write) {
			if w.Record.Data == nil && w.Expect == 0 {
				w.Record.Data = []byte("null")
			}
		}),
	},
	{
		name: "KeptData", fault: "takes empty data for none", caughtBy: "EmptyDataReplace",
		hooks: eachWrite(func(_ *broken, w *backend.Write) {
			if len(w.Record.Data) == 0 {
				w.Record.Data = nil
			}
		}),
	},
	{
		name: "CutData", fault: "cuts data after 64 KiB", caughtBy: "LargeData",
		hooks: eachWrite(func(_ *broken, w *backend.Write) {
			if len(w.Record.Data) > 1<<16 {
				w.Record.Data = w.Record.Data[:1<<16]
			}
		}),
	},
	{
		name: "CoarseTimes", fault: "keeps times to the millisecond", caughtBy: "ExactTimes GetReturnsTheRecord",
		hooks: eachWrite(func(_ *broken, w *backend.Write) { w.Record.Since = w.Record.Since.Truncate(time.Millisecond) }),
	},
	{
		name: "FalseNotCommitted", fault: "says that nothing was committed when all was", caughtBy: "CommitAfterCancel",
		hooks: faults{commit: func(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error) {
			results, err := b.CursorStore.Commit(context.WithoutCancel(ctx), batch)
			if ctx.Err() != nil {
				return nil, backend.ErrNotCommitted
			}
			return results, err
		}},
	},
	{
		name: "VagueAfterClose", fault: "returns an error of its own from Commit after Close", caughtBy: "CloseWhileInUse CallsAfterClose",
		hooks: faults{commit: func(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error) {
			results, err := b.CursorStore.Commit(ctx, batch)
			if errors.Is(err, backend.ErrClosed) {
				err = errors.New("gone")
			}
			return results, err
		}},
	},
}

// inHalves applies the writes of a Commit one by one.
func inHalves(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error) {
	results := make([]error, len(batch))
	for i, c := range batch {
		parts := make([]backend.Commit, 0, len(c.Writes)+1)
		for _, w := range c.Writes {
			parts = append(parts, one(w))
		}
		errs, err := b.CursorStore.Commit(ctx, append(parts, backend.Commit{Post: c.Post, Update: c.Update}))
		if err != nil {
			return nil, err
		}
		for _, err := range errs {
			if results[i] == nil {
				results[i] = err
			}
		}
	}
	return results, nil
}

// allOrNothing lets one refused Commit refuse its whole batch.
func allOrNothing(b *broken, ctx context.Context, batch []backend.Commit) ([]error, error) {
	var whole backend.Commit
	for _, c := range batch {
		whole.Writes = append(whole.Writes, c.Writes...)
		whole.Post = append(whole.Post, c.Post...)
		whole.Update = append(whole.Update, c.Update...)
	}
	errs, err := b.CursorStore.Commit(ctx, []backend.Commit{whole})
	if err != nil {
		return nil, err
	}
	results := make([]error, len(batch))
	for i := range results {
		results[i] = errs[0]
	}
	return results, nil
}
