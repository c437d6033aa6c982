package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

const erase = backend.PlatformSecureErase

func TestWhetherTheStorageControllerErases(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given func(r *rig)
		to    State
		note  string
	}{
		"it has something to erase":     {func(*rig) {}, WaitingForCleanupSecureErase, "the hardware says false"},
		"it has nothing to erase":       {func(r *rig) { r.hw.applied[erase] = true }, WaitingForCleanupHostCleanup, "nothing to erase"},
		"it cannot erase":               {func(r *rig) { r.hw.always["InspectPlatform:SecureErase"] = backend.ErrNotSupported }, WaitingForCleanupHostCleanup, "SecureErase is not supported: passed"},
		"it cannot be looked at":        {func(r *rig) { r.hw.always["InspectPlatform:SecureErase"] = errBusy }, WaitingForCleanupSecureErase, "the BMC is busy"},
		"there is no such capability":   {func(r *rig) { r.cfg.Driver = backend.Capabilities{} }, WaitingForCleanupHostCleanup, noPlatform},
		"an earlier attempt was enough": {func(r *rig) { r.hw.applied[erase] = true }, WaitingForCleanupHostCleanup, "the hardware says true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.given(r)
			r.machine(WaitingForCleanupInit, 0, Machine{}).start().step()
			r.inState(c.to)
			assert.Contains(t, r.note(), c.note)
		})
	}
}

func TestLockdownComesOffForTheEraseAndIsBackBeforeTheMachineIs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.hw.locked()
	r.machine(WaitingForCleanupSecureErase, 0, Machine{SKU: "gb200"}).start().run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"SubmitPlatform:LockdownDisable", "SubmitPlatform:SecureErase", "StartCleanup", "SubmitPlatform:LockdownEnable"}, withoutLooks(r.hw.changes())[:4])
	assert.Contains(t, r.noteOf(Erased), "SecureErase applied (attempt 1)")
	assert.Contains(t, r.noteOf(CleanedUp), "LockdownEnable applied")
	assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
	assert.False(t, r.get().VerifyOnly)
}

// withoutLooks leaves out the polls of a clean-up.
func withoutLooks(calls []string) []string {
	var out []string
	for _, c := range calls {
		if c != "CleanupJob" {
			out = append(out, c)
		}
	}
	return out
}

func TestASiteWithoutLockdownLeavesACleanHostUnlocked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.NoLockdown = true
	r.withCleanup()
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().step()
	assert.Contains(t, r.noteOf(CleanedUp), "lockdown is not wanted")
}

func TestAnEraseThatFailsTakesTheMachineToFailedAndIsRepeatedWhenItIsThere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.hw.jobs[erase] = polls(backend.JobFailed)
	r.machine(WaitingForCleanupInit, 0, Machine{}).asked(backend.Request{ID: "q9", Type: TypeRelease, Initiator: "t", State: started}, nil).start().run(time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.noteOf(CleanupFailed), "PlatformSetup(SecureErase): 3 of 3 attempts: job SecureErase-")
	assert.Equal(t, WaitingForCleanupInit, r.get().ReturnTo)
	assert.Equal(t, []string{sourceCleanup}, r.sources())
	q9 := r.request("q9")
	assert.Equal(t, backend.RequestFailed, q9.State)
	require.Len(t, q9.Results, 1)
	assert.Equal(t, m1, q9.Results[0].Target)
	r.hw.applied[erase] = true
	r.run(time.Hour)
	r.inState(Ready)
	assert.Equal(t, WaitingForCleanupInit, r.after(Failed))
	assert.Empty(t, r.sources())
}

func TestAPlatformThatIsGoneDoesNotHoldUpTheErase(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Driver = backend.Capabilities{}
	r.machine(WaitingForCleanupSecureErase, 0, Machine{}).start().step()
	r.inState(WaitingForCleanupHostCleanup)
	assert.Equal(t, noPlatform, r.note())
}

func TestAHostIsRestartedIntoItsCleanUpAndOutOfItWhateverElseTheDriverCanDo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Driver = backend.Capabilities{Reset: r.hw, Agent: r.hw}
	r.withCleanup()
	r.machine(AssignedReady, 0, Machine{Tenant: "t"}).start()
	r.releaseBy("t")
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"ResetHost", "StartCleanup", "ResetHost"}, withoutLooks(r.hw.changes()), "what was erased is gone after a restart")
}

