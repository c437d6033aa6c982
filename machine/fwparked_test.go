package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// parks is a machine whose task fails on the BMC while lockdown is off.
func parks(t *testing.T, l lane) (*rig, *flasher) {
	t.Helper()
	r, f := installs(t, l)
	f.fails[1] = "flash error"
	return r.start(), f
}

const relockFails = "SubmitPlatform:LockdownEnable"

func TestAParkedMachineIsLockedDown(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, _ := parks(t, l)
		r.until(l.in(fwFailed))
		assert.False(t, r.hw.applied[backend.PlatformLockdownEnable])
		r.step()
		assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
		looks := r.hw.count("InspectPlatform:LockdownEnable")
		r.run(30 * time.Minute)
		assert.Equal(t, looks, r.hw.count("InspectPlatform:LockdownEnable"), "looked at once")
		assert.NotContains(t, r.reason(), "lockdown")
	})
}

func TestLockdownThatCannotBePutBackOnAParkedMachineIsShownAndTriedAgain(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for name, err := range map[string]error{"for good": errBroken, "in a time": errBusy} {
			r, _ := parks(t, l)
			r.cfg.FirmwareRetryLimit = -1
			r.start()
			r.hw.always[relockFails] = err
			r.run(40 * time.Minute)
			r.inState(l.in(fwFailed))
			if name == "for good" {
				assert.Contains(t, r.reason(), "0 of 0 retries are spent; task task-1 (BMC 2.0) failed: flash error; lockdown could not be put back: the board is broken")
				r.hw.always[relockFails] = nil
			} else {
				assert.Contains(t, r.reason(), "lockdown is being put back (stage ")
				assert.Contains(t, r.reason(), "the BMC is busy")
				r.run(3 * time.Hour)
				assert.Contains(t, r.reason(), "lockdown could not be put back: ")
				r.hw.always[relockFails] = nil
			}
			r.run(2 * time.Hour)
			r.inState(l.in(fwFailed))
			assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
			assert.NotContains(t, r.reason(), "lockdown")
		}
	})
}

func TestLockdownThatCannotBePutBackKeepsAParkedMachineFromNothing(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for _, err := range []error{errBroken, errBusy} {
			r, f := parks(t, l)
			r.hw.always[relockFails] = err
			r.until(l.in(fwFailed))
			r.run(10 * time.Minute)
			f.fails = map[int]string{}
			require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob"}))
			r.step()
			r.inState(l.in(fwCheck))
		}
		r, _ := parks(t, l)
		r.hw.always[relockFails] = errBroken
		r.until(l.in(fwFailed))
		r.run(time.Hour)
		assert.Equal(t, 1, r.get().RetryCount, "it is tried again when it is time to")
	})
}

func TestARetryWaitsForALockdownThatIsUnderWay(t *testing.T) {
	t.Parallel()
	r, _ := parks(t, lanes["in the pool"])
	r.cfg.FirmwareRetryInterval = time.Minute
	r.start()
	r.hw.jobs[backend.PlatformLockdownEnable] = polls(backend.JobRunning)
	r.until(fwFailed)
	r.run(10 * time.Minute)
	r.inState(fwFailed)
	assert.Contains(t, r.reason(), "lockdown is being put back (stage AwaitDone)")
	r.hw.jobs[backend.PlatformLockdownEnable] = polls(backend.JobCompleted)
	r.run(16 * time.Second)
	assert.Equal(t, 1, r.get().RetryCount)
}

func TestARetryIsUnderTheMachinesOwnAlert(t *testing.T) {
	t.Parallel()
	r := waiting(t, lanes["in the pool"], rackStatus(lifecycle.ProgressFailed, "c1", -9*time.Minute, -time.Minute))
	r.until(fwFailed)
	assert.Empty(t, r.sources(), "what the rack does is under the rack's eyes")
	r.until(fwCheck)
	assert.Equal(t, []string{sourceUpdate}, r.sources())
	r.until(Ready)
	assert.Empty(t, r.sources())
}

