package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func labels(kv ...string) func(*machine.Machine) {
	return func(m *machine.Machine) {
		m.Labels = map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m.Labels[kv[i]] = kv[i+1]
		}
	}
}

func TestACompletedMaintenanceStripsTheValidationLabelsAndConsumesItsRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(Completed, Scope{Machines: []string{"m1"}, Activities: []Activity{fw2}}, func(k *Rack) { k.RunID, k.RunAsked = "run-1", true }).
		machine("m1", machine.Ready, labels("rv.run-id", "run-1", "rv.part-id", "p0", "rv.st", "pass", "site", "berlin")).
		machine("m2", machine.Ready, labels("rv.st", "fail", "rv.fail-desc", "nccl-timeout", "rv.of-the-future", "x")).
		machine("m3", machine.AssignedReady, labels("owner", "alice", "rvx", "y"))
	r.step()
	r.inState(ValidationPending)
	assert.Equal(t, map[string]string{"site": "berlin"}, r.m("m1").Labels)
	assert.Empty(t, r.m("m2").Labels, "also out of the scope")
	assert.Equal(t, map[string]string{"owner": "alice", "rvx": "y"}, r.m("m3").Labels)
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
	assert.Equal(t, "alice", r.last().Initiator)
	assert.Empty(t, r.get().RunID)
	assert.False(t, r.get().RunAsked)
}

func TestAMaintenanceIsCompletedWhenEveryChildInScopeIsBack(t *testing.T) {
	t.Parallel()
	rackRequest := func(id, cycle string) func(r *rig) {
		return func(r *rig) { r.byRack("x1", deviceRef(id), cycle, backend.RequestPending, lifecycle.StepFirmware) }
	}
	for name, c := range map[string]struct {
		given func(r *rig)
		waits []string // none: it goes on
	}{
		"all are back":                       {given: func(*rig) {}},
		"an assigned machine is back":        {given: func(r *rig) { r.machine("m2", machine.AssignedReady) }},
		"a machine is not":                   {func(r *rig) { r.machine("m2", machine.HostReprovisionCheckingFirmwareRepeat) }, []string{"m2 in HostReprovision"}},
		"a machine has failed":               {func(r *rig) { r.machine("m2", machine.Failed) }, []string{"m2 in Failed"}},
		"a tenant's machine is reprovisions": {func(r *rig) { r.machine("m2", machine.AssignedHostReprovision+"/CheckingFirmwareRepeat") }, []string{"m2 in Assigned"}},
		"a switch is not":                    {func(r *rig) { r.nvlink("s2", nvswitch.WaitingForFirmware) }, []string{"s2 in ReProvisioning"}},
		"a switch is in Error":               {func(r *rig) { r.nvlink("s2", nvswitch.Error) }, []string{"s2 in Error"}},
		"a shelf is not":                     {func(r *rig) { r.shelf("p2", powershelf.PoweringOn) }, []string{"p2 in Maintenance"}},
		"all that are missing are named":     {func(r *rig) { r.machine("m2", machine.Failed).nvlink("s2", nvswitch.Error) }, []string{"m2", "s2"}},
		"a machine carries our request":      {rackRequest("m1", cycle1), []string{"m1", "still carries the request"}},
		"a switch carries our request":       {rackRequest("s1", cycle1), []string{"s1", "still carries the request"}},
		"a request of an earlier cycle":      {given: rackRequest("s1", "c0")},
		"one that is marked deleted":         {given: func(r *rig) { r.machine("m2", machine.Failed).remove(machine.Ref("m2")) }},
		"its record cannot be read":          {func(r *rig) { r.seed(machine.Ref("m2"), "r1", "Nowhere", struct{}{}) }, []string{"m2", "cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(Completed, FullRack(fw2)).devices("m1", "s1", "p1")
			c.given(r)
			r.step()
			if c.waits == nil {
				r.inState(ValidationPending)
				return
			}
			r.inState(Completed)
			r.waits(c.waits...)
			assert.Equal(t, backend.RequestStarted, r.request(r1, "q1").State)
		})
	}
	r := newRig(t).maintained(Completed, Scope{Machines: []string{"m1"}}).devices("m1").machine("m2", machine.Failed).nvlink("s1", nvswitch.Error)
	r.step()
	r.inState(ValidationPending)
}

func TestChildrenThatAreNotBackInTimeFailTheMaintenanceByName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.age = 59 * time.Minute
	r.maintained(Completed, FullRack(fw2)).devices("m1").machine("m2", machine.HostReprovisionFailedFirmwareUpgrade).nvlink("s1", nvswitch.WaitingForNMXC)
	r.step()
	r.inState(Completed)
	r.advance(time.Minute).step()
	r.failedBy(OriginMaintenance, "timed out after 1h0m0s", "m2", "s1")
	assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
	assert.Equal(t, []string{"Completed m2 failed", "Completed s1 failed"}, r.results("q1"))
}

func TestTheDeadlineOfCompletedIsConfigured(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(Completed, FullRack(fw2)).machine("m1", machine.HostReprovisionCheckingFirmware)
	r.set.Deadlines.Completed = 5 * time.Minute
	r.step()
	r.inState(Completed)
	r.advance(5 * time.Minute).step()
	r.failedBy(OriginMaintenance, "timed out after 5m0s", "m1")
}

func TestAMachineThatBecameAssignedAfterAcceptanceIsSkipped(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, FullRack(fw2, Activity{Name: PowerSequence})).devices("m1").machine("m2", machine.AssignedReady)
	r.run(10 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"FirmwareUpgrade m1 ok", "FirmwareUpgrade m2 skipped", "PowerSequence m1 ok", "PowerSequence m2 skipped"}, r.results("q1"))
	assert.Equal(t, []machine.State{machine.AssignedReady}, statesOf[machine.State](r, machine.Ref("m2")))
	assert.Equal(t, []string{"ApplyFirmware m1", "SetPower off m1", "SetPower on m1"}, r.hw.did)
}

func TestATenantThatMayBeDisturbedIs(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1").machine("m2", machine.AssignedReady)
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running", "m2 running")}, answer{})
	err := r.post("q1", Maintenance{Scope: FullRack(fw2), DisturbTenants: true})
	assert.NoError(t, err)
	r.run(10 * time.Second)
	assert.Equal(t, string(machine.AssignedHostReprovision)+"/WaitingForRackFirmwareUpgrade", r.m("m2").State(), "without further approval")
	r.run(10 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, string(machine.AssignedReady), r.m("m2").State())
	assert.Equal(t, []string{"FirmwareUpgrade m1 ok", "FirmwareUpgrade m2 ok"}, r.results("q1"))
}
