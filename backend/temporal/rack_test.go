package temporal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
)

// longest bounds a run in virtual time.
const longest = 7 * 24 * time.Hour

// world steps a virtual site by the real activity: before, the world around the site comes to the same moment; after, the people are asked.
type world struct {
	site *virtual.Site
	real *temporal.Activities
	wake func()
}

func (s *world) StepRack(ctx context.Context, in temporal.StepInput) (temporal.StepOutput, error) {
	if err := s.site.Before(ctx, in.At); err != nil {
		return temporal.StepOutput{}, err
	}
	out, err := s.real.StepRack(ctx, in)
	if err != nil {
		return out, err
	}
	acted, err := s.site.After(ctx)
	if err != nil {
		return out, err
	}
	if acted {
		s.wake()
	}
	out.Next = s.site.Next(out.Next)
	out.Wait = max(0, out.Next.Sub(s.site.Now()))
	return out, nil
}

// quiet is a suite that says nothing.
func quiet() *testsuite.WorkflowTestSuite {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	return suite
}

// throughTemporal drives a site by RackWorkflows in virtual time until its rack is gone. It returns the last status and how many runs that took.
func throughTemporal(t *testing.T, site *virtual.Site, in temporal.RackInput) (status temporal.Status, runs int) {
	t.Helper()
	require.NoError(t, site.Before(t.Context(), site.Next(time.Time{}))) // the first device is found: its host starts the workflow
	at := site.Now()
	for {
		runs++
		env := quiet().NewTestWorkflowEnvironment()
		env.SetStartTime(at)
		env.SetTestTimeout(time.Minute)
		env.SetWorkflowRunTimeout(longest)
		w := &world{site: site, real: temporal.NewActivities(site.Manager().Controller()), wake: func() { env.SignalWorkflow(temporal.WakeSignal, nil) }}
		env.RegisterActivityWithOptions(w.StepRack, activity.RegisterOptions{Name: "StepRack"})
		env.ExecuteWorkflow(temporal.RackWorkflow, in)
		require.True(t, env.IsWorkflowCompleted())
		err := env.GetWorkflowError()
		if err == nil {
			require.NoError(t, env.GetWorkflowResult(&status))
			return status, runs
		}
		var again *workflow.ContinueAsNewError
		require.True(t, errors.As(err, &again), "%v", err)
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &in))
		at = env.Now()
	}
}

// chance are faults that strike by the seed, and only calls that are repeated.
const chance = `
	fail InspectPlatform p=0.2
	lose SubmitPlatform p=0.2
	timeout ResetHost p=0.3
	timeout PowerState p=0.1
	fail FirmwareJob p=0.2
	omit SwitchImageJob p=0.2
	lie PowerState p=0.05
	away on machine/*-compute-1 from 5m for 3m
	lose SetPower p=0.2
	lose StartValidation p=0.5`

// newSite is a rack that is brought up, overhauled, has a tray replaced and is taken away. step is nil for the engine's own loop.
func newSite(t *testing.T, seed uint64, step virtual.Stepper) *virtual.Site {
	t.Helper()
	faults, err := fake.ParseFaults(chance)
	require.NoError(t, err)
	site, err := virtual.New(t.Context(), virtual.Config{Store: memory.New(), Seed: seed, Step: step, People: virtual.Replacer, Hardware: fake.Config{Faults: faults}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, site.Close()) })
	return site
}

// account plays a site by Run to its end and returns what its store holds then.
func account(t *testing.T, site *virtual.Site) string {
	t.Helper()
	require.NoError(t, site.Run(t.Context(), site.Gone, longest))
	text, err := virtual.Account(t.Context(), site.Store())
	require.NoError(t, err)
	for _, sign := range []string{`"trigger":"TopologyChanged"`, "overhaul", `"trigger":"Removed"`} {
		require.True(t, strings.Contains(text, sign), "the site has not lived its whole life: %s is missing", sign)
	}
	return text
}

func TestARackGoesThroughItsWholeLifeByAWorkflowAsByTheEnginesOwnLoop(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 10; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			reference := newSite(t, seed, nil)
			want := account(t, reference)
			site := newSite(t, seed, nil)
			status, runs := throughTemporal(t, site, temporal.RackInput{Rack: "R01"})
			got, err := virtual.Account(t.Context(), site.Store())
			require.NoError(t, err)
			assert.Empty(t, cmp.Diff(want, got))
			assert.Equal(t, "nothing: the rack is gone", status.Waiting)
			assert.Greater(t, runs, 3, "the workflow has continued as new")
			assert.Equal(t, reference.Hardware().StartedByKey(), site.Hardware().StartedByKey())
		})
	}
}

// byWorkflows is a Stepper: it has every rack stepped by a workflow of its own that is cancelled when it begins to wait.
func byWorkflows(ctx context.Context, ctl *lifecycle.Controller, now time.Time) (steps int, next time.Time, err error) {
	records, err := ctl.Store().List(ctx, backend.Query{Kind: backend.KindRack})
	if err != nil {
		return 0, now, err
	}
	for i := range records {
		env := quiet().NewTestWorkflowEnvironment()
		env.SetStartTime(now)
		var last temporal.StepOutput
		a := temporal.NewActivities(ctl)
		env.RegisterActivityWithOptions(func(activity context.Context, in temporal.StepInput) (temporal.StepOutput, error) {
			out, err := a.StepRack(activity, in)
			last = out
			return out, err
		}, activity.RegisterOptions{Name: "StepRack"})
		env.SetOnTimerScheduledListener(func(string, time.Duration) { env.CancelWorkflow() })
		env.ExecuteWorkflow(temporal.RackWorkflow, temporal.RackInput{Rack: records[i].Rack})
		if err := env.GetWorkflowError(); err != nil && !sdk.IsCanceledError(err) {
			return steps, now, err
		}
		steps += last.Steps
		if !last.Next.IsZero() && (next.IsZero() || last.Next.Before(next)) {
			next = last.Next
		}
	}
	return steps, next, nil
}

func TestWhateverIsSteppedByTheEngineCanBeSteppedByWorkflows(t *testing.T) {
	t.Parallel()
	for seed := uint64(11); seed <= 12; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, cmp.Diff(account(t, newSite(t, seed, nil)), account(t, newSite(t, seed, byWorkflows))))
		})
	}
}
