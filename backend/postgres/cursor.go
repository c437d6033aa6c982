package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/rackstate/rackstate/backend"
)

const (
	sqlSelectCursor = "SELECT position FROM cursor WHERE name = $1"
	// A cursor that was never set is at 0, and only such a one is inserted.
	sqlMoveCursor = "INSERT INTO cursor AS c (name, position) SELECT $1::text, $3::bigint WHERE $2::bigint = 0 OR EXISTS (SELECT FROM cursor WHERE name = $1) " +
		"ON CONFLICT (name) DO UPDATE SET position = EXCLUDED.position WHERE c.position = $2"
	sqlLastPosition = "SELECT coalesce(max(position), 0) FROM history"
)

// Cursor returns the position of a cursor, see [backend.CursorStore].
func (s *Store) Cursor(ctx context.Context, name string) (uint64, error) {
	if badText(name) {
		return 0, fmt.Errorf("postgres: cursor %q: %w", name, backend.ErrNotFound)
	}
	positions, err := query(ctx, s, sqlSelectCursor, []any{name}, pgx.RowTo[int64])
	switch {
	case err != nil:
		return 0, err
	case len(positions) == 0:
		return 0, fmt.Errorf("postgres: cursor %q: %w", name, backend.ErrNotFound)
	}
	return uint64(positions[0]), nil
}

// SetCursor moves a cursor, see [backend.CursorStore]. It does not try again when it is unknown whether the cursor was moved.
func (s *Store) SetCursor(ctx context.Context, name string, from, to uint64) error {
	switch {
	case to > math.MaxInt64:
		return fmt.Errorf("postgres: cursor %q: there is no position %d", name, to)
	case from > math.MaxInt64:
		return fmt.Errorf("postgres: cursor %q: %w: expected position %d", name, backend.ErrConflict, from)
	}
	if err := checkNames("cursor", name); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	moved := false
	err := s.persist(ctx, "move a cursor in", func() error {
		limited, cancel := s.limit(ctx)
		defer cancel()
		tag, err := s.pool.Exec(limited, sqlMoveCursor, name, int64(from), int64(to))
		if err != nil {
			return outcome(err, true)
		}
		moved = tag.RowsAffected() == 1
		return nil
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return s.advise("move a cursor in", err)
	case !moved:
		return fmt.Errorf("postgres: cursor %q: %w: it is not at %d", name, backend.ErrConflict, from)
	}
	return nil
}

// LastPosition returns the position of the newest row, see [backend.CursorStore].
func (s *Store) LastPosition(ctx context.Context) (uint64, error) {
	positions, err := query(ctx, s, sqlLastPosition, nil, pgx.RowTo[int64])
	if err != nil {
		return 0, err
	}
	return uint64(positions[0]), nil
}
