package machine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAMachineIsMeasuredOnRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.proving(proofWaits, proofPasses)
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeMeasure, Initiator: "alice"}))
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeMeasure}), "request q1 (measure) of machine m1 is pending already")
	r.step()
	assert.Equal(t, backend.RequestStarted, r.request("q1").State)
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, MeasuringWaitingForMeasurements, Ready}, r.way())
	q1 := r.request("q1")
	assert.Equal(t, backend.RequestFinished, q1.State)
	assert.Contains(t, q1.Reason, "measured-boot passed: 12 parts")
	assert.Len(t, p.asked, 1)
	assert.Equal(t, []string{"ResetHost"}, slices.DeleteFunc(r.hw.changes(), func(c string) bool { return strings.HasPrefix(c, "Attest") }))
}

func TestAMeasurementThatFailsIsNotShownAsDone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.proving(proofFails)
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeMeasure, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(Failed)
	q1 := r.request("q1")
	assert.Equal(t, backend.RequestFailed, q1.State)
	assert.Contains(t, q1.Reason, "the bundle is revoked")
	require.Len(t, q1.Results, 1)
	assert.Equal(t, m1, q1.Results[0].Target)
}

func TestAMeasurementWithoutAttestorsHasNothingToDo(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeMeasure, Initiator: "alice"}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready}, r.way())
	assert.Equal(t, "nothing to do: "+noAttestors, r.request("q1").Reason)
	require.ErrorIs(t, newRig(t).machine(Created, 0, Machine{}).start().post(lifecycle.NewRequest{Type: TypeMeasure}), lifecycle.ErrRejected)
}

func TestACancelledMeasurementGoesOnToItsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.proving(proofPends)
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeMeasure, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(MeasuringPendingBundle)
	require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
	r.run(time.Second)
	assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
	r.inState(MeasuringPendingBundle)
	p.answers = []answer{proofPasses}
	r.run(time.Minute)
	r.inState(Ready)
}

func TestAMeasurementComesLastInReady(t *testing.T) {
	t.Parallel()
	for typ, to := range map[string]State{TypeAssign: AssignedProvisioning, TypeVerifySKU: BomValidatingUpdatingInventory, lifecycle.TypeReprovision: HostReprovisionCheckingFirmware, TypeValidate: ValidationRebootHost} {
		r := newRig(t).rack("Ready", "")
		r.proving(proofPasses)
		r.machine(Ready, 0, Machine{}).asked(pending("q1", TypeMeasure, time.Hour), nil).asked(pending("q2", typ, time.Minute), nil).start().step()
		r.inState(to)
		want := backend.RequestPending
		if typ == TypeAssign { // it would wait for as long as the tenancy lasts
			want = backend.RequestSuperseded
		}
		assert.Equal(t, want, r.request("q1").State)
	}
}

func TestAMachineThatIsMeasuredIsDeletedWithoutWaiting(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		r.proving(proofPends)
		r.machine(s.at, 0, Machine{}).start().run(time.Minute)
		require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
		r.run(time.Minute)
		assert.Equal(t, State(""), r.way()[len(r.way())-1])
	})
}

func TestADriverWhoseAttestorsCannotBeToldApartIsRefused(t *testing.T) {
	t.Parallel()
	for _, list := range [][]backend.Attestor{{nil}, {&prover{}}, {&prover{name: "a"}, &prover{name: "a"}}} {
		_, err := New(Config{Driver: backend.Capabilities{Attestors: list}})
		require.ErrorContains(t, err, "attestor")
	}
}

func TestADeathWhileAHostProvesWhatItRunsAsksForNothingTwice(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) *rig {
		t.Helper()
		r := newRig(t)
		provers := r.withAttestors(MeasuredBoot, "spdm")
		provers[MeasuredBoot].answers = []answer{proofWaits, proofPends, proofPasses}
		return r.machine(Ready, 0, Machine{}).asked(pending("q1", TypeMeasure, time.Minute), nil).start()
	}
	diesAnywhere(t, begin, Ready)
}
