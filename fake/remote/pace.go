package remote

import (
	"context"
	"time"

	"github.com/benbjohnson/clock"
)

// Pace is virtual time: it shows Epoch at the real time Began, and Speed seconds pass in each real second.
type Pace struct {
	Epoch time.Time
	Began time.Time
	Speed float64
}

// NewPace returns a virtual time that begins now.
func NewPace(epoch time.Time, speed float64) Pace {
	return Pace{Epoch: epoch.UTC(), Began: clock.New().Now().Round(0), Speed: speed}
}

// Now is the virtual time: UTC, in whole microseconds.
func (p Pace) Now() time.Time {
	passed := clock.New().Now().Sub(p.Began)
	return p.Epoch.Add(time.Duration(float64(passed) * p.Speed)).UTC().Truncate(time.Microsecond)
}

// Real is how long a virtual duration takes.
func (p Pace) Real(virtual time.Duration) time.Duration {
	return time.Duration(float64(virtual) / p.Speed)
}

// timerStep is how often, in real time, the timers of a clock are looked at.
const timerStep = 2 * time.Millisecond

// Clock returns a clock that shows the virtual time. Its timers fire until ctx ends, and not more than a few real milliseconds too early or too late.
func (p Pace) Clock(ctx context.Context) clock.Clock {
	c := &paced{Mock: clock.NewMock(), pace: p}
	c.Set(p.Now())
	go c.run(ctx)
	return c
}

// paced shows the time of the formula. Its timers are those of a mock that follows.
type paced struct {
	*clock.Mock
	pace Pace
}

// run has the mock follow.
func (c *paced) run(ctx context.Context) {
	ticker := clock.New().Ticker(timerStep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.Set(c.pace.Now())
		}
	}
}

// Now is the virtual time.
func (c *paced) Now() time.Time { return c.pace.Now() }

// Since returns how much virtual time has passed since t.
func (c *paced) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Until returns how much virtual time there is until t.
func (c *paced) Until(t time.Time) time.Duration { return t.Sub(c.Now()) }
