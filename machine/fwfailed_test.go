package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// upgradeFailed is a machine whose upgrade failed some time ago.
func upgradeFailed(t *testing.T, l lane, since time.Duration, retries int) *rig {
	t.Helper()
	r := newRig(t).rack("Maintenance", "c2")
	r.hw.locked()
	return r.machine(l.in(fwFailed), since, Machine{RetryCount: retries, Failure: &Failure{Message: "flash error"}})
}

func TestAFailedUpgradeIsTriedAgainWhenItsIntervalIsOver(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := upgradeFailed(t, l, -59*time.Minute, 0).asked(reprovisionBy("alice", "", started), nil).start()
			r.step()
			r.inState(l.in(fwFailed))
			assert.Contains(t, r.reason(), "retry 1 of 5")
			assert.Contains(t, r.reason(), "flash error")
			assert.Zero(t, r.get().RetryCount)
			r.now = r.now.Add(time.Minute)
			r.step()
			r.inState(l.in(fwCheck))
			assert.Equal(t, 1, r.get().RetryCount)
			assert.Equal(t, started, r.request("q1").State)
		})
	}
}

func TestAnUpgradeThatKeepsFailingIsTriedFiveTimes(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := wants(t, Firmware{Component: "BMC", Version: "2.0"})
			r.hw.always["FirmwareInventory"] = errBroken
			r.machine(l.in(fwCheck), 0, Machine{}).asked(reprovisionBy("alice", "", started), nil).start()
			r.run(24 * time.Hour)
			r.inState(l.in(fwFailed))
			assert.Equal(t, 6, r.hw.count("FirmwareInventory"))
			assert.Len(t, r.way(), 12)
			m := r.get()
			assert.Equal(t, 5, m.RetryCount)
			assert.True(t, m.Failed(0))
			assert.Contains(t, r.reason(), "5 of 5 retries are spent")
			q1 := r.request("q1")
			assert.Equal(t, backend.RequestFailed, q1.State)
			assert.Contains(t, q1.Reason, "the board is broken")
		})
	}
}

func TestAMachineWithoutRetriesLeftStaysWhereItIs(t *testing.T) {
	t.Parallel()
	r := upgradeFailed(t, lane{inPool, Ready, Failed}, -2*time.Hour, 5).start()
	r.run(24 * time.Hour)
	assert.Equal(t, []State{fwFailed}, r.way())
	assert.Equal(t, 5, r.get().RetryCount)
}

func TestAFreshRequestRestartsAMachineWithoutRetriesLeftAtOnce(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for initiator, want := range map[string]State{"rack-r1": waitingForRack, "alice": fwCheck} {
				r := upgradeFailed(t, l, -time.Minute, 5).asked(reprovisionBy("bob", "", started), nil).start()
				require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: initiator, Cycle: "c2"}))
				r.step()
				r.inState(l.in(want))
				assert.Zero(t, r.get().RetryCount)
				assert.Equal(t, started, r.request("q2").State)
				assert.Equal(t, backend.RequestSuperseded, r.request("q1").State)
				assert.Equal(t, initiator == "alice", len(r.sources()) == 1)
			}
		})
	}
}

func TestAResetStartsTheCheckOver(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, from := range []State{fwCheck, HostReprovisionWaitingForManualUpgrade, HostReprovisionWaitingForScript, waitingForRack, fwFailed} {
				for _, state := range []backend.RequestState{backend.RequestPending, started} {
					r := newRig(t).rack("Maintenance", "c1")
					r.machine(l.in(from), 0, Machine{RetryCount: 3}).asked(reprovisionBy("alice", "", state), lifecycle.Reprovision{Reset: true}).start()
					r.step()
					r.inState(l.in(fwRepeat))
					assert.Zero(t, r.get().RetryCount)
					assert.Equal(t, started, r.request("q1").State)
					r.run(time.Minute)
					r.inState(l.back) // once, not for ever
					assert.Equal(t, backend.RequestFinished, r.request("q1").State)
				}
			}
		})
	}
}

func TestAResetTakesThePlaceOfWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	r := wants(t, Firmware{Component: "BMC", Version: "2.0", How: HowManual})
	r.machine(fwRepeat, 0, Machine{RetryCount: 3}).asked(reprovisionBy("carol", "", started), nil).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob", Params: lifecycle.Reprovision{Reset: true}}))
	r.step()
	r.inState(HostReprovisionWaitingForManualUpgrade)
	assert.Zero(t, r.get().RetryCount)
	assert.Equal(t, backend.RequestSuperseded, r.request("q1").State)
	assert.Equal(t, started, r.request("q2").State)
}

func TestACancelledRequestIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := upgradeFailed(t, l, -time.Minute, 0).asked(reprovisionBy("alice", "", started), nil).start()
			require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
			r.run(24 * time.Hour)
			assert.Equal(t, []State{l.in(fwFailed)}, r.way())
			assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
			assert.Contains(t, r.reason(), "a fresh reprovision request: the last one was cancelled")
		})
	}
}

func TestTheRetriesAreConfigurable(t *testing.T) {
	t.Parallel()
	l := lane{inPool, Ready, Failed}
	r := upgradeFailed(t, l, 0, 1)
	r.cfg.FirmwareRetryLimit, r.cfg.FirmwareRetryInterval = 2, time.Minute
	r.start().run(time.Minute)
	assert.Contains(t, r.way(), fwCheck)

	r = upgradeFailed(t, l, 0, 0)
	r.cfg.FirmwareRetryLimit = -1
	r.start().run(3 * time.Hour)
	assert.Equal(t, []State{fwFailed}, r.way())

	kind, err := New(Config{Driver: backend.Capabilities{}, FirmwareRetryInterval: 20 * time.Minute, ScriptDeadline: time.Hour})
	require.NoError(t, err)
	for _, s := range kind.States() {
		if poolState(State(s.State)) == fwFailed {
			assert.Equal(t, 30*time.Minute, s.SLA)
		}
		if poolState(State(s.State)) == HostReprovisionWaitingForScript {
			assert.Equal(t, time.Hour, s.Deadline)
		}
	}
}
