package verify

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// rowRules are about what a history row says.
func rowRules() []Rule {
	return []Rule{
		{Name: "the history of an object is an unbroken chain", Promise: 1, Commit: unbroken},
		{Name: "the transition count moves with a history row and only then", Promise: 1, Commit: counted},
		{Name: "time in state begins with the history row", Promise: 1, Commit: sinceTheRow},
		{Name: "a history row says of what, by whom and when", Promise: 1, Commit: completeRow},
		{Name: "a change of state is the outcome on record", Promise: 1, Commit: moveIsOutcome},
	}
}

func unbroken(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.move == nil {
			return nil
		}
		var last backend.Transition
		if ch.before != nil && ch.before.newest != nil {
			last = ch.before.newest.Transition
		}
		switch {
		case ch.move.Seq != last.Seq+1:
			return fmt.Errorf("row %d of %s follows row %d", ch.move.Seq, ch.ref, last.Seq)
		case ch.move.From != last.To:
			return fmt.Errorf("row %d of %s begins in %q, the one before ends in %q", ch.move.Seq, ch.ref, ch.move.From, last.To)
		}
		return nil
	})
}

func counted(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		want, rows := uint64(0), "no"
		if ch.before != nil {
			want = ch.before.rec.Transitions
		}
		if ch.move != nil {
			want, rows = want+1, "one"
		}
		if ch.Record.Transitions != want {
			return fmt.Errorf("%s has %d transitions after %s history row, want %d", ch.ref, ch.Record.Transitions, rows, want)
		}
		return nil
	})
}

func sinceTheRow(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		switch {
		case ch.move != nil && !ch.Record.Since.Equal(ch.move.At):
			return fmt.Errorf("%s is in %q since %s, its history row is of %s", ch.ref, ch.to(), ch.Record.Since, ch.move.At)
		case ch.move == nil && ch.before != nil && !ch.Record.Since.Equal(ch.before.rec.Since):
			return fmt.Errorf("%s has not moved, and is in %q since %s, not since %s", ch.ref, ch.to(), ch.Record.Since, ch.before.rec.Since)
		}
		return nil
	})
}

func completeRow(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.move == nil {
			return nil
		}
		var bad findings
		for _, f := range [...]struct{ name, value string }{{"trigger", ch.move.Trigger}, {"initiator", ch.move.Initiator}} {
			if f.value == "" {
				bad.addf("row %d of %s has no %s", ch.move.Seq, ch.ref, f.name)
			}
		}
		if ch.move.Ref != ch.ref || ch.move.Rack != ch.Record.Rack {
			bad.addf("row %d of %s in rack %q is named %s in rack %q", ch.move.Seq, ch.ref, ch.Record.Rack, ch.move.Ref, ch.move.Rack)
		}
		if at := ch.move.At; at.IsZero() || !at.Equal(backend.Timestamp(at)) {
			bad.addf("row %d of %s is of %s, must be a time in whole microseconds", ch.move.Seq, ch.ref, at)
		}
		return bad.err()
	})
}

func moveIsOutcome(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.move == nil {
			return nil
		}
		want := backend.OutcomeTransition
		if ch.to() == "" && ch.move.Trigger != purged {
			want = backend.OutcomeDeleted
		}
		if got := ch.Record.Outcome; got.Kind != want || !got.At.Equal(ch.move.At) {
			return fmt.Errorf("%s moves to %q at %s, its outcome is %q of %s", ch.ref, ch.to(), ch.move.At, got.Kind, got.At)
		}
		return nil
	})
}
