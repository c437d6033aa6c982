package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func TestAHeldRackBeginsNothingUntilTheHoldIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1")
	r.pending("q1", "r1", -time.Minute, FullRack(sequence(SequenceReset)))
	r.hold(r1, time.Hour)
	r.run(50 * time.Minute)
	assert.Equal(t, []State{Ready}, r.path())
	r.waits("repair by bob")
	assert.Equal(t, backend.RequestPending, r.request(r1, "q1").State)
	assert.Empty(t, r.hw.did)
	r.run(11 * time.Minute)
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
}

func TestAHeldDeviceInScopeKeepsAMaintenanceFromBeginning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state State
		flag  bool
		scope Scope
		want  State
	}{
		"from Ready":             {Ready, false, FullRack(sequence(SequenceOn)), Ready},
		"from Error":             {Error, false, FullRack(sequence(SequenceOn)), Error},
		"a reprovision":          {Ready, true, Scope{Switches: []string{"s1"}}, Ready},
		"the device is in scope": {Ready, false, Scope{Machines: []string{"m1"}, Activities: []Activity{sequence(SequenceOn)}}, Ready},
		"the device is not":      {Ready, false, Scope{Switches: []string{"s1"}, Activities: []Activity{sequence(SequenceOn)}}, PoweringOn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", c.state, func(k *Rack) { k.Cause, k.ReprovisionRequested = "switch s9 failed", c.flag }).devices("m1").nvlink("s1", nvswitch.Ready)
			if c.state == Error {
				r.nvlink("s2", nvswitch.Error)
			}
			r.pending("q1", "r1", -time.Minute, c.scope)
			r.hold(machine.Ref("m1"), 0)
			r.step()
			r.inState(c.want)
			if c.want == c.state {
				r.waits("m1", "repair by bob", "cables are being replaced")
				assert.Equal(t, backend.RequestPending, r.request(r1, "q1").State)
				r.release(machine.Ref("m1"))
				r.step()
				assert.NotEqual(t, string(c.state), r.get().State())
			}
		})
	}
}

func TestABlockedMaintenanceDoesNotHideAFailedComponent(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1").nvlink("s1", nvswitch.Error)
	r.pending("q1", "r1", -time.Minute, FullRack(fw2))
	r.hold(machine.Ref("m1"), 0)
	r.step()
	r.failedBy(OriginComponent, "s1")
	assert.Equal(t, backend.RequestPending, r.request(r1, "q1").State)
}

// holdable are the states of an activity that begin new hardware actions: under a hold they wait.
var holdable = map[State]Activity{
	FirmwareStart: fw2, NVOSStart: img2, ClusterStart: nmx, CertificatesStart: nmx, FabricDisable: nmx, FabricConfigure: nmx,
	PoweringOff: {Name: PowerSequence, Power: SequenceOff}, PoweringOn: {Name: PowerSequence, Power: SequenceOn},
}

func TestAHoldStopsNewActionsAndTheClock(t *testing.T) {
	t.Parallel()
	for state, activity := range holdable {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(state, FullRack(activity)).devices("m1", "s1").off("m1", "s1")
			r.hw.power[deviceRef("s1")] = map[State]backend.PowerState{PoweringOn: backend.PowerOff, PoweringOff: backend.PowerOn}[state]
			r.hold(nvswitch.Ref("s1"), 0)
			r.run(10 * time.Hour)
			r.inState(state)
			r.waits("s1", "repair by bob")
			assert.Empty(t, r.hw.did)
			assert.False(t, r.over(), "the SLA is paused")
			assert.LessOrEqual(t, r.get().Elapsed(r.now), time.Minute)
			r.release(nvswitch.Ref("s1"))
			r.run(10 * time.Minute)
			assert.NotContains(t, r.path(), Error, "the deadline was paused")
			assert.Equal(t, backend.RequestFinished == r.request(r1, "q1").State, state != PoweringOff)
		})
	}
}

func TestAHoldOnADeviceOutOfTheScopeStopsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(PoweringOff, Scope{Machines: []string{"m1"}, Activities: []Activity{sequence(SequenceOff)}}).devices("m1", "s1")
	r.hold(nvswitch.Ref("s1"), 0)
	r.step()
	r.inState(PoweredOff)
}

