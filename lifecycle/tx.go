package lifecycle

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Tx collects changes of objects that are committed as one. Handlers have it as part of their Env; hosts get one from Controller.Apply. It is valid only until
// the function that it was given to returns.
type Tx struct {
	c     *Controller
	ctx   context.Context
	now   time.Time
	edits []*edit
	// index finds the edits by name once there are many.
	index map[backend.Ref]*edit
	wakes []backend.Ref
	host  bool // made by Apply, for nobody's pass
}

// many is from how many edits on a Tx keeps an index of them.
const many = 8

// add takes an edit into the Tx.
func (tx *Tx) add(ed *edit) {
	tx.edits = append(tx.edits, ed)
	switch {
	case tx.index != nil:
		tx.index[ed.base.ref] = ed
	case len(tx.edits) == many:
		tx.index = make(map[backend.Ref]*edit, 4*many)
		for _, e := range tx.edits {
			tx.index[e.base.ref] = e
		}
	}
}

// Wake makes an object due when the Tx is committed, or ends without anything to commit: something that it waits for has changed. Objects that the Tx edits, and
// relatives of an object that moves, are woken anyway.
func (tx *Tx) Wake(ref backend.Ref) { tx.wakes = append(tx.wakes, ref) }

// edit is one object that a Tx may change.
type edit struct {
	ent     *entry    // nil when the Tx creates the object
	kind    *Kind     //
	based   *snapshot // what the edit began with; nil when the Tx creates the object
	expect  uint64    // the version that the store must hold
	e       Entity
	base    *Object
	open    []backend.Request // open requests after the edit
	post    []backend.Request
	update  []backend.Request
	outcome backend.Outcome
	row     *backend.Transition
	gone    bool
	over    overSLA // which of its SLAs the object exceeds, as far as judge has looked
}

// Now is the time of the pass: UTC, in whole microseconds. It does not move during a pass.
func (tx *Tx) Now() time.Time { return tx.now }

// Log returns the logger of the controller.
func (tx *Tx) Log() *slog.Logger { return tx.c.log }

func (tx *Tx) find(ref backend.Ref) *edit {
	if tx.index != nil {
		return tx.index[ref]
	}
	for _, ed := range tx.edits {
		if ed.base.ref == ref {
			return ed
		}
	}
	return nil
}

// begin starts an edit of a live object.
func (tx *Tx) begin(ent *entry) (*edit, error) {
	s := ent.snap.Load()
	if s == nil {
		return nil, fmt.Errorf("%s: %w", ent.ref, backend.ErrNotFound)
	}
	if s.broken != nil {
		return nil, s.broken
	}
	e := ent.kind.clone(s.e)
	ed := &edit{ent: ent, kind: ent.kind, based: s, expect: s.base.version, e: e, base: e.Base(), open: s.requests, outcome: s.outcome}
	tx.add(ed)
	return ed, nil
}

// beginBroken starts an edit of an object whose record cannot be understood: all that can be done is to remove it.
func (tx *Tx) beginBroken(ent *entry, s *snapshot) *edit {
	base := *s.base
	ed := &edit{ent: ent, kind: ent.kind, based: s, expect: base.version, base: &base, open: s.requests, outcome: s.outcome}
	tx.add(ed)
	return ed
}

func (tx *Tx) edit(ref backend.Ref) (*edit, error) {
	if ed := tx.find(ref); ed != nil {
		if ed.gone {
			return nil, fmt.Errorf("%s: %w", ref, backend.ErrNotFound)
		}
		return ed, nil
	}
	ent := tx.c.entry(ref)
	if ent == nil {
		return nil, fmt.Errorf("%s: %w", ref, backend.ErrNotFound)
	}
	return tx.begin(ent)
}

// Object returns the engine's part of an object for editing: labels, holds and alerts. The error wraps backend.ErrNotFound.
func (tx *Tx) Object(ref backend.Ref) (*Object, error) {
	ed, err := tx.edit(ref)
	if err != nil {
		return nil, err
	}
	return ed.base, nil
}

// Entity returns an object of any kind for editing, like Edit.
func (tx *Tx) Entity(ref backend.Ref) (Entity, error) {
	ed, err := tx.edit(ref)
	if err != nil {
		return nil, err
	}
	return ed.e, nil
}

// Edit returns an object for editing. What is changed in it is committed together with everything else that the Tx holds. The error wraps
// backend.ErrNotFound.
func Edit[E any, P entity[E]](tx *Tx, ref backend.Ref) (*E, error) {
	ed, err := tx.edit(ref)
	if err != nil {
		return nil, err
	}
	p, ok := ed.e.(P)
	if !ok {
		return nil, fmt.Errorf("%s is a %T", ref, ed.e)
	}
	return (*E)(p), nil
}

// Look returns an object for reading only.
func Look[E any, P entity[E]](tx *Tx, ref backend.Ref) (*E, bool) {
	p, ok := tx.look(ref).(P)
	return (*E)(p), ok
}

