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

// reprovisionWay is how the DPUs of a machine in the pool are installed anew.
var reprovisionWay = []State{
	Ready, DpuReprovisionInstallDpuOs, DpuReprovisionPoweringOffHost, DpuReprovisionVerifyFirmwareVersions, DpuReprovisionWaitingForNetwork, DpuReprovisionRebootHost,
	HostInitDiscovered, Ready,
}

// reprovisionRig is a machine in the pool whose DPUs have their system, are asked to be installed anew, and bring version 2 then.
func reprovisionRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t).withDPUs(2)
	r.hw.locked().applied[dpuOS] = true
	r.cfg.DPUFirmware = map[string]string{"bmc": "2", "nic": "2"}
	r.hw.dpus.brings = map[string]string{"bmc": "2", "nic": "2", "cec": "7"}
	return r.machine(Ready, 0, Machine{DPUs: 2}).asked(pending("q1", TypeDPUReprovision, time.Minute), nil)
}

func TestDPUsAreInstalledAnewThoughTheirSystemIsThere(t *testing.T) {
	t.Parallel()
	r := reprovisionRig(t).start()
	r.step()
	r.inState(DpuReprovisionInstallDpuOs)
	assert.Equal(t, backend.RequestStarted, r.request("q1").State)
	assert.Equal(t, []string{sourceDPU}, r.sources())
	assert.ErrorContains(t, r.get().allocatable(), "are being installed anew")
	r.run(time.Minute)
	assert.Equal(t, reprovisionWay, r.way())
	assert.Equal(t, []string{"SubmitPlatform:DpuOsInstall", "SetPower:PowerOff", "SetPower:PowerOn", "ConfigureDPUNetwork", "ResetHost"}, r.hw.changes())
	q1 := r.request("q1")
	assert.Equal(t, backend.RequestFinished, q1.State)
	assert.Equal(t, "the DPUs were installed anew and the host is back", q1.Reason)
	assert.Empty(t, r.sources())
	assert.Nil(t, r.get().DPURun)
}

func TestAReprovisionOfDPUsIsDoneOnlyWhenTheHostIsBack(t *testing.T) {
	t.Parallel()
	r := reprovisionRig(t)
	r.hw.mute()
	r.start().run(time.Hour)
	r.inState(HostInitDiscovered)
	assert.Equal(t, backend.RequestStarted, r.request("q1").State)
	assert.Equal(t, []string{sourceDPU}, r.sources())
	r.run(61 * time.Minute)
	r.inState(Failed)
	q1 := r.request("q1")
	assert.Equal(t, backend.RequestFailed, q1.State)
	assert.Contains(t, q1.Reason, "Discovery: no report yet")
	assert.Empty(t, r.sources())
}

func TestAForcedJobIsNeverJudgedByWhatWasThereBefore(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(hw *hardware){
		"it failed": func(hw *hardware) {
			hw.jobs[dpuOS] = polls(backend.JobFailed, backend.JobRunning, backend.JobCompleted)
		},
		"it was forgotten": func(hw *hardware) {
			hw.jobs[dpuOS], hw.errs["PlatformJob"] = polls(backend.JobRunning, backend.JobCompleted), []error{backend.ErrNoJob}
		},
		"it cannot be seen": func(hw *hardware) {
			hw.jobs[dpuOS], hw.errs["PlatformJob"] = polls(backend.JobRunning, backend.JobCompleted), []error{backend.ErrNotSupported}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := reprovisionRig(t)
			given(r.hw)
			r.start().run(2 * time.Minute)
			assert.Equal(t, reprovisionWay, r.way())
			assert.Equal(t, 2, r.hw.count("SubmitPlatform:DpuOsInstall"))
		})
	}
}

func TestAReprovisionOfDPUsWithNothingToDoIsConsumedWithThatNote(t *testing.T) {
	t.Parallel()
	for want, given := range map[string]func(r *rig, m *Machine){
		noDPU:      func(r *rig, _ *Machine) { r.cfg.Driver = r.hw.caps() },
		noPlatform: func(r *rig, _ *Machine) { r.cfg.Driver = backend.Capabilities{DPU: r.hw} },
		noUnits:    func(_ *rig, m *Machine) { m.DPUs = 0 },
	} {
		r := newRig(t).withDPUs(2)
		m := Machine{DPUs: 2}
		given(r, &m)
		r.machine(Ready, 0, m).asked(pending("q1", TypeDPUReprovision, time.Minute), nil).start().run(time.Minute)
		assert.Equal(t, []State{Ready}, r.way())
		assert.Equal(t, backend.RequestFinished, r.request("q1").State)
		assert.Equal(t, nothingToDo+want, r.request("q1").Reason)
		assert.Empty(t, r.sources())
	}
}

func TestAReprovisionOfDPUsIsRefusedWhereItMakesNoSense(t *testing.T) {
	t.Parallel()
	r := newRig(t).withDPUs(2).machine(Ready, 0, Machine{}).start()
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeDPUReprovision}), "machine m1 has no DPUs")
	r = newRig(t).withDPUs(2).machine(AssignedReady, 0, Machine{DPUs: 2}).start()
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeDPUReprovision}), "is in Assigned/Ready")
}

func TestAReprovisionOfDPUsComesAfterEverythingThatReadyLooksAtFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Ready", "").withDPUs(2).machine(Ready, 0, Machine{DPUs: 2})
	r.asked(pending("q1", TypeDPUReprovision, time.Hour), nil).asked(pending("q2", TypeValidate, time.Minute), nil).asked(pending("q3", TypeMeasure, 2*time.Hour), nil).start()
	r.step()
	r.inState(ValidationRebootHost)
	r.run(2 * time.Minute)
	way := r.way()
	assert.Equal(t, DpuReprovisionInstallDpuOs, way[5], way)
}

