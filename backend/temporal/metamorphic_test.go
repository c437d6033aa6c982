package temporal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rackstate/rackstate/fake/metamorphic"
	"github.com/stretchr/testify/require"
)

// failure is that of a result as an error.
func failure(res *metamorphic.Result) error {
	if res.Failure == nil {
		return nil
	}
	return res.Failure
}

// Ten plans, with crashes, faults and people. Their racks do not wait for one another: where a workflow steps one rack after the other the order of passes is another one.
func TestAPlanHasTheSameHistoryThroughTemporal(t *testing.T) {
	t.Parallel()
	direct, through := metamorphic.NewRunner(), metamorphic.NewRunner(metamorphic.SteppedBy(untilIdle))
	ran := 0
	for seed := uint64(0); ran < 10; seed += 17 {
		plan := metamorphic.NewOf(metamorphic.Alone, seed)
		if len(plan.Scenario.Given.Racks)+len(plan.Scenario.Given.Expected) > 1 {
			continue
		}
		ran++
		want, got := direct.Run(t.Context(), plan), through.Run(t.Context(), plan)
		require.NotEmpty(t, want.History)
		require.NoError(t, failure(want), "seed %d", seed)
		require.NoError(t, failure(got), "seed %d", seed)
		equal := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(metamorphic.Result{}, "Failure", "Steps")}
		if diff := cmp.Diff(want, got, equal); diff != "" {
			t.Errorf("seed %d: - by the engine's loop, + through workflows:\n%.3000s", seed, diff)
		}
	}
}
