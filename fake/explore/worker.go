package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
)

// node is a state that is to be expanded: all that is needed to come back to it. It is never changed.
type node struct {
	id      uint32
	name    digest
	plain   digest // without the budget
	page    *page
	snap    *scenario.Snapshot
	checker *verify.Checker
	left    Budget
}

// worker makes moves, in one live world which it puts into one state after the other. It belongs to one goroutine.
type worker struct {
	x       *explorer
	w       *scenario.World
	store   backend.Store
	book    *book
	checker *verify.Checker
	canon   *canon
	// calls, commits and problems are those of the latest steps.
	calls    []scenario.Call
	commits  int
	problems []error
	dirty    bool // the world is not in the state that is being expanded
}

// newWorker opens a world of the start.
func (x *explorer) newWorker(ctx context.Context, opts ...verify.Option) (*worker, error) {
	k := &worker{x: x, book: newBook(), checker: verify.NewChecker(append(opts, verify.Seeded("Given"))...)}
	k.store = &guard{book: k.book, k: k}
	if x.cfg.breaks != nil {
		k.store = x.cfg.breaks(k.store)
	}
	var err error
	k.w, err = scenario.Open(ctx, x.start.Scenario, k.store, scenario.Observed(k.observe))
	return k, err
}

// guard is the store of a worker: the book, with every commit looked at.
type guard struct {
	*book
	k *worker
}

// Commit applies a batch, see backend.Store.
func (g *guard) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	results, err := g.book.Commit(ctx, batch)
	for i := range results {
		if results[i] == nil {
			g.k.committed(&batch[i])
		}
	}
	return results, err
}

func (k *worker) committed(c *backend.Commit) {
	k.commits++
	k.problems = append(k.problems, k.checker.Commit(c)...)
	k.problems = append(k.problems, k.checker.Applied(c)...)
	for i := range c.Writes {
		out := c.Writes[i].Record.Outcome
		if out.Kind == backend.OutcomeError && strings.Contains(out.Reason, lifecycle.ErrHandlerPanic.Error()) {
			k.problems = append(k.problems, &verify.Broken{Rule: "a handler does not panic", Err: fmt.Errorf("%s: %s", c.Writes[i].Record.Ref, out.Reason)})
		}
	}
}

func (k *worker) observe(c scenario.Call) {
	if k.x.cfg.hears != nil {
		c = k.x.cfg.hears(c)
	}
	c.Devices = slices.Clone(c.Devices)
	k.calls = append(k.calls, c)
	k.problems = append(k.problems, k.checker.Call(verify.Call{Name: c.Name, Key: c.Key, Devices: c.Devices})...)
}

// restore puts the world into the state of a node.
func (k *worker) restore(n *node) {
	k.book.page, k.dirty = n.page, false
	k.checker = n.checker.Clone()
	k.checker.World().SetNow(n.snap.Now())
	k.calls, k.commits, k.problems = nil, 0, nil
	if err := k.w.Restore(k.x.ctx, n.snap, k.store); err != nil {
		k.problems = append(k.problems, &verify.Broken{Rule: "a controller starts on whatever was committed", Err: err})
	}
}

// do makes steps, and notes what happens.
func (k *worker) do(steps []scenario.Step) {
	k.calls, k.commits, k.problems = nil, 0, nil
	for _, s := range steps {
		if err := k.w.Do(k.x.ctx, s); err != nil {
			k.problems = append(k.problems, &verify.Broken{Rule: "a step is made or refused", Err: err})
		}
		k.checker.World().SetNow(k.w.Now())
	}
}

// edge is a move from a node.
type edge struct {
	move   move
	to     digest
	self   bool  // it leads back to where it began
	next   *node // where it leads to, nil when that is known already
	broken []error
}

// expansion is all that can happen to a node.
type expansion struct {
	from    *node
	edges   []edge
	stalled bool
	rests   bool
	failed  bool     // an object is in a state of failure
	broken  []broken // of the state itself, and when time passes in it
}

// broken is what does not hold, with the steps from the state at which it was seen.
type broken struct {
	err   error
	steps []scenario.Step
}

