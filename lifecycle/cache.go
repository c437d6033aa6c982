package lifecycle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/rackstate/rackstate/backend"
)

// entry is an object that the controller owns: its newest committed snapshot, and its place in the queue.
type entry struct {
	ref   backend.Ref
	kind  *Kind
	group *group
	snap  atomic.Pointer[snapshot]
	job   job
	over  atomic.Uint32 // the exceeded SLAs that were reported, see overSLA
}

// snapshot is a committed version of an object. It is never changed: a pass works on a clone, and publishes a new snapshot when its
// commit is durable. Readers need no lock.
type snapshot struct {
	e        Entity // nil when the record could not be decoded: see broken
	base     *Object
	hash     uint64 // of the encoded record, to see whether a pass changed it
	outcome  backend.Outcome
	requests []backend.Request // open ones, oldest first
	broken   error             // why the engine cannot work on the object
}

// group is a rack and what is inside it.
type group struct {
	id      string
	rack    atomic.Pointer[entry]
	members atomic.Pointer[[]*entry] // sorted by kind and id; replaced, never edited
	holding atomic.Pointer[holding]  // the controller's lease, nil when it has none
	missed  atomic.Bool              // something fell due while it had none
}

func (g *group) list() []*entry {
	if m := g.members.Load(); m != nil {
		return *m
	}
	return nil
}

var hashSeed = maphash.MakeSeed()

func encode(e Entity) ([]byte, uint64, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, 0, fmt.Errorf("encode %s: %w", e.Base().ref, err)
	}
	return data, maphash.Bytes(hashSeed, data), nil
}

// encode encodes an edited object. data is nil when the encoding is that of the snapshot which the edit began with.
func (c *Controller) encode(ed *edit) (data []byte, hash uint64, err error) {
	buf := c.buffers.Get().(*bytes.Buffer)
	defer c.buffers.Put(buf)
	buf.Reset()
	if err := json.NewEncoder(buf).Encode(ed.e); err != nil {
		return nil, 0, fmt.Errorf("encode %s: %w", ed.base.ref, err)
	}
	raw := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	hash = maphash.Bytes(hashSeed, raw)
	if ed.based != nil && ed.based.hash == hash {
		return nil, hash, nil
	}
	return bytes.Clone(raw), hash, nil
}

// load turns a record into a snapshot. A record that cannot be understood yields a broken one: the object is reported and left alone,
// and the others carry on.
func (k *Kind) load(rec *backend.Record, open []backend.Request) *snapshot {
	s := &snapshot{outcome: rec.Outcome, requests: open}
	e, err := k.decode(rec.Data)
	switch {
	case err != nil:
		s.broken = fmt.Errorf("record of %s cannot be read: %w: %w", rec.Ref, backend.ErrCorrupt, err)
	case k.graph.states[rec.State] == nil:
		s.broken = &UnknownStateError{Ref: rec.Ref, Kind: string(k.name), State: rec.State, Known: k.graph.order}
	}
	if s.broken != nil {
		s.base = &Object{}
	} else {
		s.e, s.base = e, e.Base()
	}
	s.base.adopt(rec)
	if s.broken == nil {
		_, s.hash, err = encode(s.e)
		if err != nil {
			s.broken = err
		}
	}
	return s
}

// adopt takes over identity and counters of a record.
func (o *Object) adopt(rec *backend.Record) {
	o.ref, o.rack, o.state, o.since = rec.Ref, rec.Rack, rec.State, rec.Since
	o.version, o.transitions = rec.Version, rec.Transitions
}

// entry returns the entry of a live object.
func (c *Controller) entry(ref backend.Ref) *entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.entries[ref]
}

// groupOf returns the group of a rack id, creating it. The caller holds c.mu.
func (c *Controller) groupOf(rack string) *group {
	g := c.groups[rack]
	if g == nil {
		g = &group{id: rack}
		c.groups[rack] = g
	}
	return g
}

