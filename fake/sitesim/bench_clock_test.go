package sitesim_test

import (
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/fake/sitesim"
)

// hopClock is virtual time for Controller.Run. It stands still while there is work, so that no measurement waits for a poll interval: hop moves it
// to the next thing that is due.
type hopClock struct {
	*sitesim.Clock
	tick chan time.Time
}

func newHopClock() *hopClock {
	return &hopClock{Clock: sitesim.NewClock(sitesim.Start), tick: make(chan time.Time, 1)}
}

// Ticker returns a ticker that ticks at every hop. The timekeeper of Run, which has the only one, then releases what has fallen due.
func (c *hopClock) Ticker(d time.Duration) *clock.Ticker {
	t := c.Clock.Ticker(max(d, time.Hour))
	t.C = c.tick
	return t
}

// hop moves time.
func (c *hopClock) hop(to time.Time) {
	c.Set(to)
	select {
	case c.tick <- to:
	default:
	}
}
