package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
)

// Config holds what is optional. The zero value is right.
type Config struct {
	// Clock is where time comes from. Default: the system's clock.
	Clock clock.Clock
	// Logger receives what happens. Default: slog.Default().
	Logger *slog.Logger
	// Observer is told what happens, for metrics. Default: none.
	Observer Observer
	// Workers is how many objects Run reconciles at the same time. Default: 4 for each processor, at least 8: workers spend their time in
	// drivers.
	Workers int
	// Resync is after which time an object is looked at again although nothing happened, give or take a tenth. Default: 30 s.
	Resync time.Duration
	// BackoffMin and BackoffMax bound the time until a failed pass is repeated; it doubles at every failure. Default: 1 s and 2 min.
	BackoffMin, BackoffMax time.Duration
	// HandlerTimeout is after which time the context of a handler, and so of its driver calls, ends. Default: 3 min.
	HandlerTimeout time.Duration
	// Owner is the name of this controller among those that share the store, unique at any time: it works only on racks that it leases. The store must be a
	// backend.LeaseStore. Default: none, the controller has the store for itself.
	Owner string
	// LeaseTTL is how long a lease lasts that is not renewed, and so how long the racks of a controller that died are left alone. Default: 15 s.
	LeaseTTL time.Duration
	// Seed varies the jitter of resync and backoff. The same seed gives the same times.
	Seed uint64
}

// WithDefaults returns a copy with every unset field at its default.
func (c Config) WithDefaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if c.Clock == nil {
		c.Clock = clock.New()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Observer == nil {
		c.Observer = NoObserver{}
	}
	if c.Workers == 0 {
		c.Workers = max(8, 4*runtime.GOMAXPROCS(0))
	}
	set(&c.Resync, 30*time.Second)
	set(&c.BackoffMin, time.Second)
	set(&c.BackoffMax, 2*time.Minute)
	set(&c.HandlerTimeout, 3*time.Minute)
	set(&c.LeaseTTL, 15*time.Second)
	return c
}

func (c Config) validate() error {
	var problems *multierror.Error
	for _, f := range [...]struct {
		name string
		d    time.Duration
	}{{"Resync", c.Resync}, {"BackoffMin", c.BackoffMin}, {"BackoffMax", c.BackoffMax}, {"HandlerTimeout", c.HandlerTimeout}, {"LeaseTTL", c.LeaseTTL}} {
		if f.d < 0 {
			problems = multierror.Append(problems, fmt.Errorf("%s is %s, must not be negative", f.name, f.d))
		}
	}
	if c.BackoffMin > c.BackoffMax {
		problems = multierror.Append(problems, fmt.Errorf("the BackoffMin is %s and greater than BackoffMax, which is %s", c.BackoffMin, c.BackoffMax))
	}
	if c.Workers < 0 {
		problems = multierror.Append(problems, fmt.Errorf("the number of Workers is %d, must not be negative", c.Workers))
	}
	return problems.ErrorOrNil()
}

// Controller owns the objects of a store and reconciles them. Make one with NewController, then either call Run, which uses workers and the clock, or
// drive it by Step or RunUntilIdle. All methods are safe for concurrent use, but Step and RunUntilIdle must not be mixed with Run.
type Controller struct {
	store backend.Store
	kinds map[backend.Kind]*Kind
	cfg   Config
	clock clock.Clock
	log   *slog.Logger
	obs   Observer
	queue *queue
	// leases is nil when the controller has its store for itself.
	leases *leases

	mu      sync.RWMutex
	entries map[backend.Ref]*entry
	groups  map[string]*group
	names   map[string][]backend.Ref

	// buffers hold *bytes.Buffer: most passes encode their object only to see that it has not changed.
	buffers sync.Pool
	run     runState
}

