package scenario_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
)

// simulatedSite is a rack of simulated hardware, with room for more of given and for the steps.
const simulatedSite = "- name: a\n  given:\n    racks: [{id: r1}]\n    machines: [{id: m1, rack: r1}]\n    switches: [{id: s1, rack: r1%s}]\n    %s\n  when: [%s]\n  then: {states: {rack/r1: Ready}}\n"

func TestWhatMakesNoSenseOfSimulatedHardwareAndControllersIsRefused(t *testing.T) {
	t.Parallel()
	const sim, two = "simulated: {}", "controllers: [a, b]"
	for name, c := range map[string]struct{ job, given, when, want string }{
		"delay that nobody knows":      {"", "simulated: {delays: {coffee: 3m}}", "advance: 1s", `given.simulated.delays.coffee: "coffee" is not known; use attestation, bmc_reset, boot,`},
		"delay that goes back":         {"", "simulated: {delays: {boot: 3m..1m}}", "advance: 1s", `"3m..1m" is no delay, for example 90s or 20s..40s`},
		"delays of what is instant":    {"", "simulated: {instant: true, delays: {boot: 3m}}", "advance: 1s", "there are no delays when all is instant"},
		"seed below zero":              {"", "simulated: {seed: -1}", "advance: 1s", "a seed is not negative"},
		"fault that nobody knows":      {"", `simulated: {faults: ["break SetPower"]}`, "advance: 1s", "break SetPower"},
		"call that hangs":              {"", sim, `faults: ["hang SetPower"]`, "time does not pass while a call hangs; use timeout"},
		"fault of scripted hardware":   {"", "requests: []", `faults: []`, "only simulated hardware has faults"},
		"script of simulated":          {"", sim + "\n    hardware: [{call: SetPower, answer: ok}]", "advance: 1s", "given.hardware: the hardware is simulated; use faults"},
		"script in a step":             {"", sim, "hardware: [{call: SetPower, answer: ok}]", "when[0]: the hardware is simulated; use faults"},
		"job of simulated":             {", job: running", sim, "advance: 1s", "given.switches[0].job: the hardware is simulated, and begins its jobs itself"},
		"attestor of another site":     {"", "simulated: {}\n    settings: {attestors: [notary]}", "advance: 1s", `"notary" is not known; use measured-boot, device`},
		"controller twice":             {"", "controllers: [a, a]", "advance: 1s", "controller a is there twice"},
		"controller without a name":    {"", "controllers: [a b]", "advance: 1s", "given.controllers[0]: "},
		"controller that is not":       {"", two, "pause: c", `when[0].pause: "c" is not known; use a, b`},
		"controller of one":            {"", sim, "as: a", "no controllers are given"},
		"stall at a moment that is no": {"", two, "stall: {at: after-commit, for: 1s}", `"after-commit" is not known; use before-commit or after-call CALL`},
		"stall of no length":           {"", two, "stall: {at: before-commit}", "it says for how long, more than zero"},
		"stall at a scripted call":     {"", two, "stall: {at: after-call SetPower, for: 1s}", "only simulated hardware can be waited for"},
		"stall of nobody":              {"", two, "stall: {controller: z, at: before-commit, for: 1s}", `when[0].stall.controller: "z" is not known`},
		"crash at no commit":           {"", sim, "crash: before-commit 0", "use the word crash alone, crash: after-call CALL, or crash: before-commit,"},
		"newcomer of no kind":          {"", "newcomers: [{kind: dog, id: d1, rack: r1}]", "advance: 1s", `"dog" is no kind of device`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := scenario.Parse("x.yaml", fmt.Appendf(nil, simulatedSite, c.job, c.given, "{"+c.when+"}"))
			require.ErrorIs(t, err, scenario.ErrBadFile)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestAStallThatNeverComesIsNoticed(t *testing.T) {
	t.Parallel()
	_, err := runOne(t, fmt.Sprintf(simulatedSite, "", "simulated: {}", "{stall: {at: after-call SetPower 2, for: 1s}}, {run: 1m}"))
	require.ErrorContains(t, err, "stall after-call SetPower 2: expected the call is made, found it was not made")
}

func TestControllersNeedAStoreWithLeases(t *testing.T) {
	t.Parallel()
	list, err := scenario.Parse("x.yaml", fmt.Appendf(nil, simulatedSite, "", "controllers: [a]", "{run: 1s}"))
	require.NoError(t, err)
	_, err = scenario.Run(t.Context(), list[0], struct{ backend.Store }{memory.New()})
	require.ErrorContains(t, err, "the store has no leases")
}

// What was restored goes the same way again, in the store, on the hardware and under the leases.
func TestAWorldOfSimulatedHardwareIsRestored(t *testing.T) {
	t.Parallel()
	for name, controllers := range map[string]string{"one controller": "simulated: {seed: 5}", "two controllers": "simulated: {seed: 5}\n    controllers: [a, b]"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := scenario.Parse("x.yaml", fmt.Appendf(nil, simulatedSite, "", controllers,
				"{faults: [\"lose SetPower nth=1\"]}, {request: {id: q1, on: rack/r1, type: maintenance, scope: {activities: [{PowerSequence: {power: reset}}]}}}, {run: 10s}, {crash: lost-commit 2}, {run: 2h}"))
			require.NoError(t, err)
			begun := memory.New()
			w, err := scenario.Open(t.Context(), list[0], begun, scenario.Verified())
			require.NoError(t, err)
			begin := w.Snapshot()
			var histories [][]backend.Transition
			for range 3 {
				store := begun.Fork()
				require.NoError(t, w.Restore(t.Context(), begin, store))
				for _, step := range list[0].When {
					require.NoError(t, w.Do(t.Context(), step), "%s", step)
				}
				require.NoError(t, w.Check(t.Context(), list[0].Then))
				require.Empty(t, w.Problems())
				require.NoError(t, w.Audit(t.Context()))
				require.Equal(t, 4, w.Simulated().Started("SetPower"))
				rows, err := store.History(t.Context(), backend.HistoryQuery{})
				require.NoError(t, err)
				histories = append(histories, rows)
			}
			assert.Empty(t, cmp.Diff(histories[0], histories[1]))
			assert.Empty(t, cmp.Diff(histories[0], histories[2]))
		})
	}
}

// A scenario that holds fails all the same when a rule is broken on the way.
func TestAScenarioFailsWhenARuleIsBroken(t *testing.T) {
	t.Parallel()
	list, err := scenario.Parse("x.yaml", fmt.Appendf(nil, simulatedSite, "", "simulated: {instant: true}",
		"{request: {id: q1, on: rack/r1, type: maintenance, scope: {activities: [{PowerSequence: {power: reset}}]}}}, {run: 2h}"))
	require.NoError(t, err)
	_, err = scenario.Run(t.Context(), list[0], memory.New())
	require.NoError(t, err)
	_, err = scenario.Run(t.Context(), list[0], lossy{memory.New()})
	require.ErrorContains(t, err, "were committed, and are not stored")
}

// lossy drops the rows of racks that get Ready.
type lossy struct{ backend.Store }

// Commit leaves the row out.
func (s lossy) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	for i := range batch {
		for j := range batch[i].Writes {
			if w := batch[i].Writes[j]; w.Transition != nil && w.Transition.To == "Ready" && w.Transition.From != "" {
				copied := append([]backend.Write(nil), batch[i].Writes...)
				copied[j].Transition = nil
				changed := append([]backend.Commit(nil), batch...)
				changed[i].Writes = copied
				return s.Store.Commit(ctx, changed)
			}
		}
	}
	return s.Store.Commit(ctx, batch)
}
