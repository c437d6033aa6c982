package backendtest

import (
	"context"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

func (b *broken) Cursor(ctx context.Context, name string) (uint64, error) {
	if b.cursor == nil {
		return b.CursorStore.Cursor(ctx, name)
	}
	return b.cursor(b, name)
}

func (b *broken) SetCursor(ctx context.Context, name string, from, to uint64) error {
	if b.move == nil {
		return b.CursorStore.SetCursor(ctx, name, from, to)
	}
	return b.move(b, name, from, to)
}

func (b *broken) LastPosition(ctx context.Context) (uint64, error) {
	if b.last == nil {
		return b.CursorStore.LastPosition(ctx)
	}
	return b.last(b)
}

// at is where a cursor is.
func (b *broken) at(name string) uint64 {
	position, _ := b.CursorStore.Cursor(context.Background(), name)
	return position
}

// brokenCursors are faults in what a CursorStore keeps.
var brokenCursors = []brokenCase{
	{
		name: "UnsetIsZero", fault: "does not tell a cursor that was never set from one at 0", caughtBy: "CursorNeverSet StaleCursor",
		hooks: faults{cursor: func(b *broken, name string) (uint64, error) { return b.at(name), nil }},
	},
	{
		name: "LostCursor", fault: "does not keep where a cursor is", caughtBy: "CursorMoves CursorsAreApart",
		hooks: faults{move: func(*broken, string, uint64, uint64) error { return nil }},
	},
	{
		name: "CursorWithoutCAS", fault: "ignores where a cursor should be", caughtBy: "StaleCursor OneMovesACursor",
		hooks: faults{move: func(b *broken, name string, _, to uint64) error {
			return b.CursorStore.SetCursor(context.Background(), name, b.at(name), to)
		}},
	},
	{
		name: "CursorForwardsOnly", fault: "moves no cursor backwards", caughtBy: "CursorMoves",
		hooks: faults{move: func(b *broken, name string, from, to uint64) error {
			return b.CursorStore.SetCursor(context.Background(), name, from, max(from, to))
		}},
	},
	{
		name: "OneCursor", fault: "keeps one cursor for all names", caughtBy: "CursorsAreApart CursorNeverSet",
		hooks: faults{
			cursor: func(b *broken, _ string) (uint64, error) { return b.CursorStore.Cursor(context.Background(), "") },
			move: func(b *broken, _ string, from, to uint64) error {
				return b.CursorStore.SetCursor(context.Background(), "", from, to)
			},
		},
	},
	{
		name: "LastIsACursor", fault: "takes the farthest cursor for the end of the history", caughtBy: "LastPosition",
		hooks: faults{last: func(b *broken) (uint64, error) { return b.at("hook"), nil }},
	},
	{
		name: "LateRow", fault: "shows a row after one with a greater position", caughtBy: "FollowersMissNothing",
		hooks: faults{rows: func(b *broken, ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
			rows, err := b.CursorStore.History(ctx, q)
			if q.After > 0 && q.Limit == 7 && len(rows) > 1 {
				rows = slices.Delete(rows, len(rows)-2, len(rows)-1)
			}
			return rows, err
		}},
	},
}
