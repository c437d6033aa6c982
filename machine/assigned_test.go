package machine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// wayFromTenant is what a machine goes through from the end of its release to Ready.
var wayFromTenant = []State{
	PostAssignedWaitingForMeasurements, WaitingForCleanupInit, WaitingForCleanupSecureErase, WaitingForCleanupHostCleanup, BomValidatingUpdatingInventory, BomValidatingVerifyingSku,
	ValidationRebootHost, ValidationMachineValidating, HostInitDiscovered, Ready,
}

// releaseBy posts a release, q9.
func (r *rig) releaseBy(initiator string) {
	r.Helper()
	require.NoError(r, r.post(lifecycle.NewRequest{ID: "q9", Type: TypeRelease, Initiator: initiator}))
}

func TestAMachineIsReleasedCleanedAndCheckedBeforeSomebodyElseGetsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	net, clean := r.withTenantNetwork(map[string][]error{"Release": {errUnderWay, errBusy, nil}}), r.withCleanup()
	clean.states = []backend.JobState{backend.JobPending, backend.JobRunning, backend.JobCompleted}
	r.hw.locked()
	r.machine(AssignedReady, 0, Machine{Tenant: "tenant-7", TenantApproved: true, SKU: "gb200"}).start()
	r.releaseBy("broker")
	r.run(10 * time.Minute)
	assert.Equal(t, append([]State{AssignedReady, AssignedReleasing}, wayFromTenant...), r.way())
	assert.Equal(t, backend.RequestFinished, r.request("q9").State)
	assert.Contains(t, r.request("q9").Reason, "clean-up clean-1 is complete: [nvme hdd memory tpm infiniband]")
	m := r.get()
	assert.Empty(t, m.Tenant)
	assert.False(t, m.TenantApproved)
	assert.Empty(t, m.CleanupJob)
	assert.Empty(t, r.sources())
	assert.Equal(t, "tenant-7", net.tenants[0])
	assert.True(t, r.hw.applied[backend.PlatformLockdownEnable], "lockdown came off for the erase, and is back")
	assert.Equal(t, [][]backend.CleanupStep{DefaultCleanupSteps()}, clean.jobs)
}

func TestAReleaseIsDoneWhenTheMachineIsCleanAndNotBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	clean := r.withCleanup()
	clean.states = []backend.JobState{backend.JobRunning}
	r.machine(AssignedReady, 0, Machine{Tenant: "tenant-7"}).start()
	r.releaseBy("broker")
	r.run(time.Hour)
	r.inState(WaitingForCleanupHostCleanup)
	assert.Equal(t, backend.RequestStarted, r.request("q9").State)
	assert.Equal(t, []string{sourceCleanup}, r.sources())
	assert.Contains(t, r.get().Alerts[0].Message, "tenant-7")
	assert.False(t, r.get().Healthy(), "nobody gets it before, whatever way it takes")
	clean.states = nil
	r.run(time.Minute)
	assert.Equal(t, backend.RequestFinished, r.request("q9").State)
}

func TestWithoutCapabilitiesAReleaseIsPassedWithItsNotes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Driver = backend.Capabilities{}
	r.machine(AssignedReady, 0, Machine{Tenant: "tenant-7"}).start()
	r.releaseBy("broker")
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, noTenantHook, r.noteOf(Released))
	assert.Equal(t, noAttestors, r.noteOf(Measured))
	assert.Equal(t, noPlatform, r.noteOf(EraseNotNeeded))
	assert.Equal(t, "not restarted: "+errNoRestart.Error()+"; "+noCleanup+"; lockdown: "+noPlatform, r.noteOf(CleanedUp))
}

func TestAHostIsRestartedOutOfItsTenantsSystemWhateverTheDriverCanDo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Driver = backend.Capabilities{Reset: r.hw}
	r.machine(AssignedReady, 0, Machine{Tenant: "tenant-7"}).start()
	r.releaseBy("broker")
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"ResetHost"}, r.hw.calls)
}

func TestAReleaseIsTakenInEveryStateThatATenantHasTheMachineIn(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		if !strings.HasPrefix(string(info.State), string(Assigned)+"/") {
			continue
		}
		r := newRig(t).machine(info.State, 0, Machine{Tenant: "t"}).start()
		require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeRelease, Initiator: "t"}), info.State)
		require.ErrorContains(t, r.post(lifecycle.NewRequest{ID: "q2", Type: TypeRelease, Initiator: "t"}), "request q1 (release) of machine m1 is pending already")
	}
	r := newRig(t).machine(PostAssignedWaitingForMeasurements, 0, Machine{}).start()
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeRelease}), "has no tenant")
}

func TestAReleaseComesBeforeAReprovisionOfTheTenantsMachine(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Ready", "").machine(AssignedReady, 0, Machine{Tenant: "t", TenantApproved: true})
	r.asked(pending("q1", lifecycle.TypeReprovision, time.Hour), nil).start()
	r.releaseBy("broker")
	r.step()
	r.inState(AssignedReleasing)
	assert.Equal(t, backend.RequestPending, r.request("q1").State, "it is heeded when the machine is back")
	r.run(time.Hour)
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	r.inState(Ready)
}

