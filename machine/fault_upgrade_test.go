package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestFault14TheLimitOnUploadsHoldsForTheWholeUploadAndOverRestarts(t *testing.T) {
	t.Parallel()
	r, f := fleet(t, 6, 2)
	f.uploadTakes = 30 * time.Minute
	for range 40 {
		r.start().run(3 * time.Minute)
		require.LessOrEqual(t, f.sending(), 2)
	}
	assert.Equal(t, 2, f.most)
	assert.Len(t, f.begun, 6, "every image is sent once, whatever dies")
	assert.Empty(t, r.senders())
}

func TestFault14AScriptThatIsWaitedForOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, _ := installs(t, l, Firmware{Component: "BMC", Version: "2.0", How: HowScript})
		r.start().until(l.in(HostReprovisionWaitingForScript))
		r.start().run(time.Hour)
		r.hw.fw["BMC"] = "2.0"
		r.apply(func(tx *lifecycle.Tx) error { return ReportUpgrade(tx, m1, UpgradeReport{By: "script"}) })
		r.run(time.Minute)
		r.inState(l.back)
	})
}

func TestFault15ARetryGoesOnWithTheImageThatFailed(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for how, extra := range map[How]int{HowUpload: 0, HowReset: 1} {
			r, f := installs(t, l, Firmware{Component: "BMC", Version: "2.0", Artifacts: 3, How: how})
			f.fails[2] = "flash error"
			r.start().until(l.in(fwFailed))
			assert.Contains(t, r.note(), "image 2 of 3 of BMC 2.0")
			f.fails = map[int]string{}
			r.hw.errs["UploadFirmware"] = []error{errBroken}
			r.until(l.in(fwReported))
			r.until(l.back)
			assert.Equal(t, []string{"BMC 2.0 1/3", "BMC 2.0 2/3", "BMC 2.0 2/3", "BMC 2.0 3/3"}, f.begun)
			assert.Equal(t, 1+2*extra, r.hw.count("ResetBMC"), "the reset before the upload comes with each try, and not with each image")
		}
	})
}

func TestFault15AFreshRequestBeginsWithTheFirstImage(t *testing.T) {
	t.Parallel()
	r, f := installs(t, lanes["in the pool"], Firmware{Component: "BMC", Version: "2.0", Artifacts: 2})
	f.fails[2] = "flash error"
	r.start().until(fwFailed)
	f.fails = map[int]string{}
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob"}))
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"BMC 2.0 1/2", "BMC 2.0 2/2", "BMC 2.0 1/2", "BMC 2.0 2/2"}, f.begun)
}

func TestFault16AFailedUploadAndAForgottenTaskUseUpTheBudget(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(r *rig, f *flasher){
		"uploads": func(r *rig, _ *flasher) { r.hw.always["UploadFirmware"] = errBroken },
		"tasks":   func(_ *rig, f *flasher) { f.forgets = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inLanes(t, func(t *testing.T, l lane) {
				t.Helper()
				r, f := installs(t, l)
				given(r, f)
				r.start().run(24 * time.Hour)
				r.inState(l.in(fwFailed))
				assert.Equal(t, 5, r.get().RetryCount)
				assert.Equal(t, 6, r.hw.count("UploadFirmware"))
			})
		})
	}
}

func TestFault16EveryWaitOfAnUpgradeHasAnEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given func(r *rig, f *flasher)
		how   How
		in    State
		end   time.Duration
	}{
		"an upload":           {func(_ *rig, f *flasher) { f.uploadTakes = -1 }, HowUpload, fwUpload, time.Hour},
		"a task":              {func(_ *rig, f *flasher) { f.taskTakes = -1 }, HowUpload, fwTask, 2 * time.Hour},
		"a version":           {func(_ *rig, f *flasher) { f.resets = 99 }, HowUpload, fwReported, 30 * time.Minute},
		"a reset":             {func(r *rig, _ *flasher) { r.hw.always["ResetBMC"] = errBusy }, HowUpload, fwReset, 15 * time.Minute},
		"the reset before it": {func(r *rig, _ *flasher) { r.ignores(backend.ActionPowerOff, 99) }, HowReset, fwInitial, 45 * time.Minute},
		"a person":            {func(*rig, *flasher) {}, HowManual, HostReprovisionWaitingForManualUpgrade, 72 * time.Hour},
		"a script":            {func(*rig, *flasher) {}, HowScript, HostReprovisionWaitingForScript, 5 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inLanes(t, func(t *testing.T, l lane) {
				t.Helper()
				r, f := installs(t, l, Firmware{Component: "BMC", Version: "2.0", How: c.how})
				c.given(r, f)
				r.start().until(l.in(c.in))
				visit := r.get().Transitions()
				r.run(c.end - time.Second)
				r.inState(l.in(c.in))
				assert.Equal(t, visit, r.get().Transitions())
				r.run(2 * time.Minute)
				assert.Greater(t, r.get().Transitions(), visit)
			})
		})
	}
}