func TestATenantIsReleasedFromAFailedUpgrade(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(r *rig){
		"at once":                          func(*rig) {},
		"after lockdown was put back":      func(r *rig) { r.hw.always[relockFails] = errBroken },
		"while lockdown is being put back": func(r *rig) { r.hw.scheduled[backend.PlatformLockdownEnable] = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := parks(t, lanes["with a tenant"])
			given(r)
			r.until(AssignedFailedFirmwareUpgrade)
			r.step()
			r.hw.always[relockFails] = nil
			require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: TypeRelease, Initiator: "carol"}))
			r.until(AssignedReleasing)
			assert.Equal(t, string(ReleaseRequested), r.trigger())
			assert.Contains(t, r.note(), "request q2; LockdownEnable")
			assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
			q1 := r.request("q1")
			assert.Equal(t, backend.RequestCancelled, q1.State)
			assert.Equal(t, "the machine is released by carol", q1.Reason)
			assert.Equal(t, started, r.request("q2").State)
			m := r.get()
			assert.Nil(t, m.Reprovision)
			assert.Nil(t, m.Upgrade)
			assert.Zero(t, m.RetryCount)
			assert.NotContains(t, r.sources(), sourceUpdate)
			assert.Less(t, r.now.Sub(epoch), time.Minute)
		})
	}
}

func TestATenantWhoseMachineCannotBeLockedDownIsReleasedFromFailed(t *testing.T) {
	t.Parallel()
	r, _ := parks(t, lanes["with a tenant"])
	r.hw.always[relockFails] = errBroken
	r.until(AssignedFailedFirmwareUpgrade)
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: TypeRelease, Initiator: "carol"}))
	r.until(AssignedFailed)
	assert.Equal(t, platformSetup(backend.PlatformLockdownEnable), r.get().Cause)
}

func TestAMachineInThePoolIsNotReleased(t *testing.T) {
	t.Parallel()
	r := upgradeFailed(t, lanes["in the pool"], 0, 0).asked(backend.Request{ID: "q1", Type: TypeRelease, Initiator: "carol"}, nil).start()
	r.step()
	r.inState(fwFailed)
}

func TestAResultOfTheRackIsTakenByAMachineThatDoesNotWaitForIt(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for status, want := range map[lifecycle.Progress]backend.RequestState{lifecycle.ProgressCompleted: backend.RequestFinished, lifecycle.ProgressFailed: backend.RequestFailed} {
			for _, from := range []State{HostReprovisionWaitingForManualUpgrade, fwFailed} {
				r := newRig(t).rack("Error", "")
				r.hw.locked()
				r.machine(l.in(from), 0, Machine{FirmwareUpgrade: rackStatus(status, "c1", -9*time.Minute, -time.Minute)})
				r.asked(reprovisionBy("rack-r1", "c1", started), nil).start()
				r.run(time.Minute)
				r.inState(l.in(from)) // the end of the cycle comes after its result
				assert.Equal(t, want, r.request("q1").State)
				assert.Equal(t, "q1", r.get().Reprovision.RequestID)
			}
		}
	})
}

func TestVersionsThatCannotBeReadAreNotAskedForForEver(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for _, from := range []State{fwCheck, fwRepeat} {
			r := wants(t, Firmware{Component: "BMC", Version: "2.0"}).machine(l.in(from), 0, Machine{}).start()
			r.hw.always["FirmwareInventory"] = errBusy
			r.run(39 * time.Minute)
			r.inState(l.in(from))
			r.run(5 * time.Minute)
			r.inState(l.in(fwFailed))
			assert.Equal(t, "the versions could not be read within 40m0s: read the firmware of machine m1: the BMC is busy", r.note())
		}
	})
}

func TestALockdownThatIsBeingTakenOffIsOffBeforeItIsPutBack(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		r.hw.jobs[backend.PlatformLockdownDisable] = polls(backend.JobRunning, backend.JobRunning, backend.JobRunning, backend.JobCompleted)
		r.start().until(l.in(fwUpload))
		r.step()
		assert.Contains(t, r.reason(), "platform job LockdownDisable")
		require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
		r.step()
		r.inState(l.in(fwUpload))
		assert.Contains(t, r.reason(), "platform job LockdownDisable")
		r.run(2 * time.Minute)
		r.inState(l.back)
		assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
		assert.Empty(t, f.begun)
	})
}
