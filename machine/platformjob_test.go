package machine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

const boot = backend.PlatformBootOrder

// jobRig is a machine whose state sets the boot order.
func jobRig(t *testing.T) *rig {
	t.Helper()
	return newRig(t).machine(HostInitSetBootOrder, 0, Machine{}).start()
}

// inStage steps until the job is in that stage, moving time by the poll interval.
func (r *rig) inStage(want Stage) {
	r.Helper()
	for range 200 {
		r.step()
		if job := r.get().Job; job != nil && job.Stage == want {
			return
		}
		r.now = r.now.Add(15 * time.Second)
	}
	r.Fatalf("the job does not get to %s; it is %+v", want, r.get().Job)
}

func TestAPlatformJob(t *testing.T) {
	t.Parallel()
	off, on, bmc := "SetPower:PowerOff", "SetPower:PowerOn", "ResetBMC"
	for name, c := range map[string]struct {
		given func(hw *hardware)
		calls []string // that change something
		note  string
		fails string
	}{
		"whose wanted state is there already ends at once": {
			given: func(hw *hardware) { hw.applied[boot] = true },
			note:  "BootOrder was there already",
		},
		"that the hardware does not support is passed": {
			given: func(hw *hardware) { hw.always["InspectPlatform"] = backend.ErrNotSupported },
			note:  "BootOrder is not supported: passed",
		},
		"that can be seen and not be set is passed": {
			given: func(hw *hardware) { hw.always["SubmitPlatform"] = backend.ErrNotSupported },
			calls: []string{"SubmitPlatform:BootOrder"},
			note:  "BootOrder is not supported: passed",
		},
		"without a job is done when it is seen, without a restart": {
			given: func(*hardware) {},
			calls: []string{"SubmitPlatform:BootOrder"},
			note:  "BootOrder applied (attempt 1)",
		},
		"without a job may need a restart": {
			given: func(hw *hardware) { hw.needsRestart[boot] = true },
			calls: []string{"SubmitPlatform:BootOrder", "ResetHost"},
			note:  "BootOrder applied (attempt 1)",
		},
		"that is scheduled runs at the restart of the host": {
			given: func(hw *hardware) {
				hw.jobs[boot] = polls(backend.JobPending, backend.JobPending, backend.JobRunning, backend.JobCompleted)
			},
			calls: []string{"SubmitPlatform:BootOrder", "ResetHost"},
			note:  "BootOrder applied (attempt 1)",
		},
		"that has run before anybody saw it scheduled needs no restart": {
			given: func(hw *hardware) { hw.jobs[boot] = polls(backend.JobCompleted) },
			calls: []string{"SubmitPlatform:BootOrder"},
			note:  "BootOrder applied (attempt 1)",
		},
		"that runs beside the host needs no restart": {
			given: func(hw *hardware) {
				hw.jobs[boot] = polls(backend.JobUnknown, backend.JobRunning, backend.JobUnknown, backend.JobCompleted)
			},
			calls: []string{"SubmitPlatform:BootOrder"},
			note:  "BootOrder applied (attempt 1)",
		},
		"that the driver has forgotten is judged by what it brought about": {
			given: func(hw *hardware) {
				hw.jobs[boot] = polls(backend.JobPending)
				hw.errs["PlatformJob"] = []error{backend.ErrNoJob}
				hw.needsRestart[boot] = true
			},
			calls: []string{"SubmitPlatform:BootOrder", "ResetHost"},
			note:  "BootOrder applied (attempt 1)",
		},
		"restarts the host through its power where there is no other way": {
			given: func(hw *hardware) {
				hw.needsRestart[boot] = true
				hw.always["ResetHost"] = backend.ErrNotSupported
			},
			calls: []string{"SubmitPlatform:BootOrder", "ResetHost", "SetPower:Reset"},
			note:  "BootOrder applied (attempt 1)",
		},
		"that fails once is tried again after a recovery": {
			given: func(hw *hardware) {
				hw.jobs[boot] = polls(backend.JobFailed, backend.JobPending, backend.JobCompleted)
			},
			calls: []string{"SubmitPlatform:BootOrder", off, bmc, on, "SubmitPlatform:BootOrder", "ResetHost"},
			note:  "BootOrder applied (attempt 2)",
		},
		"that fails at every attempt takes the machine to Failed": {
			given: func(hw *hardware) { hw.jobs[boot] = polls(backend.JobFailed) },
			calls: []string{"SubmitPlatform:BootOrder", off, bmc, on, "SubmitPlatform:BootOrder", off, bmc, on, "SubmitPlatform:BootOrder"},
			fails: "3 of 3 attempts: job BootOrder-9 failed: the BMC said no",
		},
		"that cannot be inspected for good fails at once": {
			given: func(hw *hardware) { hw.always["InspectPlatform"] = errBroken },
			fails: "the board is broken (remedy: swap it)",
		},
		"that cannot be submitted for good fails at once": {
			given: func(hw *hardware) { hw.always["SubmitPlatform"] = errBroken },
			calls: []string{"SubmitPlatform:BootOrder"},
			fails: "the board is broken",
		},
		"whose host cannot be restarted for good fails at once": {
			given: func(hw *hardware) { hw.needsRestart[boot], hw.always["ResetHost"] = true, errBroken },
			calls: []string{"SubmitPlatform:BootOrder", "ResetHost"},
			fails: "the board is broken",
		},
		"recovers without power where the power cannot be switched": {
			given: func(hw *hardware) {
				hw.jobs[boot] = polls(backend.JobFailed, backend.JobCompleted)
				hw.always["PowerState"] = backend.ErrNotSupported
			},
			calls: []string{"SubmitPlatform:BootOrder", bmc, "SubmitPlatform:BootOrder"},
			note:  "BootOrder applied (attempt 2)",
		},
		"recovers without a reset of the controller where that is refused for good": {
			given: func(hw *hardware) {
				hw.jobs[boot] = polls(backend.JobFailed, backend.JobCompleted)
				hw.always["ResetBMC"] = errBroken
			},
			calls: []string{"SubmitPlatform:BootOrder", off, bmc, on, "SubmitPlatform:BootOrder"},
			note:  "BootOrder applied (attempt 2)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := jobRig(t)
			c.given(r.hw)
			for range 20 {
				if r.step().Transition != nil {
					break
				}
				r.now = r.now.Add(15 * time.Second)
			}
			assert.Equal(t, c.calls, nilIfEmpty(r.hw.changes()))
			if c.fails == "" {
				r.inState(HostInitMeasuring)
				assert.Equal(t, c.note, r.note())
				return
			}
			r.inState(Failed)
			assert.Contains(t, r.note(), "PlatformSetup(BootOrder): ")
			assert.Contains(t, r.note(), c.fails)
			assert.Equal(t, Cause("PlatformSetup(BootOrder)"), r.get().Cause)
		})
	}
}

