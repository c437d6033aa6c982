package temporal_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/rackstate/rackstate/backend/temporal"
)

// bench is a RackWorkflow whose steps a test answers itself.
type bench struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment
	in  temporal.RackInput
	// at are the times of the steps, by the workflow.
	at []time.Duration
}

// newBench answers the nth step, counted from 1, with what answer returns.
func newBench(t *testing.T, answer func(b *bench, n int) (temporal.StepOutput, error)) *bench {
	t.Helper()
	b := &bench{t: t, env: quiet().NewTestWorkflowEnvironment(), in: temporal.RackInput{Rack: "R01"}}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.env.SetStartTime(start)
	b.env.RegisterActivityWithOptions(func(_ context.Context, in temporal.StepInput) (temporal.StepOutput, error) {
		assert.Equal(t, "R01", in.Rack)
		b.at = append(b.at, in.At.Sub(start))
		return answer(b, len(b.at))
	}, activity.RegisterOptions{Name: "StepRack"})
	return b
}

// run runs the workflow, which must end well.
func (b *bench) run() temporal.Status {
	b.t.Helper()
	b.env.ExecuteWorkflow(temporal.RackWorkflow, b.in)
	require.True(b.t, b.env.IsWorkflowCompleted())
	require.NoError(b.t, b.env.GetWorkflowError())
	var s temporal.Status
	require.NoError(b.t, b.env.GetWorkflowResult(&s))
	return s
}

func (b *bench) wake()                           { b.env.SignalWorkflow(temporal.WakeSignal, nil) }
func (b *bench) after(d time.Duration, f func()) { b.env.RegisterDelayedCallback(f, d) }
func due(in time.Duration) temporal.StepOutput {
	return temporal.StepOutput{Objects: 3, State: "Ready", Steps: 2, Next: time.Unix(1, 0).UTC(), Wait: in}
}
func gone() (temporal.StepOutput, error)     { return temporal.StepOutput{}, nil }
func (b *bench) steps(want ...time.Duration) { b.t.Helper(); assert.Equal(b.t, want, b.at) }

func TestAWorkflowStepsItsRackWhenSomethingIsDueAndEndsWhenItIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, n int) (temporal.StepOutput, error) {
		if n == 4 {
			return gone()
		}
		return due(time.Duration(n) * time.Minute), nil
	})
	status := b.run()
	b.steps(0, time.Minute, 3*time.Minute, 6*time.Minute)
	assert.Equal(t, temporal.Status{Rack: "R01", Rounds: 4, Steps: 6, Waiting: "nothing: the rack is gone"}, status)
}

func TestAWakeEndsTheWaitAndManyWakesAreOneStep(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, n int) (temporal.StepOutput, error) {
		if n == 3 {
			return gone()
		}
		return due(5 * time.Minute), nil
	})
	b.after(10*time.Second, func() {
		for range 3 {
			b.env.SignalWorkflowSkippingWorkflowTask(temporal.WakeSignal, nil)
		}
		b.wake()
	})
	b.run()
	b.steps(0, 10*time.Second, 10*time.Second+5*time.Minute)
}

func TestAWakeDuringAStepIsServedByAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(b *bench, n int) (temporal.StepOutput, error) {
		switch n {
		case 1:
			b.wake() // what it stands for may have come too late for this step
			return due(time.Hour), nil
		case 2:
			b.wake() // somebody puts a device into the rack that has just become empty
			return gone()
		default:
			return gone()
		}
	})
	b.run()
	b.steps(0, 0, 0)
}

func TestAWorkflowLooksNowAndThenThoughNothingIsDue(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, n int) (temporal.StepOutput, error) {
		switch n {
		case 1:
			return temporal.StepOutput{Objects: 1}, nil // nothing is ever due
		case 2:
			return due(1000 * time.Hour), nil
		default:
			return gone()
		}
	})
	b.in.Idle = time.Minute
	b.run()
	b.steps(0, time.Minute, 2*time.Minute)
}

func TestAStepThatFailsIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, n int) (temporal.StepOutput, error) {
		if n < 5 {
			return temporal.StepOutput{}, errors.New("the store does not answer")
		}
		return gone()
	})
	assert.Equal(t, 1, b.run().Rounds)
	assert.Len(t, b.at, 5)
}

func TestTheStatusSaysWhatTheWorkflowWaitsFor(t *testing.T) {
	t.Parallel()
	ask := func(b *bench) (s temporal.Status) {
		answer, err := b.env.QueryWorkflow(temporal.StatusQuery)
		require.NoError(t, err)
		require.NoError(t, answer.Get(&s))
		return s
	}
	var during temporal.Status
	b := newBench(t, func(b *bench, n int) (temporal.StepOutput, error) {
		if n == 2 {
			during = ask(b)
			return gone()
		}
		return due(time.Hour), nil
	})
	b.in.Idle = 2 * time.Hour
	var between temporal.Status
	b.after(time.Minute, func() { between = ask(b) })
	b.run()
	want := temporal.Status{Rack: "R01", State: "Ready", Objects: 3, Rounds: 1, Steps: 2, Next: time.Unix(1, 0).UTC(), Waiting: "a wake, or 2026-01-01T01:00:00Z"}
	assert.Equal(t, want, between)
	want.Waiting = "a step"
	assert.Equal(t, want, during)
}

func TestAWorkflowContinuesAsNewWithWhatItHasDoneAndBeginsWithAStep(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(b *bench){
		"after so many rounds":        func(b *bench) { b.in.Rounds = 2 },
		"when the server suggests it": func(b *bench) { b.after(time.Second, func() { b.env.SetContinueAsNewSuggested(true) }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(b *bench, n int) (temporal.StepOutput, error) {
				if n == 2 {
					b.wake() // nobody serves it in this run any more
				}
				return due(time.Minute), nil
			})
			b.in.Attributes, b.in.Idle = false, 3*time.Hour
			set(b)
			b.env.ExecuteWorkflow(temporal.RackWorkflow, b.in)
			var again *workflow.ContinueAsNewError
			require.ErrorAs(t, b.env.GetWorkflowError(), &again)
			var next temporal.RackInput
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
			b.steps(0, time.Minute)
			assert.Equal(t, b.in.RackOptions, next.RackOptions)
			assert.Equal(t, 2, next.Before.Rounds)
			assert.Equal(t, 4, next.Before.Steps)

			second := newBench(t, func(*bench, int) (temporal.StepOutput, error) { return gone() })
			second.in = next
			assert.Equal(t, 3, second.run().Rounds)
			second.steps(0)
		})
	}
}

func TestACancelledWorkflowEndsWhenItsStepHasEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(*bench, int) (temporal.StepOutput, error) { return due(time.Hour), nil })
	b.after(time.Minute, b.env.CancelWorkflow)
	b.env.ExecuteWorkflow(temporal.RackWorkflow, b.in)
	require.True(t, sdk.IsCanceledError(b.env.GetWorkflowError()))
	b.steps(0)
}

func TestSearchAttributesFollowTheState(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *bench, n int) (temporal.StepOutput, error) {
		out := due(time.Minute)
		if n == 3 {
			out.State = "Maintenance/Completed"
		}
		if n == 4 {
			return gone()
		}
		return out, nil
	})
	b.in.Attributes = true
	show := func(state string) {
		b.env.OnUpsertTypedSearchAttributes(sdk.NewSearchAttributes(temporal.RackKey().ValueSet("R01"), temporal.StateKey().ValueSet(state))).Return(nil).Once()
	}
	show("Ready")
	show("Maintenance/Completed")
	show("")
	b.run()
	b.env.AssertExpectations(t)
}
