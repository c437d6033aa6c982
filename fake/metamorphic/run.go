package metamorphic

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/fake/verify"
)

// Result is what a plan came to.
type Result struct {
	// Records, Requests and History are all that the store holds in the end. Positions are left out of the history: stores may have gaps there.
	Records  []backend.Record
	Requests []backend.Request
	History  []backend.Transition
	// Steps are those that were made, the calm included.
	Steps []scenario.Step
	// Views are what the devices are really like.
	Views map[backend.Ref]fake.View
	// Failure is the first thing that went wrong, nil if nothing did.
	Failure *Failure
}

// Failure is something that went wrong.
type Failure struct {
	// Rule is the sentence that does not hold. Shrinking keeps it.
	Rule string
	// Err says what is wrong.
	Err error
	// Step is how many steps were made before, and in which it was found.
	Step int
}

// Error names the rule and says what is wrong.
func (f *Failure) Error() string { return fmt.Sprintf("step %d: %s: %s", f.Step, f.Rule, f.Err) }

// Unwrap returns what is wrong.
func (f *Failure) Unwrap() error { return f.Err }

// Store opens an empty store for a plan. The function that it returns closes it.
type Store func(ctx context.Context) (backend.Store, func() error, error)

// Option changes how plans are run.
type Option func(*Runner)

// On has plans run on another store than one in memory.
func On(store Store) Option { return func(r *Runner) { r.open = store } }

// Wrapped has the store of every plan wrapped, below everything that looks at it: to see what is found when a store breaks its promises. A fork of a store is wrapped anew.
func Wrapped(wrap func(backend.Store) backend.Store) Option { return func(r *Runner) { r.wrap = wrap } }

// SteppedBy has objects reconciled in another way than by the engine's own loop.
func SteppedBy(step scenario.Stepper) Option {
	return func(r *Runner) { r.options = append(r.options, scenario.SteppedBy(step)) }
}

// Rewired has the driver of every plan changed, see scenario.Rewired.
func Rewired(wrap func(backend.Capabilities) backend.Capabilities) Option {
	return func(r *Runner) { r.options = append(r.options, scenario.Rewired(wrap)) }
}

// Runner runs plans. It keeps the world of the site that it was at last, and so is not safe for concurrent use: each worker has its own.
type Runner struct {
	open    Store
	wrap    func(backend.Store) backend.Store
	options []scenario.Option
	site    *site
	asked   map[string]bool // what the plan that runs has asked of the hardware: "CALL DEVICE KEY"
}

// site is a world that has begun, and can begin again.
type site struct {
	form  Form
	of    uint64
	world *scenario.World
	begin *scenario.Snapshot
	store *memory.Store // as it is in the beginning, and stays
}

// NewRunner makes a runner.
func NewRunner(opts ...Option) *Runner {
	r := &Runner{wrap: func(s backend.Store) backend.Store { return s }}
	for _, opt := range opts {
		opt(r)
	}
	r.options = append(r.options, scenario.Observed(r.observe))
	return r
}

// observe notes what is asked of the hardware.
func (r *Runner) observe(c scenario.Call) {
	if c.Key == "" || r.asked == nil {
		return
	}
	for _, d := range c.Devices {
		r.asked[c.Name+" "+d.Ref.String()+" "+c.Key] = true
		r.asked[c.Name+" rack/"+d.Rack+" "+c.Key] = true // a validation is asked of machines and begun on their rack
	}
}

// Run runs a plan, and then calm. What goes wrong is in the result.
func (r *Runner) Run(ctx context.Context, p Plan) *Result {
	w, done, err := r.begin(ctx, p)
	if err != nil {
		return failed("a plan makes sense", err)
	}
	res := r.run(ctx, w, p)
	if err := done(); err != nil && res.Failure == nil {
		return failed("a store can be closed", err)
	}
	return res
}

// RunScenario runs what a file holds, and then calm.
func (r *Runner) RunScenario(ctx context.Context, s scenario.Scenario) *Result {
	return r.fresh(ctx, Plan{Scenario: s})
}

func failed(rule string, err error) *Result { return &Result{Failure: &Failure{Rule: rule, Err: err}} }

// fresh runs a plan in a world of its own.
func (r *Runner) fresh(ctx context.Context, p Plan) *Result {
	keep := r.site
	r.site = nil
	defer func() { r.site = keep }()
	return r.Run(ctx, p)
}

