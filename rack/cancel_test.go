package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func TestAPendingMaintenanceThatIsCancelledNeverStarts(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Ready, Error} {
		r := newRig(t).rack("r1", state, func(k *Rack) { k.Cause = "switch s1 failed" }).nvlink("s1", nvswitch.FetchInfo)
		require.NoError(t, r.post("q1", Maintenance{Scope: FullRack(sequence(SequenceReset))}))
		r.cancel(r1, "q1", "bob")
		r.step(r1, r1)
		r.inState(state)
		req := r.request(r1, "q1")
		assert.Equal(t, backend.RequestCancelled, req.State)
		mentions(t, req.Reason, "bob")
		assert.Empty(t, r.hw.did)
		require.ErrorIs(t, r.controller().CancelRequest(t.Context(), r1, "q1", "bob"), backend.ErrNotFound)
	}
}

func TestARunningMaintenanceThatIsCancelledEndsInErrorAndLetsItsChildrenGo(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareWait, FullRack(fw2, img2), func(k *Rack) { k.Cycle.Jobs = job("m1 running", "s1 running", "m2 completed") }).
		machine("m1", machine.HostReprovisionWaitingForRackFirmwareUpgrade).machine("m2", machine.Ready).nvlink("s1", nvswitch.WaitingForFirmware).
		byRack("x1", machine.Ref("m1"), cycle1, backend.RequestStarted).byRack("x2", machine.Ref("m2"), cycle1, backend.RequestPending).
		byRack("x3", nvswitch.Ref("s1"), cycle1, backend.RequestStarted, lifecycle.StepFirmware, lifecycle.StepNVOS)
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running", "s1 running")})
	r.cancel(r1, "q1", "bob")
	assert.Equal(t, backend.RequestStarted, r.request(r1, "q1").State, "the next pass ends it")
	r.step()
	r.failedBy(OriginMaintenance, "maintenance cancelled by bob")
	req := r.request(r1, "q1")
	assert.Equal(t, backend.RequestCancelled, req.State)
	mentions(t, req.Reason, "maintenance cancelled by bob")
	assert.Equal(t, []string{"FirmwareUpgrade m1 running", "FirmwareUpgrade s1 running"}, r.results("q1"), "their jobs may still run")
	assert.Equal(t, "job-m1", req.Results[0].JobID)
	assert.Equal(t, "bob", r.last().Initiator)
	assert.Empty(t, r.alerts(machine.Ref("m1")), "cancelling leaves no alert")

	r.run(5 * time.Minute)
	assert.Equal(t, []State{FirmwareWait, Error, Ready}, r.path())
	assert.Equal(t, string(machine.Ready), r.m("m1").State())
	assert.Equal(t, []machine.State{machine.Ready}, statesOf[machine.State](r, machine.Ref("m2")), "it was about to enter")
	assert.Equal(t, string(nvswitch.Ready), r.s("s1").State())
	for id, ref := range map[string]backend.Ref{"x1": machine.Ref("m1"), "x2": machine.Ref("m2"), "x3": nvswitch.Ref("s1")} {
		assert.Equal(t, backend.RequestWithdrawn, r.request(ref, id).State)
	}
}

func TestEveryStateOfAMaintenanceCanBeCancelled(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		if s := info.State; len(s) > len(inMaintenance) && s[:len(inMaintenance)] == inMaintenance {
			t.Run(string(s), func(t *testing.T) {
				t.Parallel()
				r := newRig(t).maintained(s, FullRack(fw2, img2, nmx, sequence(SequenceOff))).devices("m1", "s1", "p1")
				r.cancel(r1, "q1", "bob")
				r.step()
				r.failedBy(OriginMaintenance, "maintenance cancelled by bob")
				assert.Equal(t, backend.RequestCancelled, r.request(r1, "q1").State)
				assert.Empty(t, r.hw.did, "nothing new is begun")
				r.run(5 * time.Minute)
				r.inState(Ready)
			})
		}
	}
}

func TestACancelledPowerSequenceNamesTheDevicesWhosePowerWasBeingChanged(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceReset)
	r.hw.stuck["m2"] = true
	r.step()
	r.inState(PoweringOff)
	r.cancel(r1, "q1", "bob")
	r.step()
	r.failedBy(OriginMaintenance, "cancelled by bob")
	assert.Contains(t, r.results("q1"), "PowerSequence m2 running")
}

func TestAMaintenanceIsCancelledUnderAHoldToo(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweringOff, SequenceReset)
	r.hold(machine.Ref("m1"), 0)
	r.step()
	r.waits("m1", "held")
	r.cancel(r1, "q1", "bob")
	r.step()
	r.failedBy(OriginMaintenance, "cancelled by bob")
}
