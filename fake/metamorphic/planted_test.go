package metamorphic_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/metamorphic"
	"github.com/rackstate/rackstate/fake/scenario"
)

// forgetful says that it has applied the update of a request that has ended, and has not.
type forgetful struct{ *memory.Store }

// Commit leaves the ends of requests out.
func (s forgetful) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	batch = slices.Clone(batch)
	for i := range batch {
		batch[i].Update = slices.DeleteFunc(slices.Clone(batch[i].Update), func(q backend.Request) bool { return !q.State.Open() })
	}
	return s.Store.Commit(ctx, batch)
}

// credulous takes commits under leases that are over.
type credulous struct{ *memory.Store }

// Commit does not look at fences.
func (s credulous) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	batch = slices.Clone(batch)
	for i := range batch {
		batch[i].Fences = nil
	}
	return s.Store.Commit(ctx, batch)
}

// rowless loses the history row of every machine that gets Ready.
type rowless struct{ *memory.Store }

// Commit leaves rows out.
func (s rowless) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	batch = slices.Clone(batch)
	for i := range batch {
		batch[i].Writes = slices.Clone(batch[i].Writes)
		for j := range batch[i].Writes {
			if w := &batch[i].Writes[j]; w.Transition != nil && w.Transition.To == "Ready" && w.Record.Ref.Kind == backend.KindMachine {
				w.Transition = nil
			}
		}
	}
	return s.Store.Commit(ctx, batch)
}

// blind does not show a new controller the pending requests of machines: it forgets them.
type blind struct{ *memory.Store }

// Requests leaves some out.
func (s blind) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	found, err := s.Store.Requests(ctx, q)
	if q.OpenOnly {
		found = slices.DeleteFunc(found, func(r backend.Request) bool {
			return r.On.Kind == backend.KindMachine && r.State == backend.RequestPending
		})
	}
	return found, err
}

// stutterer gives every change of power a key of its own: what was begun before a crash is begun again after it.
type stutterer struct {
	backend.Power
	calls int
}

// SetPower begins under another key each time.
func (p *stutterer) SetPower(ctx context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	p.calls++
	return p.Power.SetPower(ctx, fmt.Sprint(key, "+", p.calls), action, devices)
}

func wrapped(wrap func(*memory.Store) backend.Store) metamorphic.Option {
	return metamorphic.Wrapped(func(s backend.Store) backend.Store { return wrap(s.(*memory.Store)) })
}

func TestPlantedBugsAreFoundAndShrunkToAFewSteps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant metamorphic.Option
		form  metamorphic.Form
		from  uint64   // the seed to begin with, where it would take long otherwise
		rules []string // one of them is broken
		steps int      // no more are left
	}{
		"a store loses the end of a request": {
			plant: wrapped(func(s *memory.Store) backend.Store { return forgetful{s} }), form: metamorphic.Alone, rules: []string{"committed", "request"}, steps: 5,
		},
		"a store accepts a stale fence": {
			plant: wrapped(func(s *memory.Store) backend.Store { return credulous{s} }), form: metamorphic.Shared, from: 1152, rules: []string{"newest lease"}, steps: 7,
		},
		"a store loses rows of history": {
			plant: wrapped(func(s *memory.Store) backend.Store { return rowless{s} }), form: metamorphic.Alone, rules: []string{"subscriber", "committed"}, steps: 4,
		},
		"a controller forgets a request": {
			plant: wrapped(func(s *memory.Store) backend.Store { return blind{s} }), form: metamorphic.Alone, rules: []string{"a request ends"}, steps: 4,
		},
		"a driver starts twice what has one key": {
			plant: metamorphic.Rewired(func(c backend.Capabilities) backend.Capabilities { c.Power = &stutterer{Power: c.Power}; return c }),
			form:  metamorphic.Alone, rules: []string{"not asked for"}, steps: 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := metamorphic.NewRunner(c.plant)
			for seed := c.from; seed < c.from+5000; seed++ {
				plan := metamorphic.NewOf(c.form, seed)
				res := r.Run(t.Context(), plan)
				if res.Failure == nil || !slices.ContainsFunc(c.rules, func(part string) bool { return strings.Contains(res.Failure.Rule, part) }) {
					continue
				}
				small := r.Shrink(t.Context(), plan, res.Failure, 300)
				text := scenario.Encode(small.Scenario)
				t.Logf("seed %d, %d runs: %s\n%s", seed, small.Runs, small.Failure, text)
				assert.LessOrEqual(t, len(small.Scenario.When), c.steps)
				again, err := scenario.Parse("small.yaml", text)
				require.NoError(t, err)
				replayed := r.RunScenario(t.Context(), again[0])
				require.NotNil(t, replayed.Failure, "the file shows it too")
				assert.Equal(t, small.Failure.Rule, replayed.Failure.Rule)
				assert.Nil(t, metamorphic.NewRunner().RunScenario(t.Context(), again[0]).Failure, "without the bug nothing fails")
				return
			}
			t.Error("no plan has found it")
		})
	}
}
