package explore

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
)

// tampered is a store that changes commits before they are made. Returning false loses one: it is refused for ever.
type tampered struct {
	backend.Store
	change func(c *backend.Commit) bool
}

// Commit applies a batch, see backend.Store.
func (s tampered) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	for i := range batch {
		if !s.change(&batch[i]) {
			return []error{backend.ErrConflict}, nil
		}
	}
	return s.Store.Commit(ctx, batch)
}

// tamper plants a mistake between the engine and its store.
func tamper(change func(c *backend.Commit) bool) func(backend.Store) backend.Store {
	return func(inner backend.Store) backend.Store { return tampered{Store: inner, change: change} }
}

// moved returns the write by which an object goes from one state to another, nil if there is none.
func moved(c *backend.Commit, from, to string) *backend.Write {
	for i := range c.Writes {
		if t := c.Writes[i].Transition; t != nil && strings.HasPrefix(t.From, from) && strings.HasPrefix(t.To, to) {
			return &c.Writes[i]
		}
	}
	return nil
}

// tiny is a rack with one machine.
const tiny = `
- name: tiny
  given:
    racks: [{id: r1}]
    machines: [{id: m1, rack: r1}]
    firmware: [{id: fw-1}]
    hardware:
      - {call: ApplyFirmware, answer: {jobs: {m1: running}}}
  when:
    - request: {id: q, on: rack/r1, type: maintenance, initiator: alice, scope: {activities: [{FirmwareUpgrade: {firmware: fw-1}}, PowerSequence]}}
  then: {states: {rack/r1: Ready}}
`

// Each of these mistakes is in a world that is right otherwise. It must be found, on the shortest path, and the scenario that is printed must show it again.
func TestMistakesAreFoundOnTheShortestPath(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg   Config
		rule  string
		steps int
	}{
		// The machine goes to work and back in circles, for ever: that is so from the request on.
		"a device forgets that it has begun with a request": {
			cfg: Config{Budget: Budget{Requests: 1}, breaks: tamper(func(c *backend.Commit) bool {
				if moved(c, "Ready", "HostReprovision/WaitingForRackFirmwareUpgrade") != nil {
					c.Update = nil
				}
				return true
			})},
			rule: restRule, steps: 1,
		},
		"a rack skips what comes after maintenance": {
			cfg: Config{Budget: Budget{Requests: 1}, breaks: tamper(func(c *backend.Commit) bool {
				if w := moved(c, "Maintenance/PowerSequence/PoweringOn", "Maintenance/Completed"); w != nil {
					w.Record.State, w.Transition.To = "Ready", "Ready"
				}
				return true
			})},
			rule: "an object moves only along the table of its kind", steps: 7,
		},
		"a call has a key that does not change when its object moves": {
			cfg: Config{Budget: Budget{Requests: 1}, hears: func(c scenario.Call) scenario.Call {
				if c.Name == "SetPower" {
					c.Key = "rack/r1#1/SetPower/0"
				}
				return c
			}},
			rule: "a new key has the current transition count of its object", steps: 6,
		},
		"a machine never hears that the rack is done": {
			cfg: Config{Budget: Budget{Requests: 1}, breaks: tamper(func(c *backend.Commit) bool {
				return moved(c, "HostReprovision/WaitingForRackFirmwareUpgrade", "") == nil
			})},
			rule: restRule, steps: 6,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := tc.cfg
			cfg.Start = own(t, tiny)
			r := explored(t, cfg)
			f, ok := findingOf(r, tc.rule)
			require.True(t, ok, "%s", r.Text())
			assert.Len(t, f.Scenario.When, tc.steps, "%s", scenario.Encode(f.Scenario))
			again(t, cfg, f)
		})
	}
}

// own reads a start.
func own(t *testing.T, text string) Start {
	t.Helper()
	list, err := ParseStarts("own.yaml", []byte(text))
	require.NoError(t, err)
	return list[0]
}

// findingOf returns what was found against a rule.
func findingOf(r *Report, rule string) (Finding, bool) {
	for _, f := range r.Findings {
		if f.Rule == rule {
			return f, true
		}
	}
	return Finding{}, false
}

// again writes the scenario of a finding down, reads it, and runs it in the world with the mistake.
func again(t *testing.T, cfg Config, f Finding) {
	t.Helper()
	list, err := scenario.Parse("found.yaml", scenario.Encode(f.Scenario))
	require.NoError(t, err)
	cfg.Clock = frozen
	x := newExplorer(t.Context(), cfg)
	ran, err := x.replay(list[0])
	require.NoError(t, err)
	assert.Equal(t, f.Scenario.Then, ran.then)
	assert.Equal(t, f.Rule != restRule, f.Again)
	if f.Again {
		assert.Contains(t, ran.text(), f.Rule)
	}
}

// The scenario of a finding is one that everybody can run: with the mistake elsewhere than in the world, what it expects is what happens.
func TestTheScenarioOfAFindingRunsAsATest(t *testing.T) {
	t.Parallel()
	r := explored(t, Config{Start: own(t, tiny), Budget: Budget{Requests: 1}, hears: func(c scenario.Call) scenario.Call {
		if c.Name == "ApplyFirmware" {
			c.Key = "nonsense"
		}
		return c
	}})
	require.NotEmpty(t, r.Findings)
	assert.Contains(t, r.Text(), "nonsense")
	list, err := scenario.Parse("found.yaml", scenario.Encode(r.Findings[0].Scenario))
	require.NoError(t, err)
	_, err = scenario.Run(t.Context(), list[0], memory.New())
	require.NoError(t, err)
	broken, trace, err := Replay(t.Context(), list[0])
	require.NoError(t, err)
	assert.Empty(t, broken, "the call is right; only what the search heard of it was not")
	assert.Contains(t, trace, "ApplyFirmware")
}

// Hardware that refuses what it is asked, and is not said to be at fault, is as good as a state machine that fails by itself.
func TestAFailureWithoutAFaultIsFound(t *testing.T) {
	t.Parallel()
	r := explored(t, Config{Start: own(t, strings.Replace(tiny, "{jobs: {m1: running}}}", "{jobs: {m1: running}}}\n      - {call: SetPower, answer: {permanent: never}}", 1)), Budget: Budget{Requests: 1}})
	f, ok := findingOf(r, faultRule)
	require.True(t, ok, "%s", r.Text())
	assert.Equal(t, "Error", f.Scenario.Then.States["rack/r1"])
}

// A world in which time must pass before anything goes on is not one that hangs.
func TestTimePassesWhenNothingElseHappens(t *testing.T) {
	t.Parallel()
	r := explored(t, Config{Start: own(t, `
- name: waits
  given:
    racks: [{id: r1, state: Error, cause: a machine failed, origin: component}]
    machines: [{id: m1, rack: r1, state: HostReprovision/FailedFirmwareUpgrade}]
  when:
    - delete: rack/r1
  then: {states: {rack/r1: Error}}
`)})
	assert.Empty(t, r.Findings, "%s", r.Text())
	assert.Greater(t, r.States, 4, "after an hour the machine tries again, and the rack recovers")
}