// expand tries all that can happen to a node.
func (k *worker) expand(n *node) expansion {
	out := expansion{from: n, stalled: true}
	k.dirty = true
	var variants []move
	for _, r := range n.page.objects {
		if r.Gone() {
			continue
		}
		e := k.try(n, move{steps: passOf(r.Ref), calm: true})
		out.stalled = out.stalled && e.self
		out.edges = append(out.edges, e)
		variants = append(variants, k.x.going(n, r.Ref, k.calls)...)
	}
	moves := slices.Concat(variants, k.x.others(n), k.x.early(n))
	if out.stalled {
		out.broken = k.idle(n)
		out.rests, out.failed = k.x.rests(k.book.page), k.x.failed(n)
		d, late := k.stalled(n)
		out.broken = append(out.broken, late...)
		if d > 0 {
			moves = append(moves, passing(d, free, !k.x.working(n)))
		}
		k.dirty = true
	}
	for _, m := range moves {
		if e := k.try(n, m); !e.self || len(e.broken) > 0 {
			out.edges = append(out.edges, e)
		}
	}
	return out
}

// try makes a move from a node.
func (k *worker) try(n *node, m move) edge {
	left, ok := n.left.minus(m.cost)
	if !ok {
		return edge{self: true}
	}
	if k.dirty {
		k.restore(n)
	}
	k.do(m.steps)
	e := edge{move: m, broken: k.problems}
	if k.commits == 0 && len(k.calls) == 0 && !m.hardware && k.w.Now().Equal(n.snap.Now()) {
		e.self = true
		return e
	}
	k.dirty = true
	next := &node{page: k.book.page, checker: k.checker, left: left}
	if m.hardware || slices.ContainsFunc(k.calls, changes) {
		next.snap = k.w.Snapshot()
		next.snap.Forget(relevance{next.page}.key)
	} else {
		next.snap = n.snap.At(k.w.Now())
	}
	next.name, next.plain = k.canon.digest(world{next.page, next.snap}, left)
	e.to = next.name
	switch {
	case next.name == n.name, next.plain == n.plain && m.cost != free: // a budget that was spent for nothing
		e.self = true
	case k.x.cfg.Recheck > 0 || !k.x.knows(next.name):
		e.next = next
	}
	return e
}

// changes reports whether a call may change what the hardware is like. A poll of platform configuration notes what it finds.
func changes(c scenario.Call) bool { return c.Key != "" || c.Name == "PlatformJob" }

// idle has every object looked at once more, and says what is wrong with a world in which nothing is due.
func (k *worker) idle(n *node) []broken {
	k.restore(n)
	var found []broken
	var steps []scenario.Step
	for _, r := range n.page.objects {
		if r.Gone() {
			continue
		}
		steps = append(slices.Clip(steps), passOf(r.Ref)...)
		k.do(steps[len(steps)-1:])
		for _, err := range k.problems {
			found = append(found, broken{err: err, steps: steps})
		}
	}
	for _, err := range k.checker.Idle() {
		found = append(found, broken{err: err, steps: steps})
	}
	return found
}

// rests reports whether a world may stay as it is for ever, as far as states go: no object is at work or on its way out, and no request is open. A rack may wait for devices to be brought, with
// what it is to do then, and rest without power; and what has failed may wait for a person with a request that its outcome speaks of. Every object has just been looked at.
func (x *explorer) rests(p *page) bool {
	for _, r := range p.objects {
		if info, known := x.info(r); known && (marked(r) || info.Class != lifecycle.Resting && info.Class != lifecycle.Failed && !waits(info, r)) {
			return false
		}
	}
	return !slices.ContainsFunc(p.requests, func(q *backend.Request) bool {
		r := p.record(q.On)
		info, _ := x.info(r)
		spoken := strings.Contains(r.Outcome.Reason, q.Type) || strings.Contains(r.Outcome.Reason, q.ID)
		mayWait := q.State == backend.RequestPending && (waits(info, r) || info.Class == lifecycle.Failed && spoken)
		return q.State.Open() && r.State != "Maintenance/PowerSequence/PoweredOff" && !mayWait
	})
}

// failed reports whether an object is in a state of failure.
func (x *explorer) failed(n *node) bool {
	return slices.ContainsFunc(n.page.objects, func(r *backend.Record) bool {
		info, _ := x.info(r)
		return info.Class == lifecycle.Failed
	})
}

// waits reports whether an object is a rack that waits for what only a person can bring.
func waits(info lifecycle.StateInfo[string], r *backend.Record) bool {
	return r.Ref.Kind == backend.KindRack && info.Class == lifecycle.Waiting && info.NoDeadline != ""
}

// working reports whether a job runs that somebody looks at.
func (x *explorer) working(n *node) bool { return len(x.jobs(n)) > 0 }
