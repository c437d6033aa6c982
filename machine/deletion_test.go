package machine

import (
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
	assert.Contains(t, r.reason(), "BootOrder (job BootOrder-1) is running")
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
