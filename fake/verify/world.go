package verify

import (
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// World is what a store holds, as the commits that were applied made it, and what has to be remembered beside: the history, the leases that were handed out, the keys
// that hardware has seen. Make one with NewWorld. It is not safe for concurrent use, but a world that nobody changes may be cloned and read by many.
type World struct {
	t       *tables
	now     time.Time
	objects cow[backend.Ref, *object]
	// racks lists what lives in each rack, the rack itself too, in the order of kinds and ids. The lists are replaced, never edited.
	racks  cow[string, []backend.Ref]
	leases cow[string, lease]
	keys   cow[string, use]
	// rows is the newest row of the history.
	rows *row
	// posted counts the requests, applied the commits.
	posted, applied uint64
	// touched are the objects of the commit that was applied last.
	touched []backend.Ref
}

// object is what is known of one object. It is replaced, never edited.
type object struct {
	rec  backend.Record // its Data are those of the cell
	cell *cell          // nil in a tombstone
	// asked are all its requests, in the order in which they were posted.
	asked []*asked
	// newest is its newest row of the history.
	newest *row
}

// asked is a request with its place in the order of all. It is replaced, never edited.
type asked struct {
	place uint64
	backend.Request
}

// row is a row of the history. It is never changed.
type row struct {
	backend.Transition
	commit       uint64 // the number of the commit that wrote it
	before       *row   // of all objects
	beforeOfSame *row   // of the same object
}

// NewWorld returns an empty world of racks, machines, switches and power shelves as they are when nothing is configured.
func NewWorld() *World { return &World{t: newTables()} }

// Clone returns a copy that goes its own way.
func (w *World) Clone() *World {
	c := &World{t: w.t, now: w.now, rows: w.rows, posted: w.posted, applied: w.applied, touched: w.touched}
	c.objects.copyOf(&w.objects)
	c.racks.copyOf(&w.racks)
	c.leases.copyOf(&w.leases)
	c.keys.copyOf(&w.keys)
	return c
}

// SetNow says what time it is. It may go back.
func (w *World) SetNow(t time.Time) { w.now = backend.Timestamp(t) }

// Now is the time that was set, or the latest that a commit has shown since.
func (w *World) Now() time.Time { return w.now }

// Record returns the record of an object, or its tombstone. It is for reading only.
func (w *World) Record(ref backend.Ref) (backend.Record, bool) {
	o := w.objects.get(ref)
	if o == nil || o.rec.Version == 0 {
		return backend.Record{}, false
	}
	return o.rec, true
}

// Records returns all records but tombstones, ordered by rack, kind and id. They are for reading only.
func (w *World) Records() []backend.Record {
	living := w.living()
	out := make([]backend.Record, len(living))
	for i, o := range living {
		out[i] = o.rec
	}
	return out
}

// living lists the objects that are not gone, ordered by rack, kind and id.
func (w *World) living() []*object {
	var out []*object
	for _, o := range w.objects.m {
		if o.lives() {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *object) int {
		if c := strings.Compare(a.rec.Rack, b.rec.Rack); c != 0 {
			return c
		}
		return a.rec.Ref.Compare(b.rec.Ref)
	})
	return out
}

// Requests returns all requests in the order in which they were posted. They are for reading only.
func (w *World) Requests() []backend.Request {
	var all []*asked
	for _, o := range w.objects.m {
		all = append(all, o.asked...)
	}
	slices.SortFunc(all, func(a, b *asked) int { return int(a.place) - int(b.place) })
	out := make([]backend.Request, len(all))
	for i, a := range all {
		out[i] = a.Request
	}
	return out
}

// Open returns the pending and started requests of an object, oldest first. They are for reading only.
func (w *World) Open(on backend.Ref) []backend.Request {
	var out []backend.Request
	for _, a := range w.asked(on) {
		if a.State.Open() {
			out = append(out, a.Request)
		}
	}
	return out
}

// Rack returns what a rack's data say, for reading only. Its state, version and counters are those of Record.
func (w *World) Rack(id string) (*rack.Rack, bool) { return typed[*rack.Rack](w, rack.Ref(id)) }

// Machine returns what a machine's data say, like Rack.
func (w *World) Machine(id string) (*machine.Machine, bool) {
	return typed[*machine.Machine](w, machine.Ref(id))
}

// Switch returns what a switch's data say, like Rack.
func (w *World) Switch(id string) (*nvswitch.Switch, bool) {
	return typed[*nvswitch.Switch](w, nvswitch.Ref(id))
}

// PowerShelf returns what a power shelf's data say, like Rack.
func (w *World) PowerShelf(id string) (*powershelf.PowerShelf, bool) {
	return typed[*powershelf.PowerShelf](w, powershelf.Ref(id))
}

func typed[E lifecycle.Entity](w *World, ref backend.Ref) (E, bool) {
	var none E
	e, ok := w.objects.get(ref).entity().(E)
	if !ok {
		return none, false
	}
	return e, true
}

// lives reports whether there is an object that is not gone.
func (o *object) lives() bool { return o != nil && o.rec.Version != 0 && o.rec.State != "" }

// entity is what the data of a living object say, nil when they cannot be read.
func (o *object) entity() lifecycle.Entity {
	if !o.lives() || o.cell == nil {
		return nil
	}
	if d := o.cell.look(); d.err == nil {
		return d.entity
	}
	return nil
}

// base is the part of the data that every object has.
func (o *object) base() *lifecycle.Object {
	if e := o.entity(); e != nil {
		return e.Base()
	}
	return nil
}

func (w *World) asked(on backend.Ref) []*asked {
	if o := w.objects.get(on); o != nil {
		return o.asked
	}
	return nil
}

// request finds a request of an object by its id.
func (w *World) request(on backend.Ref, id string) *backend.Request {
	for _, a := range w.asked(on) {
		if a.ID == id {
			return &a.Request
		}
	}
	return nil
}
