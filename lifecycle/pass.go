package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// pass is one look at one object, from the snapshot that it began with to the commit that it wants. It is made without a goroutine, a timer
// or a clock: time is an input.
type pass struct {
	ent     *entry // nil for a host's Apply
	tx      *Tx
	self    *edit
	now     time.Time
	next    time.Time // when to look again
	fired   bool
	over    overSLA // which SLAs the object exceeds
	err     error
	outcome backend.Outcome
	commit  backend.Commit
	changed []*edit
	next0   []*snapshot // the snapshots that changed will publish
	holding *holding    // the lease under which it began
}

// empty reports whether there is nothing to commit.
func (p *pass) empty() bool { return len(p.commit.Writes) == 0 }

// look makes one pass over an object. It returns nil when the object is gone, or another controller holds its rack.
func (c *Controller) look(ctx context.Context, ent *entry, now time.Time) (p *pass) {
	s, held := ent.snap.Load(), c.work(ent.group)
	if s == nil || held == nil {
		return nil
	}
	p = &pass{ent: ent, now: now, holding: held}
	defer func() {
		if r := recover(); r != nil { // in Clone, Names or a marshaller of the kind: nothing is recorded, for that would need them too
			p.err = fmt.Errorf("%w: %v", ErrHandlerPanic, r)
			p.fired, p.changed, p.next0, p.commit = false, nil, nil, backend.Commit{}
			p.over = overSLA(ent.over.Load())
			p.next = now.Add(c.backoff(ent.job.failures.Add(1), nil))
			c.log.LogAttrs(ctx, slog.LevelError, "pass panicked", slog.String("object", ent.ref.String()), slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
		}
	}()
	if s.broken != nil {
		p.err = s.broken
		c.failed(p, s)
		return p
	}
	env := &Env{Tx: Tx{c: c, ctx: ctx, now: now}}
	p.tx = &env.Tx
	self, err := env.begin(ent)
	if err != nil {
		p.err = err
		c.failed(p, s)
		return p
	}
	env.self, p.self = self, self
	s = self.based // what the pass works on, should a newer one have come meanwhile
	self.base.dropExpired(now)
	out, err := c.decide(ctx, env)
	if err == nil {
		err = c.take(p, out)
	}
	if err == nil {
		err = c.assemble(p)
	}
	if err != nil {
		p.err = err
		c.failed(p, s)
	}
	return p
}

// decide says what shall happen: deletion comes first, then holds, then the handler of the state.
func (c *Controller) decide(ctx context.Context, env *Env) (Outcome, error) {
	self := env.self
	info := self.kind.graph.states[self.base.state]
	if self.base.Deleted() && info.Class != Deleting {
		self.endAll(&env.Tx, "deletion of "+self.base.ref.String())
		return Fire(self.kind.onDeleted).Because("marked deleted").By(self.base.Deletion.Initiator), nil
	}
	if hold, held := self.base.Held(env.now); held && !self.base.Deleted() {
		var after time.Duration
		if !hold.Expires.IsZero() {
			after = hold.Expires.Sub(env.now)
		}
		observes := hold.String()
		for _, r := range self.open {
			if r.CancelledBy != "" {
				observes += "; request " + r.ID + " is cancelled for " + r.CancelledBy + " then"
			}
		}
		return Wait("its holds to be released", observes, after), nil
	}
	h := self.kind.handlers[self.base.state]
	if h == nil {
		return Outcome{}, fmt.Errorf("%s in %s: %w", self.base.ref, self.base.state, ErrUnhandledState)
	}
	return c.call(ctx, h, env)
}

// call runs a handler under its deadline, and turns a panic into an error of this object.
func (c *Controller) call(ctx context.Context, h func(context.Context, Entity, *Env) (Outcome, error), env *Env) (out Outcome, err error) {
	limit := withDeadline(ctx, c.clock, c.cfg.HandlerTimeout)
	defer limit.stop()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrHandlerPanic, r)
			c.log.LogAttrs(ctx, slog.LevelError, "handler panicked", slog.String("object", env.Self().String()), slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
		}
	}()
	env.ctx = limit
	out, err = h(limit, env.self.e, env)
	if err != nil && errors.Is(limit.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("%w (%s): %w", ErrHandlerOverdue, c.cfg.HandlerTimeout, err)
	}
	return out, err
}

