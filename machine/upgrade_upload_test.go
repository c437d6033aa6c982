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

func TestLockdownIsTakenOffBeforeTheUpload(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given func(r *rig)
		calls []string
		note  string
	}{
		"by a platform job":                 {calls: []string{"SubmitPlatform:LockdownDisable", "UploadFirmware"}, note: "LockdownDisable applied (attempt 1)"},
		"but not where it is off":           {given: func(r *rig) { r.hw.applied = map[backend.PlatformKind]bool{} }, calls: []string{"UploadFirmware"}, note: "LockdownDisable was there already"},
		"but not where the site has none":   {given: func(r *rig) { r.cfg.NoLockdown = true }, calls: []string{"UploadFirmware"}, note: "lockdown is not wanted"},
		"but not where nothing can":         {given: without(func(c *backend.Capabilities) { c.Platform = nil }), calls: []string{"UploadFirmware"}, note: "lockdown: " + noPlatform},
		"but not where there is no such":    {given: unable("InspectPlatform"), calls: []string{"UploadFirmware"}, note: "LockdownDisable is not supported: passed"},
		"by a job that restarts the host":   {given: func(r *rig) { r.hw.scheduled[backend.PlatformLockdownDisable] = 0 }, calls: []string{"SubmitPlatform:LockdownDisable", "ResetHost", "UploadFirmware"}, note: "applied"},
		"by a second attempt, if need be":   {given: func(r *rig) { r.hw.scheduled[backend.PlatformLockdownDisable] = 1 }, note: "LockdownDisable applied (attempt 2)"},
		"and the upload waits for its turn": {given: func(r *rig) { r.cfg.UploadLimit = 1 }, calls: []string{"SubmitPlatform:LockdownDisable", "UploadFirmware"}, note: "BMC 2.0 is sent; task task-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := installs(t, lanes["in the pool"])
			if c.given != nil {
				c.given(r)
			}
			r.start().until(fwTask)
			assert.Contains(t, r.note(), c.note)
			if c.calls != nil {
				assert.Equal(t, c.calls, r.hw.changes())
			}
		})
	}
}

func TestALockdownThatCannotBeTakenOffIsAFailedUpload(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		r.hw.always["SubmitPlatform:LockdownDisable"] = errBroken
		r.start().until(l.in(fwFailed))
		assert.Contains(t, r.note(), "lockdown could not be taken off: the board is broken")
		assert.Equal(t, 5, r.get().RetryCount)
		assert.Empty(t, f.begun)
	})
}

func TestAFailedUploadCountsAsARetry(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		r.hw.errs["UploadFirmware"] = []error{errBroken, errBroken}
		r.start().until(l.in(fwTask))
		assert.Equal(t, l.placed(Ready, fwCheck, fwUpload, fwRepeat, fwUpload, fwRepeat, fwUpload, fwTask), r.way())
		m := r.get()
		assert.Equal(t, 2, m.RetryCount)
		assert.Equal(t, 3, m.Upgrade.Attempt)
		assert.Len(t, f.begun, 1)
		r.until(l.back)
		assert.Zero(t, r.get().RetryCount)
	})
}

func TestAnUploadThatKeepsFailingEndsWithTheBudget(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, _ := installs(t, l)
		r.hw.always["UploadFirmware"] = errBroken
		r.start().run(24 * time.Hour)
		r.inState(l.in(fwFailed))
		assert.Equal(t, 6, r.hw.count("UploadFirmware"))
		assert.Contains(t, r.reason(), "5 of 5 retries are spent")
		assert.Equal(t, backend.RequestFailed, r.request("q1").State)
		assert.Contains(t, r.request("q1").Reason, "the board is broken")
		m := r.get()
		assert.True(t, m.Failed(0))

		r.hw.always["UploadFirmware"] = nil
		require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob"}))
		r.run(time.Minute)
		r.inState(l.back)
	})
}