func (tx *Tx) look(ref backend.Ref) Entity {
	if ed := tx.find(ref); ed != nil {
		if ed.gone {
			return nil
		}
		return ed.e
	}
	if ent := tx.c.entry(ref); ent != nil {
		if s := ent.snap.Load(); s != nil {
			return s.e
		}
	}
	return nil
}

// Members returns the objects of one kind inside a rack, in the order of their ids, for reading only. An object that cannot be
// decoded is left out; Broken names those.
func Members[E any, P entity[E]](tx *Tx, rack string) []*E {
	var out []*E
	tx.EachMember(rack, func(e Entity) {
		if p, ok := e.(P); ok {
			out = append(out, (*E)(p))
		}
	})
	return out
}

// EachMember calls visit with every object inside a rack, in the order of kinds and ids, for reading only.
func (tx *Tx) EachMember(rack string, visit func(Entity)) {
	tx.c.mu.RLock()
	g := tx.c.groups[rack]
	tx.c.mu.RUnlock()
	var list []*entry
	if g != nil {
		list = g.list()
	}
	created := tx.created(func(o *Object) bool { return o.rack == rack && o.ref.Kind != backend.KindRack })
	for _, ent := range list {
		for len(created) > 0 && created[0].base.ref.Compare(ent.ref) < 0 {
			visit(created[0].e)
			created = created[1:]
		}
		if ed := tx.findEntry(ent); ed != nil {
			if !ed.gone {
				visit(ed.e)
			}
			continue
		}
		if s := ent.snap.Load(); s != nil && s.e != nil {
			visit(s.e)
		}
	}
	for _, ed := range created {
		visit(ed.e)
	}
}

// created lists the objects that the Tx creates, in the order of their names.
func (tx *Tx) created(match func(*Object) bool) []*edit {
	var out []*edit
	for _, ed := range tx.edits {
		if ed.ent == nil && match(ed.base) {
			out = append(out, ed)
		}
	}
	slices.SortFunc(out, func(a, b *edit) int { return a.base.ref.Compare(b.base.ref) })
	return out
}

func (tx *Tx) findEntry(ent *entry) *edit {
	if tx.index != nil {
		return tx.index[ent.ref]
	}
	for _, ed := range tx.edits {
		if ed.ent == ent {
			return ed
		}
	}
	return nil
}

// Broken lists the members of a rack that the engine cannot work on: their record is corrupt, or in a state that nobody knows.
func (tx *Tx) Broken(rack string) []backend.Ref {
	tx.c.mu.RLock()
	g := tx.c.groups[rack]
	tx.c.mu.RUnlock()
	if g == nil {
		return nil
	}
	var out []backend.Ref
	for _, ent := range g.list() {
		if s := ent.snap.Load(); s != nil && s.broken != nil {
			out = append(out, ent.ref)
		}
	}
	return out
}

// All returns all objects of one kind, in the order of their ids, for reading only.
func All[E any, P entity[E]](tx *Tx, kind backend.Kind) []*E {
	tx.c.mu.RLock()
	var list []*entry
	for ref, ent := range tx.c.entries {
		if ref.Kind == kind {
			list = append(list, ent)
		}
	}
	tx.c.mu.RUnlock()
	refs := make([]backend.Ref, 0, len(list))
	for _, ent := range list {
		refs = append(refs, ent.ref)
	}
	for _, ed := range tx.created(func(o *Object) bool { return o.ref.Kind == kind }) {
		refs = append(refs, ed.base.ref)
	}
	slices.SortFunc(refs, backend.Ref.Compare)
	out := make([]*E, 0, len(refs))
	for _, ref := range refs {
		if p, ok := tx.look(ref).(P); ok {
			out = append(out, (*E)(p))
		}
	}
	return out
}

// Named returns the objects that carry a further name, see Definition.Names.
func (tx *Tx) Named(name string) []backend.Ref {
	tx.c.mu.RLock()
	defer tx.c.mu.RUnlock()
	return slices.Clone(tx.c.names[name])
}

// Parent is what an object may know of its rack.
type Parent struct {
	// Exists is false when the rack has no record.
	Exists bool
	// State is the rack's lifecycle state.
	State string
	// Cycle is the id of the maintenance cycle that the rack is in, empty if it is in none.
	Cycle string
	// Broken says that the rack's record cannot be understood: nobody knows its cycle.
	Broken bool
}

// Parent returns what is known of a rack.
func (tx *Tx) Parent(rack string) Parent {
	ref := backend.Ref{Kind: backend.KindRack, ID: rack}
	e := tx.look(ref)
	if e == nil {
		if ent := tx.c.entry(ref); ent != nil {
			if s := ent.snap.Load(); s != nil && s.broken != nil {
				return Parent{Exists: true, State: s.base.state, Broken: true}
			}
		}
		return Parent{}
	}
	p := Parent{Exists: true, State: e.Base().state}
	if k := tx.c.kinds[backend.KindRack]; k != nil && k.cycle != nil {
		p.Cycle = k.cycle(e)
	}
	return p
}
