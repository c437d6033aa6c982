package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
)

func TestAPowerRequestIsDoneWhenPowerIsOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(r *rig)
		want backend.RequestState
	}{
		"it comes on": {func(r *rig) { r.hw.stuck = map[string]bool{} }, backend.RequestFinished},
		"it refuses": {func(r *rig) {
			r.hw.stuck = map[string]bool{}
			r.hw.script("SetPower on", answer{failed: map[string]error{"s1": permanent("not permitted")}})
		}, backend.RequestFailed},
		"it is too late": {func(r *rig) { r.advance(time.Hour) }, backend.RequestFailed},
		"it is stopped":  {func(r *rig) { r.cancel(r1, "q1", "bob") }, backend.RequestCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := powering(t, PoweredOff, SequenceOff).off("m1", "m2", "s1", "p1")
			r.hw.stuck["p1"] = true
			require.NoError(t, r.postAs(TypePower, "q2", Power{Operation: backend.ActionPowerOn}))
			r.step(r1, r1)
			r.inState(PoweringOn)
			assert.Equal(t, backend.RequestStarted, r.request(r1, "q2").State, "accepted is not done")
			c.then(r)
			if c.want == backend.RequestFinished {
				r.hw.power[powershelf.Ref("p1")] = backend.PowerOn
			} else if name == "it refuses" {
				r.hw.power[powershelf.Ref("p1")] = backend.PowerOn
			}
			r.step()
			assert.Equal(t, c.want, r.request(r1, "q2").State, r.reason())
			assert.Equal(t, c.want == backend.RequestFinished, State(r.get().State()) == Completed)
		})
	}
}

func TestAPowerRequestWaitsForHeldDevices(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweredOff, SequenceOff).off("m1", "m2", "s1", "p1")
	r.hold(machine.Ref("m1"), 0)
	require.NoError(t, r.postAs(TypePower, "q2", Power{Operation: backend.ActionPowerOn}))
	r.run(time.Hour)
	r.inState(PoweredOff)
	r.waits("m1", "repair by bob")
	assert.Equal(t, backend.RequestPending, r.request(r1, "q2").State)
	r.release(machine.Ref("m1"))
	r.run(time.Minute)
	r.inState(Ready)
}

func TestDevicesThatACancelledPowerSequenceLeavesWithoutPowerAreNotGivenToAnybody(t *testing.T) {
	t.Parallel()
	for _, state := range []State{PoweringOff, PoweredOff, PoweringOn} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := powering(t, state, SequenceReset).off("m1", "p1")
			r.cancel(r1, "q1", "bob")
			r.step()
			r.failedBy(OriginMaintenance, "cancelled by bob")
			for _, id := range []string{"m1", "p1"} {
				assert.Equal(t, []string{"rack-maintenance/PowerSequence"}, r.alerts(deviceRef(id)))
			}
			for _, id := range []string{"m2", "s1"} {
				assert.Empty(t, r.alerts(deviceRef(id)))
			}
			r.run(time.Hour)
			r.inState(Error)
			require.NoError(t, r.post("q2", Maintenance{Scope: FullRack(sequence(SequenceOn))}))
			r.run(10 * time.Minute)
			r.inState(Ready)
			assert.Equal(t, []string{"SetPower on p1", "SetPower on m1"}, r.hw.did)
		})
	}
}
