// Package witness knows what a store has promised: it listens to every call that writes, and says afterwards whether the store holds exactly that. A process may die
// between the two, so what a witness hears can be written down and told to another one.
package witness

import (
	"context"
	"errors"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// Event is the beginning of a call that writes, or its end.
type Event struct {
	// Batch is a call of Commit that begins.
	Batch []backend.Commit `json:",omitempty"`
	// Move is a call of SetCursor that begins.
	Move *Move `json:",omitempty"`
	// Ended says that the call ended that began last. Applied has an entry for each commit of the batch, or one for the move.
	Ended   bool   `json:",omitempty"`
	Applied []bool `json:",omitempty"`
	// Failed is the error of a call of which nobody knows what became.
	Failed string `json:",omitempty"`
}

// Begins reports whether a call begins with the event.
func (e *Event) Begins() bool { return e.Batch != nil || e.Move != nil }

// Move is a cursor that is moved.
type Move struct {
	Name     string
	From, To uint64
}

// Store tells of every call that writes before it begins, and after it ended before its caller hears of it. Only one call writes at a time.
type Store struct {
	backend.CursorStore
	mu   sync.Mutex
	tell func(Event) error
}

// Watch makes a store whose calls are told. What tell returns is returned to the caller in the place of an answer.
func Watch(store backend.CursorStore, tell func(Event) error) *Store {
	return &Store{CursorStore: store, tell: tell}
}

// Commit applies a batch, see [backend.Store].
func (s *Store) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tell(Event{Batch: batch}); err != nil {
		return nil, err
	}
	results, err := s.CursorStore.Commit(ctx, batch)
	if told := s.tell(ended(results, err)); told != nil {
		return nil, told
	}
	return results, err
}

// SetCursor moves a cursor, see [backend.CursorStore].
func (s *Store) SetCursor(ctx context.Context, name string, from, to uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tell(Event{Move: &Move{name, from, to}}); err != nil {
		return err
	}
	err := s.CursorStore.SetCursor(ctx, name, from, to)
	end := ended([]error{err}, nil)
	if err != nil && !errors.Is(err, backend.ErrConflict) {
		end = ended(nil, err)
	}
	if told := s.tell(end); told != nil {
		return told
	}
	return err
}

// ended is the event of a call that has ended.
func ended(results []error, err error) Event {
	e := Event{Ended: true, Applied: make([]bool, len(results))}
	if err != nil {
		e.Failed = err.Error()
	}
	for i := range results {
		e.Applied[i] = results[i] == nil
	}
	return e
}
