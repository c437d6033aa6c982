//go:build unix

package crash

import (
	"math/rand/v2"
	"os"
	"time"

	"github.com/rackstate/rackstate/fake/crash/internal/hall"
)

// blow says when a process is killed: a while after it has told something for the nth time. An empty sign is the start.
type blow struct {
	sign  string
	nth   int
	delay time.Duration
}

// The signs that are no steps.
const (
	callBegins = "a call begins"
	callEnded  = "a call ended"
)

// draw draws a blow. Most of them aim at commits; the others at everything around, and those on a fresh folder at the making of the file.
func draw(random *rand.Rand, fresh bool) blow {
	within := func(d time.Duration) time.Duration {
		if random.IntN(3) == 0 {
			return 0
		}
		return time.Duration(random.Int64N(int64(d)))
	}
	if fresh && random.IntN(3) > 0 {
		first := []string{"", started, started, hall.Opened, callBegins}
		return blow{first[random.IntN(len(first))], 1, within(20 * time.Millisecond)}
	}
	switch n := random.IntN(100); {
	case n < 50:
		return blow{callBegins, 1 + random.IntN(40), within(4 * time.Millisecond)}
	case n < 70:
		return blow{callEnded, 1 + random.IntN(40), within(2 * time.Millisecond)}
	case n < 85:
		return blow{"", 1, within(120 * time.Millisecond)}
	case n < 90:
		return blow{started, 1, within(20 * time.Millisecond)}
	case n < 94:
		return blow{hall.Opened, 1, within(10 * time.Millisecond)}
	case n < 97:
		return blow{hall.Built, 1, within(5 * time.Millisecond)}
	default:
		return blow{hall.Over, 1, within(5 * time.Millisecond)}
	}
}

// sign is what a message is a sign of.
func (m *message) sign() string {
	switch {
	case m.Event == nil:
		return m.Step
	case m.Event.Begins():
		return callBegins
	default:
		return callEnded
	}
}

// strike kills a process after a delay. A timer is too coarse for short ones.
func strike(p *os.Process, delay time.Duration) {
	if delay > time.Millisecond {
		<-time.After(delay)
	} else {
		for began := time.Now(); time.Since(began) < delay; {
			continue
		}
	}
	_ = p.Kill() // it may have ended meanwhile
}
