package machine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// The tests of this file are named after the faults that the system of origin has, by their numbers in the list that the design page keeps.

// meanwhile does something while an image is being sent.
type meanwhile struct {
	*flasher
	then func()
}

func (m *meanwhile) UploadFirmware(ctx context.Context, key string, device backend.Device, a backend.Artifact) (backend.UploadStatus, error) {
	if then := m.then; then != nil {
		m.then = nil
		then()
	}
	return m.flasher.UploadFirmware(ctx, key, device, a)
}

func TestFault05APassThatIsInFlightDoesNotOverwriteAForcedDeletion(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := installs(t, l)
		m := &meanwhile{flasher: f}
		without(func(c *backend.Capabilities) { c.Upload = m })(r)
		r.start().until(l.in(fwUpload))
		m.then = func() {
			require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.ForceDelete, Initiator: "admin"}))
		}
		r.run(time.Minute)
		way := r.way()
		assert.Equal(t, []State{l.in(fwUpload), Deleting, ForceDeletion, ""}, way[len(way)-4:])
		assert.Equal(t, backend.RequestFinished, r.request("q2").State)
	})
}

func TestFault07ARequestOutlivesEveryWaitOfItsMachine(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(r *rig, f *flasher){
		"for a slot": func(r *rig, f *flasher) {
			f.uploadTakes, r.cfg.UploadLimit = 50*time.Minute, 1
			u := &Upgrade{Component: "BMC", Version: "2.0", Artifact: 1, Artifacts: 1, Visit: 1, BeganAt: epoch}
			r.seed(machineNo(2), string(fwUpload), 0, &Machine{Upgrade: u})
		},
		"for lockdown":       func(r *rig, _ *flasher) { r.hw.always["InspectPlatform"] = errBusy },
		"for the inventory":  func(r *rig, _ *flasher) { r.hw.always["FirmwareInventory"] = errBusy },
		"for the controller": func(r *rig, _ *flasher) { r.hw.always["UploadFirmware"] = errBusy },
		"for the task":       func(_ *rig, f *flasher) { f.taskTakes = -1 },
		"for the version":    func(_ *rig, f *flasher) { f.resets = 99 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inLanes(t, func(t *testing.T, l lane) {
				t.Helper()
				r, f := installs(t, l)
				given(r, f)
				r.start()
				for range 30 {
					r.run(time.Minute)
					require.Equal(t, started, r.request("q1").State)
					require.Equal(t, []string{sourceUpdate}, r.sources())
				}
			})
		})
	}
}

func TestFault08AFreshRequestOfAnOperatorRestartsAFailedUpgradeAtOnce(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := parks(t, l)
		r.until(l.in(fwFailed))
		r.run(time.Minute)
		f.fails = map[int]string{}
		require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob"}))
		r.step()
		r.inState(l.in(fwCheck))
		assert.Equal(t, []string{sourceUpdate}, r.sources())
		assert.Equal(t, backend.RequestSuperseded, r.request("q1").State)
		r.run(time.Minute)
		r.inState(l.back)
		assert.Equal(t, backend.RequestFinished, r.request("q2").State)
	})
}

func TestFault09TheEndOfARacksCycleComesToTheSameInWhateverOrderItsMachinesAreLookedAt(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"m1", "m2"}, {"m2", "m1"}} {
		r := newRig(t).rack("Error", "")
		r.hw.locked()
		r.machine(waitingForRack, 0, Machine{FirmwareUpgrade: rackStatus(lifecycle.ProgressFailed, "c1", -9*time.Minute, -time.Minute)})
		r.asked(reprovisionBy("rack-r1", "c1", started), nil)
		r.seed(machineNo(2), string(waitingForRack), 0, &Machine{FirmwareUpgrade: rackStatus(lifecycle.ProgressRunning, "c1", -9*time.Minute, 0)})
		rec, err := r.store.Get(t.Context(), machineNo(2))
		require.NoError(t, err)
		q := reprovisionBy("rack-r1", "c1", started)
		q.ID, q.On, q.Rack, q.At = "q2", machineNo(2), "r1", epoch.Add(-10*time.Minute)
		results, err := r.store.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{{Record: *rec, Expect: rec.Version}}, Post: []backend.Request{q}}})
		require.NoError(t, err)
		require.NoError(t, results[0])
		r.start()
		for _, id := range order {
			_, err := r.ctl.Step(t.Context(), Ref(id), r.now)
			require.NoError(t, err)
		}
		r.inState(fwFailed)
		m2, err := lifecycle.Get[Machine](r.ctl, machineNo(2))
		require.NoError(t, err)
		assert.Equal(t, string(Ready), m2.State())
	}
}

func TestFault10AMachineWhoseRackGivesUpIsLockedDownAndKeepsItsResult(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r := newRig(t).rack("Error", "")
		r.machine(l.in(waitingForRack), 0, Machine{}).asked(reprovisionBy("rack-r1", "c1", started), nil).start()
		r.run(time.Minute)
		r.inState(l.back)
		assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])

		r = newRig(t).rack("Error", "")
		r.machine(l.in(waitingForRack), 0, Machine{FirmwareUpgrade: rackStatus(lifecycle.ProgressCompleted, "c1", -9*time.Minute, -time.Minute)})
		r.asked(reprovisionBy("rack-r1", "c1", started), nil).start().step()
		r.inState(l.in(fwRepeat))
		assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	})
}

func TestFault11ARequestOfAnOperatorDoesNotOverwriteTheOneThatTheMachineWaitsOn(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r := waiting(t, l, nil)
		require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob", Params: lifecycle.Reprovision{DisturbTenants: true}}))
		r.run(time.Minute)
		assert.Equal(t, started, r.request("q1").State)
		assert.Equal(t, "rack-r1", r.request("q1").Initiator)
		r.edit(func(m *Machine) { m.FirmwareUpgrade = rackStatus(lifecycle.ProgressCompleted, "c1", -time.Minute, 0) })
		r.run(time.Minute)
		r.inState(l.back)
		assert.Equal(t, backend.RequestFinished, r.request("q1").State)
		assert.Equal(t, backend.RequestFinished, r.request("q2").State)
	})
}

func TestFault12TheRetriesOfATenantsMachineAreCountedToo(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r, f := parks(t, l)
		r.run(48 * time.Hour)
		r.inState(l.in(fwFailed))
		assert.Len(t, f.begun, 6)
		m := r.get()
		assert.Equal(t, 5, m.RetryCount)
		assert.True(t, m.Failed(0))
		assert.Equal(t, backend.RequestFailed, r.request("q1").State)
	})
}

func TestFault13ARetryNeedsNoRecordOfTheFailureAndAResetNoSurvivingRequest(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		r := newRig(t).rack("Ready", "").machine(l.in(fwFailed), -time.Hour, Machine{}).start()
		r.step()
		r.inState(l.in(fwCheck))

		r = newRig(t).rack("Ready", "").machine(l.in(fwFailed), 0, Machine{RetryCount: 5}).start()
		require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: lifecycle.TypeReprovision, Initiator: "bob", Params: lifecycle.Reprovision{Reset: true}}))
		r.step()
		r.inState(l.in(fwRepeat))
		assert.Zero(t, r.get().RetryCount)
	})
}
