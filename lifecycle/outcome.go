package lifecycle

import (
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Outcome is what a pass over an object decided. It is made by Fire, FireTo, Wait, Nothing or Deleted.
type Outcome struct {
	kind      backend.OutcomeKind
	trigger   string
	to        string
	named     bool
	reason    string
	after     time.Duration
	note      string
	initiator string
}

// Fire takes the row of the table that the trigger selects.
func Fire[T ~string](trigger T) Outcome {
	return Outcome{kind: backend.OutcomeTransition, trigger: string(trigger)}
}

// FireTo takes the row with this trigger and this target. It is needed where several rows share a trigger.
func FireTo[T, S ~string](trigger T, to S) Outcome {
	return Outcome{kind: backend.OutcomeTransition, trigger: string(trigger), to: string(to), named: true}
}

// Because sets the note of the history row: why it happened, for people.
func (o Outcome) Because(note string) Outcome {
	o.note = note
	return o
}

// By sets who caused the transition; "controller" otherwise.
func (o Outcome) By(initiator string) Outcome {
	o.initiator = initiator
	return o
}

// Wait leaves the object where it is. expects says what it waits for and observes what is the case now; the object is looked at again
// after retryAfter, or at an event or the next resync if that is zero.
func Wait(expects, observes string, retryAfter time.Duration) Outcome {
	reason := "waits for " + expects
	if observes != "" {
		reason += ": " + observes
	}
	return Outcome{kind: backend.OutcomeWait, reason: reason, after: retryAfter}
}

// Nothing says that there is nothing to do until an event or the next resync.
func Nothing() Outcome { return Outcome{kind: backend.OutcomeNothing} }

// NothingFor says that there is nothing to do, and that the object wants to be looked at again after a while.
func NothingFor(retryAfter time.Duration) Outcome {
	return Outcome{kind: backend.OutcomeNothing, after: retryAfter}
}

// Deleted removes the object for good, by the row of its state that leads nowhere.
func Deleted() Outcome { return Outcome{kind: backend.OutcomeDeleted} }
