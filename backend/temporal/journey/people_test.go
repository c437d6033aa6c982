package journey_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rackstate/rackstate/machine/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/rackstate/rackstate/backend/temporal/journey"
)

func replaceOnce(text, old, with string) string { return strings.Replace(text, old, with, 1) }

func TestWhoTakesTheNodeBackFromTheVendorByHandIsNoticed(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]bool{"at the next look": false, "at once, when told": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, service.Default(), nil)
			r.checks.diagnostics = []any{faulty("dead")}
			r.at(3*day+time.Hour, func() {
				r.person("maintenance")
				if look {
					r.env.SignalWorkflow(journey.LookSignal, nil)
				}
			})
			res := r.arrive()
			assert.Equal(t, 1, res.Returns)
			assert.Equal(t, "ann: rma > maintenance (by hand)", r.story()[1])
			if look {
				assert.InDelta(t, 3*day+time.Hour, res.Took, float64(time.Minute))
			} else {
				assert.InDelta(t, 3*day+12*time.Hour, res.Took, float64(time.Minute))
			}
		})
	}
}

func TestAVerdictHoldsForOneStay(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.checks.diagnostics = []any{func(context.Context, journey.Check) (journey.Finding, error) {
		r.clock.Set(r.env.Now().Add(time.Second))
		r.person("rma") // while the diagnostics run, somebody has the node mended
		r.person("maintenance")
		return faulty("dead"), nil
	}}
	r.arrive()
	assert.NotContains(t, strings.Join(r.story(), "\n"), me+": maintenance > rma")
	require.Len(t, r.checks.keys, 3)
	assert.NotEqual(t, r.checks.keys[0], r.checks.keys[1], "it was diagnosed anew")
}

func TestWhoPutsTheNodeIntoServiceByHandEndsTheJourney(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.checks.diagnostics = []any{func(context.Context, journey.Check) (journey.Finding, error) {
		r.person("in_service")
		return faulty("dead"), nil
	}}
	assert.Empty(t, r.arrive().Moves)
}

// racer changes the node just before the first moves of the journey are made.
type racer struct {
	journey.Inventory
	rig   *rig
	times int
}

func (i *racer) Move(ctx context.Context, id, to string, m service.Move) (service.Result, error) {
	if i.times--; i.times >= 0 {
		_, err := i.rig.svc.SetMetadata(ctx, id, 0, map[string]string{"touched": m.IdempotencyKey})
		if err != nil {
			return service.Result{}, err
		}
	}
	return i.Inventory.Move(ctx, id, to, m)
}

func TestAMoveThatLostARaceIsDecidedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), func(r *rig, inv journey.Inventory) journey.Inventory {
		return &racer{Inventory: inv, rig: r, times: 5}
	})
	assert.Equal(t, []string{"firmware_update", "in_service"}, r.arrive().Moves)
	assert.Len(t, r.story(), 2)
}

func TestACancelledJourneyLeavesTheNodeWhereAPersonExpectsIt(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, _ journey.Check) (journey.Finding, error) {
		<-ctx.Done()
		return journey.Finding{}, ctx.Err()
	}
	cancelled := "Return to service was cancelled"
	for name, c := range map[string]struct {
		def         *service.Definition
		diagnostics []any
		firmware    []any
		want, note  string
	}{
		"during diagnostics":                        {def: withWayBack(t), diagnostics: []any{hang}, want: "maintenance", note: "by hand"},
		"during validation":                         {def: withWayBack(t), firmware: []any{hang}, want: "maintenance", note: cancelled},
		"during validation, with no way back":       {def: service.Default(), firmware: []any{hang}, want: "firmware_update", note: "Automated firmware validation triggered"},
		"while the vendor has it":                   {def: withWayBack(t), diagnostics: []any{faulty("dead")}, want: "rma", note: "Returned to the vendor: dead"},
		"while it waits for a bench that is broken": {def: withWayBack(t), diagnostics: failing(1000), want: "maintenance", note: "by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.def, nil)
			r.checks.diagnostics, r.checks.firmware = c.diagnostics, c.firmware
			r.at(200*time.Millisecond, r.env.CancelWorkflow)
			_, err := r.run()
			require.True(t, sdk.IsCanceledError(err), "%v", err)
			assert.Equal(t, c.want, r.state(), r.story())
			d, err := r.svc.Get(t.Context(), node)
			require.NoError(t, err)
			assert.Equal(t, c.note, d.StateHistory[len(d.StateHistory)-1].Note)
			assert.Equal(t, "cancelled", r.status().Step)
			assert.Equal(t, c.want, r.status().State)
		})
	}
}

func failing(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = sdk.NewApplicationError("the bench is broken", "Broken")
	}
	return out
}

func TestAJourneyThatContinuesAsNewKeepsWhatItKnows(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.checks.diagnostics = []any{faulty("dead")}
	r.in.RMAWait = 30 * day
	r.in.LookEvery = time.Hour // two hundred looks are over after eight days
	res := r.arrive()
	assert.Equal(t, 4, r.runs)
	assert.Equal(t, []string{"rma", "maintenance", "firmware_update", "in_service"}, res.Moves)
	assert.Equal(t, 1, res.Returns)
	assert.InDelta(t, 30*day, res.Took, float64(time.Minute))
	assert.Equal(t, 30*day, r.in.RMAWait)
	assert.Equal(t, start(), r.in.Before.Begun.UTC())
}

func TestWhatAJourneyIsToldInTheLastMomentOfARunReachesTheNext(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.checks.diagnostics = []any{faulty("dead")}
	r.at(11*time.Hour, func() { // the first wakes the journey, the other lies there when the run ends
		r.env.SetContinueAsNewSuggested(true)
		r.env.SignalWorkflowSkippingWorkflowTask(journey.LookSignal, nil)
		r.env.SignalWorkflowSkippingWorkflowTask(journey.ReturnedSignal, journey.Return{By: "ann"})
	})
	res := r.arrive()
	assert.Equal(t, 2, r.runs)
	assert.Equal(t, &journey.Return{By: "ann"}, r.in.Before.Back)
	assert.InDelta(t, 12*time.Hour, res.Took, float64(2*time.Hour))
	assert.Contains(t, r.story()[1], "Back from the vendor, says ann")
}

// slow is an inventory in which a move takes so long that the journey is cancelled meanwhile.
type slow struct {
	journey.Inventory
	rig   *rig
	moved chan struct{}
}

func (i *slow) Move(ctx context.Context, id, to string, m service.Move) (service.Result, error) {
	if to != "firmware_update" {
		return i.Inventory.Move(ctx, id, to, m)
	}
	defer close(i.moved)
	i.rig.env.CancelWorkflow()
	select { // whoever does not wait for the answer looks too early
	case <-i.moved:
	case <-time.After(100 * time.Millisecond):
	}
	return i.Inventory.Move(context.WithoutCancel(ctx), id, to, m)
}

func TestAMoveThatIsOnItsWayWhenTheJourneyIsCancelledIsWaitedFor(t *testing.T) {
	t.Parallel()
	moved := make(chan struct{})
	r := newRig(t, withWayBack(t), func(r *rig, inv journey.Inventory) journey.Inventory { return &slow{inv, r, moved} })
	_, err := r.run()
	require.True(t, sdk.IsCanceledError(err), "%v", err)
	<-moved
	assert.Equal(t, "maintenance", r.state(), r.story())
	assert.Len(t, r.story(), 2)
}
