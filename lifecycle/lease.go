package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Controllers that share a store divide the racks among themselves. Each knows all objects and works only on those of racks that it leases; what it commits for them carries the
// fencing token of the lease, so a controller that was stopped for too long can commit nothing. What a host does through Apply needs no lease: it is an intent, guarded by the version of its
// object, and the controller that holds the rack is woken by it.

// leases is what a controller that shares its store knows of leases.
type leases struct {
	store backend.LeaseStore
	owner string
	ttl   time.Duration
	mu    sync.Mutex // held while leases are renewed, claimed and released
}

// holding is the lease of a group. It is replaced, never edited.
type holding struct {
	token uint64
	until time.Time // by the controller's clock, never later than the store's idea of it
}

// always is the holding of a controller that has its store for itself.
var always = &holding{}

// holding returns under what the controller may work on the group, nil when it may not.
func (c *Controller) holding(g *group) *holding {
	if c.leases == nil {
		return always
	}
	if h := g.holding.Load(); h != nil && c.clock.Now().Before(h.until) {
		return h
	}
	return nil
}

// work is holding for a pass that begins. Where there is none, what the pass would have done is due again as soon as the controller has the lease.
func (c *Controller) work(g *group) *holding {
	if h := c.holding(g); h != nil {
		return h
	}
	g.missed.Store(true)
	return c.holding(g) // it may have come meanwhile, from somebody who saw nothing missed
}

// fences names the lease under which a pass commits. What it writes to other racks is guarded by the versions of their objects, like what a host does.
func (c *Controller) fences(p *pass) []backend.Fence {
	if c.leases == nil || p.ent == nil {
		return nil
	}
	return []backend.Fence{{Rack: p.ent.group.id, Token: p.holding.token}}
}

