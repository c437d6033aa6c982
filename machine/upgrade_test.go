package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAnUploadWalksThroughUploadTaskResetAndVersionReport(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		r.start().run(30 * time.Minute)
		assert.Equal(t, l.placed(Ready, fwCheck, fwUpload, fwTask, fwReset, fwReported, fwRepeat, Ready), r.way())
		assert.Equal(t, []string{"BMC 2.0 1/1"}, f.begun)
		assert.Empty(t, r.sources())
		assert.Equal(t, backend.RequestFinished, r.request("q1").State)
		assert.True(t, r.hw.applied[backend.PlatformLockdownEnable], "lockdown is put back")
		assert.Equal(t, 1, r.hw.count("ResetBMC"))
		assert.Zero(t, r.hw.count("ResetHost"))
		m := r.get()
		assert.Nil(t, m.Upgrade)
		assert.Nil(t, m.Reprovision)
		assert.Equal(t, "2.0", m.Firmware["BMC"])
	})
}

func TestAFirmwareTaskThatFailsOnTheBMCTakesTheMachineToFailedFirmwareUpgrade(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		f.fails[1] = "image verification failed"
		r.start().run(20 * time.Minute)
		r.inState(l.in(fwFailed))
		assert.Equal(t, []string{sourceUpdate}, r.sources())
		assert.Contains(t, r.reason(), "image verification failed")
		assert.Equal(t, started, r.request("q1").State)
	})
}

func TestAVersionThatIsStillOldAfterHalfAnHourIsResetOnceMore(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		f.resets = 99
		r.start().run(45 * time.Minute)
		assert.Equal(t, l.placed(Ready, fwCheck, fwUpload, fwTask, fwReset, fwReported, fwReset, fwReported), r.way())
		assert.Len(t, f.begun, 1)
		assert.Equal(t, 2, r.hw.count("ResetBMC"))
		assert.Contains(t, r.reason(), `BMC 2.0 to be reported (after 1 of 5 more resets): it is "1.0"`)
	})
}

func TestAVersionThatStaysOldFailsAfterFiveMoreResets(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		f.resets = 99
		r.start().until(l.in(fwFailed))
		assert.Equal(t, 3*time.Hour, r.now.Sub(epoch))
		assert.Equal(t, 6, r.hw.count("ResetBMC"))
		assert.Contains(t, r.note(), "BMC 2.0 is not reported 30m0s after the last of 6 resets")
		assert.Nil(t, r.get().Upgrade, "a retry begins with the first image")
	})
}

func TestAVersionThatComesWithALaterResetIsTaken(t *testing.T) {
	t.Parallel()
	r, f := installs(t, lanes["in the pool"])
	f.resets = 4
	r.start().until(fwRepeat)
	assert.Equal(t, 90*time.Minute, r.now.Sub(epoch))
	r.until(Ready)
	assert.Len(t, f.begun, 1)
}

func TestTheWaitForAVersionIsNotShortenedByAHold(t *testing.T) {
	t.Parallel()
	r, f := installs(t, lanes["in the pool"])
	f.resets = 99
	r.start().until(fwReported)
	r.run(20 * time.Minute)
	r.clock.Set(r.now)
	require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "service", Owner: "alice", Reason: "a look inside"}))
	r.run(2 * time.Hour)
	require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "service", "alice"))
	r.run(9*time.Minute + 59*time.Second)
	r.inState(fwReported)
	assert.Equal(t, 1, r.hw.count("ResetBMC"))
	r.run(time.Second)
	assert.Equal(t, 2, r.hw.count("ResetBMC"))
}