func TestFirmwareOfDPUsThatIsNotAsWantedIsWaitedForAndThenFailsTheMachine(t *testing.T) {
	t.Parallel()
	r := reprovisionRig(t)
	r.hw.dpus.stale["dpu1"] = true
	r.hw.dpus.units[1].Firmware = map[string]string{"bmc": "2", "nic": "1"}
	r.start().run(time.Hour)
	r.inState(DpuReprovisionVerifyFirmwareVersions)
	assert.Contains(t, r.reason(), `dpu1: its nic is "1", wanted is "2"`)
	r.run(61 * time.Minute)
	r.inState(Failed)
	m := r.get()
	assert.Equal(t, CauseDpuProvisioning, m.Cause)
	assert.Equal(t, DpuReprovisionInstallDpuOs, m.ReturnTo)
	assert.Contains(t, m.Failure.Message, "after 3 restarts")
	assert.Equal(t, backend.RequestFailed, r.request("q1").State)
	assert.Empty(t, r.sources())

	r.run(24 * time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "its nic is")
	r.hw.dpus.stale["dpu1"] = false
	r.run(2 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, 2, r.hw.count("SubmitPlatform:DpuOsInstall"))
	assert.Empty(t, r.sources())
}

func TestWithoutWantedFirmwareOfDPUsThereIsNothingToVerify(t *testing.T) {
	t.Parallel()
	r := reprovisionRig(t)
	r.cfg.DPUFirmware = nil
	r.start().run(time.Minute)
	assert.Equal(t, reprovisionWay, r.way())
}

func TestAForcedInstallationThatFailedIsRepeatedOnRequestOnly(t *testing.T) {
	t.Parallel()
	r := reprovisionRig(t)
	r.hw.always["SubmitPlatform:DpuOsInstall"] = errBroken
	r.start().run(24 * time.Hour)
	r.inState(Failed)
	assert.Equal(t, platformSetup(dpuOS), r.get().Cause)
	assert.Contains(t, r.reason(), "whether it was made anew cannot be seen")
	assert.Equal(t, 1, r.hw.count("SubmitPlatform:DpuOsInstall"))
	delete(r.hw.always, "SubmitPlatform:DpuOsInstall")
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: TypeRecover, Initiator: "alice"}))
	r.step()
	r.inState(DpuReprovisionInstallDpuOs)
	r.step()
	assert.Equal(t, []string{sourceDPU}, r.sources(), "the alert is there again")
	r.run(time.Minute)
	r.inState(Ready)
	assert.Empty(t, r.sources())
}

func TestEveryStepOfAReprovisionOfDPUsCanFail(t *testing.T) {
	t.Parallel()
	for call, state := range map[string]State{"SetPower:PowerOff": DpuReprovisionPoweringOffHost, "ConfigureDPUNetwork": DpuReprovisionWaitingForNetwork, "ResetHost": DpuReprovisionRebootHost} {
		r := reprovisionRig(t)
		r.hw.always[call] = errBroken
		r.start().run(time.Minute)
		r.inState(Failed)
		m := r.get()
		assert.Equal(t, state, m.Failure.Source)
		assert.Equal(t, DpuReprovisionInstallDpuOs, m.ReturnTo)
		assert.Equal(t, CauseDpuProvisioning, m.Cause)
		assert.Equal(t, backend.RequestFailed, r.request("q1").State)
		assert.Empty(t, r.sources())
	}
}

func TestACancelledReprovisionOfDPUsEndsItsRequestAndFinishesTheWork(t *testing.T) {
	t.Parallel()
	for _, state := range reprovisionWay[1:7] {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := reprovisionRig(t)
			r.hw.silent = true // so that the host does not come up by itself
			r.start()
			for State(r.get().State()) != state {
				require.NotEqual(t, Failed, State(r.get().State()))
				r.step()
				r.now = r.now.Add(5 * time.Second)
			}
			require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
			r.step()
			assert.Equal(t, backend.RequestCancelled, r.request("q1").State, "at once")
			r.run(time.Minute)
			r.hw.silent = false
			r.hw.restarts()
			r.run(time.Minute)
			assert.Equal(t, reprovisionWay, r.way())
			assert.Empty(t, r.sources())
		})
	}
}

func TestAReprovisionOfDPUsPassesWhatItsDriverHasLost(t *testing.T) {
	t.Parallel()
	for _, state := range reprovisionWay[1:6] {
		r := newRig(t).machine(state, 0, Machine{DPUs: 2}).asked(backend.Request{ID: "q1", Type: TypeDPUReprovision, State: started}, nil).start()
		r.run(time.Minute)
		r.inState(Ready)
		assert.Equal(t, backend.RequestFinished, r.request("q1").State)
		assert.Empty(t, r.sources(), state)
	}
}

func TestADeathInAReprovisionOfDPUsStartsNothingTwice(t *testing.T) {
	t.Parallel()
	begin := func() *rig {
		r := reprovisionRig(t)
		r.hw.scheduled = map[backend.PlatformKind]int{dpuOS: 1}
		return r.start()
	}
	calm := begin()
	calm.run(time.Hour)
	require.Equal(t, reprovisionWay, calm.way())
	for n := 1; n < len(calm.hw.calls); n++ {
		t.Run(fmt.Sprintf("after call %d", n), func(t *testing.T) {
			t.Parallel()
			r := begin()
			r.diesAfter(n)
			assert.Equal(t, reprovisionWay, r.way())
			assert.ElementsMatch(t, calm.hw.order, r.hw.order, "what was begun in a run without a death")
		})
	}
}
