package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAFailedMachineGoesBackWhenItsPlatformIsInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Failed, 0, Machine{Cause: platformSetup(boot), ReturnTo: HostInitSetBootOrder}).start()
	r.hw.inert[boot] = true
	r.run(time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "BootOrder is still not there")
	r.hw.applied[boot] = true
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, HostInitSetBootOrder, r.way()[1])
	assert.Nil(t, r.get().Failure, "forgotten in Ready")
	assert.Empty(t, r.get().Cause)
}

func TestARecoveryIsCountedAndEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.RecoveryLimit = 2
	r.machine(HostInitSetBootOrder, 0, Machine{}).start()
	r.hw.always["SubmitPlatform:BootOrder"] = errBroken
	for i := range 2 {
		r.run(0)
		r.inState(Failed)
		r.hw.applied[boot] = true // it is seen in Failed, and gone again when the machine looks
		r.step()
		r.inState(HostInitSetBootOrder)
		assert.Equal(t, i+1, r.get().Failure.Attempt)
		delete(r.hw.applied, boot)
	}
	r.run(0)
	r.hw.applied[boot] = true
	r.run(time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "2 of 2 automatic recoveries are spent")

	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeRecover, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
}

func TestAFailedMachineGoesBackWhenItsHostReportsAfterAll(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Failed, 0, Machine{Cause: CauseDiscovery, ReturnTo: HostInitWaitingForDiscovery}).start()
	r.run(time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "the agent has not reported since")
	r.hw.errs["Discover"] = []error{errBusy}
	r.step()
	assert.Contains(t, r.reason(), "the agent cannot be asked")
	r.hw.report.DiscoveredAt = r.now
	r.run(time.Minute)
	r.inState(Ready)

	r = newRig(t).machine(Failed, 0, Machine{Cause: CauseDiscovery, ReturnTo: HostInitDiscovered, RestartedAt: epoch}).start()
	r.run(time.Hour)
	r.inState(Failed)
	r.hw.report.RebootedAt = r.now // it came up, and its agent had nothing to discover
	r.run(time.Minute)
	assert.Equal(t, []State{Failed, HostInitDiscovered, Ready}, r.way())
}

func TestAFailedMachineThatCannotBeInspectedStaysFailed(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Failed, 0, Machine{Cause: platformSetup(boot), ReturnTo: HostInitSetBootOrder}).start()
	r.hw.always["InspectPlatform"] = errBroken
	r.run(time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "BootOrder cannot be inspected: the board is broken")
}

func TestAnyOtherCauseWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for _, cause := range []Cause{"", CauseCleanup, CauseMeasurements, CauseDpuProvisioning, CauseAttestation, CauseMachineValidation} {
		r := newRig(t).machine(Failed, 0, Machine{Cause: cause, ReturnTo: ValidationRebootHost}).start()
		r.run(time.Hour)
		r.inState(Failed)
		assert.Contains(t, r.reason(), "a recover request or a forced deletion")
		assert.Empty(t, r.hw.calls)
	}
}

