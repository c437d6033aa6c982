package explore

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/scenario"
)

// named returns a start of the module.
func named(t *testing.T, name string) Start {
	t.Helper()
	list, err := Starts()
	require.NoError(t, err)
	at := slices.IndexFunc(list, func(s Start) bool { return s.Name == name })
	require.GreaterOrEqual(t, at, 0)
	return list[at]
}

// frozen is a clock that stands.
func frozen() time.Time { return scenario.Start() }

// explored runs a search.
func explored(t *testing.T, cfg Config) *Report {
	t.Helper()
	cfg.Clock = frozen
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	return r
}

// nothingWrong runs a preset.
func nothingWrong(t *testing.T, name string) {
	t.Helper()
	list, err := Preset(name)
	require.NoError(t, err)
	for _, cfg := range list {
		r := explored(t, cfg)
		t.Log(r.Text())
		for _, f := range r.Findings {
			t.Errorf("%s: %s\n%s\n%s", r.Start, f.Rule, f.What, scenario.Encode(f.Scenario))
		}
		assert.Equal(t, cfg.States == 0, r.Complete, r.Start)
	}
}

// CI runs the command for a whole rack.
func TestNothingIsWrongWithSmallWorlds(t *testing.T) {
	t.Parallel()
	nothingWrong(t, "short")
}

func TestWhatIsFoundDoesNotDependOnTheNumberOfWorkers(t *testing.T) {
	t.Parallel()
	cfg := Config{Start: named(t, "small"), Budget: Budget{Requests: 1}, Workers: 1}
	one := explored(t, cfg)
	cfg.Workers = 3
	assert.Equal(t, one, explored(t, cfg))
	assert.Greater(t, one.States, 1000)
	assert.Greater(t, one.Transitions, uint64(one.States))
	assert.Positive(t, one.Resting)
}

// What a search leaves out for a bound must not look as if the world came to rest nowhere, or as if all were looked at.
func TestABoundLeavesUnknownWhatItCutOff(t *testing.T) {
	t.Parallel()
	start := named(t, "small")
	for name, cfg := range map[string]Config{
		"depth":  {Start: start, Budget: Budget{Requests: 1, Crashes: 1}, Depth: 4},
		"states": {Start: start, Budget: Budget{Requests: 1, Crashes: 1}, States: 200},
	} {
		r := explored(t, cfg)
		assert.False(t, r.Complete, name)
		assert.Positive(t, r.Unknown, name)
		assert.Empty(t, r.Findings, name)
	}
	minutes := 0
	r, err := Run(t.Context(), Config{Start: start, Budget: Budget{Requests: 1}, For: 20 * time.Minute, Clock: func() time.Time {
		minutes++
		return frozen().Add(time.Duration(minutes) * time.Minute)
	}})
	require.NoError(t, err)
	assert.Positive(t, r.Unexpanded)
	assert.Empty(t, r.Findings)
}

// What the canonical form of states leaves out must have no influence on what follows.
func TestStatesThatAreOneBehaveAlike(t *testing.T) {
	t.Parallel()
	states := 3000
	if testing.Short() {
		states = 400
	}
	for name, budget := range map[string]Budget{
		"small": {Requests: 1, Faults: 1, Holds: 1, Jumps: 1}, "ready": {Requests: 2, Faults: 1, Crashes: 1}, "bring-up": {Requests: 1, Faults: 1, Jumps: 1}, "error": {Requests: 1, Faults: 1},
		"tenant": {Requests: 2}, "validation": {Requests: 1},
	} {
		r := explored(t, Config{Start: named(t, name), Budget: budget, States: states, Recheck: 20})
		assert.Greater(t, r.Rechecked, 10, name)
		for _, f := range r.Findings {
			assert.NotEqual(t, alikeRule, f.Rule, "%s: %s", name, f.What)
		}
	}
}

