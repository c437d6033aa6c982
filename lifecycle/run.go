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
	w := &workers{c: c}
	for range c.cfg.Workers {
		w.start(inner)
	}
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		c.commitLoop(inner)
	}()
	others := c.withOthers(ctx)
	c.keepTime(ctx, wake, func() { w.replaceStuck(inner) })

	c.queue.listen(nil, true)
	others.Wait()
	w.wait()
	c.run.mu.Lock()
	c.run.closed = true
	c.run.cond.Broadcast()
	c.run.mu.Unlock()
	<-committed
	c.leave(inner)
	return nil
}

// withOthers starts what a controller needs that shares its store, until ctx ends.
func (c *Controller) withOthers(ctx context.Context) *sync.WaitGroup {
	var wg sync.WaitGroup
	if c.leases != nil {
		wg.Go(func() { c.keepLeases(ctx) })
	}
	if w, ok := c.store.(backend.Watcher); ok && c.leases != nil {
		wg.Go(func() { c.follow(ctx, w) })
	}
	return &wg
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
		if !timer.Stop() {
			select {
			case <-timer.C:
			default:
			}
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
	c   *Controller
	wg  sync.WaitGroup
	mu  sync.Mutex
	all []*worker
}

// worker is one of them.
type worker struct {
	since atomic.Int64 // when its pass began, in Unix nanoseconds; 0: it waits for one
	lost  atomic.Bool  // given up: its driver does not return
}

func (w *workers) start(ctx context.Context) {
	one := &worker{}
	w.mu.Lock()
	w.all = append(w.all, one)
	w.mu.Unlock()
	w.wg.Add(1)
	go w.loop(ctx, one)
}

func (w *workers) loop(ctx context.Context, one *worker) {
	defer func() {
		if !one.lost.Load() {
			w.wg.Done()
		}
	}()
	for !one.lost.Load() {
		j := w.c.queue.take()
		if j == nil {
			return
		}
		now := w.c.clock.Now()
		one.since.Store(now.UnixNano())
		p := w.c.look(ctx, j.entry, backend.Timestamp(now))
		one.since.Store(0)
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

// replaceStuck starts a new worker for each one whose driver ignores that its context has ended, so that a hung device costs one goroutine and not
// the service.
func (w *workers) replaceStuck(ctx context.Context) {
	now := w.c.clock.Now()
	stuck := 0
	w.mu.Lock()
	kept := w.all[:0]
	for _, one := range w.all {
		since := one.since.Load()
		if since != 0 && now.Sub(time.Unix(0, since)) >= 2*w.c.cfg.HandlerTimeout {
			one.lost.Store(true)
			w.wg.Done()
			stuck++
			continue
		}
		kept = append(kept, one)
	}
	w.all = kept
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
	commits := make([]backend.Commit, 0, len(batch))
	fresh := batch[:0]
	for _, p := range batch {
		if c.stale(p) { // the store would refuse it
			c.finish(ctx, p, backend.ErrConflict)
			continue
		}
		fresh = append(fresh, p)
		p.commit.Fences = c.fences(p)
		commits = append(commits, p.commit)
	}
	if len(commits) == 0 {
		return
	}
	began := c.clock.Now()
	results, err := c.store.Commit(ctx, commits)
	c.obs.Committed(len(commits), c.clock.Now().Sub(began), err)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "commit failed", slog.Int("commits", len(commits)), slog.Any("error", err))
	}
	for i, p := range fresh {
		if err != nil {
			c.finish(ctx, p, err)
			continue
		}
		c.finish(ctx, p, results[i])
	}
}