func TestAnUploadThatTakesTooLongHasFailed(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for _, c := range []struct {
			given func(r *rig, f *flasher)
			note  string
		}{
			{func(_ *rig, f *flasher) { f.uploadTakes = -1 }, "BMC 2.0 was not sent within 1h0m0s: 40 of 100 bytes are sent; retry 1 of 5"},
			{func(r *rig, _ *flasher) { r.hw.always["UploadFirmware"] = errBusy }, "BMC 2.0 was not sent within 1h0m0s: the BMC is busy; retry 1 of 5"},
		} {
			r, f := installs(t, l)
			c.given(r, f)
			r.start().until(l.in(fwUpload))
			r.run(59*time.Minute + 59*time.Second)
			r.inState(l.in(fwUpload))
			r.until(l.in(fwRepeat))
			assert.Equal(t, time.Hour, r.now.Sub(epoch))
			assert.Equal(t, c.note, r.note())
		}
	})
}

func TestTimeUnderAHoldIsNotHeldAgainstAnUpload(t *testing.T) {
	t.Parallel()
	r, f := installs(t, lanes["in the pool"])
	f.uploadTakes = -1
	r.start().run(50 * time.Minute)
	require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "service", Owner: "alice", Reason: "a look inside"}))
	r.run(3 * time.Hour)
	require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "service", "alice"))
	r.run(9 * time.Minute)
	r.inState(fwUpload)
	assert.Len(t, f.begun, 1)
	r.run(2 * time.Minute)
	assert.Len(t, f.begun, 2)
}

func TestAMachineThatNothingCanBeSentToFailsAtOnceAndForGood(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(*rig){
		"without the capability":   without(func(c *backend.Capabilities) { c.Upload = nil }),
		"when it is not supported": unable("UploadFirmware"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inLanes(t, func(t *testing.T, l lane) {
				t.Helper()
				r, _ := installs(t, l)
				given(r)
				r.start().run(24 * time.Hour)
				assert.Equal(t, l.placed(Ready, fwCheck, fwUpload, fwFailed), r.way())
				q1 := r.request("q1")
				assert.Equal(t, backend.RequestFailed, q1.State)
				assert.Contains(t, q1.Reason, "no upload capability: BMC 2.0 cannot be installed by upload")
				assert.Contains(t, q1.Reason, "remedy: a driver that uploads, or a component that is installed by manual or script")
				assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
				m := r.get()
				assert.True(t, m.Failed(0))
			})
		})
	}
}

func TestATaskThatDoesNotEndFails(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for want, given := range map[string]func(r *rig, f *flasher){
			"it is running":   func(_ *rig, f *flasher) { f.taskTakes = -1 },
			"the BMC is busy": func(r *rig, _ *flasher) { r.hw.always["FirmwareTask"] = errBusy },
		} {
			r, f := installs(t, l)
			given(r, f)
			r.start().until(l.in(fwTask))
			begun := r.now
			r.run(119 * time.Minute)
			r.inState(l.in(fwTask))
			assert.Contains(t, r.reason(), want)
			r.until(l.in(fwFailed))
			assert.Equal(t, 2*time.Hour, r.now.Sub(begun))
			assert.Equal(t, "task task-1 (BMC 2.0) did not end within 2h0m0s: "+want, r.note())
		}
	})
}

func TestATaskThatCannotBeToldIsWaitedFor(t *testing.T) {
	t.Parallel()
	r, f := installs(t, lanes["in the pool"])
	without(func(c *backend.Capabilities) { c.Upload = teller{f, backend.JobUnknown} })(r)
	r.start().run(time.Hour)
	r.inState(fwTask)
	assert.Contains(t, r.reason(), "it is unknown")
}

