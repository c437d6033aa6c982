package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// finish is called when the commit of a pass is durable, was refused, or was not needed. It publishes what changed, wakes who must know,
// and makes the object due again.
func (c *Controller) finish(ctx context.Context, p *pass, refused error) {
	switch {
	case refused == nil:
		c.applied(p)
	case errors.Is(refused, backend.ErrConflict):
		c.obs.Conflict(p.ref())
		p.next = p.now
		c.readBack(ctx, p, c.refresh)
	case errors.Is(refused, backend.ErrFenced): // another controller has the rack, or will
		c.lost(ctx, p)
	case errors.Is(refused, backend.ErrExists): // what the pass wants can never be committed: an error of the handler
		c.refuse(ctx, p, refused)
	default: // the store failed: nobody knows whether the commit was applied
		if p.ent != nil {
			p.next = p.now.Add(c.backoff(p.ent.job.failures.Add(1), nil))
		}
		c.readBack(ctx, p, c.recover)
		c.rouse(p, p.next) // should it have been applied, they have something to look at
	}
	if p.ent != nil { // before the wake-ups: an object that moved goes on at once, and its relatives look at where it got to
		c.queue.done(&p.ent.job, p.next)
	}
	if refused == nil {
		c.wake(ctx, p)
		c.report(ctx, p)
	}
}

// readBack brings the objects of a pass up to date that was not applied. When even that fails the pass is repeated later.
func (c *Controller) readBack(ctx context.Context, p *pass, read func(context.Context, *pass) error) {
	err := read(ctx, p)
	if err == nil {
		return
	}
	c.log.LogAttrs(ctx, slog.LevelError, "objects cannot be read back", slog.String("object", p.ref().String()), slog.Any("error", err))
	if p.ent != nil && !p.next.After(p.now) {
		p.next = p.now.Add(c.backoff(p.ent.job.failures.Add(1), nil))
	}
}

// refuse turns a pass whose commit was refused for its content into one that records that error.
func (c *Controller) refuse(ctx context.Context, p *pass, refused error) {
	s := p.ent.snap.Load()
	if s == nil {
		return
	}
	p.err = refused
	c.failed(p, s)
	again, err := c.write(ctx, p)
	if again == nil && err == nil {
		c.applied(p)
		c.report(ctx, p)
	}
}

func (p *pass) ref() backend.Ref {
	if p.ent != nil {
		return p.ent.ref
	}
	return p.commit.Writes[0].Record.Ref
}

// applied publishes the snapshots of a durable commit.
func (c *Controller) applied(p *pass) {
	if p.ent != nil && p.err == nil {
		p.ent.job.failures.Store(0)
	}
	for i, ed := range p.changed {
		switch {
		case ed.gone:
			c.unlink(ed.ent)
		case ed.ent == nil:
			ed.ent = c.linkNew(ed.kind, p.next0[i])
		default:
			if ed.row != nil && ed.ent != p.ent { // its next pass reports what it exceeds now, and not what it exceeded before
				ed.ent.over.And(uint32(ed.over))
			}
			c.publish(ed.ent, p.next0[i])
		}
	}
}

// wake makes everything due that must know of a durable commit, and tells the observer of its transitions.
func (c *Controller) wake(ctx context.Context, p *pass) {
	c.rouse(p, p.now)
	for _, ed := range p.changed {
		if ed.row != nil {
			c.tell(ctx, ed)
		}
	}
}

// rouse makes everything due that must know of a commit, the object of the pass excepted.
func (c *Controller) rouse(p *pass, at time.Time) {
	for _, ed := range p.changed {
		if !ed.gone && ed.ent != nil && ed.ent != p.ent {
			c.queue.add(&ed.ent.job, at)
		}
		// A host changes what the rack looks at without a move too: labels, health, what was observed.
		if ed.row != nil || p.ent == nil && ed.base.ref.Kind != backend.KindRack {
			c.wakeRelatives(ed, at)
		}
	}
	if p.tx == nil || p.err != nil {
		return
	}
	for _, ref := range p.tx.wakes {
		if ent := c.entry(ref); ent != nil {
			c.queue.add(&ent.job, at)
		}
	}
}

// wakeRelatives makes the rack of a moved object due, or the members of a moved rack.
func (c *Controller) wakeRelatives(ed *edit, now time.Time) {
	c.mu.RLock()
	g := c.groups[ed.base.rack]
	c.mu.RUnlock()
	if g != nil {
		c.wakeGroup(g, ed.base.ref.Kind, now)
	}
}

// wakeGroup makes due what looks at an object of that kind in the group.
func (c *Controller) wakeGroup(g *group, kind backend.Kind, now time.Time) {
	if kind != backend.KindRack {
		if rack := g.rack.Load(); rack != nil {
			c.queue.add(&rack.job, now)
		}
		return
	}
	for _, m := range g.list() {
		if !m.kind.ignoreRack {
			c.queue.add(&m.job, now)
		}
	}
}

func (c *Controller) tell(ctx context.Context, ed *edit) {
	c.obs.Transitioned(*ed.row)
	if c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.LogAttrs(ctx, slog.LevelDebug, "transition", slog.String("object", ed.row.Ref.String()), slog.String("rack", ed.row.Rack), slog.String("from", ed.row.From),
			slog.String("to", ed.row.To), slog.String("trigger", ed.row.Trigger), slog.String("initiator", ed.row.Initiator), slog.String("note", ed.row.Note))
	}
}

// report tells the observer how the pass ended, and logs errors and exceeded SLAs once.
func (c *Controller) report(ctx context.Context, p *pass) {
	if p.ent == nil {
		return
	}
	c.obs.Passed(p.ent.ref, p.outcome)
	if p.err != nil && !p.empty() {
		c.log.LogAttrs(ctx, slog.LevelWarn, "pass failed", slog.String("object", p.ent.ref.String()), slog.Any("error", p.err), slog.Time("retry_at", p.next))
	}
	c.reportSLA(ctx, p)
}

// resync is the time until the object's next pass if nothing happens, give or take a tenth, so that the objects of a site do not all come at once.
func (c *Controller) resync(o *Object) time.Duration {
	return jitter(c.cfg.Resync, mix(c.cfg.Seed, o.ref.ID, o.version))
}

// backoff is the time until a failed pass is repeated.
func (c *Controller) backoff(failures int32, o *Object) time.Duration {
	d := c.cfg.BackoffMin << min(failures-1, 20)
	if d > c.cfg.BackoffMax || d <= 0 {
		d = c.cfg.BackoffMax
	}
	if o == nil {
		return d
	}
	return jitter(d, mix(c.cfg.Seed, o.ref.ID, uint64(failures)))
}

// jitter spreads d over nine to eleven tenths of itself.
func jitter(d time.Duration, h uint64) time.Duration {
	span := int64(d) / 5
	if span <= 0 {
		return d
	}
	return (d - time.Duration(span/2) + time.Duration(int64(h%uint64(span)))).Truncate(time.Microsecond)
}

// mix hashes with FNV-1a: jitter must be the same in every process.
func mix(seed uint64, id string, n uint64) uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037) ^ seed
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * prime
	}
	for range 8 {
		h = (h ^ n&0xff) * prime
		n >>= 8
	}
	return h ^ h>>29
}
