package rack

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func sequence(mode PowerMode) Activity { return Activity{Name: PowerSequence, Power: mode} }

// powering is r1 in a power sequence, with two machines, a switch and a shelf.
func powering(t *testing.T, state State, mode PowerMode) *rig {
	t.Helper()
	return newRig(t).maintained(state, FullRack(sequence(mode))).devices("m1", "m2", "s1", "p1")
}

// off has devices without power.
func (r *rig) off(ids ...string) *rig {
	for _, id := range ids {
		r.hw.power[deviceRef(id)] = backend.PowerOff
	}
	return r
}

func TestPowerGoesInTheOrderOfTheDesign(t *testing.T) {
	t.Parallel()
	off := []string{"SetPower off m1 m2", "SetPower off s1", "SetPower off p1"}
	on := []string{"SetPower on p1", "SetPower on s1", "SetPower on m1 m2"}
	for name, c := range map[string]struct {
		state State
		mode  PowerMode
		off   []string
		calls []string
		path  []State
	}{
		"on":                              {PoweringOn, SequenceOn, []string{"m1", "m2", "s1", "p1"}, on, []State{PoweringOn, Completed, ValidationPending, Ready}},
		"off":                             {PoweringOff, SequenceOff, nil, off, []State{PoweringOff, PoweredOff}},
		"reset":                           {PoweringOff, SequenceReset, nil, append(off, on...), []State{PoweringOff, PoweringOn, Completed, ValidationPending, Ready}},
		"reset is the default":            {PoweringOff, "", nil, append(off, on...), []State{PoweringOff, PoweringOn, Completed, ValidationPending, Ready}},
		"what is on is not touched":       {PoweringOn, SequenceOn, []string{"s1"}, []string{"SetPower on s1"}, []State{PoweringOn, Completed, ValidationPending, Ready}},
		"what is off is not touched":      {PoweringOff, SequenceOff, []string{"m2", "s1"}, []string{"SetPower off m1", "SetPower off p1"}, []State{PoweringOff, PoweredOff}},
		"everything is there already":     {PoweringOn, SequenceOn, nil, nil, []State{PoweringOn, Completed, ValidationPending, Ready}},
		"everything is without it, reset": {PoweringOff, SequenceReset, []string{"m1", "m2", "s1", "p1"}, on, []State{PoweringOff, PoweringOn, Completed, ValidationPending, Ready}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := powering(t, c.state, c.mode).off(c.off...)
			r.run(10 * time.Minute)
			assert.Equal(t, c.path, r.path())
			assert.Equal(t, c.calls, r.hw.did)
			assert.Empty(t, r.alerts(machine.Ref("m1")))
			if c.path[len(c.path)-1] == Ready {
				assert.Equal(t, []string{"PowerSequence m1 ok", "PowerSequence m2 ok", "PowerSequence p1 ok", "PowerSequence s1 ok"}, r.results("q1"))
				assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
			}
		})
	}
}

func TestAStageWaitsForItsStragglersBeforeTheNextBegins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state State
		mode  PowerMode
		off   []string
		stuck string
		calls []string
		words []string
	}{
		"a machine that stays on":   {PoweringOff, SequenceOff, nil, "m2", []string{"SetPower off m1 m2"}, []string{"power off", "machines", "1 of 2", "m2"}},
		"a switch that stays on":    {PoweringOff, SequenceReset, nil, "s1", []string{"SetPower off m1 m2", "SetPower off s1"}, []string{"switches", "s1"}},
		"a shelf that stays off":    {PoweringOn, SequenceOn, []string{"m1", "m2", "s1", "p1"}, "p1", []string{"SetPower on p1"}, []string{"power on", "power shelves", "p1"}},
		"a switch that stays off":   {PoweringOn, SequenceOn, []string{"m1", "s1"}, "s1", []string{"SetPower on s1"}, []string{"switches", "s1"}},
		"the last one, a shelf on":  {PoweringOff, SequenceOff, nil, "p1", []string{"SetPower off m1 m2", "SetPower off s1", "SetPower off p1"}, []string{"p1"}},
		"the last one, machine off": {PoweringOn, SequenceOn, []string{"m1"}, "m1", []string{"SetPower on m1"}, []string{"m1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := powering(t, c.state, c.mode).off(c.off...)
			r.hw.stuck[c.stuck] = true
			r.run(askAgain - time.Second)
			r.inState(c.state)
			r.waits(c.words...)
			assert.Equal(t, c.calls, r.hw.did, "it is asked once for a while")
			r.run(15 * time.Second)
			mode := strings.Fields(c.calls[len(c.calls)-1])[1]
			assert.Equal(t, append(c.calls, "SetPower "+mode+" "+c.stuck), r.hw.did, "and once more when that did not help, alone")
			r.hw.stuck = map[string]bool{}
			state := backend.PowerOff
			if c.state == PoweringOn {
				state = backend.PowerOn
			}
			r.hw.power[deviceRef(c.stuck)] = state
			r.run(5 * time.Minute)
			assert.NotEqual(t, string(c.state), r.get().State())
		})
	}
}

