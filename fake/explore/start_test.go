package explore

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/scenario"
)

func TestAStartThatCannotBeExploredIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, says string }{
		"a step that is no event": {
			"- name: a\n  given: {racks: [{id: r1}]}\n  when: [{advance: 1h}]\n  then: {states: {rack/r1: Ready}}\n", "step 1 is nothing that may happen to a world at any moment",
		},
		"uploads": {
			"- name: a\n  given:\n    settings: {machine_firmware: [{component: bmc, version: \"2\", how: upload}]}\n    racks: [{id: r1}]\n  then: {states: {rack/r1: Ready}}\n", "machine_firmware cannot be explored",
		},
		"no scenario": {"- name: a\n  gven: {}\n", "gven"},
	} {
		_, err := ParseStarts("x.yaml", []byte(tc.text))
		require.ErrorIs(t, err, scenario.ErrBadFile, name)
		require.ErrorContains(t, err, tc.says, name)
	}
}

func TestPresetsAreSearchesOfStartsThatExist(t *testing.T) {
	t.Parallel()
	for _, name := range Presets() {
		list, err := Preset(name)
		require.NoError(t, err)
		assert.NotEmpty(t, list, name)
	}
	_, err := Preset("all")
	require.EqualError(t, err, `explore: there is no preset "all"; there are short, ci, long`)
}

func TestASearchNeedsAClockAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), Config{Start: own(t, tiny)})
	require.EqualError(t, err, "explore: Clock is missing")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = Run(ctx, Config{Start: own(t, tiny), Clock: frozen})
	require.ErrorIs(t, err, context.Canceled)
}

func TestABudgetSaysWhatItAllows(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "nothing", Budget{}.String())
	assert.Equal(t, "2 faults, 1 crash, 1 request", Budget{Faults: 2, Crashes: 1, Requests: 1}.String())
	assert.Equal(t, "2 crashes", Budget{Crashes: 2}.String())
}

func TestARequestMayBeMadeOncePerUnitOfBudget(t *testing.T) {
	t.Parallel()
	one := explored(t, Config{Start: own(t, tiny), Budget: Budget{Requests: 1}})
	two := explored(t, Config{Start: own(t, tiny), Budget: Budget{Requests: 2}})
	none := explored(t, Config{Start: own(t, tiny)})
	assert.Equal(t, 1, none.States)
	assert.Greater(t, two.States, one.States)
	assert.Greater(t, two.Longest, one.Longest)
}

// Crashes and lost answers add ways to go, and none of them ends elsewhere.
func TestFaultsAndCrashesAreTriedAtEveryCall(t *testing.T) {
	t.Parallel()
	with := func(b Budget) *Report {
		b.Requests = 1
		r := explored(t, Config{Start: own(t, tiny), Budget: b})
		assert.Empty(t, r.Findings, "%s", r.Text())
		assert.True(t, r.Complete)
		return r
	}
	plain, crashes, faults, holds := with(Budget{}), with(Budget{Crashes: 1}), with(Budget{Faults: 1}), with(Budget{Jumps: 1, Ticks: 1})
	assert.Greater(t, crashes.States, plain.States)
	assert.Greater(t, faults.States, crashes.States)
	assert.Greater(t, holds.States, plain.States)
}
