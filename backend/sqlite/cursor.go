package sqlite

import (
	"context"
	"fmt"
	"math"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

const (
	sqlSelectCursor = "SELECT position FROM cursor WHERE name = ?"
	sqlPutCursor    = "INSERT INTO cursor (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET position = excluded.position"
	sqlLastPosition = "SELECT coalesce(max(position), 0) FROM history"
)

var _ backend.CursorStore = (*Store)(nil)

// cursorMove is what a call of SetCursor asks for.
type cursorMove struct {
	name     string
	from, to uint64
}

// Cursor returns the position of a cursor, see [backend.CursorStore].
func (s *Store) Cursor(ctx context.Context, name string) (position uint64, err error) {
	found := false
	err = s.query(ctx, sqlSelectCursor, []any{name}, func(st *lite.Stmt) error {
		position, found = uint64(st.ColumnInt64(0)), true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("sqlite: cursor %q: %w", name, backend.ErrNotFound)
	}
	return position, err
}

// SetCursor moves a cursor, see [backend.CursorStore]. It is written together with what others commit at the same time.
func (s *Store) SetCursor(ctx context.Context, name string, from, to uint64) error {
	if to > math.MaxInt64 {
		return fmt.Errorf("sqlite: cursor %q: there is no position %d", name, to)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	c := &call{cursor: &cursorMove{name: name, from: from, to: to}, rows: 1, turn: make(chan bool, 1)}
	s.wait(c)
	if c.err != nil {
		return c.err
	}
	return c.results[0]
}

// LastPosition returns the position of the newest row, see [backend.CursorStore].
func (s *Store) LastPosition(ctx context.Context) (position uint64, err error) {
	err = s.query(ctx, sqlLastPosition, nil, func(st *lite.Stmt) error {
		position = uint64(st.ColumnInt64(0))
		return nil
	})
	return position, err
}

// moveCursor applies a call of SetCursor. The first error is the caller's own, the second one ends the transaction.
func (w *writer) moveCursor(m *cursorMove) (refused, err error) {
	w.selectCursor.BindText(1, m.name)
	stored, _, err := one(w.selectCursor)
	if err != nil {
		return nil, err
	}
	if uint64(stored) != m.from {
		return fmt.Errorf("sqlite: cursor %q: %w: expected position %d, stored %d", m.name, backend.ErrConflict, m.from, stored), nil
	}
	w.putCursor.BindText(1, m.name)
	w.putCursor.BindInt64(2, int64(m.to))
	return nil, run(w.putCursor)
}