func nilIfEmpty(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return s
}

func TestAPlatformJobThatIsStuckInAStageIsTriedAgainAfterItsTime(t *testing.T) {
	t.Parallel()
	for stage, given := range map[Stage]func(hw *hardware){
		StageInspect:        func(hw *hardware) { hw.always["InspectPlatform"] = errBusy },
		StageSubmit:         func(hw *hardware) { hw.always["SubmitPlatform"] = errors.New("timeout") },
		StageAwaitScheduled: func(hw *hardware) { hw.jobs[boot] = polls(backend.JobUnknown) },
		StageApplyReset: func(hw *hardware) {
			hw.needsRestart[boot], hw.inert[boot], hw.always["ResetHost"] = true, true, errBusy
		},
		StageAwaitDone: func(hw *hardware) { hw.jobs[boot] = polls(backend.JobPending) },
		StageVerify:    func(hw *hardware) { hw.inert[boot] = true },
	} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			r := jobRig(t)
			given(r.hw)
			r.inStage(stage)
			assert.Equal(t, 1, r.get().Job.Attempt)
			r.run(14 * time.Minute)
			assert.Equal(t, stage, r.get().Job.Stage)
			r.run(2 * time.Minute)
			assert.Equal(t, 2, r.get().Job.Attempt, "after 15 minutes")
			r.run(40 * time.Minute)
			r.inState(Failed)
			assert.Contains(t, r.note(), "3 of 3 attempts: stage "+string(stage)+" took longer than 15m0s")
		})
	}
}

