package scenario

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryScenarioIsReadBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	list, err := Read("testdata")
	require.NoError(t, err)
	ignore := cmp.Options{cmpopts.IgnoreFields(Scenario{}, "File", "Line", "checked"), cmpopts.EquateEmpty()}
	for _, want := range list {
		text := Encode(want)
		got, err := Parse("encoded", text)
		if !assert.NoError(t, err, "%s: %s\n%s", want.File, want.Name, text) {
			continue
		}
		assert.Empty(t, cmp.Diff(want, got[0], ignore), "%s: %s\n%s", want.File, want.Name, text)
	}
}

// EquateEmpty would hide it: an absent list is the whole rack, and an empty one is rejected.
func TestAnEmptyListStaysAnEmptyList(t *testing.T) {
	t.Parallel()
	const text = "- name: n\n  given: {racks: [{id: r1}]}\n  when: [{request: {id: q1, on: rack/r1, type: maintenance, scope: {machines: []}}}]\n  then: {rejected: [], states: {rack/r1: Ready}}\n"
	list, err := Parse("n", []byte(text))
	require.NoError(t, err)
	got, err := Parse("encoded", Encode(list...))
	require.NoError(t, err)
	assert.NotNil(t, got[0].When[0].Request.Scope.Machines)
	assert.Nil(t, got[0].When[0].Request.Scope.Switches)
	assert.NotNil(t, got[0].Then.Rejected)
}