func TestATaskThatTheControllerHasForgottenIsJudgedByTheVersion(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for _, c := range []struct {
			found string
			errs  []error
			to    State
			note  string
		}{
			{"2.0", nil, fwReset, `task task-1 cannot be polled: task task-1: no such job; BMC is "2.0"`},
			{"2.0", []error{errBusy, errAway}, fwReset, `BMC is "2.0"`},
			{"1.0", nil, fwFailed, `task task-1 cannot be polled: task task-1: no such job; BMC is "1.0", wanted is "2.0"`},
			{"1.0", []error{errBroken}, fwFailed, "the board is broken"},
			{"1.0", []error{backend.ErrNotSupported}, fwReset, "no inventory capability: passed"},
		} {
			r, f := installs(t, l)
			f.forgets = true
			r.start().until(l.in(fwTask))
			r.hw.fw["BMC"] = c.found
			r.hw.errs["FirmwareInventory"] = c.errs
			r.until(l.in(c.to))
			assert.Contains(t, r.note(), c.note)
		}
	})
}

func TestATaskThatCanNeverBePolledFails(t *testing.T) {
	t.Parallel()
	r, _ := installs(t, lanes["in the pool"])
	r.hw.always["FirmwareTask"] = errBroken
	r.start().until(fwFailed)
	assert.Equal(t, "task task-1 (BMC 2.0) cannot be polled: the board is broken (remedy: swap it)", r.note())
}

func TestEveryImageOfAVersionIsInstalledInTurn(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l, Firmware{Component: "BMC", Version: "2.0", Artifacts: 3})
		r.start().until(l.in(fwReported))
		r.until(l.back)
		assert.Equal(t, l.placed(Ready, fwCheck, fwUpload, fwTask, fwUpload, fwTask, fwUpload, fwTask, fwReset, fwReported, fwRepeat, Ready), r.way())
		assert.Equal(t, []string{"BMC 2.0 1/3", "BMC 2.0 2/3", "BMC 2.0 3/3"}, f.begun)
		assert.Equal(t, 1, r.hw.count("ResetBMC"), "after the last one")
	})
}

func TestComponentsAreInstalledOneAfterTheOtherInConfiguredOrder(t *testing.T) {
	t.Parallel()
	r, f := installs(t, lanes["in the pool"], Firmware{Component: "UEFI", Version: "5.1"}, Firmware{Component: "BMC", Version: "2.0"})
	f.early = true
	r.hw.fw["UEFI"] = "5.0"
	r.start().until(fwRepeat)
	r.hw.fw["UEFI"] = "5.1"
	r.until(Ready)
	assert.Equal(t, []string{"UEFI 5.1 1/1", "BMC 2.0 1/1"}, f.begun)
}

func TestADeathBetweenAnyTwoCallsOfAnUpgradeSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]Firmware{
		"with a reset before": {Component: "UEFI", Version: "5.1", How: HowReset},
		"with images":         {Component: "BMC", Version: "2.0", Artifacts: 2},
		"with drains":         {Component: "UEFI", Version: "5.1", Reset: ResetDrain, Drains: 2},
	} {
		begin := func(t *testing.T) (*rig, *flasher) {
			t.Helper()
			r, fl := installs(t, lanes["in the pool"], f)
			fl.early = true
			fl.uploadTakes, fl.taskTakes = time.Minute, 40*time.Second
			r.hw.scheduled = map[backend.PlatformKind]int{backend.PlatformLockdownDisable: 0}
			return r.start(), fl
		}
		calm, _ := begin(t)
		calm.run(time.Hour)
		calm.inState(Ready)
		for n := 1; n < len(calm.hw.calls); n++ {
			t.Run(fmt.Sprintf("%s, after call %d", name, n), func(t *testing.T) {
				t.Parallel()
				r, _ := begin(t)
				r.hw.diesAfter = n
				for end := r.now.Add(time.Hour); r.hw.diesAfter > 0; {
					require.True(t, r.now.Before(end), "it does not get to that call")
					_, next, err := r.ctl.RunUntilIdle(t.Context(), r.now)
					require.NoError(t, err)
					r.now = next
				}
				r.now = r.now.Add(time.Minute) // until somebody starts it again
				r.clock.Set(r.now)
				r.start().run(time.Hour)
				assert.Equal(t, calm.way(), r.way())
				assert.ElementsMatch(t, calm.hw.order, r.hw.order, "what was begun in a run without a death")
			})
		}
	}
}
