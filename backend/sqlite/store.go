package sqlite

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/go-multierror"
	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/leases"
)

// Config holds what is optional about a store. The zero value is right for production.
type Config struct {
	// Synchronous says what a commit survives. Default Full.
	Synchronous Synchronous
	// Readers is the number of connections that read side by side. Default 4.
	Readers int
}

// Synchronous says what a commit survives.
type Synchronous int

// The levels of durability. Neither can lose the consistency of the file.
const (
	// Full waits for the disk: a commit survives the loss of power.
	Full Synchronous = iota
	// Normal does not wait: a commit survives the loss of the process, but the last ones may be lost with power.
	Normal
)

// withDefaults returns the configuration with every zero replaced.
func (c Config) withDefaults() Config {
	if c.Readers == 0 {
		c.Readers = 4
	}
	return c
}

// validate names the field that cannot be used.
func (c Config) validate() error {
	switch {
	case c.Synchronous != Full && c.Synchronous != Normal:
		return fmt.Errorf("sqlite: Config.Synchronous is %d, want Full or Normal", c.Synchronous)
	case c.Readers < 0:
		return fmt.Errorf("sqlite: Config.Readers is %d, want at least 1", c.Readers)
	}
	return nil
}

// Store implements [backend.Store] and [backend.CursorStore] on an SQLite file. Open makes one; it is safe for concurrent use.
type Store struct {
	path string
	lock *fileLock

	// gate is held for reading by every running call, so that Close waits for all of them.
	gate   sync.RWMutex
	closed bool

	queue  queue
	writer *writer
	leases leases.Table
	// readers holds the connections that are free; nil stands for one that was not needed so far.
	readers chan *lite.Conn
}

// enter admits a call, which must call s.gate.RUnlock when it ends. A call that is not admitted gets an error that wraps
// [backend.ErrClosed] or is the context's.
func (s *Store) enter(ctx context.Context) error {
	s.gate.RLock()
	err := ctx.Err()
	if s.closed {
		err = fmt.Errorf("sqlite: %s: %w", s.path, backend.ErrClosed)
	}
	if err != nil {
		s.gate.RUnlock()
	}
	return err
}

// Close waits for running calls, moves the write-ahead log into the file and gives the file free. Closing twice returns nil.
func (s *Store) Close() error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.release()
}

// release closes what Open has opened so far. The writer closes last: the last connection moves the log into the file.
func (s *Store) release() error {
	var errs error
	for len(s.readers) > 0 {
		conn := <-s.readers
		if conn == nil {
			continue
		}
		if err := conn.Close(); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	if s.writer != nil {
		if err := s.writer.conn.Close(); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	if s.lock != nil {
		if err := s.lock.release(); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	if errs != nil {
		return fmt.Errorf("sqlite: close %s: %w", s.path, errs)
	}
	return nil
}
