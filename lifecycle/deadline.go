package lifecycle

import (
	"context"
	"sync"
	"time"

	"github.com/benbjohnson/clock"
)

// deadline is a context that ends after a while, and makes a timer only when somebody waits for that: most passes call no driver, or one that answers
// at once.
type deadline struct {
	context.Context // the parent
	clock           clock.Clock
	end             time.Time

	mu     sync.Mutex
	timed  context.Context
	cancel context.CancelFunc
}

func withDeadline(parent context.Context, clk clock.Clock, timeout time.Duration) *deadline {
	return &deadline{Context: parent, clock: clk, end: clk.Now().Add(timeout)}
}

// Deadline returns when the context ends.
func (d *deadline) Deadline() (time.Time, bool) {
	if parent, ok := d.Context.Deadline(); ok && parent.Before(d.end) {
		return parent, true
	}
	return d.end, true
}

// Done makes the timer.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil {
		d.timed, d.cancel = d.clock.WithDeadline(d.Context, d.end)
	}
	return d.timed.Done()
}

// Err looks at the clock as long as nobody waits.
func (d *deadline) Err() error {
	d.mu.Lock()
	timed := d.timed
	d.mu.Unlock()
	if timed != nil {
		return timed.Err()
	}
	if err := d.Context.Err(); err != nil {
		return err
	}
	if !d.clock.Now().Before(d.end) {
		return context.DeadlineExceeded
	}
	return nil
}

// stop releases the timer. What still waits for the context is told that it is over.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel()
	}
}
