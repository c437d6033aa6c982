package lifecycle

import "time"

// Class says what sort of state a state is. Check and the diagrams are derived from it.
type Class string

// The classes of states.
const (
	// Resting: the object may stay here for ever; requests and events move it out.
	Resting Class = "resting"
	// Working: the engine makes progress by itself; it has an SLA.
	Working Class = "working"
	// Waiting: somebody else must do something; it has a deadline, or a reason why not.
	Waiting Class = "waiting"
	// Failed: something went wrong; the table has a way out.
	Failed Class = "failed"
	// Deleting: the object is on its way out.
	Deleting Class = "deleting"
)

// Any is the From of a row that holds in every state but its own target, unless the state has a row of its own for that trigger.
const Any = "*"

// StateInfo declares one state of a kind.
type StateInfo[S ~string] struct {
	// State is the state. A sub-state is a path: "Maintenance/FirmwareUpgrade/Start".
	State S
	// Class says what sort of state it is.
	Class Class
	// SLA is how long an object may stay before it is reported, on the clock that the state may share with others. Zero: no limit. It moves nothing.
	SLA time.Duration
	// StepSLA is how long an object may stay in this very state before it is reported, beside SLA. Zero: no limit. It moves nothing.
	StepSLA time.Duration
	// ReportAtOnce reports an object as soon as it enters the state, as if the SLA were over.
	ReportAtOnce bool
	// Clock is the path whose sub-states share one clock for SLA and deadline, for example "Maintenance/FirmwareUpgrade".
	// Empty: the state has a clock of its own.
	Clock S
	// Deadline is the default time after which the handler moves the object to its failure state. Zero: see NoDeadline.
	Deadline time.Duration
	// NoDeadline says why a waiting state has no deadline.
	NoDeadline string
	// Doc says what is true in the state and who moves the object out.
	Doc string
}

func (s StateInfo[S]) clock() string {
	if s.Clock != "" {
		return string(s.Clock)
	}
	return string(s.State)
}

// erased is a StateInfo without its type parameter.
type stateInfo struct {
	StateInfo[string]
	index int
	boxed any // the state as stateless wants it, boxed once
}