func TestAReleaseWaitsUntilTheReprovisionOfTheMachineHasEnded(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Maintenance", "c1").machine(AssignedWaitingForRackFirmwareUpgrade, 0, Machine{Tenant: "t", ReturnTo: AssignedReady})
	r.asked(reprovisionBy("rack-r1", "c1", started), nil).start()
	r.releaseBy("broker")
	r.run(time.Hour)
	r.inState(AssignedWaitingForRackFirmwareUpgrade)
	assert.Equal(t, backend.RequestPending, r.request("q9").State)
	r.edit(func(m *Machine) { m.FirmwareUpgrade = rackStatus(lifecycle.ProgressCompleted, "c1", 0, time.Minute) })
	r.run(time.Hour)
	r.inState(Ready)
	assert.Equal(t, AssignedReleasing, r.after(AssignedReady))
	assert.Equal(t, backend.RequestFinished, r.request("q9").State)
}

func TestAMachineThatFailedForItsTenantIsReleased(t *testing.T) {
	t.Parallel()
	failed := Machine{
		Tenant: "t", Cause: platformSetup(backend.PlatformLockdownEnable), ReturnTo: AssignedCheckingFirmwareRepeat, RetryCount: 2, Reprovision: &Reprovision{RequestID: "q1"}, Upgrade: &Upgrade{},
	}
	failed.Report(sourceUpdate, updateAlert)
	r := newRig(t).rack("Ready", "").machine(AssignedFailed, 0, failed)
	r.hw.inert[backend.PlatformLockdownEnable] = true
	r.asked(reprovisionBy("alice", "", started), nil).asked(pending("q2", TypeRecover, time.Minute), nil).start()
	r.releaseBy("broker")
	r.step()
	r.inState(AssignedReleasing)
	m := r.get()
	assert.Empty(t, m.Cause)
	assert.Empty(t, m.ReturnTo)
	assert.Nil(t, m.Reprovision)
	assert.Nil(t, m.Upgrade)
	assert.Zero(t, m.RetryCount)
	assert.Empty(t, r.sources(), "the update ended with it")
	assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
	assert.Equal(t, "the machine is released by broker", r.request("q1").Reason)
	assert.Equal(t, backend.RequestSuperseded, r.request("q2").State)
	assert.Contains(t, r.request("q2").Reason, "superseded by q9 of broker")
	r.hw.inert[backend.PlatformLockdownEnable] = false
	r.run(time.Hour)
	r.inState(Ready)
}

func TestACancelledReleaseGoesOnToItsEnd(t *testing.T) {
	t.Parallel()
	for _, state := range []State{AssignedReleasing, PostAssignedPendingBundle, WaitingForCleanupHostCleanup} {
		r := newRig(t)
		net := r.withTenantNetwork(map[string][]error{"Release": {errUnderWay}})
		p := r.proving(proofPends)
		clean := r.withCleanup()
		clean.states = []backend.JobState{backend.JobRunning}
		r.machine(state, 0, Machine{Tenant: "t", Attestation: &AttestationRun{Attestor: MeasuredBoot, Job: "p", AskedAt: epoch, Pending: true, Attempt: 1}}).asked(backend.Request{ID: "q9", Type: TypeRelease, Initiator: "t", State: started}, nil).start()
		r.run(time.Minute)
		require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q9", "bob"))
		r.run(time.Second)
		r.inState(state)
		assert.Equal(t, backend.RequestCancelled, r.request("q9").State)
		net.answers, p.answers, clean.states = nil, []answer{proofPasses}, nil
		r.run(time.Hour)
		r.inState(Ready)
	}
}

func TestAReleaseThatIsCancelledBeforeItBeginsChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(AssignedReady, 0, Machine{Tenant: "t"}).start()
	r.releaseBy("t")
	require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q9", "t"))
	r.run(time.Hour)
	assert.Equal(t, []State{AssignedReady}, r.way())
	assert.Equal(t, backend.RequestCancelled, r.request("q9").State)
}

func TestATenantNetworkThatTakesTooLongFailsTheMachine(t *testing.T) {
	t.Parallel()
	for name, always := range map[string]error{"under way": errUnderWay, "not reached": errBusy} {
		for action, c := range map[string]struct {
			at  State
			typ string
		}{"Provision": {AssignedProvisioning, TypeAssign}, "Release": {AssignedReleasing, TypeRelease}} {
			t.Run(action+" "+name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				net := r.withTenantNetwork(map[string][]error{action: {always}})
				r.machine(c.at, 0, Machine{Tenant: "t"}).asked(backend.Request{ID: "q1", Type: c.typ, Initiator: "t", State: started}, nil).start().run(20 * time.Minute)
				require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "t", Owner: "o", Reason: "time under a hold does not count"}))
				r.run(5 * time.Hour)
				require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "t", "o"))
				r.run(9 * time.Minute)
				r.inState(c.at)
				r.run(6 * time.Minute)
				r.inState(AssignedFailed)
				assert.Equal(t, CauseInstance, r.get().Cause)
				assert.Equal(t, backend.RequestFailed, r.request("q1").State)
				assert.Contains(t, r.request("q1").Reason, action+" took longer than 30m0s")
				net.answers = nil
				require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeRecover, Initiator: "alice"}))
				r.run(time.Hour)
				assert.Equal(t, c.at, r.after(AssignedFailed))
				assert.NotEqual(t, AssignedFailed, State(r.get().State()))
			})
		}
	}
}