func TestARecoveryThatIsStuckIsLeftBehindAfterItsTime(t *testing.T) {
	t.Parallel()
	for stage, call := range map[Stage]string{StageRecoverPowerOff: "SetPower:PowerOff", StageRecoverResetBMC: "ResetBMC", StageRecoverPowerOn: "SetPower:PowerOn"} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			r := jobRig(t)
			r.hw.jobs[boot] = polls(backend.JobFailed, backend.JobCompleted)
			r.hw.always[call] = errBusy
			r.inStage(stage)
			assert.Contains(t, r.reason(), "the BMC is busy")
			r.run(16 * time.Minute)
			assert.Contains(t, r.way(), HostInitMeasuring)
		})
	}
}

func TestEveryAttemptAndActionOfAPlatformJobHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = append(polls(backend.JobFailed, backend.JobPending, backend.JobFailed), polls(backend.JobPending, backend.JobCompleted)...)
	for range 10 {
		r.step()
		r.now = r.now.Add(15 * time.Second)
	}
	assert.Equal(t, []string{
		"machine/m1#1/SubmitPlatform:BootOrder/1", "machine/m1#1/RecoverPowerOff:BootOrder/1", "machine/m1#1/RecoverResetBMC:BootOrder/1", "machine/m1#1/RecoverPowerOn:BootOrder/1",
		"machine/m1#1/SubmitPlatform:BootOrder/2", "machine/m1#1/ApplyReset:BootOrder/2", "machine/m1#1/RecoverPowerOff:BootOrder/2", "machine/m1#1/RecoverResetBMC:BootOrder/2", "machine/m1#1/RecoverPowerOn:BootOrder/2",
		"machine/m1#1/SubmitPlatform:BootOrder/3", "machine/m1#1/ApplyReset:BootOrder/3",
	}, r.hw.order[:11])
}

func TestALostAnswerIsAskedForAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobPending, backend.JobCompleted)
	r.hw.errs["SubmitPlatform"] = []error{backend.MaybeDone(errors.New("connection reset"))}
	r.step()
	r.inState(HostInitSetBootOrder)
	assert.Contains(t, r.reason(), "connection reset")
	assert.Equal(t, StageSubmit, r.get().Job.Stage)
	r.run(time.Minute)
	assert.Contains(t, r.way(), HostInitMeasuring)
	assert.Equal(t, 2, r.hw.count("SubmitPlatform:BootOrder"))
	assert.Equal(t, "machine/m1#1/SubmitPlatform:BootOrder/1", r.hw.order[0])
}

func TestAStrugglingControllerIsNotAskedBeforeItsTime(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.always["InspectPlatform"] = errBusy
	r.step()
	r.step()
	r.step()
	assert.Len(t, r.hw.calls, 1)
	assert.Contains(t, r.reason(), "platform job BootOrder, stage Inspect, attempt 1 of 3")
}

func TestANewProcessGoesOnWithThePlatformJobOfTheOldOne(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobPending, backend.JobRunning, backend.JobCompleted)
	r.inStage(StageAwaitDone)
	r.start()
	r.now = r.now.Add(time.Minute)
	r.step()
	r.inState(HostInitMeasuring)
	assert.Equal(t, 1, r.hw.count("SubmitPlatform:BootOrder"))
	assert.Equal(t, 1, r.hw.count("ResetHost"))
}

func TestAJobOfAnEarlierVisitIsLeftOver(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitSetBootOrder, 0, Machine{Job: &PlatformJob{Kind: boot, Stage: StageAwaitDone, ID: "BootOrder-0", Attempt: 3, Visit: 99}}).start()
	r.step()
	r.inState(HostInitMeasuring)
	assert.Equal(t, "BootOrder applied (attempt 1)", r.note())
}

func TestTheNoteOfAStateNamesEveryPieceAlsoAcrossPasses(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitWaitingForPlatformConfiguration, 0, Machine{}).start()
	r.hw.jobs[backend.PlatformBIOSProfile] = polls(backend.JobPending, backend.JobRunning, backend.JobCompleted)
	r.step()
	assert.Equal(t, "LockdownDisable was there already; IpmiOverLan applied (attempt 1)", r.get().Job.Before)
	r.now = r.now.Add(time.Minute)
	r.step()
	assert.Equal(t, "LockdownDisable was there already; IpmiOverLan applied (attempt 1); BiosProfile applied (attempt 1)", r.note())
}

