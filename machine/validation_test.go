package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAnOnDemandValidationGoesBackToReady(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeValidate, Initiator: "alice"}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, ValidationRebootHost, ValidationMachineValidating, HostInitDiscovered, Ready}, r.way())
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	assert.Equal(t, 2, r.hw.count("ResetHost"))
}

func TestFailedTestsTakeTheMachineToFailedUnderAnAlert(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	r.hw.tests = polls(backend.JobRunning, backend.JobFailed)
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeValidate, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(Failed)
	m := r.get()
	assert.Equal(t, CauseMachineValidation, m.Cause)
	assert.Equal(t, ValidationRebootHost, m.ReturnTo)
	assert.Equal(t, "the BMC said no", m.Failure.Message)
	assert.Empty(t, m.ValidationJob)
	assert.Equal(t, []string{sourceValidation}, r.sources())
	assert.Equal(t, backend.RequestFailed, r.request("q1").State)

	r.run(48 * time.Hour)
	r.inState(Failed)
	r.hw.tests = nil
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: TypeValidate, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, backend.RequestFinished, r.request("q2").State)
	assert.Empty(t, r.sources())
	assert.Nil(t, r.get().Failure)
}

func TestTestsThatNeverEndFailTheMachineAfterADay(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(hw *hardware){
		"running":           func(hw *hardware) { hw.tests = polls(backend.JobRunning) },
		"not to be polled":  func(hw *hardware) { hw.always["ValidationJob"] = errBusy },
		"not to be started": func(hw *hardware) { hw.always["ValidateMachine"] = errBusy },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).machine(ValidationMachineValidating, 0, Machine{}).start()
			given(r.hw)
			r.run(23*time.Hour + 59*time.Minute)
			r.inState(ValidationMachineValidating)
			r.run(5 * time.Minute)
			r.inState(Failed)
			assert.Contains(t, r.note(), "did not end within 24h0m0s")
		})
	}
}

func TestTestsThatCannotBeRunFailTheMachineAtOnce(t *testing.T) {
	t.Parallel()
	for call, err := range map[string]error{"ValidateMachine": errBroken, "ValidationJob": backend.ErrNoJob} {
		r := newRig(t).machine(ValidationMachineValidating, 0, Machine{}).start()
		r.hw.always[call] = err
		r.step()
		r.inState(Failed)
		assert.Equal(t, CauseMachineValidation, r.get().Cause, call)
	}
}

func TestAHostThatDoesNotComeUpForItsTestsFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.mute()
	r.machine(ValidationRebootHost, 0, Machine{}).start()
	r.run(121 * time.Minute)
	r.inState(Failed)
	assert.Equal(t, CauseDiscovery, r.get().Cause)
	assert.Equal(t, ValidationRebootHost, r.get().ReturnTo)
	assert.Zero(t, r.hw.count("ValidateMachine"))
}

func TestAHostThatCannotBeRestartedFails(t *testing.T) {
	t.Parallel()
	for state, m := range map[State]Machine{
		ValidationRebootHost: {}, BomValidatingUpdatingInventory: {RestartDue: true}, HostInitDiscovered: {RestartDue: true},
	} {
		r := newRig(t).machine(state, 0, m).start()
		r.hw.always["ResetHost"] = errBroken
		r.step()
		r.inState(Failed)
		assert.Equal(t, state, r.get().ReturnTo)

		r = newRig(t).machine(state, 0, m).start()
		r.hw.always["ResetHost"] = errBusy
		r.run(time.Hour)
		r.inState(state)
		r.run(65 * time.Minute)
		r.inState(Failed)
	}
}

func TestADiedProcessDoesNotWaitForASecondRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitDiscovered, 0, Machine{RestartDue: true}).start()
	key := "machine/m1#1/ResetHost/0"
	require.NoError(t, r.hw.ResetHost(t.Context(), key, backend.Device{})) // by the process that died before its commit
	r.now = r.now.Add(20 * time.Minute)
	r.step()
	r.inState(Ready)
	assert.Equal(t, []string{key}, r.hw.order)
}

func TestAValidationWithoutAValidatorIsConsumedWithThatNote(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Driver = backend.Capabilities{}
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeValidate, Initiator: "alice"}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready}, r.way())
	assert.Contains(t, r.request("q1").Reason, noValidator)
}

func TestACancelledValidationEndsAndTheTestsGoOn(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	r.hw.tests = polls(backend.JobRunning)
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeValidate, Initiator: "alice"}))
	r.run(time.Minute)
	require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
	r.run(time.Minute)
	assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
	r.inState(ValidationMachineValidating)
}
