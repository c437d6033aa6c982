package memory

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// Cursor returns the position of a cursor, see [backend.CursorStore].
func (s *Store) Cursor(ctx context.Context, name string) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	position, found := s.cursors[name]
	if !found {
		return 0, fmt.Errorf("memory: cursor %q: %w", name, backend.ErrNotFound)
	}
	return position, nil
}

// SetCursor moves a cursor, see [backend.CursorStore].
func (s *Store) SetCursor(ctx context.Context, name string, from, to uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	if stored := s.cursors[name]; stored != from {
		return fmt.Errorf("memory: cursor %q: %w: expected position %d, stored %d", name, backend.ErrConflict, from, stored)
	}
	s.cursors[name] = to
	return nil
}

// LastPosition returns the position of the newest row, see [backend.CursorStore].
func (s *Store) LastPosition(ctx context.Context) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	return uint64(len(s.history)), nil
}
