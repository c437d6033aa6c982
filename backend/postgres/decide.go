package postgres

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// plan is what a transaction is about to write. It begins with what is stored of the objects and requests that the commits name, all of it
// locked; decide then applies one commit after the other to it. Nothing here talks to the server.
type plan struct {
	objects  map[backend.Ref]*object
	requests map[requestName]*request
	// current holds the fences that are current, of those that the commits name.
	current map[backend.Fence]bool
	// written and asked hold what was changed, each once, in the order of the first change. rows is the history of it.
	written []*object
	asked   []*request
	rows    []row
}

// object is one object as the commits so far have left it.
type object struct {
	ref backend.Ref
	// key is 0 while an object that never existed has none. stored says that the table has a row of it, from is the rack in that row.
	key    int64
	stored bool
	from   string
	// version is the one that the next write must expect, 0 for an object that never existed.
	version uint64
	// last is the last write, nil while there is none.
	last *backend.Write
	// data is what becomes of the typed rest: kept, replaced or dropped.
	data    []byte
	replace bool
	drop    bool
}

// requestName is what a request is found by.
type requestName struct {
	on backend.Ref
	id string
}

// request is one request as the commits so far have left it.
type request struct {
	// stored says that the table has a row of it.
	stored bool
	// last is what it shall be, nil while nothing changed.
	last *backend.Request
}

// row is one row of history.
type row struct {
	of   *object
	rack string
	*backend.Transition
}

// newPlan makes a plan with room for what the calls name.
func newPlan() *plan {
	return &plan{objects: map[backend.Ref]*object{}, requests: map[requestName]*request{}, current: map[backend.Fence]bool{}}
}

// object returns what is known of an object. One that is not stored has version 0.
func (p *plan) object(ref backend.Ref) *object {
	o := p.objects[ref]
	if o == nil {
		o = &object{ref: ref}
		p.objects[ref] = o
	}
	return o
}

// request does the same for a request.
func (p *plan) request(r *backend.Request) *request {
	name := requestName{on: r.On, id: r.ID}
	known := p.requests[name]
	if known == nil {
		known = &request{}
		p.requests[name] = known
	}
	return known
}

// decide applies one commit, or returns why not and changes nothing.
func (p *plan) decide(c *backend.Commit) error {
	if err := p.check(c); err != nil {
		return err
	}
	for i := range c.Writes {
		p.write(&c.Writes[i])
	}
	for i := range c.Post {
		p.ask(&c.Post[i])
	}
	for i := range c.Update {
		p.ask(&c.Update[i])
	}
	return nil
}

// check says why a commit cannot be applied.
func (p *plan) check(c *backend.Commit) error {
	for _, f := range c.Fences {
		if !p.current[f] {
			return notCurrent(f)
		}
	}
	for i := range c.Writes {
		w := &c.Writes[i]
		if stored := p.object(w.Record.Ref).version; stored != w.Expect {
			return fmt.Errorf("postgres: %s: %w: expected %d, stored %d", w.Record.Ref, backend.ErrConflict, w.Expect, stored)
		}
	}
	for i := range c.Post {
		r := &c.Post[i]
		if p.exists(r) || named(c.Post[:i], r) {
			return fmt.Errorf("postgres: request %q on %s: %w", r.ID, r.On, backend.ErrExists)
		}
	}
	for i := range c.Update {
		r := &c.Update[i]
		if !p.exists(r) && !named(c.Post, r) {
			return fmt.Errorf("postgres: request %q on %s: %w: there is no such request", r.ID, r.On, backend.ErrConflict)
		}
	}
	return nil
}

// notCurrent is the answer to a commit under a lease that has ended.
func notCurrent(f backend.Fence) error {
	return fmt.Errorf("postgres: rack %q under token %d: %w", f.Rack, f.Token, backend.ErrFenced)
}

// exists reports whether a request was posted before.
func (p *plan) exists(r *backend.Request) bool {
	known := p.request(r)
	return known.stored || known.last != nil
}

// named reports whether a list holds a request with the same id on the same object.
func named(list []backend.Request, r *backend.Request) bool {
	return slices.ContainsFunc(list, func(o backend.Request) bool { return o.ID == r.ID && o.On == r.On })
}

// write applies one write that was found right.
func (p *plan) write(w *backend.Write) {
	o := p.object(w.Record.Ref)
	if o.last == nil {
		p.written = append(p.written, o)
	}
	o.last, o.version = w, w.Expect+1
	switch {
	case w.Record.Gone():
		o.data, o.replace, o.drop = nil, false, true
	case w.Record.Data != nil:
		o.data, o.replace, o.drop = w.Record.Data, true, false
	}
	if w.Transition != nil {
		p.rows = append(p.rows, row{of: o, rack: w.Record.Rack, Transition: w.Transition})
	}
}

// ask posts or replaces a request.
func (p *plan) ask(r *backend.Request) {
	known := p.request(r)
	if known.last == nil {
		p.asked = append(p.asked, known)
	}
	known.last = r
}

// empty reports whether all commits were refused.
func (p *plan) empty() bool { return len(p.written) == 0 && len(p.asked) == 0 }

// fresh returns the objects that need a row, in the order in which they are inserted: two writers that insert the same ones meet at the
// first of them and not crosswise. A rack and what is inside it are neighbours.
func (p *plan) fresh() []*object {
	var fresh []*object
	for _, o := range p.written {
		if !o.stored {
			fresh = append(fresh, o)
		}
	}
	slices.SortFunc(fresh, func(a, b *object) int {
		return cmp.Or(cmp.Compare(a.last.Record.Rack, b.last.Record.Rack), a.ref.Compare(b.ref))
	})
	return fresh
}