func TestUnderAHoldRunningJobsAreFollowedAndTheDeadlineIsPaused(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareWait, FullRack(fw2, img2), func(k *Rack) { k.Cycle.Jobs = job("m1 running", "s1 running") }).devices("m1", "s1")
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running", "s1 running")})
	r.step()
	r.hold(machine.Ref("m1"), 0)
	r.run(10 * time.Hour)
	r.inState(FirmwareWait)
	r.waits("0/2")
	assert.False(t, r.over())
	r.hw.script("FirmwareJob", answer{jobs: found("m1 completed", "s1 completed")})
	r.run(time.Minute)
	r.inState(NVOSStart)
	r.waits("m1", "repair by bob")
	assert.Empty(t, r.hw.did, "the next activity begins nothing")
	r.run(10 * time.Hour)
	r.inState(NVOSStart)
	r.release(machine.Ref("m1"))
	r.run(5 * time.Minute)
	r.inState(Ready)
}

func TestTheClockRunsAgainWhenTheActivityEndedUnderAHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state    State
		activity Activity
		cancel   bool
	}{
		"an activity that ends":  {FirmwareWait, fw2, false},
		"one that is cancelled":  {PoweringOff, sequence(SequenceReset), true},
		"a fabric that comes up": {FabricWait, nmx, false},
		"one that fails":         {FirmwareWait, fw2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(c.state, FullRack(c.activity), func(k *Rack) { k.Cycle.Jobs, k.Cycle.Primary = job("m1 running"), "s1" }).
				devices("m1", "s1").machine("m2", machine.HostInitWaitingForDiscovery)
			r.hw.primary = nvswitch.Ref("s1")
			r.hold(machine.Ref("m1"), 10*time.Minute)
			if c.cancel {
				r.step()
				r.cancel(r1, "q1", "bob")
				r.step()
				r.inState(Error)
				assert.True(t, r.get().PausedSince.IsZero(), "nothing resumes the clock of a rack that has left maintenance")
				return
			}
			if name == "one that fails" {
				r.hw.script("FirmwareJob", answer{jobs: found("m1 failed bad image")})
				r.step()
				r.inState(Error)
				assert.True(t, r.get().PausedSince.IsZero(), "nothing resumes the clock of a rack that has left maintenance")
				return
			}
			r.step()
			r.inState(Completed)
			r.advance(11 * time.Minute).step()
			r.inState(Completed)
			r.advance(time.Hour).step()
			r.failedBy(OriginMaintenance, "timed out after 1h0m0s", "m2")
		})
	}
}

func TestADeviceThatIsHeldOnItsWayBackPausesTheDeadline(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(Completed, FullRack(fw2)).devices("m1").machine("m2", machine.HostReprovisionCheckingFirmwareRepeat)
	r.hold(machine.Ref("m2"), 0)
	r.run(3 * time.Hour)
	r.inState(Completed)
	r.waits("m2", "repair by bob")
	assert.False(t, r.over())
	r.release(machine.Ref("m2"))
	r.run(time.Minute)
	r.inState(Ready)
}

func TestAHoldThatComesAfterTheDeadlineStopsItToo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.age = 5 * time.Hour
	r.maintained(FirmwareWait, FullRack(fw2), func(k *Rack) { k.Cycle.Jobs = job("m1 running") }).devices("m1")
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running")})
	r.hold(machine.Ref("m1"), 0)
	r.step()
	r.inState(FirmwareWait)
	r.release(machine.Ref("m1"))
	r.step() // the clock runs again
	r.step()
	r.failedBy(OriginMaintenance, "timed out", "m1")
}

func TestTheDeadlineGoesOnWhereItStoppedWhenTheHoldIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.age = 3 * time.Hour
	r.maintained(FirmwareWait, FullRack(fw2), func(k *Rack) { k.Cycle.Jobs = job("m1 running") }).devices("m1")
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running")})
	r.hold(machine.Ref("m1"), 10*time.Hour)
	r.run(10*time.Hour + 58*time.Minute)
	r.inState(FirmwareWait)
	r.run(4 * time.Minute)
	r.failedBy(OriginMaintenance, "timed out after 4h0m0s", "m1")
}
