package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// cycling is a machine whose power is drained in so many rounds, or that is reset before an upload when there are none.
func cycling(t *testing.T, rounds int) *rig {
	t.Helper()
	f := Firmware{Component: "UEFI", Version: "5.1", How: HowReset}
	if rounds > 0 {
		f = Firmware{Component: "UEFI", Version: "5.1", Reset: ResetDrain, Drains: rounds}
	}
	r, _ := installs(t, lanes["in the pool"], f)
	r.start()
	if rounds > 0 {
		r.until(fwReset)
	} else {
		r.until(fwInitial)
	}
	return r
}

// inPowerStage steps until the power cycle is in that stage.
func (r *rig) inPowerStage(want PowerStage) {
	r.Helper()
	for range 2000 {
		if c := r.get().PowerCycle; c != nil && c.Stage == want {
			return
		}
		r.now = r.step().Next
		r.clock.Set(r.now)
	}
	r.Fatalf("the power cycle does not get to %s; it is %+v", want, r.get().PowerCycle)
}

func TestAPowerCycleBelievesWhatIsObserved(t *testing.T) {
	t.Parallel()
	r := cycling(t, 0)
	r.ignores(backend.ActionPowerOff, 1)
	r.run(14 * time.Minute)
	r.inState(fwInitial)
	assert.Contains(t, r.reason(), "waits for power off (power cycle, stage GoesOff, round 1, attempt 1 of 3): it is on")
	assert.Zero(t, r.hw.count("ResetBMC"))
	r.run(2 * time.Minute)
	assert.Equal(t, 1, r.hw.count("ResetBMC"), "the command was given anew, and taken")
}

func TestAHostThatLosesItsPowerBeforeItIsToldToIsNotToldTo(t *testing.T) {
	t.Parallel()
	r := cycling(t, 0)
	r.hw.power = backend.PowerOff
	r.until(fwRepeat)
	assert.Equal(t, []string{"ResetBMC", "SetPower:PowerOn"}, r.hw.changes())
}

func TestAHostStaysOffUntilItHasLostItsCharge(t *testing.T) {
	t.Parallel()
	r := cycling(t, 2)
	r.step()
	off := r.now
	assert.Contains(t, r.reason(), "waits for the host to lose its charge (power cycle, stage StaysOff, round 1, attempt 1 of 3): it is off until 2026-01-01T00:01:30Z")
	assert.Equal(t, off, r.get().RestartedAt)
	r.run(89 * time.Second)
	assert.Zero(t, r.hw.count("SetPower:PowerOn"))
	r.until(fwReported)
	assert.GreaterOrEqual(t, r.now.Sub(off), 2*drainOff)
	assert.Equal(t, []string{"SetPower:PowerOff", "SetPower:PowerOn", "SetPower:PowerOff", "SetPower:PowerOn"}, r.hw.changes()[len(r.hw.changes())-4:])
}

func TestAPowerCycleThatIsNotTakenFails(t *testing.T) {
	t.Parallel()
	for stage, c := range map[PowerStage]struct {
		given func(r *rig)
		wait  time.Duration
		calls []string
		note  string
	}{
		PowerGoesOff: {
			func(r *rig) { r.ignores(backend.ActionPowerOff, 99) }, 45 * time.Minute, nil,
			"power cycle: 3 of 3 attempts: GoesOff took longer than 15m0s: it is on",
		},
		PowerResetsBMC: {
			func(r *rig) { r.hw.always["ResetBMC"] = errBusy }, 45 * time.Minute,
			[]string{"SetPower:PowerOn"},
			"power cycle: 3 of 3 attempts: ResetsBMC took longer than 15m0s: the BMC is busy",
		},
		PowerGoesOn: {
			func(r *rig) { r.ignores(backend.ActionPowerOn, 99) }, 45 * time.Minute, nil,
			"power cycle: 3 of 3 attempts: GoesOn took longer than 15m0s: it is off",
		},
	} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			r := cycling(t, 0)
			c.given(r)
			r.inPowerStage(stage)
			begun := r.now
			r.until(fwFailed)
			assert.InDelta(t, c.wait, r.now.Sub(begun), float64(time.Minute))
			assert.Equal(t, c.note, r.note())
			for _, call := range c.calls {
				assert.Contains(t, r.hw.calls, call)
			}
		})
	}
}