func TestADeviceThatRefusesTakesTheRackToErrorByName(t *testing.T) {
	t.Parallel()
	const alert = "rack-maintenance/PowerSequence"
	for name, c := range map[string]struct {
		answer answer
		hurt   []string // devices that did not arrive, and those left without power
	}{
		"one refuses":               {answer{failed: map[string]error{"m2": permanent("not permitted")}}, []string{"m2", "m1"}},
		"one has no such function":  {answer{failed: map[string]error{"m2": backend.ErrNotSupported}}, []string{"m2", "m1"}},
		"all refuse":                {answer{err: permanent("not permitted")}, []string{"m1", "m2"}},
		"nobody knows the device":   {answer{failed: map[string]error{"m2": backend.ErrNoDevice}}, []string{"m2", "m1"}},
		"both, in their own answer": {answer{failed: map[string]error{"m1": permanent("no"), "m2": permanent("no")}}, []string{"m1", "m2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := powering(t, PoweringOff, SequenceReset)
			r.hw.script("SetPower off", c.answer)
			r.step()
			r.failedBy(OriginMaintenance, "power off", "machines", "refused", "m2")
			assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
			for _, id := range []string{"m1", "m2", "s1", "p1"} {
				if ref := deviceRef(id); slices.Contains(c.hurt, id) {
					assert.Equal(t, []string{alert}, r.alerts(ref), id)
				} else {
					assert.Empty(t, r.alerts(ref), id)
				}
			}
			assert.Len(t, r.hw.did, 1, "no further stage")
			r.run(time.Hour)
			r.inState(Error)
		})
	}
}

func TestHowAPowerCallThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first answer
		calls []string
		keys  int
		err   bool
	}{
		"surely not done":            {answer{err: notDone("busy")}, []string{"SetPower off m1 m2", "SetPower off m1 m2"}, 1, true},
		"may have been done":         {answer{err: maybeDone("timeout")}, []string{"SetPower off m1 m2", "SetPower off m1 m2"}, 1, true},
		"one surely not":             {answer{failed: map[string]error{"m2": notDone("busy")}}, []string{"SetPower off m1 m2", "SetPower off m2"}, 2, false},
		"one may have been done":     {answer{failed: map[string]error{"m2": maybeDone("timeout")}}, []string{"SetPower off m1 m2"}, 1, false},
		"one may, and nothing is on": {answer{lost: maybeDone("timeout")}, []string{"SetPower off m1 m2"}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := powering(t, PoweringOff, SequenceOff)
			r.hw.script("SetPower off", c.first, answer{})
			res := r.step()
			assert.Equal(t, c.err, res.Outcome.Kind == backend.OutcomeError, res.Outcome.Reason)
			if name == "one may have been done" { // it was, a little later
				r.off("m2")
			}
			r.run(10 * time.Minute)
			r.inState(PoweredOff)
			var machines []string
			for _, call := range r.hw.calls("SetPower off") {
				if call != "SetPower off s1" && call != "SetPower off p1" {
					machines = append(machines, call)
				}
			}
			assert.Equal(t, c.calls, machines)
			assert.Equal(t, c.keys+2, r.hw.begun("SetPower off"), "equal keys are one action")
		})
	}
}

func TestPowerStatesThatCannotBeReadAreAWait(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceOff)
	r.hw.script("PowerState", answer{err: errors.New("connection reset")})
	r.step()
	r.inState(PoweringOff)
	r.waits("power states cannot be read", "connection reset")
	assert.Empty(t, r.hw.did, "nothing is touched blindly")
	r.advance(31 * time.Minute).step()
	r.failedBy(OriginMaintenance, "timed out after 30m0s", "m1", "m2")
	for _, id := range []string{"m1", "m2", "s1", "p1"} {
		assert.Equal(t, []string{"rack-maintenance/PowerSequence"}, r.alerts(deviceRef(id)), "nobody knows of %s", id)
	}
}

func TestWhenALaterStageRefusesTheEarlierOnesAreLeftWithoutPower(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceReset)
	r.hw.script("SetPower off", answer{}, answer{failed: map[string]error{"s1": permanent("not permitted")}})
	r.step()
	r.failedBy(OriginMaintenance, "switches", "s1: not permitted")
	for _, id := range []string{"m1", "m2", "s1"} {
		assert.Equal(t, []string{"rack-maintenance/PowerSequence"}, r.alerts(deviceRef(id)), id)
	}
	assert.Empty(t, r.alerts(powershelf.Ref("p1")), "it was not asked yet")
}

