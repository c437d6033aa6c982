package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// lane is where a reprovision runs.
type lane struct {
	in           func(State) State
	back, failed State
}

// lanes are a machine in the pool and one with a tenant.
var lanes = map[string]lane{"in the pool": {inPool, Ready, Failed}, "with a tenant": {inTenancy, AssignedReady, AssignedFailed}}

const (
	waitingForRack = HostReprovisionWaitingForRackFirmwareUpgrade
	fwFailed       = HostReprovisionFailedFirmwareUpgrade
	fwCheck        = HostReprovisionCheckingFirmware
	fwRepeat       = HostReprovisionCheckingFirmwareRepeat
)

// rackStatus is what the rack wrote about the machine.
func rackStatus(status lifecycle.Progress, cycle string, started, ended time.Duration) *lifecycle.CycleStatus {
	return &lifecycle.CycleStatus{Status: status, Cause: "flash error", Cycle: cycle, StartedAt: epoch.Add(started), EndedAt: epoch.Add(ended)}
}

const started = backend.RequestStarted

// waiting is a machine that waits for its rack, which is in cycle c1.
func waiting(t *testing.T, l lane, status *lifecycle.CycleStatus) *rig {
	t.Helper()
	r := newRig(t).rack("Maintenance", "c1")
	r.hw.locked()
	return r.machine(l.in(waitingForRack), 0, Machine{FirmwareUpgrade: status, ReturnTo: l.back}).asked(reprovisionBy("rack-r1", "c1", started), nil).start()
}

func TestAReadyMachineFollowsItsRack(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Maintenance", "c1")
			r.machine(l.back, 0, Machine{RetryCount: 3}).asked(reprovisionBy("rack-r1", "c1", ""), lifecycle.Reprovision{DisturbTenants: true}).start().step()
			r.inState(l.in(waitingForRack))
			m := r.get()
			assert.Zero(t, m.RetryCount)
			assert.Equal(t, l.back, m.ReturnTo)
			assert.Equal(t, "c1", m.Reprovision.Cycle)
			assert.Equal(t, started, r.request("q1").State)
			assert.Empty(t, r.sources())
			assert.Empty(t, r.hw.calls)
		})
	}
}

func TestTheMachineWaitsWhileTheRackHasNoResultForIt(t *testing.T) {
	t.Parallel()
	for want, status := range map[string]*lifecycle.CycleStatus{
		"it has not begun":                            nil,
		"it is in_progress":                           rackStatus(lifecycle.ProgressRunning, "c1", -10*time.Minute, 0),
		"the completed status is of an earlier cycle": rackStatus(lifecycle.ProgressCompleted, "c0", -20*time.Minute, -15*time.Minute),
	} {
		r := waiting(t, lane{inPool, Ready, Failed}, status)
		r.run(3 * time.Hour)
		r.inState(waitingForRack)
		assert.Contains(t, r.reason(), want)
		assert.Equal(t, started, r.request("q1").State)
		assert.Empty(t, r.hw.calls)
	}
}

func TestWhatTheRackHasInstalledIsCheckedAndTheMachineGivenBack(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := waiting(t, l, rackStatus(lifecycle.ProgressCompleted, "", -10*time.Minute, -10*time.Minute)) // at the very time of the request
			r.step()
			r.inState(l.in(fwRepeat))
			assert.Equal(t, backend.RequestFinished, r.request("q1").State)
			r.run(time.Minute)
			r.inState(l.back)
			assert.Contains(t, r.note(), "no firmware is wanted")
			m := r.get()
			assert.Nil(t, m.Reprovision)
			assert.Empty(t, m.ReturnTo)
		})
	}
}

func TestAFailureOfTheRackTakesTheMachineToFailedFirmwareUpgrade(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := waiting(t, l, rackStatus(lifecycle.ProgressFailed, "c1", -9*time.Minute, -time.Minute))
			r.step()
			r.inState(l.in(fwFailed))
			q1 := r.request("q1")
			assert.Equal(t, backend.RequestFailed, q1.State)
			assert.Contains(t, q1.Reason, "flash error")
			r.step()
			assert.Contains(t, r.reason(), "flash error")
		})
	}
}