func TestAnAlertThatForbidsRestartsIsRespectedByTheResetsThatFollow(t *testing.T) {
	t.Parallel()
	r, f := installs(t, lanes["in the pool"])
	f.resets = 2
	r.start().until(fwReported)
	r.edit(func(m *Machine) {
		m.Report("operator", lifecycle.Alert{ID: "hands off", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	})
	r.run(2 * time.Hour)
	r.inState(fwReported)
	assert.Contains(t, r.reason(), "an alert forbids to restart it")
	assert.Equal(t, 1, r.hw.count("ResetBMC"))
	r.edit(func(m *Machine) { m.Report("operator") })
	r.run(time.Minute)
	assert.Equal(t, 2, r.hw.count("ResetBMC"))
	r.inState(Ready)

	r, f = installs(t, lanes["in the pool"])
	f.resets = 2
	r.start().until(fwReported)
	r.edit(func(m *Machine) {
		m.Report("operator", lifecycle.Alert{ID: "hands off", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	})
	r.until(fwFailed)
	assert.Equal(t, 3*time.Hour, r.now.Sub(epoch))
	assert.Contains(t, r.note(), "an alert forbids to restart it")
}

func TestABMCThatIsAwayAfterItsResetIsWaitedForAndKeepsTheDeadline(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		f.awayFor = 10 * time.Minute
		r.start().until(l.in(fwReported))
		r.run(5 * time.Minute)
		r.inState(l.in(fwReported))
		assert.Contains(t, r.reason(), "no route to the BMC")
		r.run(6 * time.Minute)
		r.inState(l.back)

		r, f = installs(t, l)
		f.awayFor = 24 * time.Hour
		r.start().until(l.in(fwReported))
		r.run(30 * time.Minute)
		assert.Equal(t, 2, r.hw.count("ResetBMC"), "time runs on while it is away")
	})
}

func TestAVersionThatCanNeverBeReadFails(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		f.resets = 99
		r.start().until(l.in(fwReported))
		r.hw.errs["FirmwareInventory"] = []error{errBroken}
		r.run(time.Minute)
		r.inState(l.in(fwFailed))
		assert.Contains(t, r.reason(), "the board is broken")
	})
}

func TestWhatIsRestartedForNewFirmware(t *testing.T) {
	t.Parallel()
	drained := []string{"SetPower:PowerOff", "SetPower:PowerOn"}
	for name, c := range map[string]struct {
		wanted Firmware
		given  func(r *rig)
		calls  []string
		note   string
	}{
		"the management controller for itself":   {wanted: Firmware{Component: "BMC", Version: "2.0"}, calls: []string{"ResetBMC"}, note: "the management controller was restarted"},
		"the host for any other component":       {wanted: Firmware{Component: "UEFI", Version: "5.1"}, calls: []string{"ResetHost"}, note: "the host was restarted"},
		"what is configured":                     {wanted: Firmware{Component: "UEFI", Version: "5.1", Reset: ResetBMC}, calls: []string{"ResetBMC"}, note: "the management controller was restarted"},
		"nothing where nothing needs it":         {wanted: Firmware{Component: "UEFI", Version: "5.1", Reset: ResetNone}, note: "UEFI needs no reset"},
		"a drain is made once by default":        {wanted: Firmware{Component: "UEFI", Version: "5.1", Reset: ResetDrain}, calls: drained, note: "1 times"},
		"a drain is made in as many rounds":      {wanted: Firmware{Component: "UEFI", Version: "5.1", Reset: ResetDrain, Drains: 3}, calls: append(append(append([]string{}, drained...), drained...), drained...), note: "3 times"},
		"a host that power alone can restart":    {wanted: Firmware{Component: "UEFI", Version: "5.1"}, given: unable("ResetHost"), calls: []string{"ResetHost", "SetPower:Reset"}, note: "the host was restarted"},
		"a host that nothing can restart":        {wanted: Firmware{Component: "UEFI", Version: "5.1"}, given: unable("ResetHost", "SetPower"), calls: []string{"ResetHost", "SetPower:Reset"}, note: "no reset capability for the host: passed"},
		"a controller that nothing can restart":  {wanted: Firmware{Component: "BMC", Version: "2.0"}, given: unable("ResetBMC"), calls: []string{"ResetBMC"}, note: "no reset capability for the management controller: passed"},
		"a host whose power cannot be drained":   {wanted: Firmware{Component: "UEFI", Version: "5.1", Reset: ResetDrain}, given: unable("SetPower"), calls: []string{"SetPower:PowerOff"}, note: noPower},
		"a controller that is busy at first":     {wanted: Firmware{Component: "BMC", Version: "2.0"}, given: busyAt("ResetBMC"), calls: []string{"ResetBMC", "ResetBMC"}, note: "the management controller was restarted"},
		"a driver that has nothing for restarts": {wanted: Firmware{Component: "BMC", Version: "2.0"}, given: without(func(c *backend.Capabilities) { c.Reset = nil }), note: "no reset capability for the management controller: passed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := installs(t, lanes["in the pool"], c.wanted)
			f.early = true
			if c.given != nil {
				c.given(r)
			}
			r.start().until(fwReset)
			before := len(r.hw.changes())
			r.until(fwReported)
			assert.Contains(t, r.note(), c.note)
			assert.ElementsMatch(t, c.calls, r.hw.changes()[before:])
			r.until(Ready)
		})
	}
}

