package verify

import (
	"slices"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// Checker applies the rules to what happens. Make one with NewChecker. Its methods are safe for concurrent use; its World is not.
type Checker struct {
	mu       sync.Mutex
	world    *World
	set      *ruleSet
	clock    func() time.Time // nil: commits show the time, or SetNow
	problems []error
	// doubtful are commits of which nobody knows whether they were applied.
	doubtful []backend.Commit
}

// ruleSet is what a checker applies, sorted by what it is applied to. It is never changed once it is in use.
type ruleSet struct {
	commit, look, call, idle []Rule
	seed                     string
}

// Option changes what a checker does.
type Option func(*settings)

type settings struct {
	kinds   []*lifecycle.Kind
	set     rack.Settings
	without []string
	alone   bool
	seed    string
	clock   func() time.Time
}

// Kinds says with what kinds the objects are driven, where their limits are not those of a default configuration, or where there are more than the four of the module.
func Kinds(kinds ...*lifecycle.Kind) Option {
	return func(s *settings) { s.kinds = append(s.kinds, kinds...) }
}

// Settings says with what settings racks are driven.
func Settings(set rack.Settings) Option { return func(s *settings) { s.set = set } }

// Without leaves rules out, by name.
func Without(names ...string) Option {
	return func(s *settings) { s.without = append(s.without, names...) }
}

// Concurrent leaves out the rules that hold only when passes are made one at a time, see Rule.Alone: several workers or controllers make them.
func Concurrent() Option { return func(s *settings) { s.alone = true } }

// Seeded says that commits with this trigger are how a test makes the world that it begins with. They are taken in unseen.
func Seeded(trigger string) Option { return func(s *settings) { s.seed = trigger } }

// Clock says where the time of hardware calls and of Idle comes from, for a checker that nobody tells. Default: it is the latest that a commit has shown, unless World.SetNow
// sets it, so a hold that has ended since may seem to stand.
func Clock(now func() time.Time) Option { return func(s *settings) { s.clock = now } }

// NewChecker returns a checker of all rules with an empty world.
func NewChecker(opts ...Option) *Checker {
	var s settings
	for _, opt := range opts {
		opt(&s)
	}
	w := NewWorld()
	w.t.settings = s.set.WithDefaults()
	for _, k := range s.kinds {
		w.t.add(k)
	}
	set := &ruleSet{seed: s.seed}
	for _, r := range Rules() {
		if slices.Contains(s.without, r.Name) || s.alone && r.Alone {
			continue
		}
		switch {
		case r.Commit != nil:
			set.commit = append(set.commit, r)
		case r.Look != nil:
			set.look = append(set.look, r)
		case r.Call != nil:
			set.call = append(set.call, r)
		default:
			set.idle = append(set.idle, r)
		}
	}
	return &Checker{world: w, set: set, clock: s.clock}
}

// World is what the applied commits have made.
func (c *Checker) World() *World { return c.world }

// Clone returns a checker that goes its own way from here. It has found nothing yet.
func (c *Checker) Clone() *Checker {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Checker{world: c.world.Clone(), set: c.set, clock: c.clock}
}

// Commit says what is wrong with a commit that is about to be applied, each as a *Broken. Whether it will be is for the store to say: a commit that the store
// refuses breaks nothing.
func (c *Checker) Commit(k *backend.Commit) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.before(k)
}

func (c *Checker) before(k *backend.Commit) []error {
	if c.seeds(k) {
		return nil
	}
	var found []error
	for i := range c.set.commit {
		if err := c.set.commit[i].Commit(c.world, k); err != nil {
			found = append(found, c.set.commit[i].broken(err))
		}
	}
	return found
}

func (c *Checker) seeds(k *backend.Commit) bool {
	return c.set.seed != "" && slices.ContainsFunc(k.Writes, func(w backend.Write) bool { return w.Transition != nil && w.Transition.Trigger == c.set.seed })
}

func (r *Rule) broken(err error) error {
	return &Broken{Rule: r.Name, Promise: r.Promise, Err: err}
}

// Applied takes in a commit that was applied, and says what is wrong with what it has made, each as a *Broken.
func (c *Checker) Applied(k *backend.Commit) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.after(k)
}

func (c *Checker) after(k *backend.Commit) []error {
	c.world.Apply(k)
	if c.seeds(k) {
		return nil
	}
	var found []error
	for i := range c.set.look {
		if err := c.set.look[i].Look(c.world); err != nil {
			found = append(found, c.set.look[i].broken(err))
		}
	}
	return found
}

// Call says what is wrong with a hardware call that is being made, each as a *Broken. It is among the problems too.
func (c *Checker) Call(call Call) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick()
	var found []error
	if call.Key != "" {
		for i := range c.set.call {
			if err := c.set.call[i].Call(c.world, call); err != nil {
				found = append(found, c.set.call[i].broken(err))
			}
		}
		c.world.called(call)
	}
	c.problems = append(c.problems, found...)
	return found
}

// tick looks at the clock, if there is one.
func (c *Checker) tick() {
	if c.clock != nil {
		c.world.SetNow(c.clock())
	}
}

// Idle says what is wrong with a world in which nothing is due any more at the time that it shows, each as a *Broken. Who drives a controller calls it when everything was
// reconciled.
func (c *Checker) Idle() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick()
	var found []error
	for i := range c.set.idle {
		if err := c.set.idle[i].Idle(c.world); err != nil {
			found = append(found, c.set.idle[i].broken(err))
		}
	}
	c.problems = append(c.problems, found...)
	return found
}

// Problems returns everything that was found by Call, by Idle and by stores that Wrap has made, in order.
func (c *Checker) Problems() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.problems)
}
