package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAMachineWithoutARecordOfItsUpgradeComesToAnEnd(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for _, from := range []State{fwInitial, fwUpload, fwTask, fwReset, fwReported} {
			for _, fw := range []map[string]string{nil, {"BMC": "1.0", "UEFI": "5.0"}, {"BMC": "2.0"}} {
				r, _ := installs(t, lane{in: l.in, back: l.in(from), failed: l.failed})
				r.edit0(func(m *Machine) { m.Firmware = fw })
				r.start()
				r.run(5 * time.Hour)
				assert.Contains(t, []State{l.back, l.in(fwFailed)}, State(r.get().State()), "from %s: %s", from, r.reason())
			}
		}
	})
}

func TestAResetOfTheRequestStartsOverFromEveryStateOfAnUpgrade(t *testing.T) {
	t.Parallel()
	inLanes(t, func(t *testing.T, l lane) {
		t.Helper()
		for _, from := range []State{fwInitial, fwUpload, fwTask, fwReset, fwReported} {
			r, f := installs(t, l, Firmware{Component: "BMC", Version: "2.0", How: HowReset})
			f.uploadTakes, f.taskTakes = time.Minute, time.Minute
			r.start().until(l.in(from))
			require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob", Params: lifecycle.Reprovision{Reset: true}}))
			r.step()
			r.inState(l.in(fwRepeat))
			assert.Equal(t, "ReprovisionReset", r.trigger())
			assert.Equal(t, backend.RequestSuperseded, r.request("q1").State)
			r.until(l.back)
			assert.Equal(t, backend.RequestFinished, r.request("q2").State)
		}
	})
}

func TestACancelledUpgradeGivesTheMachineBackAndSaysWhatMayGoOn(t *testing.T) {
	t.Parallel()
	for from, want := range map[State]string{
		fwInitial: "cancelled by bob", fwUpload: "cancelled by bob; the upload of BMC 2.0 may go on", fwTask: "cancelled by bob; task task-1 (BMC 2.0) may go on",
		fwReset: "cancelled by bob", fwReported: "cancelled by bob",
	} {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			inLanes(t, func(t *testing.T, l lane) {
				t.Helper()
				r, f := installs(t, l, Firmware{Component: "BMC", Version: "2.0", How: HowReset})
				f.uploadTakes, f.taskTakes = time.Minute, time.Minute
				r.start().until(l.in(from))
				r.step()
				if State(r.get().State()) == l.in(fwReported) && from == fwReset {
					return // it takes one pass
				}
				require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
				r.step()
				r.inState(l.back)
				assert.Equal(t, want, r.request("q1").Reason)
				assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
				assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
				assert.Empty(t, r.sources())
				assert.Nil(t, r.get().Upgrade)
			})
		})
	}
}

func TestAMarkedMachineGoesFromEveryStateOfAnUpgrade(t *testing.T) {
	t.Parallel()
	for _, from := range []State{fwInitial, fwUpload, fwTask, fwReset, fwReported} {
		r, f := installs(t, lanes["in the pool"], Firmware{Component: "BMC", Version: "2.0", How: HowReset})
		f.uploadTakes, f.taskTakes = time.Minute, time.Minute
		r.start().until(from)
		require.NoError(t, r.ctl.Delete(t.Context(), m1, "alice", from == fwUpload))
		r.run(time.Minute)
		way := r.way()
		assert.Equal(t, State(""), way[len(way)-1])
		assert.Equal(t, backend.RequestSuperseded, r.request("q1").State)
	}
}
