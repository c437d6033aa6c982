package backendtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

// brokenRules runs all cases on a store and returns the names of those that fail, with their failures.
func brokenRules(t *testing.T, open func() backend.Store) map[string]error {
	t.Helper()
	failed := map[string]error{}
	for _, c := range storeCases() {
		s := open()
		if err := c.try(t.Context(), s); err != nil {
			failed[c.name] = err
		}
		// A store that is broken may fail to close too; it holds nothing but memory.
		_ = s.Close()
	}
	return failed
}

func TestAGoodStoreBreaksNoRule(t *testing.T) {
	t.Parallel()
	assert.Empty(t, brokenRules(t, func() backend.Store { return memory.New() }))
}

func TestEveryRuleHasItsOwnName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range storeCases() {
		assert.False(t, seen[c.name], "two cases are named %s", c.name)
		assert.NotEmpty(t, c.rule, c.name)
		seen[c.name] = true
	}
}

func TestAFailureNamesTheRuleAndItsPlace(t *testing.T) {
	t.Parallel()
	err := brokenRules(t, brokenStore("LostCAS").open)["StaleVersion"]
	require.Error(t, err)
	assert.Contains(t, err.Error(), "rule: Expect is the version that the store must hold")
	assert.Contains(t, err.Error(), "at:   backend/backendtest/store_cases_commit.go:")
}

func TestABrokenStoreFailsTheRuleThatItBreaks(t *testing.T) {
	t.Parallel()
	for _, b := range brokenStores {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			failed := brokenRules(t, b.open)
			names := make([]string, 0, len(failed))
			for name := range failed {
				names = append(names, name)
			}
			require.NotEmpty(t, names, "the suite lets a store pass that %s", b.fault)
			for _, want := range strings.Fields(b.caughtBy) {
				assert.Contains(t, names, want, "this rule does not notice a store that %s", b.fault)
			}
		})
	}
}
