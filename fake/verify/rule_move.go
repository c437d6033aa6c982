package verify

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// moveRules are about what a single change of state may be.
func moveRules() []Rule {
	return []Rule{
		{Name: "an object moves only along the table of its kind", Promise: 1, Commit: alongTheTable},
		{Name: "a change of state has exactly one history row", Promise: 1, Commit: oneRow},
		{Name: "a commit writes each object once", Promise: 1, Commit: writtenOnce},
		{Name: "an object stays in its rack as long as it lives", Promise: 1, Commit: staysInRack},
		{Name: "time never goes back for an object", Promise: 1, Commit: timeGoesOn},
	}
}

func alongTheTable(w *World, c *backend.Commit) error {
	if w.t.broken != nil {
		return w.t.broken
	}
	return each(w, c, func(ch change) error {
		k := w.t.kinds[ch.ref.Kind]
		if ch.move == nil || k == nil || ch.from() != "" && ch.to() == "" && ch.move.Trigger == purged {
			return nil
		}
		if k.legal[step{ch.from(), ch.move.Trigger, ch.to()}] {
			return nil
		}
		return fmt.Errorf("%s moves from %q by %s to %q, which no row of its table permits", ch.ref, ch.from(), ch.move.Trigger, ch.to())
	})
}

func oneRow(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		switch {
		case ch.move == nil && ch.to() != ch.from():
			return fmt.Errorf("%s goes from %q to %q without a history row", ch.ref, ch.from(), ch.to())
		case ch.move == nil && ch.before == nil:
			return fmt.Errorf("%s appears without a history row", ch.ref)
		case ch.move != nil && ch.move.To != ch.to():
			return fmt.Errorf("%s is in %q, and its history row says %q", ch.ref, ch.to(), ch.move.To)
		}
		return nil
	})
}

func writtenOnce(_ *World, c *backend.Commit) error {
	for i := range c.Writes {
		for j := range c.Writes[:i] {
			if c.Writes[i].Record.Ref == c.Writes[j].Record.Ref {
				return fmt.Errorf("%s is written twice", c.Writes[i].Record.Ref)
			}
		}
	}
	return nil
}

func staysInRack(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		rec := &ch.Record
		switch {
		case ch.before.lives() && rec.Rack != ch.before.rec.Rack:
			return fmt.Errorf("%s goes from rack %q to rack %q", ch.ref, ch.before.rec.Rack, rec.Rack)
		case ch.ref.Kind == backend.KindRack && rec.Rack != ch.ref.ID:
			return fmt.Errorf("%s is in rack %q; a rack belongs to itself", ch.ref, rec.Rack)
		}
		return nil
	})
}

func timeGoesOn(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		switch {
		case ch.before != nil && ch.Record.Since.Before(ch.before.rec.Since):
			return fmt.Errorf("%s is in its state since %s, and was in the one before since %s", ch.ref, ch.Record.Since, ch.before.rec.Since)
		case ch.Record.Outcome.Kind != "" && ch.Record.Outcome.At.Before(ch.Record.Since):
			return fmt.Errorf("the outcome of %s is of %s, and it entered its state at %s", ch.ref, ch.Record.Outcome.At, ch.Record.Since)
		}
		return nil
	})
}