func TestAHostThatNothingCanRestartWaitsForWhoeverDoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Driver = backend.Capabilities{Platform: r.hw}
	r.machine(HostInitSetBootOrder, 0, Machine{}).start()
	r.hw.jobs[boot] = polls(backend.JobPending, backend.JobPending, backend.JobCompleted)
	r.step()
	assert.Equal(t, StageAwaitDone, r.get().Job.Stage)
	assert.Equal(t, errNoRestart.Error(), r.get().Job.LastError)
	r.run(time.Minute)
	r.inState(Ready)
}

func TestAnAlertThatForbidsRestartsKeepsTheRecoveryFromThePower(t *testing.T) {
	t.Parallel()
	m := Machine{}
	m.Report("operator", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	r := newRig(t).machine(HostInitSetBootOrder, 0, m).start()
	r.hw.jobs[boot] = polls(backend.JobFailed, backend.JobCompleted)
	r.step()
	r.step()
	r.inState(HostInitMeasuring)
	assert.Equal(t, []string{"SubmitPlatform:BootOrder", "ResetBMC", "SubmitPlatform:BootOrder"}, r.hw.changes())
}

func TestAHostThatTheRecoverySwitchedOffIsSwitchedOnAlsoUnderAnAlert(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobFailed, backend.JobCompleted)
	r.hw.errs["ResetBMC"] = []error{errBusy}
	r.step()
	require.Equal(t, backend.PowerOff, r.hw.power)
	r.edit(func(m *Machine) {
		m.Report("operator", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	})
	r.now = r.now.Add(15 * time.Second)
	r.step()
	assert.Equal(t, backend.PowerOn, r.hw.power)
	assert.Equal(t, r.now, r.get().RestartedAt, "reports count from the power-on")
}

func TestAPassThatIsStoppedKeepsNothing(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.hw.always["InspectPlatform"] = context.Canceled
	cancel()
	_, err := r.ctl.Step(ctx, m1, r.now)
	require.Error(t, err)
	assert.Nil(t, r.get().Job)
}

func TestAJobWithAStageThatNobodyKnowsFailsWithItsName(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitSetBootOrder, 0, Machine{Job: &PlatformJob{Kind: boot, Stage: "Polish", Attempt: 1, Visit: 1}}).start()
	r.step()
	r.inState(Failed)
	assert.Contains(t, r.note(), `unknown stage "Polish"`)
}

func TestWhatFollowsAPoll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at    Stage
		found backend.JobState
		next  Stage
	}{
		{StageAwaitScheduled, backend.JobPending, StageApplyReset},
		{StageAwaitScheduled, backend.JobRunning, StageAwaitDone},
		{StageAwaitScheduled, backend.JobCompleted, StageVerify},
		{StageAwaitScheduled, backend.JobUnknown, ""},
		{StageAwaitDone, backend.JobPending, ""},
		{StageAwaitDone, backend.JobRunning, ""},
		{StageAwaitDone, backend.JobUnknown, ""},
		{StageAwaitDone, backend.JobCompleted, StageVerify},
	} {
		next, moves := afterPoll(c.at, c.found)
		assert.Equal(t, c.next != "", moves, "%s, %s", c.at, c.found)
		if moves {
			assert.Equal(t, c.next, next, "%s, %s", c.at, c.found)
		}
	}
}

func TestTheStoredJobHoldsNoEmptyFields(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobUnknown)
	r.step()
	rec, err := r.store.Get(t.Context(), m1)
	require.NoError(t, err)
	assert.False(t, strings.Contains(string(rec.Data), `""`), string(rec.Data))
	assert.NotContains(t, string(rec.Data), "0001-01-01")
}

func TestAHoldIsNotHeldAgainstAPlatformJob(t *testing.T) {
	t.Parallel()
	r := jobRig(t)
	r.hw.jobs[boot] = polls(backend.JobPending)
	r.inStage(StageAwaitDone)
	r.run(10 * time.Minute)
	r.clock.Set(r.now)
	require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "maintenance", Owner: "bob", Reason: "cabling"}))
	r.run(2 * time.Hour)
	require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "maintenance", "bob"))
	r.run(4 * time.Minute)
	assert.Equal(t, 1, r.get().Job.Attempt, "14 minutes of its own")
	r.run(2 * time.Minute)
	assert.Equal(t, 2, r.get().Job.Attempt)
}