func TestNoMachineWaitsForARackThatIsNotComing(t *testing.T) {
	t.Parallel()
	for name, rack := range map[string]func(r *rig) *rig{
		"in Error":         func(r *rig) *rig { return r.rack("Error", "") },
		"in another cycle": func(r *rig) *rig { return r.rack("Maintenance", "c2") },
		"gone":             func(r *rig) *rig { return r },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, l := range lanes {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					r := rack(newRig(t)).machine(l.in(waitingForRack), 0, Machine{}).asked(reprovisionBy("rack-r1", "c1", started), nil).start()
					r.run(time.Minute)
					assert.Equal(t, []State{l.in(waitingForRack), l.back}, r.way())
					assert.Equal(t, backend.RequestWithdrawn, r.request("q1").State)
					assert.True(t, r.hw.applied[backend.PlatformLockdownEnable], "lockdown is put back first")
				})
			}
		})
	}
}

func TestTheMachinesOwnResultComesBeforeTheEndOfTheCycle(t *testing.T) {
	t.Parallel()
	for status, want := range map[lifecycle.Progress]State{lifecycle.ProgressCompleted: fwRepeat, lifecycle.ProgressFailed: fwFailed} {
		r := newRig(t).rack("Error", "")
		r.machine(waitingForRack, 0, Machine{FirmwareUpgrade: rackStatus(status, "c1", -9*time.Minute, -time.Minute)})
		r.asked(reprovisionBy("rack-r1", "c1", started), nil).start().step()
		r.inState(want)
	}
}

func TestLockdownThatCannotBePutBackFailsTheMachineAndIsRepeated(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Error", "")
			r.hw.always["SubmitPlatform"] = errBroken
			r.machine(l.in(waitingForRack), 0, Machine{}).asked(reprovisionBy("rack-r1", "c1", started), nil).start().step()
			r.inState(l.failed)
			assert.Equal(t, platformSetup(backend.PlatformLockdownEnable), r.get().Cause)
			assert.Equal(t, l.in(fwRepeat), r.get().ReturnTo)
			r.hw.always["SubmitPlatform"] = nil
			r.hw.locked()
			r.run(time.Minute)
			r.inState(l.back)
			assert.Equal(t, backend.RequestWithdrawn, r.request("q1").State)
			assert.Nil(t, r.get().Failure)
		})
	}
}

func TestLockdownThatTakesItsTimeIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Firmware = []Firmware{{Component: "BMC", Version: "2.0"}}
	r.hw.fw["BMC"] = "2.0"
	r.hw.jobs[backend.PlatformLockdownEnable] = polls(backend.JobRunning, backend.JobRunning, backend.JobCompleted)
	r.machine(fwCheck, 0, Machine{}).asked(reprovisionBy("alice", "", started), nil).start().step()
	r.inState(fwCheck)
	assert.Contains(t, r.reason(), "platform job LockdownEnable")
	assert.Equal(t, started, r.request("q1").State)
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	assert.Equal(t, 1, r.hw.count("FirmwareInventory"))
}

func TestASiteWithoutLockdownGivesTheMachineBackAsItIs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.NoLockdown = true
	r.machine(fwRepeat, 0, Machine{}).start().step()
	r.inState(Ready)
	assert.Empty(t, r.hw.calls)
}

func TestAMachineThatWaitsForItsRackWithoutARequestIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Maintenance", "c1").machine(l.in(waitingForRack), 0, Machine{ReturnTo: l.back}).start()
			for range 3 {
				r.step()
			}
			assert.Equal(t, []State{l.in(waitingForRack), l.back}, r.way())
			assert.Contains(t, r.note(), "without a request of the rack")
		})
	}
}

func TestAMachineThatWaitsForItsRackOnBehalfOfSomebodyElseChecksItsOwnFirmware(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Maintenance", "c1").machine(waitingForRack, 0, Machine{}).asked(reprovisionBy("alice", "", started), nil).start()
	r.run(time.Minute)
	assert.Equal(t, []State{waitingForRack, Ready, fwCheck, Ready}, r.way())
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
}