// link makes an object known. The caller holds c.mu.
func (c *Controller) link(k *Kind, s *snapshot) *entry {
	ent := &entry{ref: s.base.ref, kind: k, group: c.groupOf(s.base.rack)}
	ent.job.entry = ent
	ent.snap.Store(s)
	if s.outcome.OverSLA { // an earlier process reported it
		ent.over.Store(uint32(k.exceeded(s.base, c.Now())))
	}
	c.entries[ent.ref] = ent
	c.rename(ent, nil, s)
	if ent.ref.Kind == backend.KindRack {
		ent.group.rack.Store(ent)
		return ent
	}
	members := slices.Clone(ent.group.list())
	at, _ := slices.BinarySearchFunc(members, ent, func(a, b *entry) int { return a.ref.Compare(b.ref) })
	members = slices.Insert(members, at, ent)
	ent.group.members.Store(&members)
	return ent
}

// linkNew makes an object known that was just created, unless the store has told of it already.
func (c *Controller) linkNew(k *Kind, s *snapshot) *entry {
	c.mu.Lock()
	known := c.entries[s.base.ref]
	if known == nil {
		known = c.link(k, s)
		c.mu.Unlock()
		return known
	}
	c.mu.Unlock()
	c.publish(known, s)
	return known
}

// unlink forgets an object that is gone.
func (c *Controller) unlink(ent *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[ent.ref] != ent {
		return
	}
	delete(c.entries, ent.ref)
	c.rename(ent, ent.snap.Load(), nil)
	ent.snap.Store(nil)
	if ent.ref.Kind == backend.KindRack {
		ent.group.rack.CompareAndSwap(ent, nil)
		return
	}
	members := slices.DeleteFunc(slices.Clone(ent.group.list()), func(m *entry) bool { return m == ent })
	ent.group.members.Store(&members)
}

// rename keeps the index of further names. The caller holds c.mu.
func (c *Controller) rename(ent *entry, before, after *snapshot) {
	if ent.kind.names == nil {
		return
	}
	var old, now []string
	if before != nil && before.e != nil {
		old = ent.kind.names(before.e)
	}
	if after != nil && after.e != nil {
		now = ent.kind.names(after.e)
	}
	if slices.Equal(old, now) {
		return
	}
	for _, name := range old {
		c.names[name] = slices.DeleteFunc(slices.Clone(c.names[name]), func(r backend.Ref) bool { return r == ent.ref })
		if len(c.names[name]) == 0 {
			delete(c.names, name)
		}
	}
	for _, name := range now {
		refs := append(slices.Clone(c.names[name]), ent.ref)
		slices.SortFunc(refs, backend.Ref.Compare)
		c.names[name] = refs
	}
}

// publish makes a committed snapshot the newest one, unless a newer one is there already.
func (c *Controller) publish(ent *entry, s *snapshot) {
	for {
		old := ent.snap.Load()
		if old == nil || old.base.version >= s.base.version {
			return
		}
		if ent.snap.CompareAndSwap(old, s) {
			if ent.kind.names != nil {
				c.mu.Lock()
				c.rename(ent, old, s)
				c.mu.Unlock()
			}
			return
		}
	}
}

// reload reads an object again after a lost compare-and-swap.
func (c *Controller) reload(ctx context.Context, ref backend.Ref) error {
	ent := c.entry(ref)
	rec, err := c.store.Get(ctx, ref)
	switch {
	case errors.Is(err, backend.ErrNotFound) || err == nil && rec.Gone():
		if ent != nil {
			c.unlink(ent)
		}
		return nil
	case err != nil:
		return err
	}
	open, err := c.store.Requests(ctx, backend.RequestQuery{On: ref, OpenOnly: true})
	if err != nil {
		return err
	}
	k := c.kinds[ref.Kind]
	if k == nil {
		return fmt.Errorf("%w %q of %s", ErrUnknownKind, ref.Kind, ref)
	}
	s := k.load(rec, open)
	if ent == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.entries[ref] == nil {
			c.queue.add(&c.link(k, s).job, c.Now())
		}
		return nil
	}
	c.publish(ent, s)
	return nil
}