// take applies an outcome to the object of the pass.
func (c *Controller) take(p *pass, out Outcome) error {
	self, g := p.self, p.self.kind.graph
	switch out.kind {
	case backend.OutcomeTransition:
		to, err := g.resolve(self.base.state, out.trigger, out.to, out.named)
		if err != nil {
			return err
		}
		return p.fire(out, to)
	case backend.OutcomeDeleted:
		trigger, ok := g.goneTrigger(self.base.state)
		if !ok {
			return &TriggerError{Kind: g.kind, State: self.base.state, Trigger: "(gone)", Permitted: g.triggers(self.base.state)}
		}
		out.trigger = trigger
		if self.base.Deletion != nil {
			out.initiator = self.base.Deletion.Initiator
		}
		if err := p.fire(out, ""); err != nil {
			return err
		}
		self.outcome.Kind = backend.OutcomeDeleted
		return p.tx.memberChanged(self.base)
	case backend.OutcomeWait, backend.OutcomeNothing:
		self.outcome = backend.Outcome{Kind: out.kind, Reason: out.reason, At: p.now}
		p.next = p.now.Add(c.resync(self.base))
		if out.after > 0 {
			p.next = earliest(p.next, p.now.Add(out.after))
		}
		return nil
	default:
		return fmt.Errorf("%s in %s: its handler returned no outcome", self.base.ref, self.base.state)
	}
}

// fire moves the object of the pass, which goes on at once in its new state.
func (p *pass) fire(out Outcome, to string) error {
	if err := p.self.fire(p.tx, out, to); err != nil {
		return err
	}
	p.fired, p.next = true, p.now
	return nil
}

// assemble settles SLA and outcome of the object, and builds the commit from everything that was edited.
func (c *Controller) assemble(p *pass) error {
	if s := p.self; !s.gone {
		due := s.judge(p.now)
		if !due.IsZero() {
			p.next = earliest(p.next, due)
		}
		if old := s.based.outcome; old.Kind == s.outcome.Kind && old.Reason == s.outcome.Reason {
			s.outcome.At = old.At
		}
	}
	p.outcome, p.over = p.self.outcome, p.self.over
	return p.collect(c, p.tx.edits)
}

// collect builds the commit from what was really changed.
func (p *pass) collect(c *Controller, edits []*edit) error {
	for _, ed := range edits {
		if ed.row != nil && ed != p.self && !ed.gone { // moved by somebody else than its own handler
			ed.judge(p.now)
		}
		s := &snapshot{e: ed.e, base: ed.base, outcome: ed.outcome, requests: ed.open}
		var data []byte
		if !ed.gone {
			var err error
			if data, s.hash, err = c.encode(ed); err != nil {
				return err
			}
		}
		if ed.based != nil {
			if data == nil && ed.row == nil && len(ed.post) == 0 && len(ed.update) == 0 && ed.outcome == ed.based.outcome {
				continue
			}
		}
		ed.base.version = ed.expect + 1
		p.commit.Writes = append(p.commit.Writes, backend.Write{Record: ed.record0(data), Expect: ed.expect, Transition: ed.row})
		p.commit.Post = append(p.commit.Post, ed.post...)
		p.commit.Update = append(p.commit.Update, ed.update...)
		p.changed = append(p.changed, ed)
		p.next0 = append(p.next0, s)
	}
	return nil
}

// record0 is the record of the edited object.
func (ed *edit) record0(data []byte) backend.Record {
	b := ed.base
	return backend.Record{Ref: b.ref, Rack: b.rack, State: b.state, Since: b.since, Version: b.version, Transitions: b.transitions, Outcome: ed.outcome, Data: data}
}

// failed turns the pass into one that records its error and nothing else.
func (c *Controller) failed(p *pass, s *snapshot) {
	job := &p.ent.job
	p.fired, p.changed, p.next0, p.commit = false, nil, nil, backend.Commit{}
	p.next = p.now.Add(c.backoff(job.failures.Add(1), s.base))
	out := backend.Outcome{Kind: backend.OutcomeError, Reason: p.err.Error(), At: p.now}
	ed := &edit{ent: p.ent, kind: p.ent.kind, based: s, expect: s.base.version, e: s.e, base: s.base, open: s.requests, outcome: out}
	if s.broken == nil {
		if due := ed.judge(p.now); !due.IsZero() {
			p.next = earliest(p.next, due)
		}
	}
	p.over = ed.over
	if s.outcome.Kind == out.Kind && s.outcome.Reason == out.Reason {
		ed.outcome.At = s.outcome.At
	}
	p.outcome = ed.outcome
	if s.outcome == ed.outcome {
		return
	}
	base := *s.base
	base.version++
	rec := ed.record0(nil)
	rec.Version = base.version
	next := *s
	next.outcome = ed.outcome
	if s.e != nil { // the snapshot in use keeps its version: the new one needs an object of its own
		next.e = p.ent.kind.clone(s.e)
		next.base = next.e.Base()
		next.base.version++
	} else {
		next.base = &base
	}
	p.commit.Writes = []backend.Write{{Record: rec, Expect: s.base.version}}
	p.changed, p.next0 = []*edit{ed}, []*snapshot{&next}
}

// pass builds the commit of a host's Tx. It is empty when nothing was changed.
func (tx *Tx) pass() (*pass, error) {
	p := &pass{tx: tx, now: tx.now}
	return p, p.collect(tx.c, tx.edits)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func errorsJoin(a, b error) error {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return errors.Join(a, b)
}