func TestFault17LockdownIsPutBackOnEveryWayOutOfAReprovision(t *testing.T) {
	t.Parallel()
	cancel := func(r *rig, _ *flasher) { require.NoError(r, r.ctl.CancelRequest(r.Context(), m1, "q1", "bob")) }
	for name, c := range map[string]struct {
		at   State // where lockdown is off
		then func(r *rig, f *flasher)
		end  State
	}{
		"when it is complete":              {fwTask, func(*rig, *flasher) {}, Ready},
		"when the upload is cancelled":     {fwUpload, cancel, Ready},
		"when the task is cancelled":       {fwTask, cancel, Ready},
		"when the version is not awaited":  {fwReported, cancel, Ready},
		"when nothing is left to install":  {fwTask, func(r *rig, f *flasher) { f.forgets = true; r.hw.fw["BMC"] = "2.0" }, Ready},
		"when the task fails":              {fwTask, func(_ *rig, f *flasher) { f.fails[1] = "flash error" }, fwFailed},
		"when the version stays old":       {fwTask, func(_ *rig, f *flasher) { f.resets = 99 }, fwFailed},
		"when the upload fails for good":   {fwUpload, func(r *rig, _ *flasher) { r.hw.always["UploadFirmware"] = errBroken }, fwFailed},
		"when nothing takes the image":     {fwUpload, func(r *rig, _ *flasher) { r.hw.always["UploadFirmware"] = backend.ErrNotSupported }, fwFailed},
		"when the inventory is gone later": {fwTask, func(r *rig, _ *flasher) { r.hw.always["FirmwareInventory"] = backend.ErrNotSupported }, Ready},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inLanes(t, func(t *testing.T, l lane) {
				t.Helper()
				r, f := installs(t, l)
				f.uploadTakes = time.Minute
				r.start().until(l.in(c.at))
				if c.at == fwUpload {
					r.run(20 * time.Second)
				}
				require.False(t, r.hw.applied[backend.PlatformLockdownEnable])
				c.then(r, f)
				end := l.placed(c.end)[0]
				r.until(end)
				r.run(30 * time.Second)
				r.inState(end)
				assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
			})
		})
	}
}

func TestFault17LockdownIsPutBackWhenTheCycleOfTheRackEndsInTheMiddleOfTheMachinesOwnWork(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		f.taskTakes = -1
		r.start().until(l.in(fwTask))
		q, err := r.store.Requests(t.Context(), backend.RequestQuery{ID: "q1", On: m1})
		require.NoError(t, err)
		q[0].Initiator, q[0].Cycle = "rack-r1", "c1"
		rec, err := r.store.Get(t.Context(), m1)
		require.NoError(t, err)
		results, err := r.store.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{{Record: *rec, Expect: rec.Version}}, Update: q}})
		require.NoError(t, err)
		require.NoError(t, results[0])
		r.start().step()
		r.inState(l.back)
		assert.Equal(t, string(RackCycleEnded), r.trigger())
		assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
		assert.Contains(t, r.request("q1").Reason, "task task-1 (BMC 2.0) may go on")
	})
}

func TestFault18AWaitForTheSuppliesIsAnOutcomeAndNotASleep(t *testing.T) {
	t.Parallel()
	r := cycling(t, 1)
	res := r.step()
	assert.Equal(t, backend.OutcomeWait, res.Outcome.Kind)
	assert.True(t, res.Next.After(r.now), "the worker is free until then")
	assert.Zero(t, r.hw.count("SetPower:PowerOn"))
	assert.Equal(t, r.now.Add(drainOff), r.get().PowerCycle.NotBefore)
}

func TestFault19EveryResetThatFollowsADrainIsADrain(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l, Firmware{Component: "UEFI", Version: "5.1", Reset: ResetDrain, Drains: 2})
		f.resets = 6
		r.start().until(l.in(fwReported))
		r.until(l.back)
		assert.Equal(t, 6, r.hw.count("SetPower:PowerOff"), "three resets of two rounds")
		assert.Zero(t, r.hw.count("ResetHost"))
	})
}

func TestFault33ARequestForTheHostIsNotMistakenForOneForItsDPUs(t *testing.T) {
	t.Parallel()
	r, _ := installs(t, lanes["in the pool"])
	r.edit0(func(m *Machine) { m.DPUs = 1 })
	r.asked(backend.Request{ID: "q2", Type: TypeDPUReprovision, Initiator: "bob"}, nil)
	r.start().until(fwTask)
	assert.Equal(t, started, r.request("q1").State)
	assert.Equal(t, backend.RequestPending, r.request("q2").State)
	require.ErrorIs(t, r.post(lifecycle.NewRequest{ID: "q3", Type: TypeDPUReprovision, Initiator: "bob"}), lifecycle.ErrRejected)
	require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q2", "bob"))
	r.until(Ready)
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
}
