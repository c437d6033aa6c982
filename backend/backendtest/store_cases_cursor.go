package backendtest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/rackstate/rackstate/backend"
)

// cursorRule makes a case of [backend.CursorStore].
func cursorRule(made storeCase) storeCase {
	made.cursors = true
	return made
}

// cursors is the store under test as what it is besides. Cases that need it run on such stores only.
func (c *storeCheck) cursors() backend.CursorStore { return c.store.(backend.CursorStore) }

// cursor returns the position of a cursor that must have been set.
func (c *storeCheck) cursor(name string) uint64 {
	position, err := c.cursors().Cursor(c.ctx, name)
	if err != nil {
		c.failf("Cursor %s: %w", name, err)
	}
	return position
}

// move moves a cursor that must be where it is said to be.
func (c *storeCheck) move(name string, from, to uint64) {
	if err := c.cursors().SetCursor(c.ctx, name, from, to); err != nil {
		c.failf("SetCursor %s from %d to %d: %w", name, from, to, err)
	}
}

// last returns the position of the newest row.
func (c *storeCheck) last() uint64 {
	position, err := c.cursors().LastPosition(c.ctx)
	if err != nil {
		c.failf("LastPosition: %w", err)
	}
	return position
}

// cursorCases are the rules of cursors.
func cursorCases() []storeCase {
	const moves = "SetCursor moves a cursor from one position to another, forwards or backwards."
	const stale = "It returns an error that wraps ErrConflict, and changes nothing, when the cursor is not at from; one that was never set is at 0."
	return []storeCase{
		cursorRule(storeRule("CursorNeverSet", "The error wraps ErrNotFound when it was never set.", func(c *storeCheck) {
			_, err := c.cursors().Cursor(c.ctx, "hook")
			c.wraps("Cursor", err, backend.ErrNotFound)
			c.move("other", 0, 3)
			_, err = c.cursors().Cursor(c.ctx, "hook")
			c.wraps("Cursor beside another one", err, backend.ErrNotFound)
		})),
		cursorRule(storeRule("CursorMoves", moves, func(c *storeCheck) {
			at := uint64(0)
			for _, to := range []uint64{0, 7, 7, 1 << 40, 2, 0, 1} {
				c.move("hook", at, to)
				c.equal("position", c.cursor("hook"), to)
				at = to
			}
		})),
		cursorRule(storeRule("CursorsAreApart", moves, func(c *storeCheck) {
			for i, name := range []string{"hook", "Hook", "hook/2", "", "höök 'x' \"y\""} {
				c.move(name, 0, uint64(i)+10)
			}
			for i, name := range []string{"hook", "Hook", "hook/2", "", "höök 'x' \"y\""} {
				c.equal("position of "+name, c.cursor(name), uint64(i)+10)
			}
		})),
		cursorRule(storeRule("StaleCursor", stale, func(c *storeCheck) {
			c.wraps("a cursor that was never set", c.cursors().SetCursor(c.ctx, "hook", 1, 2), backend.ErrConflict)
			_, err := c.cursors().Cursor(c.ctx, "hook")
			c.wraps("Cursor", err, backend.ErrNotFound)
			c.move("hook", 0, 5)
			for _, from := range []uint64{0, 4, 6} {
				c.wraps(fmt.Sprintf("from %d", from), c.cursors().SetCursor(c.ctx, "hook", from, 9), backend.ErrConflict)
			}
			c.equal("position", c.cursor("hook"), uint64(5))
		})),
		cursorRule(storeRule("OneMovesACursor", stale+" A Store must be safe for concurrent use.", func(c *storeCheck) {
			const rounds, rivals = 20, 6
			var wins [rounds]atomic.Int32
			c.sideBySide(rivals, func(int) error {
				for round := range uint64(rounds) {
					err := c.cursors().SetCursor(c.ctx, "hook", round, round+1)
					switch {
					case err == nil:
						wins[round].Add(1)
					case !errors.Is(err, backend.ErrConflict):
						return err
					}
				}
				return nil
			})
			for round := range wins {
				c.equal(fmt.Sprintf("who moved it to %d", round+1), wins[round].Load(), int32(1))
			}
			c.equal("position", c.cursor("hook"), uint64(rounds))
		})),
		cursorRule(storeRule("LastPosition", "LastPosition returns the Position of the newest row of the history, 0 when there is none.", func(c *storeCheck) {
			c.equal("of an empty history", c.last(), uint64(0))
			for version := range uint64(3) {
				c.applied(one(write(machineRef("m1"), version, "S"), write(rackRef("A1"), version, "S")))
				rows := c.history(backend.HistoryQuery{})
				c.equal("last position", c.last(), rows[len(rows)-1].Position)
			}
			before := c.last()
			c.commit(one(write(machineRef("m1"), 0, "Wrong")))
			c.move("hook", 0, 99)
			c.equal("after a refused commit and the move of a cursor", c.last(), before)
		})),
		cursorRule(storeRule("FollowersMissNothing", "Rows become visible to History in the order of Position.", func(c *storeCheck) { followers(c) })),
		cursorRule(storeRule("CursorsAfterClose", "Calls after it return an error that wraps ErrClosed.", func(c *storeCheck) {
			c.move("hook", 0, 1)
			if err := c.store.Close(); err != nil {
				c.failf("Close: %w", err)
			}
			_, err := c.cursors().Cursor(c.ctx, "hook")
			c.wraps("Cursor", err, backend.ErrClosed)
			c.wraps("SetCursor", c.cursors().SetCursor(c.ctx, "hook", 1, 2), backend.ErrClosed)
			_, err = c.cursors().LastPosition(c.ctx)
			c.wraps("LastPosition", err, backend.ErrClosed)
		})),
	}
}

// followers has readers go along with a history that many write, and compares what they saw with what there is in the end.
func followers(c *storeCheck) {
	const writers, readers, rounds = 4, 2, 25
	seen := make([][]uint64, readers)
	var written atomic.Int32
	c.sideBySide(writers+readers, func(i int) error {
		if i < writers {
			defer written.Add(1)
			for round := range uint64(rounds) {
				if err := c.try(one(write(machineRef(fmt.Sprint(i)), round, "S"), write(rackRef(fmt.Sprint(i)), round, "S"))); err != nil {
					return err
				}
			}
			return nil
		}
		at := uint64(0)
		for {
			last := written.Load() == writers
			rows, err := c.store.History(c.ctx, backend.HistoryQuery{After: at, Limit: 7})
			if err != nil {
				return err
			}
			if len(rows) == 0 && last {
				return nil
			}
			for _, row := range rows {
				if row.Position <= at {
					return fmt.Errorf("a row at %d comes behind the one at %d", row.Position, at)
				}
				at = row.Position
				seen[i-writers] = append(seen[i-writers], at)
			}
		}
	})
	var all []uint64
	for _, row := range c.history(backend.HistoryQuery{}) {
		all = append(all, row.Position)
	}
	for i := range seen {
		c.equal("what a follower saw", seen[i], all)
	}
}
