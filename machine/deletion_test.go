package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAMarkedMachineGoesWithoutBeginningAnythingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Ready", "").machine(Ready, 0, Machine{}).asked(pending("q1", lifecycle.TypeReprovision, time.Minute), nil).start()
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, Deleting, ""}, r.way())
	assert.Equal(t, backend.RequestSuperseded, r.request("q1").State)
	assert.Empty(t, r.hw.calls)
}

func TestADeletionWaitsForTheHardwareJobThatRuns(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobRunning)
	r.step()
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(time.Minute)
	r.inState(Deleting)
	assert.Contains(t, r.reason(), "the hardware to end what it does: BootOrder (job BootOrder-1) is running")
	r.hw.jobs[boot] = polls(backend.JobCompleted)
	r.run(time.Minute)
	assert.Equal(t, State(""), r.way()[2])
}

func TestADeletionDoesNotWaitForEverForAJob(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobRunning)
	r.step()
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(16 * time.Minute)
	assert.Equal(t, State(""), r.way()[2])
}

func TestTheDeletionOfAMachineWithATenantIsRefusedUnlessForced(t *testing.T) {
	t.Parallel()
	for _, state := range []State{AssignedReady, AssignedProvisioning, AssignedFailed, AssignedCheckingFirmware} {
		r := newRig(t).machine(state, 0, Machine{}).start()
		err := r.ctl.Delete(t.Context(), m1, "alice", false)
		require.ErrorIs(t, err, lifecycle.ErrRejected)
		require.ErrorContains(t, err, "m1")
		require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", true))
		r.run(time.Minute)
		assert.Equal(t, []State{state, Deleting, ForceDeletion, ""}, r.way())
	}
}

func TestAForcedDeletionIsHonouredInEveryStateAndLeavesTheHardwareUsable(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		t.Run(string(info.State), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Ready", "")
			r.hw.locked()
			r.machine(info.State, 0, Machine{Job: &PlatformJob{Kind: boot, ID: "BootOrder-1"}}).start()
			require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: lifecycle.ForceDelete, Initiator: "admin"}))
			r.run(time.Minute)
			way := r.way()
			assert.Equal(t, State(""), way[len(way)-1])
			assert.Equal(t, []string{"SubmitPlatform:LockdownDisable", "ResetHost"}, r.hw.changes())
			assert.False(t, r.hw.applied[backend.PlatformLockdownEnable])
		})
	}
}

func TestAForcedDeletionPassesThroughAHold(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "repair", Owner: "bob", Reason: "board swap"}))
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: lifecycle.ForceDelete, Initiator: "admin"}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, Deleting, ForceDeletion, ""}, r.way())
}

func TestAForcedDeletionDoesNotNeedTheHardware(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(AssignedReady, 0, Machine{}).start()
	r.hw.always["SubmitPlatform"], r.hw.always["ResetHost"] = errBroken, errBusy
	require.NoError(t, r.post(lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "admin"}))
	r.run(time.Minute)
	assert.Equal(t, State(""), r.way()[3])
	assert.Contains(t, r.note(), "the board is broken")
	assert.Contains(t, r.note(), "the BMC is busy")

	r = newRig(t)
	r.cfg.Driver = backend.Capabilities{}
	r.machine(AssignedReady, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "admin"}))
	r.run(time.Minute)
	assert.Equal(t, "lockdown off: "+noPlatform+"; restart: "+errNoRestart.Error(), r.note())
}

func TestAForceDeleteTakesOverFromAPlainDeletion(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobRunning)
	r.step()
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(time.Minute)
	r.inState(Deleting)
	require.NoError(t, r.post(lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "admin"}))
	r.run(time.Minute)
	assert.Equal(t, []State{HostInitSetBootOrder, Deleting, ForceDeletion, ""}, r.way())
}

func TestADeletionWaitsForTheImageThatIsSentAndItsTask(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := r.withUpload()
	f.uploadTakes, f.taskTakes = 5*time.Minute, 5*time.Minute
	r.cfg.Firmware = []Firmware{{Component: "BMC", Version: "2.0"}}
	r.machine(HostReprovisionCheckingFirmware, 0, Machine{}).start().run(time.Minute)
	r.inState(HostReprovisionWaitingForUpload)
	require.Len(t, f.begun, 1)
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(2 * time.Minute)
	assert.Contains(t, r.reason(), "the upload of BMC 2.0 is running")
	r.run(4 * time.Minute)
	assert.Contains(t, r.reason(), "task task-1 (BMC 2.0) is running")
	r.run(6 * time.Minute)
	way := r.way()
	assert.Equal(t, State(""), way[len(way)-1])
	assert.Len(t, f.begun, 1, "it went on under the key with which it began")
}

func TestADeletionDoesNotTakeUpAnUploadThatIsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := r.withUpload()
	m := Machine{Upgrade: &Upgrade{Component: "BMC", Version: "2.0", Artifact: 1, Artifacts: 1, Attempt: 1, BeganAt: epoch, Visit: 7}}
	r.machine(HostReprovisionFailedFirmwareUpgrade, 0, m).start()
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(0)
	assert.Equal(t, []State{HostReprovisionFailedFirmwareUpgrade, Deleting, ""}, r.way())
	assert.Empty(t, f.begun)
}

