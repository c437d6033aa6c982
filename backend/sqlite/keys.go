package sqlite

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

const (
	sqlInsertRack      = "INSERT INTO rack (id) VALUES (?)"
	sqlSelectRack      = "SELECT number FROM rack WHERE id = ?"
	sqlSelectLastKey   = "SELECT max(key) FROM object WHERE key BETWEEN ? AND ?"
	sqlSelectObjectKey = "SELECT key, rack FROM object WHERE kind = ? AND id = ?"
)

// indexBits is how much of a key is the running index inside a rack.
const indexBits = 20

// place says where an object is stored: its key, and the number of the rack that it is in now.
type place struct {
	key  int64
	rack int64
}

// keys remembers where objects and racks are stored, because asking SQLite for it costs as much as the write itself. It knows what was
// written by the running transaction too, and can forget that part again. An object costs about a hundred bytes.
type keys struct {
	objects map[backend.Ref]place
	racks   map[string]int64
	// next is the next free key of a rack.
	next map[int64]int64
	// log holds what the running transaction has changed, oldest first.
	log []keyChange
}

// keyChange is one change to undo: an object's earlier place (zero key: there was none), or a new rack.
type keyChange struct {
	ref     backend.Ref
	earlier place
	newRack string
	isRack  bool
}

// forget empties the memory.
func (k *keys) forget() {
	k.objects = make(map[backend.Ref]place)
	k.racks = make(map[string]int64)
	k.next = make(map[int64]int64)
	k.log = nil
}

// keep makes the changes of the running transaction last.
func (k *keys) keep() { k.log = k.log[:0] }

// undo takes the changes of the running transaction back, the newest first.
func (k *keys) undo() {
	for i := len(k.log) - 1; i >= 0; i-- {
		switch c := k.log[i]; {
		case c.isRack:
			delete(k.next, k.racks[c.newRack])
			delete(k.racks, c.newRack)
		case c.earlier.key == 0:
			delete(k.objects, c.ref)
		default:
			k.objects[c.ref] = c.earlier
		}
	}
	k.log = k.log[:0]
}

// move notes a new place of an object.
func (k *keys) move(ref backend.Ref, to place) {
	k.log = append(k.log, keyChange{ref: ref, earlier: k.objects[ref]})
	k.objects[ref] = to
}

// find returns where an object is stored, and whether it ever existed.
func (w *writer) find(ref backend.Ref) (place, bool, error) {
	if at, ok := w.keys.objects[ref]; ok {
		return at, true, nil
	}
	st := w.selectObjectKey
	st.BindText(1, string(ref.Kind))
	st.BindText(2, ref.ID)
	found, err := st.Step()
	var at place
	if err == nil && found {
		at = place{key: st.ColumnInt64(0), rack: st.ColumnInt64(1)}
		// It may have been written by this very transaction, before an undo: then the undo has to remove it here too.
		w.keys.move(ref, at)
	}
	if end := st.Reset(); err == nil {
		err = end
	}
	return at, found, err
}

// rack returns the number of a rack and gives it one at its first sight.
func (w *writer) rack(id string) (int64, error) {
	if number, ok := w.keys.racks[id]; ok {
		return number, nil
	}
	w.selectRack.BindText(1, id)
	number, found, err := one(w.selectRack)
	if err != nil {
		return 0, err
	}
	if !found {
		w.insertRack.BindText(1, id)
		if err := run(w.insertRack); err != nil {
			return 0, err
		}
		number = w.conn.LastInsertRowID()
	}
	w.keys.racks[id] = number
	w.keys.log = append(w.keys.log, keyChange{newRack: id, isRack: true})
	return number, nil
}

// room refuses a new object in a rack that has no key left.
func (w *writer) room(ref backend.Ref, rackID string) (refused, err error) {
	rack, err := w.rack(rackID)
	if err != nil {
		return nil, err
	}
	next, err := w.nextKey(rack)
	if err == nil && next >= (rack+1)<<indexBits {
		refused = fmt.Errorf("sqlite: %s: %w: rack %q has had %d objects, which is all that it can have", ref, backend.ErrNotCommitted, rackID, 1<<indexBits)
	}
	return refused, err
}

// nextKey is the next free key of a rack.
func (w *writer) nextKey(rack int64) (int64, error) {
	if next, ok := w.keys.next[rack]; ok {
		return next, nil
	}
	first := rack << indexBits
	w.selectLastKey.BindInt64(1, first)
	w.selectLastKey.BindInt64(2, first+1<<indexBits-1)
	last, _, err := one(w.selectLastKey)
	return max(first, last+1), err
}

// settle gives a new object a key beside its rack's other objects. It refuses when the rack has no key left.
func (w *writer) settle(ref backend.Ref, rackID string) (at place, refused, err error) {
	if refused, err = w.room(ref, rackID); refused != nil || err != nil {
		return place{}, refused, err
	}
	rack, err := w.rack(rackID)
	if err != nil {
		return place{}, nil, err
	}
	next, err := w.nextKey(rack)
	if err != nil {
		return place{}, nil, err
	}
	w.keys.next[rack] = next + 1
	at = place{key: next, rack: rack}
	w.keys.move(ref, at)
	return at, nil, nil
}