// NewController loads all objects of the store and makes each due. Records that cannot be understood are kept aside, reported as an outcome and in
// the log; the others work. The error wraps ErrUnknownKind when the store holds objects of a kind that was not given.
func NewController(ctx context.Context, store backend.Store, cfg Config, kinds ...*Kind) (*Controller, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("lifecycle config: %w", err)
	}
	c := &Controller{
		store: store, cfg: cfg, clock: cfg.Clock, log: cfg.Logger, obs: cfg.Observer, kinds: map[backend.Kind]*Kind{},
		queue: newQueue(), entries: map[backend.Ref]*entry{}, groups: map[string]*group{}, names: map[string][]backend.Ref{},
	}
	c.buffers.New = func() any { return new(bytes.Buffer) }
	for _, k := range kinds {
		if c.kinds[k.name] != nil {
			return nil, fmt.Errorf("kind %s is given twice", k.name)
		}
		c.kinds[k.name] = k
	}
	if cfg.Owner != "" {
		shared, ok := store.(backend.LeaseStore)
		if !ok {
			return nil, fmt.Errorf("lifecycle config: Owner is %q, but the store (%T) has no leases", cfg.Owner, store)
		}
		c.leases = &leases{store: shared, owner: cfg.Owner, ttl: cfg.LeaseTTL}
	}
	if err := c.loadAll(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Controller) loadAll(ctx context.Context) error {
	records, err := c.store.List(ctx, backend.Query{})
	if err != nil {
		return fmt.Errorf("load objects: %w", err)
	}
	requests, err := c.store.Requests(ctx, backend.RequestQuery{OpenOnly: true})
	if err != nil {
		return fmt.Errorf("load requests: %w", err)
	}
	open := map[backend.Ref][]backend.Request{}
	for _, r := range requests {
		open[r.On] = append(open[r.On], r)
	}
	now := backend.Timestamp(c.clock.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range records {
		rec := &records[i]
		k := c.kinds[rec.Ref.Kind]
		if k == nil {
			return fmt.Errorf("load %s: %w %q; known are %v", rec.Ref, ErrUnknownKind, rec.Ref.Kind, slices.Sorted(maps.Keys(c.kinds)))
		}
		ent := c.link(k, k.load(rec, open[rec.Ref]))
		if s := ent.snap.Load(); s.broken != nil {
			c.log.LogAttrs(ctx, slog.LevelError, "object cannot be reconciled", slog.String("object", ent.ref.String()), slog.Any("error", s.broken))
		}
		c.queue.add(&ent.job, now)
	}
	return nil
}

// Now is the controller's time: UTC, in whole microseconds.
func (c *Controller) Now() time.Time { return backend.Timestamp(c.clock.Now()) }

// Kinds returns the kinds that the controller knows, by name.
func (c *Controller) Kinds() []*Kind {
	return slices.SortedFunc(maps.Values(c.kinds), func(a, b *Kind) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
}

// Store returns the store that the controller was made with.
func (c *Controller) Store() backend.Store { return c.store }

// Len is how many live objects the controller owns.
func (c *Controller) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}

// Wake makes an object due now: the host knows that something about it has changed. An unknown object is ignored.
func (c *Controller) Wake(ref backend.Ref) {
	if ent := c.entry(ref); ent != nil {
		c.queue.add(&ent.job, c.Now())
	}
}

// maxAttempts bounds how often Apply tries again after somebody else wrote first.
const maxAttempts = 32

// Apply runs f and commits what it did as one. When somebody else writes first, f runs again on the newer objects. The error is that of f, or wraps
// backend.ErrConflict, or is what the store said.
func (c *Controller) Apply(ctx context.Context, f func(tx *Tx) error) error {
	for attempt := 1; ; attempt++ {
		tx := &Tx{c: c, ctx: ctx, now: c.Now(), host: true}
		if err := f(tx); err != nil {
			return err
		}
		p, err := tx.pass()
		if err != nil {
			return err
		}
		if p.empty() {
			c.wake(ctx, p)
			return nil
		}
		results, err := c.store.Commit(ctx, []backend.Commit{p.commit})
		if err != nil {
			c.obs.Committed(1, 0, err)
			err = errorsJoin(fmt.Errorf("commit: %w", err), c.recover(ctx, p))
			c.rouse(p, p.now) // should it have been applied, they have something to look at
			return err
		}
		if results[0] == nil {
			c.finish(ctx, p, nil)
			return nil
		}
		if err := c.refresh(ctx, p); err != nil {
			return err
		}
		if attempt == maxAttempts {
			return fmt.Errorf("given up after %d attempts: %w", attempt, results[0])
		}
	}
}

// recover reads every object of a pass again whose commit is of unknown outcome.
func (c *Controller) recover(ctx context.Context, p *pass) error {
	var problems error
	for _, w := range p.commit.Writes {
		problems = errorsJoin(problems, c.reload(ctx, w.Record.Ref))
	}
	return problems
}

// refresh brings the objects of a refused pass up to date. Mostly the winner is a commit of this very controller, and published already; only when that does not explain
// the refusal has somebody else written, and the store must be asked.
func (c *Controller) refresh(ctx context.Context, p *pass) error {
	if c.stale(p) {
		return nil
	}
	return c.recover(ctx, p)
}

// stale reports whether a newer version of an object that the pass writes was published since it began: the store would refuse its commit.
func (c *Controller) stale(p *pass) bool {
	for _, ed := range p.changed {
		if ed.ent == nil {
			continue
		}
		if s := ed.ent.snap.Load(); s == nil || s.base.version != ed.expect {
			return true
		}
	}
	return false
}
