package lifecycle

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/outbox"
)

// RelayConfig says how a Relay works. Name is required, the rest has defaults.
type RelayConfig struct {
	// Name names the cursor. One name belongs to one notifier, and is run by one process at a time: two would tell everything twice.
	Name string
	// FromNow has a relay whose cursor was never set begin with what comes, not with the oldest row of the history.
	FromNow bool
	// Batch bounds the rows that the notifier is handed at once. Default: 100.
	Batch int
	// Timeout is after which time the context of Notify ends. Default: 30 s.
	Timeout time.Duration
	// BackoffMin and BackoffMax bound the time until rows that were not taken over are told again; it doubles at every failure. Default: 1 s and 5 min.
	BackoffMin, BackoffMax time.Duration
	// Seed varies the jitter of the backoff.
	Seed uint64
	// Clock is where time comes from. Default: the system's clock.
	Clock clock.Clock
	// Logger receives failures and recoveries. Default: slog.Default().
	Logger *slog.Logger
}

// Relay tells a notifier of every transition of a store: at least once, in order, also of those that were committed while no process ran. The history is the
// outbox; a cursor that the store keeps says how far the notifier has come, and moves when it has taken rows over. A notifier that fails or hangs holds up its own relay and nothing
// else: no transition waits for it, and what it has not taken over stays in the history.
//
// A relay does not poll: the observer that Observe returns wakes it, and so does a store that tells of what other processes commit, see backend.Watcher.
type Relay struct {
	feed    *outbox.Feed
	to      backend.Notifier
	clock   clock.Clock
	timeout time.Duration
}

// RelayStatus is how far a relay has come.
type RelayStatus struct {
	// Cursor is the position of the last row that the notifier has taken over.
	Cursor uint64
	// Failures counts the attempts since the last success, Err is why the last one failed, Since when the first of them did. Zero: none has failed.
	Failures int
	Err      error
	Since    time.Time
	// Next is when the next attempt begins. Zero: with the next row.
	Next time.Time
}

// NewRelay makes a relay. The error says what is wrong with the configuration, or wraps backend.ErrNotSupported when the store keeps no cursors.
func NewRelay(store backend.Store, to backend.Notifier, cfg RelayConfig) (*Relay, error) {
	r := &Relay{to: to, clock: cfg.Clock, timeout: cfg.Timeout}
	if r.clock == nil {
		r.clock = clock.New()
	}
	switch {
	case r.timeout == 0:
		r.timeout = 30 * time.Second
	case r.timeout < 0:
		return nil, fmt.Errorf("relay: the Timeout of %s is %s, must not be negative", cfg.Name, cfg.Timeout)
	}
	feed, err := outbox.New(store, outbox.Config{
		Name: cfg.Name, FromNow: cfg.FromNow, Batch: cfg.Batch, BackoffMin: cfg.BackoffMin, BackoffMax: cfg.BackoffMax, Seed: cfg.Seed, Clock: r.clock, Logger: cfg.Logger,
	}, r.take)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	r.feed = feed
	return r, nil
}

// take hands rows to the notifier, which takes over all of them or none.
func (r *Relay) take(ctx context.Context, rows []backend.Transition) (int, error) {
	ctx, cancel := r.clock.WithTimeout(ctx, r.timeout)
	defer cancel()
	if err := r.to.Notify(ctx, rows); err != nil {
		return 0, err
	}
	return len(rows), nil
}

// Run tells the notifier what there is and then what comes, until ctx ends; it returns nil. After a failure it waits and tries again, for ever.
func (r *Relay) Run(ctx context.Context) error { return r.feed.Run(ctx) }

// Deliver tells the notifier one batch and returns how many rows it has taken over, 0 when there are none left. It is what Run repeats, without goroutine or timer. After an error
// the same rows are told again.
func (r *Relay) Deliver(ctx context.Context) (n int, err error) { return r.feed.Deliver(ctx) }

// Open sets the cursor of a relay that begins with what comes. Without it that happens when the relay first looks.
func (r *Relay) Open(ctx context.Context) error { return r.feed.Open(ctx) }

// Wake says that there may be new rows. It never blocks.
func (r *Relay) Wake() { r.feed.Wake() }

// Replay has the notifier told again of everything behind a position, 0 for the whole history. It also ends a backoff.
func (r *Relay) Replay(ctx context.Context, after uint64) error { return r.feed.Seek(ctx, after) }

// Status returns how far the relay has come.
func (r *Relay) Status() RelayStatus {
	s := r.feed.Status()
	return RelayStatus{Cursor: s.Cursor, Failures: s.Failures, Err: s.Err, Since: s.Since, Next: s.Next}
}

// Observe returns an observer that wakes the relay whenever a transition is durable, and tells next what it is told. It is given to the controller as Config.Observer; nil for next is
// none.
func (r *Relay) Observe(next Observer) Observer { return Waking(next, r.Wake) }

// Waking returns an observer that calls wake whenever a transition is durable, or may be, and tells next what it is told. nil for next is none. wake must not block.
func Waking(next Observer, wake func()) Observer {
	if next == nil {
		next = NoObserver{}
	}
	return &waking{Observer: next, wake: wake}
}

type waking struct {
	Observer
	wake func()
}

// Transitioned wakes the relay.
func (w *waking) Transitioned(t backend.Transition) {
	w.Observer.Transitioned(t)
	w.wake()
}

// Committed wakes the relay when nobody knows whether a batch was applied.
func (w *waking) Committed(commits int, took time.Duration, err error) {
	w.Observer.Committed(commits, took, err)
	if err != nil {
		w.wake()
	}
}
