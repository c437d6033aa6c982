package journey_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rackstate/rackstate/machine/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/rackstate/rackstate/backend/temporal/journey"
)

const day = 24 * time.Hour

const me = journey.Initiator

func TestAHealthyNodeIsDiagnosedUpdatedAndPutIntoService(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	res := r.arrive()
	assert.Equal(t, []string{"firmware_update", "in_service"}, res.Moves)
	assert.Equal(t, []string{
		me + ": maintenance > firmware_update (Automated firmware validation triggered)",
		me + ": firmware_update > in_service (Firmware and diagnostics passed)",
	}, r.story())
	assert.Equal(t, "in_service", res.Node.State)
}

func TestANodeInServiceIsLeftThereUnlessAReasonIsGiven(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.person("in_service")
	assert.Empty(t, r.arrive().Moves)

	r = newRig(t, service.Default(), nil)
	r.person("in_service")
	r.in.TakeOut = "fan 3 is loud"
	assert.Equal(t, []string{"maintenance", "firmware_update", "in_service"}, r.arrive().Moves)
	assert.Equal(t, me+": in_service > maintenance (fan 3 is loud)", r.story()[1])
}

func TestAFaultyNodeWaitsThirtyDaysForTheVendor(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.checks.diagnostics = []any{faulty("fan 3 does not turn")}
	var waiting journey.Status
	r.at(29*day, func() { waiting = r.status() })
	r.at(30*day, func() {
		r.env.SignalWorkflow(journey.ReturnedSignal, journey.Return{By: "ann", Note: "fan 3 was replaced"})
	})
	began := time.Now()
	res := r.arrive()
	assert.Less(t, time.Since(began), 10*time.Second, "thirty days of virtual time")
	assert.Equal(t, []string{
		me + ": maintenance > rma (Returned to the vendor: fan 3 does not turn)",
		me + ": rma > maintenance (Back from the vendor, says ann: fan 3 was replaced)",
		me + ": maintenance > firmware_update (Automated firmware validation triggered)",
		me + ": firmware_update > in_service (Firmware and diagnostics passed)",
	}, r.story())
	assert.Equal(t, 1, res.Returns)
	assert.GreaterOrEqual(t, res.Took, 30*day)
	assert.Equal(t, "wait for the vendor", waiting.Step)
	assert.Equal(t, "rma", waiting.State)
	assert.WithinDuration(t, start(), waiting.Since, time.Minute)
	assert.Equal(t, "the signal returned, or 2026-04-12T08:00:00Z", waiting.WaitingFor)

	d, err := r.svc.Get(t.Context(), node)
	require.NoError(t, err)
	stay := d.StateHistory[3].Timestamp.Sub(d.StateHistory[2].Timestamp)
	assert.InDelta(t, 30*day, stay, float64(time.Minute))
}

func TestWithoutASignalTheWaitForTheVendorEndsByItself(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.in.RMAWait = 30 * day
	r.checks.diagnostics = []any{faulty("dead")}
	res := r.arrive()
	assert.Contains(t, r.story()[1], "rma > maintenance (The vendor has had the node for 720h0m0s)")
	assert.InDelta(t, 30*day, res.Took, float64(time.Minute))
}

func TestWhatIsSaidToBeBackBeforeItWasSentDoesNotCount(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.in.RMAWait = 10 * day
	r.checks.diagnostics = []any{func(context.Context, journey.Check) (journey.Finding, error) {
		r.env.SignalWorkflow(journey.ReturnedSignal, journey.Return{By: "ann"})
		return faulty("dead"), nil
	}}
	assert.GreaterOrEqual(t, r.arrive().Took, 10*day)
}

func TestANodeThatTheVendorCannotMendStaysInMaintenance(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.checks.diagnostics = []any{faulty("dead"), faulty("dead"), faulty("dead still")}
	r.in.Returns, r.in.RMAWait = 2, day
	_, err := r.run()
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, &journey.StoppedError{
		Node: node, State: "maintenance", Why: "the node is faulty after 2 returns from the vendor: dead still", Allowed: []string{"firmware_update", "in_service", "rma"},
	}, stopped)
	assert.EqualError(t, stopped, "the journey of node n1 stopped in maintenance: the node is faulty after 2 returns from the vendor: dead still (allowed now: firmware_update, in_service, rma)")
	assert.Equal(t, "maintenance", r.state())
}

