package verify

import (
	"bytes"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Apply takes in a commit that was applied, as a store does: the version becomes Expect + 1, nil Data are unchanged. What the commit holds may be used again afterwards.
func (w *World) Apply(c *backend.Commit) {
	w.applied++
	w.touched = make([]backend.Ref, 0, len(c.Writes))
	for i := range c.Writes {
		w.write(&c.Writes[i])
		w.touched = append(w.touched, c.Writes[i].Record.Ref)
	}
	for i := range c.Post {
		w.post(&c.Post[i])
	}
	for i := range c.Update {
		w.update(&c.Update[i])
	}
}

// write takes in one object and its history row.
func (w *World) write(wr *backend.Write) {
	ref := wr.Record.Ref
	before := w.objects.get(ref)
	next := &object{rec: wr.Record}
	next.rec.Version = wr.Expect + 1
	w.saw(next.rec.Outcome.At)
	if before != nil {
		next.asked, next.newest = before.asked, before.newest
	}
	switch {
	case next.rec.Gone():
	case wr.Record.Data != nil:
		next.cell = w.t.cells.of(ref, next.rec.Rack, wr.Record.Data)
	case before != nil && before.cell != nil:
		next.cell = before.cell
	default:
		next.cell = w.t.cells.of(ref, next.rec.Rack, nil)
	}
	next.rec.Data = nil
	if next.cell != nil {
		next.rec.Data = next.cell.data
	}
	if t := wr.Transition; t != nil {
		r := &row{Transition: *t, commit: w.applied, before: w.rows, beforeOfSame: next.newest}
		r.Position, r.Ref, r.Rack, r.At = 0, ref, next.rec.Rack, backend.Timestamp(t.At)
		w.rows, next.newest = r, r
		w.saw(r.At)
	}
	w.objects.set(ref, next)
	w.index(before, next)
}

// index keeps the list of what lives in each rack.
func (w *World) index(before, after *object) {
	if before.lives() && after.lives() && before.rec.Rack == after.rec.Rack {
		return
	}
	ref := after.rec.Ref
	if before.lives() {
		rest := slices.DeleteFunc(slices.Clone(w.racks.get(before.rec.Rack)), func(r backend.Ref) bool { return r == ref })
		w.racks.set(before.rec.Rack, rest)
	}
	if after.lives() {
		list := slices.Clone(w.racks.get(after.rec.Rack))
		at, _ := slices.BinarySearchFunc(list, ref, backend.Ref.Compare)
		w.racks.set(after.rec.Rack, slices.Insert(list, at, ref))
	}
}

func (w *World) post(r *backend.Request) {
	w.posted++
	o := w.forRequests(r.On)
	o.asked = append(slices.Clip(o.asked), &asked{place: w.posted, Request: w.keep(r)})
	w.objects.set(r.On, o)
}

func (w *World) update(r *backend.Request) {
	o := w.forRequests(r.On)
	i := slices.IndexFunc(o.asked, func(a *asked) bool { return a.ID == r.ID })
	if i < 0 {
		return // a store refuses that
	}
	o.asked = slices.Clone(o.asked)
	o.asked[i] = &asked{place: o.asked[i].place, Request: w.keep(r)}
	w.objects.set(r.On, o)
}

// forRequests is a copy of an object, of which nothing may be stored yet, to change its requests.
func (w *World) forRequests(on backend.Ref) *object {
	if o := w.objects.get(on); o != nil {
		c := *o
		return &c
	}
	return &object{rec: backend.Record{Ref: on}}
}

// keep copies a request, and notes the times in it.
func (w *World) keep(r *backend.Request) backend.Request {
	for _, at := range []time.Time{r.At, r.StartedAt, r.EndedAt} {
		w.saw(at)
	}
	c := *r
	c.Params, c.Results = bytes.Clone(r.Params), slices.Clone(r.Results)
	return c
}

// saw moves the time on to one that a commit shows.
func (w *World) saw(at time.Time) {
	if at.After(w.now) {
		w.now = backend.Timestamp(at)
	}
}
