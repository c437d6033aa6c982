package sitesim

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/clock"
)

// Clock is a clock whose time somebody sets. Only Now is virtual: nothing fires by itself, which suits a controller that is driven by
// RunUntilIdle. It is safe for concurrent use.
type Clock struct {
	clock.Clock
	micros atomic.Int64
}

// NewClock returns a clock that shows the given time.
func NewClock(at time.Time) *Clock {
	c := &Clock{Clock: clock.New()}
	c.Set(at)
	return c
}

// Now returns the time that was set last: UTC, in whole microseconds.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.micros.Load()).UTC() }

// Set sets the time. It never goes back: an earlier time is ignored.
func (c *Clock) Set(at time.Time) {
	for {
		old := c.micros.Load()
		if at.UnixMicro() <= old || c.micros.CompareAndSwap(old, at.UnixMicro()) {
			return
		}
	}
}

// Since returns how much virtual time has passed since t.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Until returns how much virtual time there is until t.
func (c *Clock) Until(t time.Time) time.Duration { return t.Sub(c.Now()) }

// WithTimeout returns a context without a deadline: virtual time does not pass while a handler runs.
func (c *Clock) WithTimeout(parent context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	return context.WithCancel(parent)
}

// WithDeadline returns a context without a deadline, like WithTimeout.
func (c *Clock) WithDeadline(parent context.Context, _ time.Time) (context.Context, context.CancelFunc) {
	return context.WithCancel(parent)
}