func TestADeletionSwitchesAHostOnThatWasOffInPassing(t *testing.T) {
	t.Parallel()
	r := newRig(t).withDPUs(2).machine(DpuInitWaitingForPlatformPowercycle, 0, Machine{DPUs: 2}).start()
	r.step()
	require.Equal(t, backend.PowerOff, r.hw.power)
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(time.Minute)
	assert.Equal(t, State(""), r.way()[2])
	assert.Equal(t, backend.PowerOn, r.hw.power)

	r = newRig(t).machine(Ready, 0, Machine{}).start()
	r.hw.power = backend.PowerOff
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(time.Minute)
	assert.Equal(t, backend.PowerOff, r.hw.power, "somebody else switched it off")
}

func TestADeletionWaitsWhileItCannotSeeWhatRunsButNotForEver(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]Machine{
		"BootOrder (job BootOrder-1)": {Job: &PlatformJob{Kind: boot, ID: "BootOrder-1"}},
		"task task-1 (BMC 2.0)":       {Upgrade: &Upgrade{Component: "BMC", Version: "2.0", Task: "task-1"}},
		"clean-up clean-1":            {CleanupJob: "clean-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.cfg.Driver = (&still{err: errNoAnswer}).caps()
			r.machine(Ready, 0, m).start()
			require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
			r.run(14 * time.Minute)
			r.inState(Deleting)
			assert.Contains(t, r.reason(), name+" cannot be seen: no answer")
			r.run(2 * time.Minute)
			assert.Equal(t, State(""), r.way()[2])
			assert.Equal(t, "what ran did not end within 15m0s", r.note())
		})
	}
}

func TestAPlainDeletionIsHonouredInEveryStateWithoutATenant(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		t.Run(string(info.State), func(t *testing.T) {
			t.Parallel()
			r := stillRig(t, info.State, &still{err: errNoAnswer}).start()
			err := r.ctl.Delete(t.Context(), m1, "alice", false)
			if r.get().Tenanted() {
				require.ErrorIs(t, err, lifecycle.ErrRejected)
				return
			}
			require.NoError(t, err)
			r.run(16 * time.Minute)
			way := r.way()
			assert.Equal(t, State(""), way[len(way)-1])
		})
	}
}

// busyRig is a machine in a state, with every capability and whatever the states may have under way.
func busyRig(t *testing.T, state State) *rig {
	t.Helper()
	r := newRig(t).rack("Maintenance", "c1")
	r.withUpload().uploadTakes = time.Minute
	r.withDPUs(2).withEventLog().withAttestors(MeasuredBoot)
	r.withCleanup().states = []backend.JobState{backend.JobRunning}
	r.hw.locked().jobs[boot] = polls(backend.JobRunning)
	r.cfg.Firmware = []Firmware{{Component: "BMC", Version: "2.0"}}
	r.cfg.Tenant = &network{answers: []error{errUnderWay}}
	m := Machine{DPUs: 2, RestartDue: true, RestartedAt: epoch, SKU: "gb200", Tenant: "tenant-7", ValidationJob: "run-1", CleanupJob: "clean-1"}
	m.Upgrade = &Upgrade{Component: "BMC", Version: "2.0", Artifact: 1, Artifacts: 1, Task: "task-1"}
	return r.machine(state, 0, m).asked(reprovisionBy("rack-r1", "c1", started), nil).start()
}

func TestAForcedDeletionEndsEverythingAtOnceWhateverIsInFlight(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		for _, n := range []int{0, 1, 2, 4} { // in the middle of the pass, before any of its first calls or after them
			t.Run(fmt.Sprintf("%s, call %d", info.State, n), func(t *testing.T) {
				t.Parallel()
				r := busyRig(t, info.State)
				marked := false
				force := func() {
					marked = true
					_, err := r.ctl.Request(t.Context(), lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "admin"}, m1)
					require.NoError(t, err)
				}
				r.hw.interrupt, r.hw.interruptIn = force, n
				for range 10 {
					if _, err := lifecycle.Get[Machine](r.ctl, m1); err != nil {
						return // it went before it was marked
					}
					if !marked {
						r.step()
						r.now = r.now.Add(15 * time.Second)
					}
				}
				if !marked {
					r.hw.interrupt = nil
					force()
				}
				r.goneWithin(4)
			})
		}
	}
}

// goneWithin makes passes until the machine is gone, and checks how it went: its history has no gap, and nothing but the clean-up was asked of the hardware after ForceDeletion.
func (r *rig) goneWithin(passes int) {
	r.Helper()
	calls := -1
	for range passes {
		m, err := lifecycle.Get[Machine](r.ctl, m1)
		if err != nil {
			break
		}
		if m.State() == string(ForceDeletion) && calls < 0 {
			calls = len(r.hw.calls)
		}
		r.step()
	}
	_, err := lifecycle.Get[Machine](r.ctl, m1)
	require.ErrorIs(r, err, backend.ErrNotFound, "after %d passes", passes)
	rows, err := r.ctl.History(r.Context(), m1)
	require.NoError(r, err)
	for i := 1; i < len(rows); i++ {
		assert.Equal(r, rows[i-1].Seq+1, rows[i].Seq)
		assert.Equal(r, rows[i-1].To, rows[i].From)
	}
	assert.Equal(r, string(Removed), rows[len(rows)-1].Trigger)
	require.GreaterOrEqual(r, calls, 0, "it went through ForceDeletion: %v", r.way())
	r.hw.calls = r.hw.calls[calls:]
	for _, call := range r.hw.changes() {
		assert.Contains(r, []string{"SubmitPlatform:LockdownDisable", "ResetHost", "SetPower:PowerOn"}, call)
	}
}
