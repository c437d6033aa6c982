package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rackstate/rackstate/backend"
)

// Store implements [backend.Store] on PostgreSQL, and beside it [backend.CursorStore], [backend.LeaseStore] and [backend.Watcher]. Open makes
// one; it is safe for concurrent use.
type Store struct {
	config Config
	// name says where the store is, for messages: host, database and schema.
	name string
	log  *slog.Logger

	// gate is held for reading by every running call, so that Close waits for all of them.
	gate   sync.RWMutex
	closed bool
	// life ends when Close begins: calls that wait for a lost server give up, and watches end.
	life    context.Context
	end     context.CancelFunc
	watches sync.WaitGroup

	queue  queue
	writer *writer
	pool   *pgxpool.Pool
	// listen is how a connection of a Watch is configured.
	listen *pgx.ConnConfig
}

var (
	_ backend.CursorStore = (*Store)(nil)
	_ backend.LeaseStore  = (*Store)(nil)
	_ backend.Watcher     = (*Store)(nil)
)

// enter admits a call, which must call s.gate.RUnlock when it ends. A call that is not admitted gets an error that wraps
// [backend.ErrClosed] or is the context's.
func (s *Store) enter(ctx context.Context) error {
	s.gate.RLock()
	err := ctx.Err()
	if s.closed {
		err = fmt.Errorf("postgres: %s: %w", s.name, backend.ErrClosed)
	}
	if err != nil {
		s.gate.RUnlock()
	}
	return err
}

// Close waits for running calls and closes the connections. Calls that try again because the server cannot be reached give up, and watches end.
// Closing twice returns nil.
func (s *Store) Close() error {
	s.end()
	s.gate.Lock()
	closed := s.closed
	s.closed = true
	s.gate.Unlock()
	if closed {
		return nil
	}
	// What a watch tells may call the store, and is told that it is closed.
	s.watches.Wait()
	s.release()
	return nil
}

// release closes what Open has opened so far.
func (s *Store) release() {
	s.end()
	if s.writer != nil {
		s.writer.disconnect()
	}
	if s.pool != nil {
		s.pool.Close()
	}
}

// limit bounds what one call does on the client's side too: a server that vanished without a word answers no statement timeout.
func (s *Store) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*s.config.StatementTimeout+idleTimeout)
}

// pause waits, and reports false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-timer.Done()
	return ctx.Err() == nil
}
