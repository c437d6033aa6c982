package verify

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// deletionRules are about objects that shall go.
func deletionRules() []Rule {
	return []Rule{
		{Name: "nothing but a forced deletion is asked of an object that is marked deleted", Promise: 9, Commit: nothingAsked},
		{Name: "an object that is being deleted has no open request", Promise: 9, Look: noneInDeletion},
		{Name: "an object that is being deleted leaves only by being gone", Promise: 9, Commit: leavesByBeingGone},
		{Name: "a mark of deletion stays", Promise: 9, Commit: markStays},
		{Name: "an object that is marked deleted moves nowhere but to its deletion", Promise: 9, Commit: deletionFirst},
		{Name: "an object that is marked deleted makes hardware do nothing before its deletion has begun", Promise: 9, Alone: true, Call: noWorkBeforeDeletion},
		{Name: "an object that is marked deleted is on its way out when nothing is due", Promise: 9, Idle: onItsWayOut},
		{Name: "a rack is gone after its devices", Promise: 9, Alone: true, Commit: rackGoesLast},
	}
}

// marked reports whether an object carries the mark of deletion.
func (o *object) marked() bool {
	if !o.lives() || o.cell == nil || !o.cell.mayBeMarked {
		return false
	}
	b := o.base()
	return b != nil && b.Deleted()
}

func nothingAsked(w *World, c *backend.Commit) error {
	var bad findings
	for i := range c.Post {
		if r := &c.Post[i]; r.Type != lifecycle.ForceDelete && w.objects.get(r.On).marked() {
			bad.addf("request %q (%s) is posted to %s, which is marked deleted", r.ID, r.Type, r.On)
		}
	}
	return bad.err()
}

func noneInDeletion(w *World) error {
	var bad findings
	for _, ref := range w.touched {
		o := w.objects.get(ref)
		if len(o.asked) == 0 || w.t.class(ref.Kind, o.rec.State) != lifecycle.Deleting {
			continue
		}
		for _, a := range o.asked {
			if a.State.Open() && a.Type != lifecycle.ForceDelete {
				bad.addf("%s is in %s, and its request %q (%s) is %s", ref, o.rec.State, a.ID, a.Type, a.State)
			}
		}
	}
	return bad.err()
}

func leavesByBeingGone(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if w.t.class(ch.ref.Kind, ch.from()) == lifecycle.Deleting && ch.to() != "" && w.t.class(ch.ref.Kind, ch.to()) != lifecycle.Deleting {
			return fmt.Errorf("%s goes from %s to %s", ch.ref, ch.from(), ch.to())
		}
		return nil
	})
}

func markStays(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.Record.Data == nil || ch.to() == "" || !ch.before.marked() {
			return nil
		}
		now := w.object(ch).base()
		if now != nil && !now.Deleted() {
			return fmt.Errorf("%s was marked deleted, and is not any more", ch.ref)
		}
		return nil
	})
}

// object is the object as the write leaves it.
func (w *World) object(ch change) *object {
	o := &object{rec: ch.Record}
	o.rec.Version = ch.Expect + 1
	switch {
	case ch.to() == "":
	case ch.Record.Data != nil:
		o.cell = w.t.cells.of(ch.ref, ch.Record.Rack, ch.Record.Data)
	case ch.before != nil && ch.before.cell != nil:
		o.cell = ch.before.cell
	}
	return o
}

func deletionFirst(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.move == nil || ch.to() == "" || w.t.class(ch.ref.Kind, ch.from()) == lifecycle.Deleting || !ch.before.marked() {
			return nil
		}
		if w.t.class(ch.ref.Kind, ch.to()) == lifecycle.Deleting {
			return nil
		}
		return fmt.Errorf("%s is marked deleted, and goes from %s to %s", ch.ref, ch.from(), ch.to())
	})
}

func noWorkBeforeDeletion(w *World, c Call) error {
	if o := w.actor(c); o.marked() && w.t.class(o.rec.Ref.Kind, o.rec.State) != lifecycle.Deleting {
		return fmt.Errorf("%s is marked deleted and in %s, and calls %s", o.rec.Ref, o.rec.State, c.Name)
	}
	return nil
}

func onItsWayOut(w *World) error {
	var bad findings
	for _, o := range w.living() {
		ref := o.rec.Ref
		if class := w.t.class(ref.Kind, o.rec.State); class != lifecycle.Deleting && class != "" && o.marked() {
			bad.addf("%s is marked deleted, and still in %s", ref, o.rec.State)
		}
	}
	return bad.err()
}

func rackGoesLast(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.move == nil || ch.ref.Kind != backend.KindRack || ch.to() != "" || ch.move.Trigger == purged {
			return nil
		}
		for _, ref := range w.racks.get(ch.ref.ID) {
			if rec, ok := after(w, c, ref); ref != ch.ref && isDevice(ref) && ok && rec.State != "" {
				return fmt.Errorf("%s is gone, and %s in it is in %s", ch.ref, ref, rec.State)
			}
		}
		return nil
	})
}

// isDevice reports whether the object is of a kind that is part of a rack.
func isDevice(ref backend.Ref) bool {
	return ref.Kind == backend.KindMachine || ref.Kind == backend.KindSwitch || ref.Kind == backend.KindPowerShelf
}
