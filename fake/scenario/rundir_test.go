package scenario_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
)

// holds and fails are scenarios of which one holds.
const (
	holds = "- {name: %s, given: {racks: [{id: r1}]}, then: {states: {rack/r1: Ready}}}\n"
	fails = "- {name: %s, given: {racks: [{id: r1}]}, then: {states: {rack/r1: Error}}}\n"
)

// TestADirectoryInTheEnvironmentRunsInAddition sets the environment and is not parallel therefore.
func TestADirectoryInTheEnvironmentRunsInAddition(t *testing.T) {
	own, more := t.TempDir(), t.TempDir()
	write(t, own, "own.yaml", fmt.Sprintf(holds, "one")+fmt.Sprintf(holds, "two"))
	write(t, more, "more.yaml", fmt.Sprintf(holds, "three"))
	for dir, want := range map[string]int32{"": 2, more: 3} {
		t.Setenv(scenario.DirVariable, dir)
		var opened atomic.Int32
		t.Run("with "+dir, func(t *testing.T) {
			scenario.RunDir(t, own, func(t *testing.T) backend.Store {
				t.Helper()
				opened.Add(1)
				return inMemory(t)
			})
		})
		assert.Equal(t, want, opened.Load(), "stores, one for each scenario")
	}
}

// childVariable tells the test binary to run the scenarios of a directory as a user's test does.
const childVariable = "RACKSTATE_SCENARIO_CHILD"

// TestChild is what a user's test looks like; it runs in a process of its own, where it may fail.
func TestChild(t *testing.T) {
	t.Parallel()
	dir := os.Getenv(childVariable)
	if dir == "" {
		t.Skip("it is started by the tests below")
	}
	scenario.RunDir(t, dir, inMemory, scenario.Failing("known to fail"))
}

// child runs TestChild on a directory of one file and returns what it printed.
func child(t *testing.T, text, more string) (output string, passed bool) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "own.yaml", text)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), childVariable+"="+dir, scenario.DirVariable+"="+more)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func TestEachScenarioIsASubtestOfItsName(t *testing.T) {
	t.Parallel()
	out, passed := child(t, fmt.Sprintf(holds, "a rack stays")+fmt.Sprintf(fails, "known to fail"), "")
	require.True(t, passed, out)
	assert.Contains(t, out, "--- PASS: TestChild/a_rack_stays")
	assert.Contains(t, out, "--- PASS: TestChild/known_to_fail")
}

func TestAScenarioThatDoesNotHoldFailsItsSubtestWithFileLineAndRun(t *testing.T) {
	t.Parallel()
	out, passed := child(t, fmt.Sprintf(fails, "known to fail")+fmt.Sprintf(fails, "a rack goes")+fmt.Sprintf(holds, "a rack stays"), "")
	require.False(t, passed, out)
	assert.Contains(t, out, "--- FAIL: TestChild/a_rack_goes")
	assert.Contains(t, out, "--- PASS: TestChild/a_rack_stays")
	for _, want := range []string{"own.yaml:2: a rack goes: ", "state of rack/r1: expected Error, found Ready", "history:", "hardware calls:"} {
		assert.Contains(t, out, want)
	}
}

func TestAListOfFailingScenariosCannotRot(t *testing.T) {
	t.Parallel()
	out, passed := child(t, fmt.Sprintf(holds, "known to fail"), "")
	require.False(t, passed, out)
	assert.Contains(t, out, "own.yaml:1: known to fail: it passes; take it from the list of those that fail")

	out, passed = child(t, fmt.Sprintf(holds, "a rack stays"), "")
	require.False(t, passed, out)
	assert.Contains(t, out, `the scenario "known to fail" is said to fail`)
}

func TestAMalformedFileFailsTheTest(t *testing.T) {
	t.Parallel()
	out, passed := child(t, strings.Replace(fmt.Sprintf(fails, "known to fail"), "given", "givn", 1), "")
	require.False(t, passed, out)
	assert.Contains(t, out, `own.yaml:1: "known to fail": unknown key "givn"`)

	out, passed = child(t, fmt.Sprintf(fails, "known to fail"), "/nowhere/at/all")
	require.False(t, passed, out)
	assert.Contains(t, out, "/nowhere/at/all")
}