func TestAReleaseThatCannotBeMadeFailsAndIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, typ := range map[string]string{"by a recovery": TypeRecover, "by a release": TypeRelease} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			net := r.withTenantNetwork(map[string][]error{"Release": {errBroken}})
			r.machine(AssignedReady, 0, Machine{Tenant: "t"}).start()
			r.releaseBy("t")
			r.run(time.Hour)
			r.inState(AssignedFailed)
			assert.Equal(t, "t", r.get().Tenant, "the tenant's network may still be there")
			assert.Equal(t, backend.RequestFailed, r.request("q9").State)
			assert.Contains(t, r.note(), "Instance: the board is broken")
			require.ErrorIs(t, r.ctl.Delete(t.Context(), m1, "alice", false), lifecycle.ErrRejected)
			net.answers = nil
			require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: typ, Initiator: "alice"}))
			r.run(time.Hour)
			r.inState(Ready)
			assert.Equal(t, backend.RequestFinished, r.request("q2").State)
			assert.Equal(t, AssignedReleasing, r.after(AssignedFailed))
		})
	}
}

func TestAReleaseThatIsAskedForAgainWhileItIsUnderWayIsTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withTenantNetwork(map[string][]error{"Release": {errUnderWay, errUnderWay, nil}})
	r.machine(AssignedReleasing, 0, Machine{Tenant: "t"}).start()
	r.releaseBy("t")
	r.step()
	assert.Equal(t, backend.RequestStarted, r.request("q9").State)
	r.run(time.Hour)
	r.inState(Ready)
	assert.Equal(t, backend.RequestFinished, r.request("q9").State)
	assert.Contains(t, r.hw.order, "machine/m1#1/Release/0")
	assert.NotContains(t, r.hw.order, "machine/m1#2/Release/0")
}

func TestADeathDuringAReleaseLeavesNothingDoneTwice(t *testing.T) {
	t.Parallel()
	diesAnywhere(t, func(t *testing.T) *rig {
		t.Helper()
		r := newRig(t)
		r.withTenantNetwork(map[string][]error{"Release": {errUnderWay, nil}})
		r.withAttestors(MeasuredBoot)
		clean := r.withCleanup()
		clean.states = []backend.JobState{backend.JobRunning, backend.JobCompleted}
		r.hw.locked()
		r.hw.scheduled = map[backend.PlatformKind]int{backend.PlatformSecureErase: 1}
		return r.machine(AssignedReady, 0, Machine{Tenant: "t"}).asked(backend.Request{ID: "q9", Type: TypeRelease, Initiator: "t"}, nil).start()
	}, Ready)
}

func TestAnErrorOfTheTenantNetworkNamesMachineAndTenant(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withTenantNetwork(map[string][]error{"Release": {errors.New("nobody knows")}})
	r.machine(AssignedReleasing, 0, Machine{Tenant: "t"}).start().step()
	assert.Contains(t, r.reason(), "Release: machine m1, tenant t: nobody knows")
}

func TestAReportThatReplacesAllOthersDecidesAboutAnAssignment(t *testing.T) {
	t.Parallel()
	broken := lifecycle.Alert{ID: "a1", Message: "broken", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}}
	for name, c := range map[string]struct {
		reported, replaced []lifecycle.Alert
		to                 State
	}{
		"for the better": {[]lifecycle.Alert{broken}, nil, AssignedReady},
		"for the worse":  {nil, []lifecycle.Alert{broken}, Ready},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Machine{}
			m.Report("monitor", c.reported...)
			r := newRig(t).machine(Ready, 0, m).start()
			r.edit(func(m *Machine) { m.ReplaceHealth("operator", r.now, c.replaced...) })
			err := r.post(lifecycle.NewRequest{Type: TypeAssign, Initiator: "t"})
			if c.to == Ready {
				require.ErrorContains(t, err, "alert a1 of operator forbids allocation: broken")
				require.ErrorContains(t, newRig(t).machine(Ready, 0, *r.get()).asked(pending("q1", TypeAssign, time.Minute), nil).start().beganNot("q1"), "alert a1 of operator")
			}
			r.run(time.Minute)
			r.inState(c.to)
		})
	}
}

// beganNot steps once and returns why a request was rejected.
func (r *rig) beganNot(id string) error {
	r.Helper()
	r.step()
	require.Equal(r, backend.RequestRejected, r.request(id).State)
	return errors.New(r.request(id).Reason)
}
