package metamorphic_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/metamorphic"
	"github.com/rackstate/rackstate/fake/scenario"
)

var (
	seeds  = flag.Uint64("seeds", number("RACKSTATE_SEEDS"), "how many plans TestPlans runs; 0: as many as are right for a test")
	seed0  = flag.Uint64("seed0", 0, "the first seed of TestPlans")
	replay = flag.String("replay", "", "the scenario file that TestReplay runs")
	folder = flag.String("found", "", "the folder for the scenario files of plans that fail; empty: a temporary one")
)

func number(variable string) uint64 {
	n, err := strconv.ParseUint(os.Getenv(variable), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// most is how many failures are shrunk and shown: those of other rules first, and then more of the same.
const most = 4

// campaign is a number of plans that run on as many workers as there are processors.
type campaign struct {
	*testing.T
	run   func(ctx context.Context, r *metamorphic.Runner, p metamorphic.Plan) *metamorphic.Result
	fails func(r *metamorphic.Runner) metamorphic.Fails
	next  uint64
	end   uint64

	mu     sync.Mutex
	plans  int
	steps  int
	rows   int
	failed map[string]int
}

// work runs plans, a block after the other, until there are none left.
func (c *campaign) work(plan func(seed uint64) metamorphic.Plan) {
	r := metamorphic.NewRunner()
	for {
		c.mu.Lock()
		from := c.next
		c.next += metamorphic.Block - from%metamorphic.Block
		to := min(c.next, c.end)
		c.mu.Unlock()
		if from >= c.end || c.Context().Err() != nil {
			return
		}
		for seed := from; seed < to; seed++ {
			p := plan(seed)
			c.ended(r, p, c.run(c.Context(), r, p))
		}
	}
}

// ended counts a plan, and shows one that failed.
func (c *campaign) ended(r *metamorphic.Runner, p metamorphic.Plan, res *metamorphic.Result) {
	c.mu.Lock()
	c.plans++
	c.steps += len(res.Steps)
	c.rows += len(res.History)
	show := false
	if res.Failure != nil {
		c.failed[res.Failure.Rule]++
		show = c.failed[res.Failure.Rule] == 1 && len(c.failed) <= most
	}
	c.mu.Unlock()
	if !show {
		return
	}
	small := metamorphic.ShrinkBy(c.Context(), p.Scenario, res.Failure, 400, c.fails(r))
	dir := *folder
	if dir == "" {
		dir = os.TempDir() // it outlives the test
	}
	text := scenario.Encode(small.Scenario)
	path := filepath.Join(dir, fmt.Sprintf("rackstate-%s-%d.yaml", p.Form, p.Seed))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		path = err.Error()
	}
	c.Errorf("seed %d: %s\nshrunk in %d runs: %s\n%s\nthe plan:   go test ./fake/metamorphic -run %s -seeds 1 -seed0 %d\nthe file:   go test ./fake/metamorphic -run TestReplay -replay %s",
		p.Seed, res.Failure, small.Runs, small.Failure, text, c.Name(), p.Seed, path)
}

func (c *campaign) all(plan func(seed uint64) metamorphic.Plan) {
	c.failed = map[string]int{}
	began := time.Now()
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() { c.work(plan) })
	}
	workers.Wait()
	took := time.Since(began)
	c.Logf("%d plans, %d steps, %d rows of history in %s: %.0f plans/s", c.plans, c.steps, c.rows, took.Round(time.Millisecond), float64(c.plans)/took.Seconds())
	for rule, n := range c.failed {
		c.Errorf("%d plans break %q", n, rule)
	}
}

// amount is how many plans a test runs.
func amount(short, long uint64) uint64 {
	switch {
	case *seeds > 0:
		return *seeds
	case testing.Short():
		return short
	default:
		return long
	}
}

// TestPlans runs plans of all forms. More of them: go test ./fake/metamorphic -run TestPlans -timeout 0 -seeds 1000000 -seed0 5000
func TestPlans(t *testing.T) {
	t.Parallel()
	c := &campaign{T: t, next: *seed0, end: *seed0 + amount(1500, 2500)}
	c.run = func(ctx context.Context, r *metamorphic.Runner, p metamorphic.Plan) *metamorphic.Result {
		return r.Run(ctx, p)
	}
	c.fails = func(r *metamorphic.Runner) metamorphic.Fails {
		return func(ctx context.Context, s scenario.Scenario) *metamorphic.Failure {
			return r.RunScenario(ctx, s).Failure
		}
	}
	c.all(metamorphic.New)
}

// TestAPlanEndsAsItDoesWithoutItsCrashes runs pairs.
func TestAPlanEndsAsItDoesWithoutItsCrashes(t *testing.T) {
	t.Parallel()
	c := &campaign{T: t, next: *seed0, end: *seed0 + amount(300, 500)}
	c.run = func(ctx context.Context, r *metamorphic.Runner, p metamorphic.Plan) *metamorphic.Result {
		return r.RunPair(ctx, p)
	}
	c.fails = func(r *metamorphic.Runner) metamorphic.Fails { return r.PairFails }
	c.all(func(seed uint64) metamorphic.Plan { return metamorphic.NewOf(metamorphic.Pair, seed) })
}

// TestReplay runs what a file holds, and then calm.
func TestReplay(t *testing.T) {
	t.Parallel()
	if *replay == "" {
		t.Skip("no file is named")
	}
	raw, err := os.ReadFile(*replay)
	require.NoError(t, err)
	list, err := scenario.Parse(filepath.Base(*replay), raw)
	require.NoError(t, err)
	for _, s := range list {
		r := metamorphic.NewRunner()
		if res := r.RunScenario(t.Context(), s); res.Failure != nil {
			t.Errorf("%s: %s", s.Name, res.Failure)
		} else if f := r.PairFails(t.Context(), s); f != nil {
			t.Logf("%s: as a pair: %s", s.Name, f)
		}
	}
}
