package explore

import (
	"fmt"
	"strings"
)

// Budget bounds what may happen on one path beside passes, jobs that complete, holds that are lifted, expected devices that are discovered, labels, approvals and reports, and time that passes
// when nothing else can happen: those are free.
type Budget struct {
	// Faults are hardware calls that fail and jobs that fail.
	Faults int
	// Crashes are crashes after a hardware call.
	Crashes int
	// Requests are requests and deletions. Each request may be cancelled, for nothing.
	Requests int
	// Holds are holds that are placed.
	Holds int
	// Jumps are jumps of time past a deadline, an SLA or an expiry while other things could happen.
	Jumps int
	// Ticks are single seconds that pass at any moment, so that what happens before and after has different times.
	Ticks int
}

// String lists what there is.
func (b Budget) String() string {
	var out []string
	for _, part := range []struct {
		n    int
		name string
	}{{b.Faults, "fault"}, {b.Crashes, "crash"}, {b.Requests, "request"}, {b.Holds, "hold"}, {b.Jumps, "jump"}, {b.Ticks, "tick"}} {
		switch {
		case part.n == 1:
			out = append(out, "1 "+part.name)
		case part.n > 1 && part.name == "crash":
			out = append(out, fmt.Sprintf("%d crashes", part.n))
		case part.n > 1:
			out = append(out, fmt.Sprintf("%d %ss", part.n, part.name))
		}
	}
	if out == nil {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

func (b Budget) bytes() []byte {
	return []byte{byte(b.Faults), byte(b.Crashes), byte(b.Requests), byte(b.Holds), byte(b.Jumps), byte(b.Ticks)}
}

// minus takes away what a move costs. It returns false when there is not enough.
func (b Budget) minus(c Budget) (Budget, bool) {
	left := Budget{b.Faults - c.Faults, b.Crashes - c.Crashes, b.Requests - c.Requests, b.Holds - c.Holds, b.Jumps - c.Jumps, b.Ticks - c.Ticks}
	return left, min(left.Faults, left.Crashes, left.Requests, left.Holds, left.Jumps, left.Ticks) >= 0
}

// What moves cost.
var (
	free      = Budget{}
	aFault    = Budget{Faults: 1}
	aCrash    = Budget{Crashes: 1}
	aRequest  = Budget{Requests: 1}
	aHold     = Budget{Holds: 1}
	aJump     = Budget{Jumps: 1}
	aTick     = Budget{Ticks: 1}
	oneOfEach = Budget{Faults: 1, Crashes: 1, Requests: 1, Holds: 1, Jumps: 1}
)
