package machine

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// dpuWay is what a host with DPUs goes through before its own bring-up.
var dpuWay = []State{
	Created, DpuDiscoveringConfiguring, DpuDiscoveringRebootAllDpus, DpuInitInstallDpuOs, DpuInitWaitingForPlatformPowercycle,
	DpuInitWaitingForPlatformConfiguration, DpuInitWaitingForNetworkConfig,
}

const (
	dpuBoot    = backend.PlatformDPUSecureBoot
	dpuOS      = backend.PlatformDPUOSInstall
	dpuProfile = backend.PlatformDPUProfile
)

func TestAHostWithDPUsIsBroughtUpBehindThem(t *testing.T) {
	t.Parallel()
	r := newRig(t).withDPUs(2).start().report(Discovered{DPUs: 2})
	r.run(time.Minute)
	assert.Equal(t, slices.Concat(dpuWay, wayToReady[1:]), r.way())
	assert.Equal(t, []string{
		"SubmitPlatform:DpuSecureBoot", "RestartDPUs", "SubmitPlatform:DpuOsInstall", "SetPower:PowerOff", "SetPower:PowerOn", "SubmitPlatform:DpuProfile", "ConfigureDPUNetwork",
	}, r.hw.changes()[:7])
	m := r.get()
	assert.Nil(t, m.DPURun)
	assert.Nil(t, m.PowerCycle)
	assert.Equal(t, "m1-7", r.hw.dpus.units[1].Network)
}

func TestDPUsWithoutTheirCapabilityArePassedWithThatNote(t *testing.T) {
	t.Parallel()
	r := newRig(t).start().report(Discovered{DPUs: 2})
	r.run(time.Minute)
	assert.Equal(t, slices.Concat(dpuWay, wayToReady[1:]), r.way())
	rows, err := r.ctl.History(t.Context(), m1)
	require.NoError(t, err)
	for _, row := range rows[2:8] {
		assert.Equal(t, noDPU, row.Note, row.From)
	}
	assert.Zero(t, r.hw.count("SetPower:PowerOff"), "no host is switched off for nothing")
}

func TestWhatDPUsAndTheirPlatformDoNotSupportIsPassedWithItsNote(t *testing.T) {
	t.Parallel()
	r := newRig(t).withDPUs(2)
	for _, call := range []string{"DPUs", "RestartDPUs", "ConfigureDPUNetwork", "InspectPlatform", "PowerState", "SetPower"} {
		r.hw.always[call] = backend.ErrNotSupported
	}
	r.start().report(Discovered{DPUs: 2})
	r.run(time.Minute)
	r.inState(Ready)

	r = newRig(t).withDPUs(2)
	caps := r.hw.caps()
	caps.DPU, caps.Platform, caps.Power = r.hw, nil, nil
	r.cfg.Driver = caps
	r.start().report(Discovered{DPUs: 2})
	r.run(time.Minute)
	r.inState(Ready)
	rows, err := r.ctl.History(t.Context(), m1)
	require.NoError(t, err)
	notes := map[State]string{}
	for _, row := range rows {
		notes[State(row.From)] = row.Note
	}
	assert.Equal(t, noPlatform, notes[DpuDiscoveringConfiguring])
	assert.Equal(t, noPlatform, notes[DpuInitInstallDpuOs])
	assert.Equal(t, noPower, notes[DpuInitWaitingForPlatformPowercycle])
	assert.Equal(t, "2 of 2 DPUs are there", notes[DpuInitWaitingForNetworkConfig])
}

func TestAHostWhoseDPUsAreGoneGoesOnWithoutThem(t *testing.T) {
	t.Parallel()
	for _, state := range dpuWay[1:] {
		r := newRig(t).withDPUs(0).machine(state, 0, Machine{}).start()
		r.run(time.Minute)
		r.inState(Ready)
		assert.Zero(t, r.hw.count("DPUs"), state)
	}
}

// networkRig is a host whose DPUs are to have their network.
func networkRig(t *testing.T, units int) *rig {
	t.Helper()
	return newRig(t).withDPUs(units).machine(DpuInitWaitingForNetworkConfig, 0, Machine{DPUs: 2}).start()
}