func unable(calls ...string) func(*rig) {
	return func(r *rig) {
		for _, call := range calls {
			r.hw.always[call] = backend.ErrNotSupported
		}
	}
}

func busyAt(call string) func(*rig) {
	return func(r *rig) { r.hw.errs[call] = []error{errBusy} }
}

func without(take func(*backend.Capabilities)) func(*rig) {
	return func(r *rig) {
		caps := r.cfg.Driver.Capabilities()
		take(&caps)
		r.cfg.Driver = caps
	}
}

func TestAResetThatCannotBeMadeFailsTheUpgrade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		wait time.Duration
		note string
	}{
		"for good":  {errBroken, 0, "the board is broken"},
		"in a time": {errBusy, 15 * time.Minute, "could not be restarted within 15m0s: the BMC is busy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inLanes(t, func(t *testing.T, l lane) {
				t.Helper()
				r, _ := installs(t, l)
				r.hw.always["ResetBMC"] = c.err
				r.start().until(l.in(fwReset))
				begun := r.now
				r.until(l.in(fwFailed))
				assert.Equal(t, c.wait, r.now.Sub(begun))
				assert.Contains(t, r.note(), c.note)
				assert.Nil(t, r.get().Upgrade)
			})
		})
	}
}

func TestAnInitialResetComesOnceBeforeTheUpload(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l, Firmware{Component: "UEFI", Version: "5.1", How: HowReset})
		r.start().until(l.in(fwInitial))
		r.until(l.in(fwRepeat))
		assert.Equal(t, []string{"SetPower:PowerOff", "ResetBMC", "SetPower:PowerOn"}, r.hw.changes())
		r.until(l.back)
		assert.Equal(t, l.placed(Ready, fwCheck, fwInitial, fwRepeat, fwUpload, fwTask, fwReset, fwReported, fwRepeat, Ready), r.way())
		assert.Len(t, f.begun, 1)
	})
}

func TestAnInitialResetThatFailsTakesTheMachineToFailedFirmwareUpgrade(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, _ := installs(t, l, Firmware{Component: "UEFI", Version: "5.1", How: HowReset})
		r.hw.always["SetPower"] = errBroken
		r.start().until(l.in(fwFailed))
		assert.Equal(t, l.placed(Ready, fwCheck, fwInitial, fwFailed), r.way())
		assert.Contains(t, r.note(), "the board is broken")
	})
}

func TestAnInitialResetWithoutPowerRestartsTheControllerAlone(t *testing.T) {
	t.Parallel()
	r, _ := installs(t, lanes["in the pool"], Firmware{Component: "UEFI", Version: "5.1", How: HowReset})
	without(func(c *backend.Capabilities) { c.Power = nil })(r)
	r.start().until(fwRepeat)
	assert.Contains(t, r.note(), "no power capability: passed; the management controller was restarted")
	assert.Equal(t, []string{"ResetBMC"}, r.hw.changes())
}
