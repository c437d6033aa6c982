package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// maxBatch bounds the commits of one transaction, and maxPending those that wait for one: beyond it workers wait for the store.
const (
	maxBatch   = 2048
	maxPending = 8192
)

// runState is what Run needs beside the core: workers that make passes, one committer that writes what they decided, and a timekeeper that
// releases what falls due.
type runState struct {
	active atomic.Bool

	mu      sync.Mutex
	cond    *sync.Cond
	pending []*pass
	closed  bool
}

// Run reconciles objects until ctx ends, then lets the passes in flight finish and their commits become durable, and returns nil. Passes whose
// driver does not return are cancelled after HandlerTimeout. It returns an error when it is running already.
func (c *Controller) Run(ctx context.Context) error {
	if !c.run.active.CompareAndSwap(false, true) {
		return errors.New("controller is running already")
	}
	defer c.run.active.Store(false)
	c.run.cond = sync.NewCond(&c.run.mu)
	c.run.closed = false

	wake := make(chan struct{}, 1)
	c.queue.listen(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}, false)
	inner := context.WithoutCancel(ctx)
	w := &workers{c: c, busy: map[int]time.Time{}}
	for range c.cfg.Workers {
		w.start(inner)
	}
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		c.commitLoop(inner)
	}()
	c.keepTime(ctx, wake, func() { w.replaceStuck(inner) })

	c.queue.listen(nil, true)
	w.wait()
	c.run.mu.Lock()
	c.run.closed = true
	c.run.cond.Broadcast()
	c.run.mu.Unlock()
	<-committed
	return nil
}

// keepTime releases objects as they fall due, and has stuck workers replaced from time to time.
func (c *Controller) keepTime(ctx context.Context, wake <-chan struct{}, watch func()) {
	check := c.clock.Ticker(c.cfg.HandlerTimeout)
	defer check.Stop()
	timer := c.clock.Timer(time.Hour)
	defer timer.Stop()
	for {
		next := c.queue.release(c.Now())
		wait := time.Hour
		if !next.IsZero() {
			wait = max(next.Sub(c.clock.Now()), time.Microsecond)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		case <-check.C:
			watch()
		}
	}
}

// workers is the set of goroutines that make passes.
type workers struct {
	c    *Controller
	wg   sync.WaitGroup
	mu   sync.Mutex
	busy map[int]time.Time // by worker: since when it makes a pass
	last int
	lost map[int]bool // given up: its driver does not return
}

func (w *workers) start(ctx context.Context) {
	w.mu.Lock()
	w.last++
	id := w.last
	w.mu.Unlock()
	w.wg.Add(1)
	go w.loop(ctx, id)
}

func (w *workers) loop(ctx context.Context, id int) {
	defer func() {
		if !w.isLost(id) {
			w.wg.Done()
		}
	}()
	for !w.isLost(id) {
		j := w.c.queue.take()
		if j == nil {
			return
		}
		w.mark(id, w.c.clock.Now())
		p := w.c.look(ctx, j.entry, w.c.Now())
		w.mark(id, time.Time{})
		switch {
		case p == nil:
			w.c.queue.done(j, time.Time{})
		case p.empty():
			w.c.finish(ctx, p, nil)
		default:
			w.c.submit(p)
		}
	}
}

func (w *workers) mark(id int, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if since.IsZero() {
		delete(w.busy, id)
	} else {
		w.busy[id] = since
	}
}

func (w *workers) isLost(id int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost[id]
}

// replaceStuck starts a new worker for each one whose driver ignores that its context has ended, so that a hung device costs one goroutine and not
// the service.
func (w *workers) replaceStuck(ctx context.Context) {
	now := w.c.clock.Now()
	w.mu.Lock()
	var stuck []int
	for id, since := range w.busy {
		if now.Sub(since) >= 2*w.c.cfg.HandlerTimeout && !w.lost[id] {
			stuck = append(stuck, id)
		}
	}
	if len(stuck) > 0 && w.lost == nil {
		w.lost = map[int]bool{}
	}
	for _, id := range stuck {
		w.lost[id] = true
		w.wg.Done()
	}
	w.mu.Unlock()
	for range stuck {
		w.c.log.LogAttrs(ctx, slog.LevelError, "a driver does not return after its context ended; its worker is replaced", slog.Duration("timeout", w.c.cfg.HandlerTimeout))
		w.start(ctx)
	}
}

// wait returns when every worker that was not given up has ended. Those that hang get HandlerTimeout twice.
func (w *workers) wait() {
	ended := make(chan struct{})
	go func() {
		w.wg.Wait()
		close(ended)
	}()
	timer := w.c.clock.Timer(2 * w.c.cfg.HandlerTimeout)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		w.c.log.Error("stopped while a driver call had not returned")
	}
}

// submit hands a pass to the committer. It waits while too many are pending.
func (c *Controller) submit(p *pass) {
	r := &c.run
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.pending) >= maxPending && !r.closed {
		r.cond.Wait()
	}
	r.pending = append(r.pending, p)
	r.cond.Broadcast()
}

// commitLoop writes everything that is pending as one batch, and again, without waiting for more: under load the batches grow by themselves.
func (c *Controller) commitLoop(ctx context.Context) {
	r := &c.run
	for {
		r.mu.Lock()
		for len(r.pending) == 0 && !r.closed {
			r.cond.Wait()
		}
		batch := r.pending
		if len(batch) == 0 {
			r.mu.Unlock()
			return
		}
		if len(batch) > maxBatch {
			r.pending = append([]*pass(nil), batch[maxBatch:]...)
			batch = batch[:maxBatch]
		} else {
			r.pending = nil
		}
		r.cond.Broadcast()
		r.mu.Unlock()
		c.writeBatch(ctx, batch)
	}
}

func (c *Controller) writeBatch(ctx context.Context, batch []*pass) {
	commits := make([]backend.Commit, len(batch))
	for i, p := range batch {
		commits[i] = p.commit
	}
	began := c.clock.Now()
	results, err := c.store.Commit(ctx, commits)
	c.obs.Committed(len(batch), c.clock.Now().Sub(began), err)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "commit failed", slog.Int("commits", len(batch)), slog.Any("error", err))
	}
	for i, p := range batch {
		if err != nil {
			c.finish(ctx, p, err)
			continue
		}
		c.finish(ctx, p, results[i])
	}
}