func TestACleanUpThatIsForgottenWhileLockdownComesBackWasStillComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.hw.jobs[backend.PlatformLockdownEnable] = polls(backend.JobRunning, backend.JobRunning, backend.JobCompleted)
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().step()
	require.NotNil(t, r.get().Job)
	r.hw.always["CleanupJob"] = backend.ErrNoJob
	r.run(10 * time.Minute)
	r.inState(Ready)
	assert.Contains(t, r.noteOf(CleanedUp), "clean-up clean-1 is complete")
}

func TestWhatIsLeftOfAnEarlierTenancyDoesNotCountForThisOne(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p, c := r.proving(proofPasses), r.withCleanup()
	r.machine(AssignedReady, 0, Machine{Tenant: "t", CleanupJob: "clean-0", Attestation: &AttestationRun{Attestor: MeasuredBoot, Job: "p0", AskedAt: epoch.Add(-time.Hour), Attempt: 1}}).start()
	r.releaseBy("t")
	r.run(time.Hour)
	r.inState(Ready)
	assert.Len(t, c.jobs, 1)
	assert.Len(t, p.asked, 1)
}

func TestACleanUpThatIsNotCompleteFailsTheMachine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given func(r *rig, c *cleaner)
		says  string
	}{
		"the job fails":           {func(_ *rig, c *cleaner) { c.states = []backend.JobState{backend.JobFailed} }, "the agent gave up"},
		"a step failed":           {func(_ *rig, c *cleaner) { c.undone[backend.CleanupTPM] = "owner auth" }, "tpm is not erased: owner auth"},
		"a step has no result":    {func(_ *rig, c *cleaner) { c.without[backend.CleanupMemory] = true }, "memory has no result"},
		"it cannot be started":    {func(r *rig, _ *cleaner) { r.hw.always["StartCleanup"] = errBroken }, "the board is broken"},
		"it cannot be polled":     {func(r *rig, _ *cleaner) { r.hw.always["CleanupJob"] = errBroken }, "the board is broken"},
		"it is forgotten":         {func(r *rig, _ *cleaner) { r.hw.always["CleanupJob"] = backend.ErrNoJob }, "no such job"},
		"polling is not possible": {func(r *rig, _ *cleaner) { r.hw.always["CleanupJob"] = backend.ErrNotSupported }, "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.given(r, r.withCleanup())
			r.machine(WaitingForCleanupHostCleanup, 0, Machine{RestartDue: true}).asked(backend.Request{ID: "q9", Type: TypeRelease, Initiator: "t", State: started}, nil).start().run(time.Hour)
			r.inState(Failed)
			m := r.get()
			assert.Equal(t, CauseCleanup, m.Cause)
			assert.Contains(t, m.Failure.Message, c.says)
			assert.Equal(t, WaitingForCleanupInit, m.ReturnTo)
			assert.True(t, m.RestartDue)
			assert.False(t, m.Healthy())
			assert.Equal(t, backend.RequestFailed, r.request("q9").State)
			assert.Contains(t, r.request("q9").Results[0].Error, c.says)
		})
	}
}

func TestACleanUpThatDoesNotEndFailsTheMachineAfterItsTime(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(r *rig, c *cleaner){
		"running":           func(_ *rig, c *cleaner) { c.states = []backend.JobState{backend.JobRunning} },
		"not to be started": func(r *rig, _ *cleaner) { r.hw.always["StartCleanup"] = errBusy },
		"not to be polled":  func(r *rig, _ *cleaner) { r.hw.always["CleanupJob"] = errBusy },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			given(r, r.withCleanup())
			r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().run(6 * time.Hour)
			require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "t", Owner: "o", Reason: "time under a hold does not count"}))
			r.run(24 * time.Hour)
			require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "t", "o"))
			r.run(6*time.Hour - time.Minute)
			r.inState(WaitingForCleanupHostCleanup)
			r.run(7 * time.Minute)
			r.inState(Failed)
			assert.Equal(t, CauseCleanup, r.get().Cause)
		})
	}
}

func TestAHostThatDoesNotComeUpToBeCleanedFailsOverThat(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.hw.mute()
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{RestartDue: true}).start().run(3 * time.Hour)
	r.inState(Failed)
	assert.Equal(t, CauseDiscovery, r.get().Cause)
	assert.Equal(t, []string{sourceCleanup}, r.sources())
	assert.Zero(t, r.hw.count("StartCleanup"))
	r.hw.silent, r.hw.report.DiscoveredAt = false, r.now
	r.run(time.Hour)
	r.inState(Ready)
	assert.Equal(t, WaitingForCleanupInit, r.after(Failed))
}

