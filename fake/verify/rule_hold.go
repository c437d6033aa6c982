package verify

import (
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// holdRules are about objects that somebody asked to leave alone.
func holdRules() []Rule {
	return []Rule{
		{Name: "a held object makes hardware do nothing", Alone: true, Call: heldDoesNothing},
		{Name: "hardware of a held object is left alone by its rack", Alone: true, Call: heldIsLeftAlone},
		{Name: "a held object does not move", Alone: true, Commit: heldStays},
		{Name: "a held object begins no request", Alone: true, Commit: heldBeginsNothing},
	}
}

// heldAt reports whether an object is to be left alone. Deletion passes through holds.
func (o *object) heldAt(w *World) (lifecycle.Hold, bool) {
	if !o.lives() || o.cell == nil || !o.cell.mayBeHeld || o.marked() {
		return lifecycle.Hold{}, false
	}
	b := o.base()
	if b == nil {
		return lifecycle.Hold{}, false
	}
	return held(b, w.now)
}

func heldDoesNothing(w *World, c Call) error {
	o := w.actor(c)
	if h, standing := o.heldAt(w); standing {
		return fmt.Errorf("%s calls %s and is held: %s", o.rec.Ref, c.Name, h)
	}
	return nil
}

func heldIsLeftAlone(w *World, c Call) error {
	o := w.actor(c)
	if o == nil {
		return nil
	}
	var bad findings
	for _, ref := range targets(c) {
		if ref == o.rec.Ref {
			continue
		}
		if h, standing := w.objects.get(ref).heldAt(w); standing {
			bad.addf("%s calls %s on %s, which is held: %s", o.rec.Ref, c.Name, ref, h)
		}
	}
	return bad.err()
}

func heldStays(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.move == nil || ch.to() == "" {
			return nil
		}
		if h, standing := ch.before.heldUntil(ch); standing {
			return fmt.Errorf("%s goes from %s to %s and is held: %s", ch.ref, ch.from(), ch.to(), h)
		}
		return nil
	})
}

// heldUntil is heldAt at the time of the move.
func (o *object) heldUntil(ch change) (lifecycle.Hold, bool) {
	if !o.lives() || o.cell == nil || !o.cell.mayBeHeld || o.marked() || o.base() == nil {
		return lifecycle.Hold{}, false
	}
	return held(o.base(), ch.move.At)
}

func heldBeginsNothing(w *World, c *backend.Commit) error {
	return updates(w, c, func(b, r *backend.Request) error {
		if b.State != backend.RequestPending || r.State != backend.RequestStarted || slices.ContainsFunc(c.Post, func(p backend.Request) bool { return p.On == r.On }) {
			return nil
		}
		o := w.objects.get(r.On)
		if !o.lives() || o.cell == nil || !o.cell.mayBeHeld || o.marked() || o.base() == nil {
			return nil
		}
		if h, standing := held(o.base(), r.StartedAt); standing {
			return fmt.Errorf("%s begins request %q and is held: %s", r.On, r.ID, h)
		}
		return nil
	})
}