func TestADeviceThatDoesNotAnswerIsAStraggler(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceOff)
	r.hw.script("PowerState", answer{power: map[string]backend.PowerState{"m1": backend.PowerOff}})
	r.step()
	r.inState(PoweringOff)
	r.waits("1 of 2 machines", "m2")
	assert.Equal(t, []string{"SetPower off m2"}, r.hw.did)
}

func TestOnlyDevicesInScopeArePowered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope Scope
		calls []string
	}{
		"machines":             {Scope{Machines: []string{"m1"}}, []string{"SetPower off m1", "SetPower on m1"}},
		"a shelf and a switch": {Scope{Switches: []string{"s1"}, PowerShelves: []string{"p1"}}, []string{"SetPower off s1", "SetPower off p1", "SetPower on p1", "SetPower on s1"}},
		"a tenant's machine":   {Scope{Machines: []string{"m3"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.scope.Activities = only(PowerSequence)
			r := newRig(t).maintained(PoweringOff, c.scope).devices("m1", "m2", "s1", "p1").machine("m3", machine.AssignedReady)
			r.run(time.Minute)
			r.inState(Ready)
			assert.Equal(t, c.calls, r.hw.did)
			if c.calls == nil {
				assert.Equal(t, []State{PoweringOff, Completed, ValidationPending, Ready}, r.path())
				assert.Equal(t, []string{"PowerSequence m3 skipped"}, r.results("q1"))
			}
		})
	}
}

func TestADriverWithoutPowerSkipsThePowerSequence(t *testing.T) {
	t.Parallel()
	for _, state := range []State{PoweringOff, PoweringOn} {
		r := powering(t, state, SequenceReset)
		r.caps.Power = nil
		r.step()
		r.inState(Completed)
		mentions(t, r.last().Note, "skipped", "no power capability")
	}
}

func TestARackThatWasOnlyPoweredOffRestsUntilPowerIsAskedFor(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceOff)
	r.run(3 * time.Hour)
	r.inState(PoweredOff)
	out, err := r.controller().Outcome(r1)
	require.NoError(t, err)
	assert.False(t, out.OverSLA)
	assert.Equal(t, backend.RequestStarted, r.request(r1, "q1").State, "it is not done yet")

	require.NoError(t, r.postAs(TypePower, "q2", Power{Operation: backend.ActionPowerOn}))
	cycle := r.get().Cycle.ID
	r.step()
	r.inState(PoweringOn)
	assert.Equal(t, "alice", r.last().Initiator)
	assert.Equal(t, cycle, r.get().Cycle.ID, "the same cycle goes on")
	assert.False(t, r.request(r1, "q2").State == backend.RequestPending)
	r.run(10 * time.Minute)
	assert.Equal(t, []State{PoweringOff, PoweredOff, PoweringOn, Completed, ValidationPending, Ready}, r.path())
	assert.Equal(t, []string{"SetPower on p1", "SetPower on s1", "SetPower on m1 m2"}, r.hw.calls("SetPower on"))
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q2").State)
}

func TestADeviceThatGoesWhileTheRackIsOffIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceOff)
	r.hw.stuck["s1"] = true
	r.step()
	r.waits("s1")
	r.remove(nvswitch.Ref("s1"))
	r.run(time.Minute)
	r.inState(PoweredOff)
	assert.True(t, r.get().TopologyChanged, "it is remembered")
	assert.Equal(t, string(powershelf.Ready), r.p("p1").State())
}

func TestACrashInThePowerSequenceAsksForNothingTwice(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceReset)
	r.hw.stuck["s1"] = true // the pass ends in a wait, after two stages were asked
	r.store.refuse = true
	_, err := r.controller().Step(t.Context(), r1, r.now)
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	r.hw.stuck = map[string]bool{}
	r.crash().run(10 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, 3, r.hw.begun("SetPower off"), "machines, switches and shelves once each")
	assert.Equal(t, 3, r.hw.begun("SetPower on"))
}

func TestNoMachineLosesItsPowerWhileSomethingIsInstalledOnIt(t *testing.T) {
	t.Parallel()
	for _, state := range []machine.State{machine.HostReprovisionWaitingForScript, machine.HostReprovisionWaitingForManualUpgrade} {
		r := newRig(t).maintained(PoweringOff, FullRack(sequence(SequenceReset))).devices("m1", "s1", "p1").machine("m2", state)
		r.run(20 * time.Minute)
		r.inState(PoweringOff)
		r.waits("m2")
		assert.Empty(t, r.hw.calls("SetPower off"), "nothing is switched off, the other machines neither")
		r.run(20 * time.Minute)
		r.inState(Error)
		mentions(t, r.get().Cause, "timed out", "m2")
	}
}
