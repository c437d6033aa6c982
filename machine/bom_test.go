package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAnExpectedSKUIsVerified(t *testing.T) {
	t.Parallel()
	r := newRig(t).start().report(Discovered{SKU: "gb300"})
	r.run(0)
	assert.Contains(t, r.way(), BomValidatingVerifyingSku)
	r.inState(Ready)
}

func TestAHostThatMatchesNoSKUWaitsUntilOneIsAssigned(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(BomValidatingMatchingSku, 0, Machine{}).start()
	r.hw.sku = backend.SKUMatch{}
	r.run(time.Hour)
	r.inState(BomValidatingWaitingForSkuAssignment)
	assert.Equal(t, []string{sourceSKU}, r.sources())
	assert.Contains(t, r.reason(), "a SKU to be assigned")
	r.edit(func(m *Machine) { m.SKU = "gb300" })
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []State{
		BomValidatingMatchingSku, BomValidatingWaitingForSkuAssignment, BomValidatingUpdatingInventory, BomValidatingVerifyingSku,
		ValidationRebootHost, ValidationMachineValidating, HostInitDiscovered, Ready,
	}, r.way())
	assert.Empty(t, r.sources())
}

func TestAHostThatMatchesASKUOfLaterDateNeedsNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(BomValidatingWaitingForSkuAssignment, 0, Machine{}).start()
	r.hw.sku = backend.SKUMatch{}
	r.run(time.Minute)
	r.hw.sku = backend.SKUMatch{SKU: "gb300"}
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, "gb300", r.get().SKU)
}

func TestAHostThatDiffersFromItsSKUWaitsForAPerson(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(BomValidatingVerifyingSku, 0, Machine{SKU: "gb200"}).start()
	r.hw.sku = backend.SKUMatch{SKU: "gb200", Differences: []string{"gpu3 is missing"}}
	r.run(time.Hour)
	r.inState(BomValidatingSkuVerificationFailed)
	assert.Equal(t, []string{"gpu3 is missing"}, r.get().SKUDifferences)
	assert.Equal(t, []string{sourceSKU}, r.sources())
	assert.Contains(t, r.reason(), "gpu3 is missing")

	r.hw.sku = backend.SKUMatch{SKU: "gb200"}
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeVerifySKU, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	assert.Empty(t, r.get().SKUDifferences)
	assert.Empty(t, r.sources())
}

func TestASKUThatIsTakenAwayIsLookedForAnew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to State }{
		{BomValidatingVerifyingSku, BomValidatingMatchingSku},
		{BomValidatingSkuVerificationFailed, BomValidatingWaitingForSkuAssignment},
		{BomValidatingSkuMissing, BomValidatingWaitingForSkuAssignment},
	} {
		r := newRig(t).machine(c.from, 0, Machine{}).start()
		r.step()
		r.inState(c.to)
	}
}

func TestASKUThatTheCatalogueDoesNotHaveIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(BomValidatingVerifyingSku, 0, Machine{SKU: "gb999"}).start()
	r.hw.sku = backend.SKUMatch{Missing: true}
	r.run(time.Minute)
	r.inState(BomValidatingSkuMissing)
	assert.Contains(t, r.reason(), "gb999")
	r.hw.sku = backend.SKUMatch{SKU: "gb999"}
	r.run(time.Minute)
	r.inState(Ready)
}

func TestInventoryWithoutASKUGoesOnToMatching(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(BomValidatingUpdatingInventory, 0, Machine{RestartDue: true}).start()
	r.step()
	r.inState(BomValidatingMatchingSku)
	assert.Equal(t, 1, r.hw.count("ResetHost"))
	assert.Equal(t, epoch, r.get().DiscoveredAt)
}

func TestAnInventoryThatNeverComesFailsTheMachine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.mute()
	r.machine(BomValidatingUpdatingInventory, 0, Machine{RestartDue: true}).start()
	r.run(121 * time.Minute)
	r.inState(Failed)
	assert.Equal(t, BomValidatingUpdatingInventory, r.get().ReturnTo)
}

func TestACatalogueThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, state := range []State{BomValidatingMatchingSku, BomValidatingVerifyingSku, BomValidatingWaitingForSkuAssignment, BomValidatingSkuMissing} {
		r := newRig(t)
		m := Machine{SKU: "gb200"}
		if state == BomValidatingMatchingSku || state == BomValidatingWaitingForSkuAssignment {
			m.SKU = ""
		}
		r.machine(state, 0, m).start()
		r.hw.errs["MatchSKU"] = []error{errBusy}
		r.step()
		r.inState(state)
		assert.Contains(t, r.reason(), "the BMC is busy")
		r.run(2 * time.Minute)
		r.inState(Ready)
	}
}

func TestAVerificationAskedForInReadyGoesBackThereWithoutTests(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{SKU: "gb200"}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeVerifySKU, Initiator: "alice"}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, BomValidatingUpdatingInventory, BomValidatingVerifyingSku, HostInitDiscovered, Ready}, r.way())
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	assert.False(t, r.get().VerifyOnly)
}

func TestAVerificationThatFindsADifferenceFails(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{SKU: "gb200"}).start()
	r.hw.sku = backend.SKUMatch{Differences: []string{"nic0 is N-200"}}
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeVerifySKU, Initiator: "alice"}))
	r.run(time.Minute)
	q1 := r.request("q1")
	assert.Equal(t, backend.RequestFailed, q1.State)
	assert.Contains(t, q1.Reason, "nic0 is N-200")
	assert.Equal(t, backend.ResultFailed, q1.Results[0].Status)
}

func TestAVerificationWithoutACatalogueIsConsumedWithThatNote(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	caps := r.hw.caps()
	caps.SKU = nil
	r.cfg.Driver = caps
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeVerifySKU, Initiator: "alice"}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready}, r.way())
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	assert.Contains(t, r.request("q1").Reason, noSKU)
}

func TestACancelledVerificationEndsAndTheMachineComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.mute()
	r.machine(Ready, 0, Machine{SKU: "gb200"}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeVerifySKU, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(BomValidatingUpdatingInventory)
	require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
	r.run(time.Minute)
	assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
	r.hw.silent = false
	r.hw.restarts()
	r.run(time.Minute)
	r.inState(Ready)
}