// Racks returns the ids of the racks that the controller works on at the moment, in order: those that it leases, or all when it does not share its store.
func (c *Controller) Racks() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []string
	for id, g := range c.groups {
		if g.known() && c.holding(g) != nil {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// KeepLeases renews the leases of the controller, takes its share of the racks that nobody holds, and gives up what is more than its share. It returns after which time it wants
// to be called again. Run calls it; who drives the controller by Step calls it too. It does nothing when the controller does not share its store.
func (c *Controller) KeepLeases(ctx context.Context) (time.Duration, error) {
	l := c.leases
	if l == nil {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	again := l.ttl / 3
	ctx, cancel := context.WithTimeout(ctx, l.ttl) // an answer that comes later is of no use
	defer cancel()
	asked := c.clock.Now()
	tenure, err := l.store.Renew(ctx, l.owner, l.ttl)
	if err != nil {
		return again, fmt.Errorf("renew the leases of %s: %w", l.owner, err)
	}
	mine := c.heldNow(tenure.Leases, asked)
	share := shareOf(l.owner, tenure.Owners, len(c.known(tenure.Leases)))
	switch {
	case len(mine) > share:
		err = c.giveUp(ctx, mine[share:])
	case len(mine) < share:
		err = c.claim(ctx, share-len(mine), tenure.Leases)
	}
	return again, err
}

// heldNow takes over what the store says about the controller's own leases, and returns the racks.
func (c *Controller) heldNow(all []backend.Lease, asked time.Time) []string {
	tokens := map[string]uint64{}
	for _, l := range all {
		if l.Owner == c.leases.owner {
			tokens[l.Rack] = l.Token
		}
	}
	var mine []string
	c.mu.Lock()
	for rack := range tokens {
		c.groupOf(rack)
	}
	groups := make([]*group, 0, len(c.groups))
	for _, g := range c.groups {
		groups = append(groups, g)
	}
	c.mu.Unlock()
	for _, g := range groups {
		token, held := tokens[g.id]
		if !held {
			g.holding.Store(nil)
			continue
		}
		mine = append(mine, g.id)
		c.adopt(g, token, asked) // renewed, or got by a process before this one that had the same name
	}
	slices.Sort(mine)
	return mine
}

// adopt notes a lease that the controller has, and makes due what fell due while it could not rely upon it: the answer of the store came late, or another was lost.
func (c *Controller) adopt(g *group, token uint64, asked time.Time) {
	g.holding.Store(&holding{token: token, until: asked.Add(c.leases.ttl)})
	if g.missed.Swap(false) {
		c.requeue(g)
	}
}

// requeue makes everything in a rack due.
func (c *Controller) requeue(g *group) {
	now := c.Now()
	for _, ent := range g.all() {
		c.queue.add(&ent.job, now)
	}
}

// known lists all racks: those of which something is stored, and those that are leased.
func (c *Controller) known(all []backend.Lease) []string {
	var out []string
	c.mu.RLock()
	for id, g := range c.groups {
		if g.known() {
			out = append(out, id)
		}
	}
	c.mu.RUnlock()
	for _, l := range all {
		out = append(out, l.Rack)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shareOf is how many of the racks an owner works on: an even part, the first ones by name one more where it does not come out even.
func shareOf(owner string, owners []string, racks int) int {
	at, found := slices.BinarySearch(owners, owner)
	if !found || len(owners) == 0 {
		return racks
	}
	share := racks / len(owners)
	if at < racks%len(owners) {
		share++
	}
	return share
}

// giveUp releases racks, so that others can take them. What is in flight on them is refused by the store.
func (c *Controller) giveUp(ctx context.Context, racks []string) error {
	for _, rack := range racks {
		c.mu.RLock()
		g := c.groups[rack]
		c.mu.RUnlock()
		g.holding.Store(nil)
	}
	if err := c.leases.store.Release(ctx, c.leases.owner, racks...); err != nil {
		return fmt.Errorf("release %d racks of %s: %w", len(racks), c.leases.owner, err)
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "racks given up", slog.String("owner", c.leases.owner), slog.Int("racks", len(racks)))
	return nil
}

// claim takes up to n racks that nobody holds. Each owner begins elsewhere, so that they seldom want the same.
func (c *Controller) claim(ctx context.Context, n int, taken []backend.Lease) error {
	held := make(map[string]bool, len(taken))
	for _, l := range taken {
		held[l.Rack] = true
	}
	free := slices.DeleteFunc(c.known(nil), func(rack string) bool { return held[rack] })
	if len(free) == 0 {
		return nil
	}
	h := fnv.New32a()
	h.Write([]byte(c.leases.owner))
	from := int(h.Sum32()) % len(free)
	free = append(free[from:len(free):len(free)], free[:from]...)
	asked := c.clock.Now()
	got, err := c.leases.store.Claim(ctx, c.leases.owner, c.leases.ttl, free[:min(n, len(free))])
	if err != nil {
		return fmt.Errorf("claim racks for %s: %w", c.leases.owner, err)
	}
	var problems error
	names := make([]string, 0, len(got))
	for _, l := range got {
		names = append(names, l.Rack)
		problems = errorsJoin(problems, c.takeOver(ctx, l, asked))
	}
	if len(got) > 0 {
		c.log.LogAttrs(ctx, slog.LevelInfo, "racks taken over", slog.String("owner", c.leases.owner), slog.String("racks", strings.Join(names, " ")))
	}
	return problems
}

// takeOver reads what is stored of a rack, which others have worked on, and begins to work on it.
func (c *Controller) takeOver(ctx context.Context, l backend.Lease, asked time.Time) error {
	if err := c.readRack(ctx, l.Rack); err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	c.mu.Lock()
	g := c.groupOf(l.Rack)
	c.mu.Unlock()
	c.adopt(g, l.Token, asked)
	c.requeue(g)
	return nil
}

// known reports whether anything is stored of the rack.
func (g *group) known() bool { return len(g.list()) > 0 || g.rack.Load() != nil }

// all lists the objects of a rack, the rack itself too.
func (g *group) all() []*entry {
	out := slices.Clone(g.list())
	if rack := g.rack.Load(); rack != nil {
		out = append(out, rack)
	}
	return out
}

// lost stops the work on the rack of a pass whose lease the store no longer knows.
func (c *Controller) lost(ctx context.Context, p *pass) {
	p.next = time.Time{}
	if g := p.ent.group; g.holding.CompareAndSwap(p.holding, nil) {
		c.log.LogAttrs(ctx, slog.LevelWarn, "lease lost", slog.String("owner", c.leases.owner), slog.String("rack", g.id))
	}
}

// keepLeases keeps the leases while Run runs, and gives all up in the end.
func (c *Controller) keepLeases(ctx context.Context) {
	timer := c.clock.Timer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		again, err := c.KeepLeases(ctx)
		if err != nil && ctx.Err() == nil {
			c.log.LogAttrs(ctx, slog.LevelError, "leases cannot be kept", slog.Any("error", err))
			again = min(again, time.Second)
		}
		timer.Reset(again)
	}
}

// leave gives up all leases, when nothing is in flight any more.
func (c *Controller) leave(ctx context.Context) {
	if c.leases == nil {
		return
	}
	c.leases.mu.Lock()
	defer c.leases.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.leases.ttl)
	defer cancel()
	c.mu.RLock()
	for _, g := range c.groups {
		g.holding.Store(nil)
	}
	c.mu.RUnlock()
	if err := c.leases.store.Release(ctx, c.leases.owner); err != nil && !errors.Is(err, backend.ErrClosed) {
		c.log.LogAttrs(ctx, slog.LevelError, "leases cannot be given up; others wait until they expire", slog.Any("error", err))
	}
}