func TestRecoverLeadsBackToTheStateThatRepeatsTheFailedStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, wanted, to State }{
		{Failed, DpuDiscoveringConfiguring, DpuDiscoveringConfiguring},
		{Failed, DpuInitInstallDpuOs, DpuInitInstallDpuOs},
		{Failed, HostInitWaitingForPlatformConfiguration, HostInitWaitingForPlatformConfiguration},
		{Failed, HostInitSetBootOrder, HostInitSetBootOrder},
		{Failed, HostInitMeasuring, HostInitMeasuring},
		{Failed, HostInitWaitingForDiscovery, HostInitWaitingForDiscovery},
		{Failed, HostInitUefiSetup, HostInitUefiSetup},
		{Failed, HostInitWaitingForLockdown, HostInitWaitingForLockdown},
		{Failed, HostInitDiscovered, HostInitDiscovered},
		{Failed, BomValidatingUpdatingInventory, BomValidatingUpdatingInventory},
		{Failed, ValidationRebootHost, ValidationRebootHost},
		{Failed, MeasuringWaitingForMeasurements, MeasuringWaitingForMeasurements},
		{Failed, HostReprovisionCheckingFirmwareRepeat, HostReprovisionCheckingFirmwareRepeat},
		{Failed, DpuReprovisionInstallDpuOs, DpuReprovisionInstallDpuOs},
		{Failed, PostAssignedWaitingForMeasurements, PostAssignedWaitingForMeasurements},
		{Failed, WaitingForCleanupInit, WaitingForCleanupInit},
		{Failed, "", HostInitWaitingForPlatformConfiguration},
		{Failed, "Polishing", HostInitWaitingForPlatformConfiguration},
		{AssignedFailed, AssignedProvisioning, AssignedProvisioning},
		{AssignedFailed, AssignedReleasing, AssignedReleasing},
		{AssignedFailed, AssignedCheckingFirmwareRepeat, AssignedCheckingFirmwareRepeat},
		{AssignedFailed, Ready, AssignedProvisioning},
	} {
		t.Run(string(c.in+" "+c.wanted), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).machine(c.in, 0, Machine{ReturnTo: c.wanted}).start()
			require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeRecover, Initiator: "alice"}))
			r.step()
			r.inState(c.to)
			assert.Empty(t, r.get().ReturnTo)
			assert.Equal(t, "back to "+string(c.to), r.request("q1").Reason)
		})
	}
}

func TestEveryStateThatCanFailCanBeReturnedTo(t *testing.T) {
	t.Parallel()
	for _, row := range table {
		failed := row.To
		if failed != Failed && failed != AssignedFailed || row.On == Recovered {
			continue
		}
		for _, s := range states {
			if s.State == row.From || len(s.State) > len(row.From) && s.State[:len(row.From)+1] == row.From+"/" {
				to := returnTo(s.State)
				assert.Equal(t, to, recoverTo(failed, to), "%s fails to %s", s.State, failed)
			}
		}
	}
}

func TestRecoverAndValidateAreRefusedWhereTheyMakeNoSense(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeRecover}), "is in Ready; recover is accepted in [Failed Assigned/Failed]")
	r = newRig(t).machine(Failed, 0, Machine{Cause: CauseDiscovery}).start()
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeValidate}), "failed over Discovery")
}

func TestAFailedMachineDropsTheRequestOfARackThatIsNotComing(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Error", "").machine(Failed, 0, Machine{}).asked(reprovisionBy("rack-r1", "c1", ""), nil).start()
	r.step()
	assert.Equal(t, backend.RequestWithdrawn, r.request("q1").State)
}

func TestAFailedMachineIsOverItsSLAAtOnceUnlessAnAlertExcludesIt(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Failed, -time.Minute, Machine{Cause: CauseMachineValidation}).start()
	assert.True(t, r.step().Outcome.OverSLA)
	m := Machine{Cause: CauseMachineValidation}
	m.Report("maintenance", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.ExcludeFromSLA}})
	r = newRig(t).machine(Failed, -time.Minute, m).start()
	assert.False(t, r.step().Outcome.OverSLA)
}

func TestWhichMachinesAreAvailableAndWhichNeedHelp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state             State
		retries, limit    int
		available, failed bool
	}{
		{state: Ready, available: true},
		{state: AssignedProvisioning, available: true},
		{state: AssignedReady, available: true},
		{state: AssignedReleasing, available: true},
		{state: AssignedFailed, failed: true},
		{state: AssignedCheckingFirmware},
		{state: HostReprovisionCheckingFirmware},
		{state: HostInitDiscovered},
		{state: Failed, failed: true},
		{state: HostReprovisionFailedFirmwareUpgrade, retries: 4},
		{state: HostReprovisionFailedFirmwareUpgrade, retries: 5, failed: true},
		{state: AssignedFailedFirmwareUpgrade, retries: 2, limit: 2, failed: true},
		{state: HostReprovisionFailedFirmwareUpgrade, limit: -1, failed: true},
	} {
		r := newRig(t).machine(c.state, 0, Machine{RetryCount: c.retries}).start()
		assert.Equal(t, c.available, r.get().Available(), c.state)
		assert.Equal(t, c.failed, r.get().Failed(c.limit), "%s with %d of %d retries", c.state, c.retries, c.limit)
	}
}