func TestTheNetworkIsWaitedForOnEveryDPU(t *testing.T) {
	t.Parallel()
	for want, given := range map[string]func(d *dpuHardware){
		"dpu1: it has not come up":                          func(d *dpuHardware) { d.units[1].UpAt = time.Time{} },
		"dpu1: it has not reported since":                   func(d *dpuHardware) { d.dead["dpu1"] = true },
		`dpu1: its network is "m1-0", wanted is "m1-1"`:     func(d *dpuHardware) { d.deaf["dpu1"], d.units[1].Network = true, "m1-0" },
		"dpu1: the uplink is down":                          func(d *dpuHardware) { d.units[1].Problem = "the uplink is down" },
		"1 units are reported (dpu0), the host has 2":       func(d *dpuHardware) { d.units = d.units[:1] },
		"3 units are reported (dpu0, dpu1, dpu9), the host": func(d *dpuHardware) { d.units = append(d.units, d.units[0]); d.units[2].ID = "dpu9" },
		"0 units are reported (), the host has 2":           func(d *dpuHardware) { d.units = nil },
		"1 units are reported (dpu0), the host has 2 ":      func(d *dpuHardware) { d.units[1].ID = "dpu0" },
		"dpu0: the fan stands; dpu1: it has not reported":   func(d *dpuHardware) { d.units[0].Problem = "the fan stands"; d.dead["dpu1"] = true },
		"dpu1: it has not come up; 3 units are reported (dpu": func(d *dpuHardware) {
			d.units[1].UpAt = time.Time{}
			d.units = append(d.units, backend.DPUReport{ID: "dpu2", UpAt: epoch, Network: "m1-1"})
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := networkRig(t, 2)
			given(&r.hw.dpus)
			r.run(20 * time.Minute)
			r.inState(DpuInitWaitingForNetworkConfig)
			assert.Contains(t, r.reason()+" ", want)
			assert.Equal(t, backend.OutcomeWait, r.step().Outcome.Kind)
			assert.Equal(t, 1, r.hw.count("ConfigureDPUNetwork"))
		})
	}
}

func TestAHostGoesOnWhenTheLastOfItsDPUsIsThere(t *testing.T) {
	t.Parallel()
	r := networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.run(20 * time.Minute)
	r.inState(DpuInitWaitingForNetworkConfig)
	r.hw.dpus.units[1].Network = "m1-1"
	r.run(time.Minute)
	r.inState(Ready)
}

func TestDPUsThatLagAreRestartedThreeTimesAndThenTheMachineFails(t *testing.T) {
	t.Parallel()
	r := networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.run(119 * time.Minute)
	r.inState(DpuInitWaitingForNetworkConfig)
	assert.Equal(t, 3, r.hw.count("RestartDPUs"))
	assert.Equal(t, 4, r.hw.count("ConfigureDPUNetwork"), "once more after every restart")
	assert.Len(t, r.hw.order, 7, "every one with a key of its own")
	r.run(2 * time.Minute)
	r.inState(Failed)
	m := r.get()
	assert.Equal(t, CauseDpuProvisioning, m.Cause)
	assert.Equal(t, DpuInitInstallDpuOs, m.ReturnTo)
	assert.Contains(t, m.Failure.Message, "dpu1: its network is")
	assert.NotContains(t, m.Failure.Message, "dpu0")
	assert.Contains(t, m.Failure.Message, "after 3 restarts")
}

func TestDPUsMustHaveComeUpSinceTheirRestart(t *testing.T) {
	t.Parallel()
	r := networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.run(30*time.Minute + time.Second) // the restart is on record
	r.hw.dpus.dead["dpu0"], r.hw.dpus.deaf["dpu1"] = true, false
	r.run(time.Minute)
	require.Equal(t, 1, r.hw.count("RestartDPUs"))
	assert.Contains(t, r.reason(), "dpu0: it has not come up since its restart")
	r.hw.dpus.dead["dpu0"], r.hw.dpus.units[0].UpAt = false, r.now
	r.run(time.Minute)
	r.inState(Ready)
}

func TestDPUsThatComeBeforeTheirRestartIsMadeAreNotRestarted(t *testing.T) {
	t.Parallel()
	r := networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.run(30*time.Minute + time.Second)
	require.True(t, r.get().DPURun.RestartDue)
	r.hw.dpus.units[1].Network = "m1-1"
	r.run(time.Minute)
	r.inState(Ready)
	assert.Zero(t, r.hw.count("RestartDPUs"))
}

