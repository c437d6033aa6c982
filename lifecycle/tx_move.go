package lifecycle

import (
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Create adds an object in the initial state of its kind. The error wraps backend.ErrExists when there is one of that name, ErrUnknownKind
// when the controller does not know the kind, or is what the store said.
func (tx *Tx) Create(e Entity, initiator, note string) error {
	base := e.Base()
	k := tx.c.kinds[base.ref.Kind]
	if k == nil {
		return fmt.Errorf("create %s: %w", base.ref, ErrUnknownKind)
	}
	if err := errors.Join(backend.CheckID(base.ref.ID), backend.CheckID(base.rack)); err != nil {
		return fmt.Errorf("create %s in rack %q: %w", base.ref, base.rack, err)
	}
	if tx.find(base.ref) != nil || tx.c.entry(base.ref) != nil {
		return fmt.Errorf("create %s: %w", base.ref, backend.ErrExists)
	}
	ed := &edit{kind: k, e: e, base: base}
	base.state, base.version, base.transitions = "", 0, 0 // an earlier attempt of Apply may have created the same e
	rec, err := tx.c.store.Get(tx.ctx, base.ref)
	switch {
	case errors.Is(err, backend.ErrNotFound):
	case err != nil:
		return fmt.Errorf("create %s: %w", base.ref, err)
	case !rec.Gone():
		return fmt.Errorf("create %s: %w", base.ref, backend.ErrExists)
	default: // a tombstone: the history goes on
		ed.expect, base.version, base.transitions = rec.Version, rec.Version, rec.Transitions
	}
	ed.move(k.graph.initial, k.graph.createTrigger(), initiator, note, tx.now)
	tx.add(ed)
	return tx.memberChanged(base)
}

// memberChanged tells the rack that a member has arrived or is gone.
func (tx *Tx) memberChanged(member *Object) error {
	if member.ref.Kind == backend.KindRack {
		return nil
	}
	rack := backend.Ref{Kind: backend.KindRack, ID: member.rack}
	k := tx.c.kinds[backend.KindRack]
	if k == nil || k.onMember == nil || tx.look(rack) == nil {
		return nil
	}
	ed, err := tx.edit(rack)
	if err != nil {
		return err
	}
	k.onMember(ed.e, member.ref)
	return nil
}

// move changes the state of the edited object and writes its history row.
func (ed *edit) move(to, trigger, initiator, note string, now time.Time) {
	b := ed.base
	if initiator == "" {
		initiator = "controller"
	}
	ed.row = &backend.Transition{Ref: b.ref, Rack: b.rack, Seq: b.transitions + 1, From: b.state, To: to, At: now, Trigger: trigger, Initiator: initiator, Note: note}
	b.tick(ed.kind.graph.states[b.state], ed.kind.graph.states[to], now)
	b.state, b.since = to, now
	b.transitions++
	ed.outcome = backend.Outcome{Kind: backend.OutcomeTransition, Reason: ed.row.From + " -> " + to, At: now}
	ed.gone = to == ""
}