func TestFirmwareThatDoesNotValidateSendsTheNodeToTheVendorWhereTheTableLetsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, withWayBack(t), nil)
	r.in.RMAWait = day
	r.checks.firmware = []any{faulty("bmc is 1.2, wanted is 1.3")}
	r.arrive()
	assert.Equal(t, []string{
		me + ": maintenance > firmware_update (Automated firmware validation triggered)",
		me + ": firmware_update > maintenance (Firmware validation failed: bmc is 1.2, wanted is 1.3)",
		me + ": maintenance > rma (Returned to the vendor: bmc is 1.2, wanted is 1.3)",
	}, r.story()[:3])

	r = newRig(t, service.Default(), nil) // here a node leaves firmware_update for service alone
	r.checks.firmware = []any{faulty("bmc is 1.2, wanted is 1.3")}
	_, err := r.run()
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "firmware_update", stopped.State)
	assert.Equal(t, "maintenance", stopped.Wanted)
	assert.Equal(t, []string{"in_service"}, stopped.Allowed)
	assert.Contains(t, stopped.Why, service.ErrNotInTable.Error())
	assert.Equal(t, "firmware_update", r.state())
}

// withWayBack is the default with a way from firmware_update to maintenance.
func withWayBack(t *testing.T) *service.Definition {
	t.Helper()
	def, err := service.Parse(append(service.DefaultYAML(), "  - {from: firmware_update, to: maintenance}\n"...), "site.yaml")
	require.NoError(t, err)
	return def
}

func TestAnInventoryThatDoesNotKnowTheNodeEndsTheJourney(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.in.Node = "n7"
	_, err := r.run()
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Contains(t, stopped.Why, service.ErrUnknownNode.Error())
}

func TestAStateThatTheJourneyDoesNotKnowEndsIt(t *testing.T) {
	t.Parallel()
	text := append(service.DefaultYAML(), "  - {from: maintenance, to: firmware_update_2}\n  - {from: firmware_update_2, to: maintenance}\n"...)
	text = []byte(replaceOnce(string(text), "states:\n", "states:\n  - firmware_update_2\n"))
	def, err := service.Parse(text, "site.yaml")
	require.NoError(t, err)
	r := newRig(t, def, nil)
	r.person("firmware_update_2")
	_, err = r.run()
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "the node is in firmware_update_2, where this journey does not lead through", stopped.Why)
	assert.Equal(t, []string{"maintenance"}, stopped.Allowed)
}

func TestACheckThatCannotBeMadeIsNoVerdict(t *testing.T) {
	t.Parallel()
	r := newRig(t, service.Default(), nil)
	r.checks.diagnostics = []any{
		errors.New("the bench is busy"),
		sdk.NewNonRetryableApplicationError("the bench is gone", "Gone", nil),
	}
	_, err := r.run()
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "diagnose could not be done: the bench is gone", stopped.Why)
	assert.Equal(t, "maintenance", r.state())
	require.Len(t, r.checks.keys, 2)
	assert.Equal(t, r.checks.keys[0], r.checks.keys[1], "an attempt that is made again carries the same key")
}

func TestAGuardIsWaitedForAndThenNoMore(t *testing.T) {
	t.Parallel()
	text := replaceOnce(string(service.DefaultYAML()), "{from: firmware_update, to: in_service}", "{from: firmware_update, to: in_service, guard: 'labels.burned_in == \"yes\"'}")
	def, err := service.Parse([]byte(text), "site.yaml")
	require.NoError(t, err)

	r := newRig(t, def, nil)
	var waiting journey.Status
	r.at(5*time.Hour, func() {
		waiting = r.status()
		_, err := r.svc.SetMetadata(t.Context(), node, 0, map[string]string{"burned_in": "yes"})
		assert.NoError(t, err)
	})
	assert.InDelta(t, 5*time.Hour, r.arrive().Took, float64(15*time.Minute))
	assert.Equal(t, "wait for a guard", waiting.Step)
	assert.Contains(t, waiting.WaitingFor, "labels.burned_in")

	r = newRig(t, def, nil)
	r.in.GuardWait = 2 * day
	_, err = r.run()
	stopped, ok := journey.AsStopped(err)
	require.True(t, ok, "%v", err)
	assert.Contains(t, stopped.Why, service.ErrGuard.Error())
	assert.Equal(t, "firmware_update", r.state())
	assert.GreaterOrEqual(t, r.env.Now().Sub(start()), 2*day)
}