func TestAnAlertThatForbidsRestartsLeavesLaggingDPUsAlone(t *testing.T) {
	t.Parallel()
	m := Machine{DPUs: 2}
	m.Report("operator", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	r := newRig(t).withDPUs(2).machine(DpuInitWaitingForNetworkConfig, 0, m).start()
	r.hw.dpus.deaf["dpu1"] = true
	r.run(5 * time.Hour)
	r.inState(DpuInitWaitingForNetworkConfig)
	assert.Zero(t, r.hw.count("RestartDPUs"))
	assert.Contains(t, r.reason(), "an alert forbids to restart them")
}

func TestAHoldIsNoTimeInWhichDPUsLag(t *testing.T) {
	t.Parallel()
	r := networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.run(20 * time.Minute)
	require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "repair", Owner: "bob", Reason: "cable"}))
	r.run(10 * time.Hour)
	require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "repair", "bob"))
	r.run(9 * time.Minute)
	r.inState(DpuInitWaitingForNetworkConfig)
	assert.Zero(t, r.hw.count("RestartDPUs"))
	r.run(2 * time.Minute)
	assert.Equal(t, 1, r.hw.count("RestartDPUs"))
}

func TestLaggingDPUsThatCannotBeRestartedByThemselvesAreRestartedWithTheirHost(t *testing.T) {
	t.Parallel()
	r := networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.hw.always["RestartDPUs"] = backend.ErrNotSupported
	r.run(121 * time.Minute)
	r.inState(Failed)
	assert.Equal(t, 3, r.hw.count("ResetHost"))

	r = networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.hw.always["RestartDPUs"] = errBroken
	r.run(31 * time.Minute)
	assert.Equal(t, 1, r.hw.count("RestartDPUs"), "what cannot help is not asked for again")
	r.run(90 * time.Minute)
	r.inState(Failed)

	r = networkRig(t, 2)
	r.hw.dpus.deaf["dpu1"] = true
	r.hw.always["RestartDPUs"] = errBusy
	r.run(31 * time.Minute)
	assert.Contains(t, r.reason(), "they cannot be restarted: the BMC is busy")
	r.run(90 * time.Minute)
	r.inState(Failed)
}

func TestDPUsThatCannotBeAskedEndTheirWaitToo(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"DPUs", "ConfigureDPUNetwork"} {
		r := networkRig(t, 2)
		r.hw.always[call] = errBusy
		r.run(time.Minute)
		r.inState(DpuInitWaitingForNetworkConfig)
		assert.Contains(t, r.reason(), "the BMC is busy")
		r.run(2 * time.Hour)
		r.inState(Failed)
		assert.Equal(t, CauseDpuProvisioning, r.get().Cause)

		r = networkRig(t, 2)
		r.hw.always[call] = errBroken
		r.step()
		r.inState(Failed)
		assert.Contains(t, r.note(), "the board is broken")
	}
}

func TestDPUsThatCannotBeToldToRestart(t *testing.T) {
	t.Parallel()
	rebooting := func() *rig {
		return newRig(t).withDPUs(2).machine(DpuDiscoveringRebootAllDpus, 0, Machine{DPUs: 2}).start()
	}
	r := rebooting()
	r.hw.always["RestartDPUs"] = errBroken
	r.step()
	r.inState(Failed)
	assert.Equal(t, DpuDiscoveringConfiguring, r.get().ReturnTo)

	r = rebooting()
	r.hw.always["RestartDPUs"] = errBusy
	r.run(time.Hour)
	r.inState(DpuDiscoveringRebootAllDpus)
	r.run(65 * time.Minute)
	r.inState(Failed)

	r = rebooting()
	r.hw.errs["RestartDPUs"] = []error{backend.MaybeDone(errors.New("connection reset"))}
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, 2, r.hw.count("RestartDPUs"))
	assert.Equal(t, "machine/m1#1/RestartDPUs/0", r.hw.order[0], "asked again with the same key")
}

func TestDPUsMustHaveComeUpSinceAllOfThemWereRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t).withDPUs(2)
	r.hw.dpus.dead["dpu1"] = true
	r.start().report(Discovered{DPUs: 2})
	r.run(10 * time.Minute)
	r.inState(DpuInitWaitingForNetworkConfig)
	r.hw.dpus.dead["dpu1"] = false
	r.hw.dpus.units[1].Network = r.hw.dpus.units[0].Network
	r.run(time.Minute)
	assert.Contains(t, r.reason(), "dpu1: it has not come up since its restart")
	r.hw.dpus.units[1].UpAt = r.now
	r.run(time.Minute)
	r.inState(Ready)
}

// diesAfter lets the process die after so many calls, before it can commit what they led to, and a new one go on a minute later.