func TestAHostIsSwitchedOnBeforeItsPowerCycleFails(t *testing.T) {
	t.Parallel()
	r := cycling(t, 0)
	r.hw.always["ResetBMC"] = errBroken
	r.until(fwFailed)
	assert.Equal(t, backend.PowerOn, r.hw.power)
	assert.Contains(t, r.note(), "the board is broken")

	r = cycling(t, 0)
	r.hw.always["ResetBMC"], r.hw.always["SetPower:PowerOn"] = errBroken, backend.ErrNotSupported
	r.until(fwFailed)
	assert.Contains(t, r.note(), "the board is broken (remedy: swap it); not supported")
}

func TestABMCThatCannotBeResetIsLeftOutOfAPowerCycle(t *testing.T) {
	t.Parallel()
	r := cycling(t, 0)
	r.hw.always["ResetBMC"] = backend.ErrNotSupported
	r.until(fwRepeat)
	assert.Equal(t, []string{"SetPower:PowerOff", "ResetBMC", "SetPower:PowerOn"}, r.hw.changes())

	r, _ = installs(t, lanes["in the pool"], Firmware{Component: "UEFI", Version: "5.1", How: HowReset})
	without(func(c *backend.Capabilities) { c.Reset = nil })(r)
	r.start().until(fwRepeat)
	assert.Equal(t, []string{"SetPower:PowerOff", "SetPower:PowerOn"}, r.hw.changes())
}

func TestAPowerCycleOutlivesABMCThatIsAway(t *testing.T) {
	t.Parallel()
	r := cycling(t, 0)
	r.hw.errs["PowerState"] = []error{errBusy, errBusy}
	r.hw.errs["SetPower:PowerOff"] = []error{errBusy}
	r.inPowerStage(PowerStaysOff)
	r.hw.errs["PowerState"] = []error{errBusy, errBusy, errBusy}
	r.until(fwRepeat)
	assert.Equal(t, 1, r.begun("ResetBMC"))
	assert.Equal(t, 1, r.begun("PowerCycle:GoesOff"))
	assert.Equal(t, 1, r.begun("PowerCycle:GoesOn"))
}

func TestTimeUnderAHoldIsNotHeldAgainstAPowerCycle(t *testing.T) {
	t.Parallel()
	r := cycling(t, 0)
	r.ignores(backend.ActionPowerOff, 1)
	r.run(10 * time.Minute)
	require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "service", Owner: "alice", Reason: "a look inside"}))
	r.run(3 * time.Hour)
	require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "service", "alice"))
	r.run(4 * time.Minute)
	assert.Equal(t, 1, r.get().PowerCycle.Attempt)
	assert.Equal(t, 1, r.begun("PowerCycle:GoesOff"))
	r.run(2 * time.Minute)
	assert.Equal(t, 2, r.begun("PowerCycle:GoesOff"))
}

func TestAPowerCycleOfAnEarlierVisitIsDropped(t *testing.T) {
	t.Parallel()
	r, _ := installs(t, lanes["in the pool"], Firmware{Component: "UEFI", Version: "5.1", How: HowReset})
	r.edit0(func(m *Machine) { m.PowerCycle = &PowerCycle{Stage: PowerGoesOn, Round: 7, Cause: "left over"} })
	r.start().until(fwRepeat)
	assert.Equal(t, []string{"SetPower:PowerOff", "ResetBMC", "SetPower:PowerOn"}, r.hw.changes())
	assert.Nil(t, r.get().PowerCycle)
}

func TestAPowerCycleWithAnUnknownStageFails(t *testing.T) {
	t.Parallel()
	r, _ := installs(t, lanes["in the pool"], Firmware{Component: "UEFI", Version: "5.1", How: HowReset})
	r.start().until(fwInitial)
	r.edit(func(m *Machine) { m.PowerCycle = &PowerCycle{Stage: "Explodes", Round: 1, Visit: m.Transitions()} })
	r.step()
	r.inState(fwFailed)
	assert.Contains(t, r.note(), `the unknown stage "Explodes"`)
}
