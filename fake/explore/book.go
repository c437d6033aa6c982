package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// book is a store whose content is one page that is never changed: a commit turns to a new one. So a search keeps what each of its states holds for the price of a pointer, and
// pages share all that a commit does not write.
type book struct {
	mu     sync.Mutex
	page   *page
	closed bool
}

// page is what a store holds. It is never changed, and neither is what it points to.
type page struct {
	objects  []*backend.Record // ordered by rack, kind and id; tombstones too
	requests []*backend.Request
	rows     *row
}

// row is a row of the history, and those before it.
type row struct {
	backend.Transition
	before *row
}

func newBook() *book { return &book{page: &page{}} }

func (b *book) usable(ctx context.Context) error {
	if b.closed {
		return fmt.Errorf("book: %w", backend.ErrClosed)
	}
	return ctx.Err()
}

func byPlace(a, b *backend.Record) int {
	if c := strings.Compare(a.Rack, b.Rack); c != 0 {
		return c
	}
	return a.Ref.Compare(b.Ref)
}

// record returns the record of an object, nil if there never was one.
func (p *page) record(ref backend.Ref) *backend.Record {
	for _, r := range p.objects {
		if r.Ref == ref {
			return r
		}
	}
	return nil
}

func (p *page) request(on backend.Ref, id string) int {
	return slices.IndexFunc(p.requests, func(r *backend.Request) bool { return r.ID == id && r.On == on })
}

// Commit applies a batch, see backend.Store.
func (b *book) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
	}
	results := make([]error, len(batch))
	for i := range batch {
		next, err := b.page.after(&batch[i])
		if results[i] = err; err == nil {
			b.page = next
		}
	}
	return results, nil
}

// after is the page that a commit makes of p.
func (p *page) after(c *backend.Commit) (*page, error) {
	next := &page{objects: slices.Clone(p.objects), requests: slices.Clone(p.requests), rows: p.rows}
	for i := range c.Writes {
		if err := next.write(&c.Writes[i]); err != nil {
			return nil, err
		}
	}
	for i := range c.Post {
		if next.request(c.Post[i].On, c.Post[i].ID) >= 0 {
			return nil, fmt.Errorf("book: request %q on %s: %w", c.Post[i].ID, c.Post[i].On, backend.ErrExists)
		}
		next.requests = append(next.requests, keptRequest(&c.Post[i]))
	}
	for i := range c.Update {
		at := next.request(c.Update[i].On, c.Update[i].ID)
		if at < 0 {
			return nil, fmt.Errorf("book: request %q on %s: %w: there is no such request", c.Update[i].ID, c.Update[i].On, backend.ErrConflict)
		}
		next.requests[at] = keptRequest(&c.Update[i])
	}
	return next, nil
}

// write takes in one write. The page is not in use yet.
func (p *page) write(w *backend.Write) error {
	at := slices.IndexFunc(p.objects, func(r *backend.Record) bool { return r.Ref == w.Record.Ref })
	stored := &backend.Record{}
	if at >= 0 {
		stored = p.objects[at]
	}
	if stored.Version != w.Expect {
		return fmt.Errorf("book: %s: %w: expected %d, stored %d", w.Record.Ref, backend.ErrConflict, w.Expect, stored.Version)
	}
	next := keptRecord(&w.Record)
	next.Version = w.Expect + 1
	switch {
	case next.Gone():
		next.Data = nil
	case next.Data == nil:
		next.Data = stored.Data
	}
	if at >= 0 && stored.Rack == next.Rack {
		p.objects[at] = next
	} else {
		if at >= 0 {
			p.objects = slices.Delete(p.objects, at, at+1)
		}
		at, _ = slices.BinarySearchFunc(p.objects, next, byPlace)
		p.objects = slices.Insert(p.objects, at, next)
	}
	if w.Transition != nil {
		r := &row{Transition: *w.Transition, before: p.rows}
		r.Position, r.Ref, r.Rack, r.At = 1, next.Ref, next.Rack, backend.Timestamp(r.At)
		if r.before != nil {
			r.Position = r.before.Position + 1
		}
		p.rows = r
	}
	return nil
}

func keptRecord(r *backend.Record) *backend.Record {
	c := *r
	c.Since, c.Outcome.At, c.Data = backend.Timestamp(r.Since), backend.Timestamp(r.Outcome.At), slices.Clone(r.Data)
	return &c
}

func keptRequest(r *backend.Request) *backend.Request {
	c := *r
	c.At, c.StartedAt, c.EndedAt = backend.Timestamp(r.At), backend.Timestamp(r.StartedAt), backend.Timestamp(r.EndedAt)
	c.Params, c.Results = slices.Clone(r.Params), slices.Clone(r.Results)
	return &c
}

// Get returns the record of an object, see backend.Store.
func (b *book) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	r := b.page.record(ref)
	if r == nil {
		return nil, fmt.Errorf("book: %s: %w", ref, backend.ErrNotFound)
	}
	return keptRecord(r), nil
}

// List returns the records that the query selects, see backend.Store.
func (b *book) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	out := make([]backend.Record, 0, len(b.page.objects))
	for _, r := range b.page.objects {
		if selects(&q, r) && (q.Limit == 0 || len(out) < q.Limit) {
			out = append(out, *keptRecord(r))
		}
	}
	return out, nil
}

func selects(q *backend.Query, r *backend.Record) bool {
	switch {
	case r.Gone(), q.Kind != "" && r.Ref.Kind != q.Kind, q.Rack != "" && r.Rack != q.Rack:
		return false
	case q.StatePrefix != "" && r.State != q.StatePrefix && !strings.HasPrefix(r.State, q.StatePrefix+"/"):
		return false
	default:
		return q.After == nil || byPlace(r, q.After) > 0
	}
}

// Requests returns the requests that the query selects, see backend.Store.
func (b *book) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	var out []backend.Request
	for _, r := range b.page.requests {
		if q.ID != "" && r.ID != q.ID || !q.On.IsZero() && r.On != q.On || q.OpenOnly && !r.State.Open() || q.Limit > 0 && len(out) == q.Limit {
			continue
		}
		out = append(out, *keptRequest(r))
	}
	return out, nil
}

// History returns the transitions that the query selects, see backend.Store.
func (b *book) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	var out []backend.Transition
	for r := b.page.rows; r != nil && r.Position > q.After; r = r.before {
		if q.Ref.IsZero() || r.Ref == q.Ref {
			out = append(out, r.Transition)
		}
	}
	slices.Reverse(out)
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out, nil
}

// Close ends the use of the store, see backend.Store.
func (b *book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}