// opened is a search that has not begun, with its first state and a worker.
func opened(t *testing.T, cfg Config) (*explorer, *node, *worker) {
	t.Helper()
	cfg.Clock, cfg.Workers = frozen, 1
	x := newExplorer(t.Context(), cfg)
	root, workers, err := x.open(t.Context())
	require.NoError(t, err)
	return x, root, workers[0]
}

// A search loads the store anew for every move. A controller that stays, and keeps in memory what it likes, must come to the same.
func TestAControllerThatStaysComesToTheSame(t *testing.T) {
	t.Parallel()
	for name, budget := range map[string]Budget{"small": {Requests: 1, Faults: 1, Crashes: 1, Holds: 1, Jumps: 1}, "bring-up": {Faults: 1, Crashes: 1}} {
		x, root, k := opened(t, Config{Start: named(t, name), Budget: budget, States: 1500})
		require.NoError(t, x.search(root, []*worker{k}))
		byID := make([]digest, len(x.found))
		for d, id := range x.found {
			byID[id] = d
		}
		for id := 7; id < len(byID); id += 41 {
			steps := x.steps(uint32(id), nil)
			stays, err := x.newWorker(t.Context())
			require.NoError(t, err)
			stays.do(steps)
			require.Empty(t, stays.problems)
			snap := stays.w.Snapshot()
			_, plain := k.canon.digest(world{stays.book.page, snap}, Budget{})
			assert.True(t, x.named(byID[id], plain), "%s: after\n%s", name, stepsText(steps))
		}
	}
}

// named reports whether the plain digest of a state makes its digest, with whatever is left of the budget.
func (x *explorer) named(full, plain digest) bool {
	b := x.cfg.Budget
	for f := range b.Faults + 1 {
		for c := range b.Crashes + 1 {
			for r := range b.Requests + 1 {
				for h := range b.Holds + 1 {
					for j := range b.Jumps + 1 {
						if plain.with(Budget{Faults: f, Crashes: c, Requests: r, Holds: h, Jumps: j}) == full {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// The search leaves out crashes before a pass has changed anything outside. They are tried here, at every call of every pass of a bring-up and a maintenance.
func TestACrashWithoutEffectEqualsNoPass(t *testing.T) {
	t.Parallel()
	x, root, k := opened(t, Config{Start: named(t, "small"), Budget: Budget{Requests: 1, Crashes: 1}, States: 300})
	require.NoError(t, x.search(root, []*worker{k}))
	looked, acted := 0, 0
	for id := range len(x.found) {
		n := at(t, x, k, root, uint32(id))
		for _, r := range n.page.objects {
			k.dirty = true
			k.try(n, move{steps: passOf(r.Ref)})
			calls := slices.Clone(k.calls)
			made := map[string]int{}
			changed := false
			for _, c := range calls {
				made[c.Name]++
				changed = changed || c.Key != "" && !n.snap.Began(c.Name, c.Key)
				point := crashAfter(c.Name, made[c.Name])
				e := k.try(n, move{steps: passOf(r.Ref, point), hardware: true})
				if !changed {
					looked++
					assert.True(t, e.self, "a crash after %s of %s changes something, which only looks, after\n%s", c.Name, r.Ref, stepsText(x.steps(uint32(id), nil)))
				} else {
					acted++
				}
			}
		}
	}
	assert.Greater(t, looked, 50)
	assert.Greater(t, acted, 10)
}

// at goes to a state by its path.
func at(t *testing.T, x *explorer, k *worker, root *node, id uint32) *node {
	t.Helper()
	n := root
	for _, m := range x.graph.path(id) {
		k.dirty = true
		k.restore(n)
		k.do(x.moves.list[m])
		next := &node{page: k.book.page, checker: k.checker, snap: k.w.Snapshot(), left: root.left}
		next.name, next.plain = k.canon.digest(world{next.page, next.snap}, next.left)
		n = next
	}
	return n
}