func TestAHostThatCannotBeRestartedToBeCleanedFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.hw.always["ResetHost"] = errBroken
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{RestartDue: true}).start().run(time.Minute)
	r.inState(Failed)
	assert.Equal(t, WaitingForCleanupInit, r.get().ReturnTo)
	assert.Equal(t, []string{sourceCleanup}, r.sources())
}

func TestAFailedMachineGoesBackWhenTheReportOfItsCleanUpIsComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.withCleanup()
	c.without[backend.CleanupTPM] = true
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().run(time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "clean-up clean-1 is completed: tpm has no result")
	r.hw.errs["CleanupJob"] = []error{errBusy}
	r.step()
	assert.Contains(t, r.reason(), "clean-up clean-1 cannot be polled: the BMC is busy")
	delete(c.without, backend.CleanupTPM)
	r.run(time.Hour)
	r.inState(Ready)
	assert.Len(t, c.jobs, 1, "what is done is not done again")
	assert.Contains(t, r.noteOf(Recovered), "clean-up clean-1 is complete now")
	assert.Contains(t, r.noteOf(CleanedUp), "clean-up clean-1 is complete")
}

func TestAPersonHasACleanUpThatFailedMadeAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.withCleanup()
	c.states = []backend.JobState{backend.JobFailed}
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().run(time.Hour)
	r.inState(Failed)
	restarts := r.hw.count("ResetHost")
	c.states = []backend.JobState{backend.JobFailed, backend.JobRunning, backend.JobCompleted} // the first look is at the old one
	r.hw.applied[erase] = true
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeRecover, Initiator: "alice"}))
	r.run(10 * time.Minute)
	r.inState(Ready)
	assert.Len(t, c.jobs, 2)
	assert.Greater(t, r.hw.count("ResetHost"), restarts, "nobody knows what runs there")
}

func TestACleanUpThatTheHostDoesNotSupportIsPassedWithItsNote(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(r *rig){
		noCleanup:      func(r *rig) { r.hw.always["StartCleanup"] = backend.ErrNotSupported },
		noCleanupSteps: func(r *rig) { r.cfg.CleanupSteps = []backend.CleanupStep{} },
	} {
		r := newRig(t)
		r.withCleanup()
		given(r)
		r.hw.jobs[backend.PlatformLockdownEnable] = polls(backend.JobRunning, backend.JobRunning, backend.JobCompleted) // over several passes
		r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().run(10 * time.Minute)
		r.inState(Ready)
		assert.Contains(t, r.noteOf(CleanedUp), name)
	}
}

func TestASiteSaysWhatIsErased(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.CleanupSteps = []backend.CleanupStep{backend.CleanupTPM, "fpga"}
	c := r.withCleanup()
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().run(time.Hour)
	r.inState(Failed)
	assert.Equal(t, [][]backend.CleanupStep{{backend.CleanupTPM, "fpga"}}, c.jobs)
	assert.Equal(t, "fpga has no result", r.get().Failure.Message)
}

func TestAHostThatCannotBeLockedAfterItsCleanUpDoesNotComeBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.hw.inert[backend.PlatformLockdownEnable] = true
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().run(2 * time.Hour)
	r.inState(Failed)
	assert.Equal(t, platformSetup(backend.PlatformLockdownEnable), r.get().Cause)
	assert.Equal(t, WaitingForCleanupInit, r.get().ReturnTo)
}

func TestAFailedCleanUpWaitsForAPersonWhereNothingIsOnRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.machine(Failed, 0, Machine{Cause: CauseCleanup, ReturnTo: WaitingForCleanupInit}).start().run(time.Hour)
	r.inState(Failed)
	assert.Empty(t, r.hw.calls)
}

func TestADeletionEndsACleanUpWithTheStepsThatRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.withCleanup()
	c.states = []backend.JobState{backend.JobRunning}
	r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).asked(backend.Request{ID: "q9", Type: TypeRelease, Initiator: "t", State: started}, nil).start().run(time.Minute)
	require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", false))
	r.run(time.Minute)
	c.states = nil
	r.run(time.Minute)
	assert.Equal(t, []State{WaitingForCleanupHostCleanup, Deleting, ""}, r.way())
	assert.Equal(t, backend.RequestSuperseded, r.request("q9").State)
}
