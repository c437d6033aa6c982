package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/hashicorp/go-multierror"
	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/outbox"
)

// Config says how a Sender works. Source is required, the rest has defaults.
type Config struct {
	// Source is the CloudEvents source: a URI that names this site, for example "/rackstate/hall-1". It must not change, for the ids of events depend on it.
	Source string
	// HTTP allows subscribers without TLS.
	HTTP bool
	// Networks are allowed although they are not public, for example the site's own 10.20.0.0/16.
	Networks []netip.Prefix
	// Proxy is asked for every connection. It then decides where may be gone: Networks is not looked at for names. nil: no proxy, whatever the environment says.
	Proxy *url.URL
	// RootCAs are the authorities that receivers' certificates may come from. nil: those of the system.
	RootCAs *x509.CertPool
	// Timeout bounds one attempt. Default: 15 s.
	Timeout time.Duration
	// Batch bounds the transitions that are delivered before the cursor moves, and so those that are repeated after a crash. Default: 50.
	Batch int
	// BackoffMin and BackoffMax bound the time until a failed delivery is tried again; it doubles at every failure. Default: 1 s and 10 min.
	BackoffMin, BackoffMax time.Duration
	// DeadAfter is after which time without a success a subscriber is shown as dead. It is tried all the same. Default: 1 h.
	DeadAfter time.Duration
	// Seed varies the jitter of the backoff.
	Seed uint64
	// Clock is where time comes from. Default: the system's clock.
	Clock clock.Clock
	// Logger receives failures and recoveries. Default: slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.Timeout, 15*time.Second)
	set(&c.BackoffMin, time.Second)
	set(&c.BackoffMax, 10*time.Minute)
	set(&c.DeadAfter, time.Hour)
	if c.Batch == 0 {
		c.Batch = 50
	}
	if c.Clock == nil {
		c.Clock = clock.New()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) validate() error {
	var problems *multierror.Error
	if err := checkSource(c.Source); err != nil {
		problems = multierror.Append(problems, err)
	}
	for _, f := range [...]struct {
		name string
		d    time.Duration
	}{{"Timeout", c.Timeout}, {"BackoffMin", c.BackoffMin}, {"DeadAfter", c.DeadAfter}} {
		if f.d < 0 {
			problems = multierror.Append(problems, fmt.Errorf("%s is %s, must not be negative", f.name, f.d))
		}
	}
	if c.BackoffMax < c.BackoffMin {
		problems = multierror.Append(problems, fmt.Errorf("the BackoffMin is %s and greater than BackoffMax, which is %s", c.BackoffMin, c.BackoffMax))
	}
	if c.Batch < 0 {
		problems = multierror.Append(problems, fmt.Errorf("the Batch is %d, must not be negative", c.Batch))
	}
	return problems.ErrorOrNil()
}

// Sender delivers the history of a store to subscribers. Make one with New; it is safe for concurrent use. One process at a time runs the subscribers of a name.
type Sender struct {
	cfg    Config
	store  backend.CursorStore
	clock  clock.Clock
	guard  *guard
	client *http.Client

	// edit is held while a subscriber comes or goes, mu for a moment only.
	edit sync.Mutex
	mu   sync.Mutex
	subs map[string]*subscription
	run  context.Context // of Run, nil while it does not run
	wait sync.WaitGroup
}

var _ backend.Notifier = (*Sender)(nil)

// subscription is a subscriber that is being served.
type subscription struct {
	Subscriber
	address *url.URL
	signers []*hooks.Webhook
	feed    *outbox.Feed

	stop  context.CancelFunc // nil while it does not run
	ended chan struct{}
}

// target is what may be shown of an address.
func (s *subscription) target() string { return s.address.Scheme + "://" + s.address.Host }

// New makes a sender without subscribers. The error says all that is wrong with the configuration, or wraps backend.ErrNotSupported when the store keeps no cursors.
func New(store backend.Store, cfg Config) (*Sender, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("webhook config: %w", err)
	}
	cursors, ok := store.(backend.CursorStore)
	if !ok {
		return nil, fmt.Errorf("webhook: a %T keeps no cursors, see backend.CursorStore: %w", store, backend.ErrNotSupported)
	}
	s := &Sender{cfg: cfg, store: cursors, clock: cfg.Clock, guard: &guard{http: cfg.HTTP, networks: cfg.Networks}, subs: map[string]*subscription{}}
	s.client = newClient(&cfg, s.guard)
	return s, nil
}

// cursorName is the name of a subscriber's cursor in the store.
func cursorName(subscriber string) string { return "webhook/" + subscriber }