// begin makes the world of a plan: anew, or from that of the plan before, if it has the same site.
func (r *Runner) begin(ctx context.Context, p Plan) (*scenario.World, func() error, error) {
	if s := r.site; s == nil || p.site == 0 || s.of != p.site || s.form != p.Form {
		if err := r.build(ctx, p); err != nil {
			return nil, nil, err
		}
	}
	store, done, err := r.another(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := r.site.world.Restore(ctx, r.site.begin, r.wrap(store)); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return r.site.world, done, nil
}

// build makes the world of a site, in memory.
func (r *Runner) build(ctx context.Context, p Plan) error {
	r.site = nil
	store := memory.New()
	w, err := scenario.Open(ctx, template(p), store, append(slices.Clip(r.options), scenario.Verified())...)
	if err != nil {
		return err
	}
	r.site = &site{form: p.Form, of: p.site, world: w, begin: w.Snapshot(), store: store}
	return nil
}

// another is a store that holds what is given.
func (r *Runner) another(ctx context.Context) (backend.Store, func() error, error) {
	if r.open == nil {
		return r.site.store.Fork(), func() error { return nil }, nil
	}
	store, done, err := r.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := fill(ctx, store, r.site.store); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return store, done, nil
}

// fill commits to an empty store what is given in another one: objects with one row of history each.
func fill(ctx context.Context, store, given backend.Store) error {
	records, err := given.List(ctx, backend.Query{})
	if err != nil {
		return err
	}
	rows, err := given.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return err
	}
	var batch []backend.Commit
	for i := range rows { // in their order
		at := slices.IndexFunc(records, func(r backend.Record) bool { return r.Ref == rows[i].Ref })
		batch = append(batch, backend.Commit{Writes: []backend.Write{{Record: records[at], Transition: &rows[i]}}})
	}
	results, err := store.Commit(ctx, batch)
	return errors.Join(append(results, err)...)
}

// template is the site of a plan with the steps that a world must know of in advance: whether passes stand still.
func template(p Plan) scenario.Scenario {
	s := p.Scenario
	if p.site != 0 && p.Form == Busy {
		s.When = []scenario.Step{{Stall: &scenario.Stall{At: "before-commit", For: 1}}}
	} else if p.site != 0 {
		s.When = nil
	}
	return s
}

// course is a plan that runs.
type course struct {
	ctx    context.Context
	world  *scenario.World
	res    *Result
	reader *reader
	asked  map[string]bool
}

// run makes the steps of a plan, calms, and looks at what there is then.
func (r *Runner) run(ctx context.Context, w *scenario.World, p Plan) *Result {
	r.asked = map[string]bool{}
	c := &course{ctx: ctx, world: w, res: &Result{}, reader: newReader(w, p.Seed), asked: r.asked}
	for _, step := range p.Scenario.When {
		if c.step(step); c.res.Failure != nil {
			break
		}
	}
	if c.res.Failure == nil {
		c.calm(p)
	}
	c.collect()
	return c.res
}

// step makes one step, and sees whether a rule was broken in it.
func (c *course) step(s scenario.Step) {
	c.res.Steps = append(c.res.Steps, s)
	if err := c.try(s); err != nil {
		c.fail("nothing fails but what shall", fmt.Errorf("%s: %w", s, err))
	}
	for _, err := range c.world.Problems() {
		c.fail(ruleOf(err), err)
	}
	if err := c.reader.read(c.ctx, true); err != nil {
		c.fail("a subscriber sees every row, in order", err)
	}
}

// try makes a step. A panic is an error.
func (c *course) try(s scenario.Step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.world.Do(c.ctx, s)
}

// ruleOf is the sentence that does not hold.
func ruleOf(err error) string {
	var b *verify.Broken
	if errors.As(err, &b) {
		return b.Rule
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// fail notes what went wrong, if it is the first.
func (c *course) fail(rule string, err error) {
	if err != nil && c.res.Failure == nil {
		c.res.Failure = &Failure{Rule: rule, Err: err, Step: len(c.res.Steps)}
	}
}

// collect reads what the store holds.
func (c *course) collect() {
	store := c.world.Store()
	var err error
	if c.res.Records, err = store.List(c.ctx, backend.Query{}); err == nil {
		c.res.Requests, err = store.Requests(c.ctx, backend.RequestQuery{})
	}
	if err == nil {
		c.res.History, err = store.History(c.ctx, backend.HistoryQuery{})
	}
	c.fail("a store can be read", err)
	for i := range c.res.History {
		c.res.History[i].Position = 0
	}
	c.res.Views = map[backend.Ref]fake.View{}
	if hw := c.world.Simulated(); hw != nil {
		for i := range c.res.Records {
			if v, there := hw.View(c.res.Records[i].Ref); there {
				c.res.Views[c.res.Records[i].Ref] = v
			}
		}
	}
}
