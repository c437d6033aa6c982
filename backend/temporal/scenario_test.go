package temporal_test

import (
	"context"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/lifecycle"
)

// untilIdle is a Stepper: workflows step racks until nothing of any rack is due.
func untilIdle(ctx context.Context, ctl *lifecycle.Controller, now time.Time) (steps int, next time.Time, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return steps, now, err
		}
		n, then, err := byWorkflows(ctx, ctl, now)
		steps += n
		if err != nil || then.IsZero() || then.After(now) {
			return steps, then, err
		}
	}
}

func TestScenariosThroughTemporal(t *testing.T) {
	t.Parallel()
	scenario.RunDir(t, "../../fake/scenario/testdata", func(*testing.T) backend.Store { return memory.New() }, scenario.SteppedBy(untilIdle))
}