// Subscribe adds a subscriber, or replaces what is known of the one of that name: its address, secrets and filter. Either goes on behind its cursor. What is committed after Subscribe has
// returned is delivered. The error wraps ErrInvalid, or is what the store said.
func (s *Sender) Subscribe(ctx context.Context, sub Subscriber) error {
	s.edit.Lock()
	defer s.edit.Unlock()
	next := &subscription{Subscriber: sub}
	var err error
	if next.address, next.signers, err = sub.check(s.guard); err != nil {
		return err
	}
	next.feed, err = outbox.New(s.store, outbox.Config{
		Name: cursorName(sub.Name), FromNow: sub.FromNow, Batch: s.cfg.Batch, BackoffMin: s.cfg.BackoffMin, BackoffMax: s.cfg.BackoffMax,
		Seed: s.cfg.Seed, Clock: s.clock, Logger: s.cfg.Logger.With(slog.String("target", next.target())),
	}, func(ctx context.Context, rows []backend.Transition) (int, error) { return s.deliver(ctx, next, rows) })
	if err != nil {
		return err
	}
	if err := next.feed.Open(ctx); err != nil {
		return fmt.Errorf("subscribe %s: %w", sub.Name, err)
	}
	s.remove(sub.Name) // it ends first: two of one name would both move the cursor
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs[sub.Name] = next
	if s.run != nil {
		s.start(next)
	}
	return nil
}

// Unsubscribe ends a subscription. A delivery that runs is broken off. The cursor stays, so that a subscriber of that name goes on where this one was. It reports whether there was
// one.
func (s *Sender) Unsubscribe(name string) bool {
	s.edit.Lock()
	defer s.edit.Unlock()
	return s.remove(name)
}

func (s *Sender) remove(name string) bool {
	s.mu.Lock()
	old := s.subs[name]
	delete(s.subs, name)
	s.mu.Unlock()
	if old == nil {
		return false
	}
	if old.stop != nil {
		old.stop()
		<-old.ended
	}
	return true
}

// start runs a subscription. The caller holds s.mu.
func (s *Sender) start(sub *subscription) {
	ctx, stop := context.WithCancel(s.run)
	sub.stop, sub.ended = stop, make(chan struct{})
	s.wait.Add(1)
	go func() {
		defer s.wait.Done()
		defer close(sub.ended)
		_ = sub.feed.Run(ctx) // it returns nil, when ctx has ended
	}()
}

// Run delivers to all subscribers until ctx ends, and returns when no delivery runs any more. It returns nil, or an error when it is running already.
func (s *Sender) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.run != nil {
		s.mu.Unlock()
		return errors.New("webhook: the sender is running already")
	}
	s.run = ctx
	for _, sub := range s.subs {
		s.start(sub)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.run = nil
	for _, sub := range s.subs {
		sub.stop()
	}
	s.mu.Unlock()
	s.wait.Wait()
	s.client.CloseIdleConnections()
	return nil
}

// slow is after which time the cursor moves although the batch is not over: the receiver is slow, and would get much of it again after a crash.
const slow = time.Second

// deliver hands rows on to a subscriber one after the other, up to the first that it does not take over.
func (s *Sender) deliver(ctx context.Context, to *subscription, rows []backend.Transition) (done int, err error) {
	began := s.clock.Now()
	for i, row := range rows {
		if !to.Filter.Match(row) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return i, err
		}
		if i > 0 && s.clock.Now().Sub(began) >= slow {
			return i, nil
		}
		if err := s.post(ctx, to, row); err != nil {
			return i, err
		}
	}
	return len(rows), nil
}

// Notify says that there are new transitions. The rows themselves are taken over already: they stand in the history, from which each subscriber is served. It never blocks.
func (s *Sender) Notify(context.Context, []backend.Transition) error {
	s.Wake()
	return nil
}

// Wake says that there may be new transitions. It never blocks.
func (s *Sender) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		sub.feed.Wake()
	}
}

// find returns a subscription by its name.
func (s *Sender) find(name string) (*subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.subs[name]; sub != nil {
		return sub, nil
	}
	return nil, fmt.Errorf("webhook: subscriber %q: %w", name, backend.ErrNotFound)
}

// Replay goes on behind a position of the history: what lies behind it is delivered again, with the same ids, and what lies before it is left out. It ends a pause. The error wraps
// backend.ErrNotFound when there is no such subscriber, or is what the store said.
func (s *Sender) Replay(ctx context.Context, name string, after uint64) error {
	sub, err := s.find(name)
	if err != nil {
		return err
	}
	return sub.feed.Seek(ctx, after)
}

// Retry ends the pause of a subscriber that fails. The error wraps backend.ErrNotFound.
func (s *Sender) Retry(name string) error {
	sub, err := s.find(name)
	if err != nil {
		return err
	}
	sub.feed.Retry()
	return nil
}

// Deliver makes one batch of deliveries to one subscriber, and returns how many transitions it is done with, those included that its filter leaves out; 0 when there are none left. It is what
// Run repeats, without goroutine or timer. The error is a *DeliveryError, or wraps backend.ErrNotFound, or is what the store said.
func (s *Sender) Deliver(ctx context.Context, name string) (n int, err error) {
	sub, err := s.find(name)
	if err != nil {
		return 0, err
	}
	return sub.feed.Deliver(ctx)
}