func TestARequestOfARackThatIsNotComingIsDroppedBeforeItBegins(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Ready, AssignedReady, fwFailed, AssignedFailedFirmwareUpgrade} {
		r := newRig(t).rack("Error", "").machine(state, 0, Machine{TenantApproved: true}).asked(reprovisionBy("rack-r1", "c1", ""), nil).start()
		r.run(5 * time.Minute)
		assert.Equal(t, []State{state}, r.way())
		assert.Equal(t, backend.RequestWithdrawn, r.request("q1").State)
	}
}

func TestTheRequestOfAnOperatorDoesNotDependOnTheRack(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Error", "")
	r.cfg.Firmware = []Firmware{{Component: "BMC", Version: "2.0", How: HowManual}}
	r.machine(HostReprovisionWaitingForManualUpgrade, 0, Machine{Firmware: map[string]string{"BMC": "1.0"}}).asked(reprovisionBy("alice", "", started), nil).start()
	r.run(5 * time.Minute)
	r.inState(HostReprovisionWaitingForManualUpgrade)
	assert.Equal(t, started, r.request("q1").State)
}

func TestACancelledReprovisionGivesTheMachineBack(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Machine{}
			m.Report(sourceUpdate, updateAlert)
			r := newRig(t).machine(l.in(HostReprovisionWaitingForManualUpgrade), 0, m).asked(reprovisionBy("alice", "", started), nil).start()
			require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
			r.run(time.Minute)
			r.inState(l.back)
			q1 := r.request("q1")
			assert.Equal(t, backend.RequestCancelled, q1.State)
			assert.Equal(t, "cancelled by bob", q1.Reason)
			assert.Empty(t, r.sources())
		})
	}
}

func TestANewerReprovisionTakesThePlaceOfThePendingOne(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitWaitingForDiscovery, 0, Machine{}).asked(reprovisionBy("alice", "", ""), nil).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob"}))
	q1 := r.request("q1")
	assert.Equal(t, backend.RequestSuperseded, q1.State)
	assert.Equal(t, "superseded by q2 of bob", q1.Reason)
	assert.Equal(t, backend.RequestPending, r.request("q2").State)
	require.ErrorIs(t, r.post(lifecycle.NewRequest{Type: lifecycle.TypeReprovision, Params: "reset"}), lifecycle.ErrRejected)
}

func TestAReprovisionThatIsUnderWayIsNotReplaced(t *testing.T) {
	t.Parallel()
	r := waiting(t, lane{inPool, Ready, Failed}, nil)
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob"}))
	r.run(time.Minute)
	r.inState(waitingForRack)
	assert.Equal(t, started, r.request("q1").State)
	r.edit(func(m *Machine) { m.FirmwareUpgrade = rackStatus(lifecycle.ProgressCompleted, "c1", 0, 0) })
	r.run(time.Minute)
	assert.Equal(t, []State{waitingForRack, fwRepeat, Ready, fwCheck, Ready}, r.way())
	assert.Equal(t, backend.RequestFinished, r.request("q2").State)
}

func TestATenantsMachineIsNotTouchedBeforeTheTenantApproves(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Ready", "")
	r.cfg.Firmware = []Firmware{{Component: "BMC", Version: "2.0", How: HowManual}}
	r.machine(AssignedReady, 0, Machine{}).asked(reprovisionBy("alice", "", ""), nil).start()
	r.run(2 * time.Hour)
	assert.Equal(t, []State{AssignedReady}, r.way())
	assert.Equal(t, backend.RequestPending, r.request("q1").State)
	assert.Contains(t, r.reason(), "the tenant to approve")

	r.apply(func(tx *lifecycle.Tx) error { return Approve(tx, m1) })
	r.run(time.Minute)
	assert.Equal(t, []State{AssignedReady, AssignedCheckingFirmware, AssignedWaitingForManualUpgrade}, r.way())
	assert.False(t, r.get().TenantApproved, "an approval is for one reprovision")
	assert.Equal(t, []string{sourceUpdate}, r.sources())
}

func TestOnlyATenantsMachineCanBeApproved(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.ErrorIs(t, r.ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error { return Approve(tx, m1) }), lifecycle.ErrNotPermitted)
	require.ErrorIs(t, r.ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error { return Approve(tx, Ref("m9")) }), backend.ErrNotFound)
}
