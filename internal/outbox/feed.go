// Package outbox follows the history of a store behind a cursor that the store keeps, and hands on what it finds: at least once, in order, whatever happens to the
// process in between. It has one loop, which whoever commits wakes; nothing is polled. What is handed on, and to whom, is the business of its user.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/backend"
)

// Config says how a feed works. Name is required.
type Config struct {
	// Name names the cursor.
	Name string
	// FromNow has a feed whose cursor was never set begin behind the newest row, not with the oldest.
	FromNow bool
	// Batch bounds the rows that are read and handed on at once. Default: 100.
	Batch int
	// BackoffMin and BackoffMax bound the time until rows that were not taken over are handed on again; it doubles at every failure. Default: 1 s and 5 min.
	BackoffMin, BackoffMax time.Duration
	// Seed varies the jitter of the backoff.
	Seed uint64
	// Clock is where time comes from. Default: the system's clock.
	Clock clock.Clock
	// Logger receives failures and recoveries. Default: slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Batch == 0 {
		c.Batch = 100
	}
	if c.BackoffMin == 0 {
		c.BackoffMin = time.Second
	}
	if c.BackoffMax == 0 {
		c.BackoffMax = 5 * time.Minute
	}
	if c.Clock == nil {
		c.Clock = clock.New()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Name == "":
		return errors.New("a reader of the history needs a name, under which its cursor is kept")
	case c.Batch < 0:
		return fmt.Errorf("the Batch of %s is %d, must not be negative", c.Name, c.Batch)
	case c.BackoffMin < 0 || c.BackoffMax < c.BackoffMin:
		return fmt.Errorf("the backoff of %s is from %s to %s, must not be negative and not go down", c.Name, c.BackoffMin, c.BackoffMax)
	}
	return nil
}

// Take hands rows on, in the order of Position. It returns how many of them, from the front, need not be handed on again, and why the next one could not be. Without an error the others are
// handed on at once. An error that has a method RetryAfter() time.Duration asks for a longer pause than the backoff, up to BackoffMax.
type Take func(ctx context.Context, rows []backend.Transition) (done int, err error)

// Feed hands on the rows of a history. Make one with New; it is safe for concurrent use.
type Feed struct {
	cfg   Config
	store backend.CursorStore
	take  Take
	wake  chan struct{}
	retry chan struct{}

	// work is held by the one delivery that runs.
	work sync.Mutex

	mu     sync.Mutex
	status Status
	known  bool   // status.Cursor is where the cursor is
	seeks  uint64 // counts the calls of Seek: what was read or set before the last one is not where the cursor is
}

// Status is how far a feed has come.
type Status struct {
	// Cursor is the position of the last row that is done with.
	Cursor uint64
	// Busy says that rows are being handed on at this moment.
	Busy bool
	// Failures counts the attempts since the last success; Err is why the last one failed, Since when the first of them did. Zero: none has failed.
	Failures int
	Err      error
	Since    time.Time
	// Next is when the next attempt begins. Zero: with the next row.
	Next time.Time
	// Waiting is when the oldest row happened that a failure holds back.
	Waiting time.Time
}

// New makes a feed of a store. Nothing is read before Open, Deliver or Run. The error names what is wrong with the configuration, or wraps backend.ErrNotSupported when
// the store keeps no cursors.
func New(store backend.Store, cfg Config, take Take) (*Feed, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cursors, ok := store.(backend.CursorStore)
	if !ok {
		return nil, fmt.Errorf("cursor %s: a %T keeps no cursors, see backend.CursorStore: %w", cfg.Name, store, backend.ErrNotSupported)
	}
	return &Feed{cfg: cfg, store: cursors, take: take, wake: make(chan struct{}, 1), retry: make(chan struct{}, 1)}, nil
}

// Wake says that there may be new rows. It never blocks. It does not shorten a backoff.
func (f *Feed) Wake() { signal(f.wake) }

// Retry ends a backoff that runs.
func (f *Feed) Retry() { signal(f.retry) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Status returns how far the feed has come.
func (f *Feed) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Open reads the cursor, and sets one that begins now. What is committed after Open has returned is handed on. Another feed may still move the cursor until the first Deliver.
func (f *Feed) Open(ctx context.Context) error {
	_, _, err := f.position(ctx)
	f.forget()
	return err
}

// position returns the cursor, from the store if it is not known, and how often somebody has moved it.
func (f *Feed) position(ctx context.Context) (at, seeks uint64, err error) {
	f.mu.Lock()
	at, seeks = f.status.Cursor, f.seeks
	known := f.known
	f.mu.Unlock()
	if known {
		return at, seeks, nil
	}
	at, err = f.store.Cursor(ctx, f.cfg.Name)
	if errors.Is(err, backend.ErrNotFound) {
		at, err = f.first(ctx)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cursor %s: %w", f.cfg.Name, err)
	}
	f.moved(at, seeks)
	return at, seeks, nil
}

// first returns where a cursor begins that was never set, and sets it if that is now.
func (f *Feed) first(ctx context.Context) (uint64, error) {
	if !f.cfg.FromNow {
		return 0, nil
	}
	at, err := f.store.LastPosition(ctx)
	if err != nil {
		return 0, err
	}
	err = f.store.SetCursor(ctx, f.cfg.Name, 0, at)
	if errors.Is(err, backend.ErrConflict) { // somebody else was first
		return f.store.Cursor(ctx, f.cfg.Name)
	}
	return at, err
}

// moved notes where the cursor is, unless somebody has moved it since that was found out.
func (f *Feed) moved(at, seeks uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Cursor = at
	f.known = f.seeks == seeks
}

// forget has the cursor read again.
func (f *Feed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = false
}

// Seek moves the cursor: rows behind it are handed on again, or left out. It ends a backoff. The error is what the store said.
func (f *Feed) Seek(ctx context.Context, to uint64) error {
	for {
		at, err := f.store.Cursor(ctx, f.cfg.Name)
		if errors.Is(err, backend.ErrNotFound) {
			at, err = 0, nil
		}
		if err == nil {
			err = f.store.SetCursor(ctx, f.cfg.Name, at, to)
		}
		if errors.Is(err, backend.ErrConflict) { // rows were handed on meanwhile
			continue
		}
		if err != nil {
			return fmt.Errorf("cursor %s: %w", f.cfg.Name, err)
		}
		f.mu.Lock()
		f.seeks++
		f.status.Cursor, f.known = to, false
		f.mu.Unlock()
		f.Wake()
		f.Retry()
		return nil
	}
}
