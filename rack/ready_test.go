package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func TestARackInReadyLooksAtOneThingAfterTheOther(t *testing.T) {
	t.Parallel()
	flags := func(topology, reprovision bool) func(*Rack) {
		return func(k *Rack) { k.TopologyChanged, k.ReprovisionRequested = topology, reprovision }
	}
	power := FullRack(only(PowerSequence)...)
	for name, c := range map[string]struct {
		flags   func(*Rack)
		pending bool
		failed  bool
		want    State
		left    []bool // topology, reprovision
		request backend.RequestState
		cause   string
	}{
		"nothing to do":                    {flags: flags(false, false), want: Ready, left: []bool{false, false}},
		"topology comes first":             {flags(true, true), true, true, Discovering, []bool{false, true}, backend.RequestPending, ""},
		"reprovision comes second":         {flags(false, true), true, true, FirmwareStart, []bool{false, false}, backend.RequestSuperseded, ""},
		"maintenance comes third":          {flags(false, false), true, true, PoweringOff, []bool{false, false}, backend.RequestStarted, ""},
		"failed components come fourth":    {flags(false, false), false, true, Error, []bool{false, false}, "", "s1"},
		"topology before a failed child":   {flags(true, false), false, true, Discovering, []bool{false, false}, "", ""},
		"topology before a maintenance":    {flags(true, false), true, false, Discovering, []bool{false, false}, backend.RequestPending, ""},
		"reprovision before failed childs": {flags(false, true), false, true, FirmwareStart, []bool{false, false}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", Ready, c.flags).devices("m1")
			if c.failed {
				r.nvlink("s1", nvswitch.Error)
			}
			if c.pending {
				r.pending("q1", "r1", -time.Minute, power)
			}
			r.step()
			r.inState(c.want)
			k := r.get()
			assert.Equal(t, c.left, []bool{k.TopologyChanged, k.ReprovisionRequested})
			mentions(t, k.Cause, c.cause)
			if c.pending {
				assert.Equal(t, c.request, r.request(r1, "q1").State)
			}
			assert.Empty(t, r.hw.did)
		})
	}
}

func TestARequestStartsWithItsFirstActivityFromReadyAndFromError(t *testing.T) {
	t.Parallel()
	for want, activities := range map[State][]Activity{
		FirmwareStart: nil,
		NVOSStart:     {{Name: PowerSequence}, {Name: NvosUpdate, Image: "img-2"}},
		ClusterStart:  only(PowerSequence, ConfigureNmxCluster),
		PoweringOff:   only(PowerSequence),
		PoweringOn:    {{Name: PowerSequence, Power: SequenceOn}},
	} {
		for _, from := range []State{Ready, Error} {
			t.Run(string(from)+" to "+string(want), func(t *testing.T) {
				t.Parallel()
				r := newRig(t).rack("r1", from, func(k *Rack) { k.Cause, k.Origin = "switch s1 failed", OriginComponent }).devices("m1", "s1")
				r.pending("q1", "r1", -time.Minute, FullRack(activities...))
				r.step()
				r.inState(want)
				k := r.get()
				assert.Equal(t, backend.RequestStarted, r.request(r1, "q1").State)
				assert.Equal(t, []string{"q1", "alice", "r1-2"}, []string{k.Cycle.Request, k.Cycle.Initiator, k.Cycle.ID})
				assert.Equal(t, FullRack(activities...).Activities, k.Cycle.Scope.Activities)
				assert.Equal(t, "alice", r.last().Initiator)
				assert.Empty(t, k.Cause)
				assert.Empty(t, k.Origin)
			})
		}
	}
}

func TestAReprovisionSupersedesThePendingMaintenanceAndNamesIt(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1", "s1")
	r.profile.PowerSequence = true
	require.NoError(t, r.post("q1", Maintenance{Scope: Scope{Machines: []string{"m1"}, Activities: only(ConfigureNmxCluster)}}))
	require.NoError(t, r.postAs(lifecycle.TypeReprovision, "q2", nil))
	r.step()
	r.inState(FirmwareStart)
	req := r.request(r1, "q1")
	assert.Equal(t, backend.RequestSuperseded, req.State)
	mentions(t, req.Reason, "reprovision")
	mentions(t, r.last().Note, "reprovision", "q1")
	k := r.get()
	assert.Equal(t, FullRack(append(only(FirmwareUpgrade, NvosUpdate, ConfigureNmxCluster), Activity{Name: PowerSequence, Power: SequenceReset})...), k.Cycle.Scope, "full rack, defaults")
	assert.Empty(t, k.Cycle.Request)
	assert.False(t, k.ReprovisionRequested)
	r.run(10 * time.Minute)
	r.inState(Ready)
	assert.False(t, r.request(r1, "q2").State.Open())
}

func TestAReprovisionThatIsCancelledNeverStarts(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1")
	require.NoError(t, r.postAs(lifecycle.TypeReprovision, "q1", nil))
	r.cancel(r1, "q1", "bob")
	r.run(10 * time.Minute)
	assert.Equal(t, []State{Ready}, r.path())
	assert.Equal(t, backend.RequestCancelled, r.request(r1, "q1").State)
}

func TestAReprovisionWithoutAProfileWaitsAndSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready, func(k *Rack) { k.ReprovisionRequested, k.ProfileID = true, "P9" }).devices("m1")
	r.step()
	r.inState(Ready)
	r.waits("P9")
}

func TestWhichChildrenFailARackInReady(t *testing.T) {
	t.Parallel()
	retried := func(n int) func(*machine.Machine) { return func(m *machine.Machine) { m.RetryCount = n } }
	for name, c := range map[string]struct {
		given func(r *rig)
		words []string // none: it stays
	}{
		"a switch in Error":                 {func(r *rig) { r.nvlink("s1", nvswitch.Error).nvlink("s2", nvswitch.Error) }, []string{"2 switch", "s1", "s2"}},
		"a power shelf in Error":            {func(r *rig) { r.shelf("p1", powershelf.Error) }, []string{"1 power shelf", "p1"}},
		"a machine in Failed":               {func(r *rig) { r.machine("m1", machine.Failed) }, []string{"1 machine", "m1"}},
		"a tenant's machine in Failed":      {func(r *rig) { r.machine("m1", machine.AssignedFailed) }, []string{"m1"}},
		"a machine out of firmware retries": {func(r *rig) { r.machine("m1", machine.HostReprovisionFailedFirmwareUpgrade, retried(5)) }, []string{"m1"}},
		"a tenant's machine out of retries": {func(r *rig) { r.machine("m1", machine.AssignedFailedFirmwareUpgrade, retried(5)) }, []string{"m1"}},
		"all kinds are listed": {func(r *rig) {
			r.machine("m1", machine.Failed).nvlink("s1", nvswitch.Error).shelf("p1", powershelf.Error)
		}, []string{"m1", "s1", "p1"}},
		"a machine with retries left":          {given: func(r *rig) { r.machine("m1", machine.HostReprovisionFailedFirmwareUpgrade, retried(4)) }},
		"a machine that is brought up":         {given: func(r *rig) { r.machine("m1", machine.HostInitWaitingForDiscovery) }},
		"a switch that is brought up":          {given: func(r *rig) { r.nvlink("s1", nvswitch.WaitForInterface) }},
		"a machine with an alert":              {given: func(r *rig) { r.machine("m1", machine.Ready, sick("operator")) }},
		"a failed child that is to be deleted": {given: func(r *rig) { r.nvlink("s1", nvswitch.Error); r.remove(nvswitch.Ref("s1")) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", Ready).devices("m8")
			c.given(r)
			r.step()
			if c.words == nil {
				r.inState(Ready)
				return
			}
			r.failedBy(OriginComponent, c.words...)
			assert.Equal(t, r.get().Cause, r.last().Note)
		})
	}
}

// sick puts an alert that forbids allocation on a machine.
func sick(source string) func(*machine.Machine) {
	return func(m *machine.Machine) {
		m.AddAlert(lifecycle.Alert{ID: "a1", Source: source, Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	}
}

func TestTheRetryLimitOfFirmwareIsConfigured(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).machine("m1", machine.HostReprovisionFailedFirmwareUpgrade, func(m *machine.Machine) { m.RetryCount = 2 })
	r.set.FirmwareRetryLimit = 2
	r.step()
	r.failedBy(OriginComponent, "m1")
}

func TestWhenARackInErrorRecovers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given func(r *rig)
		waits []string // none: it recovers
	}{
		"without any child":              {func(*rig) {}, []string{"switch s9 failed", "no device"}},
		"a child that is marked deleted": {func(r *rig) { r.devices("m1").remove(machine.Ref("m1")) }, []string{"no device"}},
		"all are ready":                  {given: func(r *rig) { r.devices("m1", "s1", "p1") }},
		"an assigned machine is ready":   {given: func(r *rig) { r.devices("s1").machine("m1", machine.AssignedReady) }},
		"a switch is not":                {func(r *rig) { r.devices("m1").nvlink("s1", nvswitch.Error) }, []string{"s1 in Error"}},
		"a machine is not":               {func(r *rig) { r.devices("s1").machine("m1", machine.HostInitWaitingForDiscovery) }, []string{"m1 in HostInit"}},
		"a shelf is not":                 {func(r *rig) { r.devices("m1").shelf("p1", powershelf.Configuring) }, []string{"p1"}},
		"an alert forbids allocation":    {func(r *rig) { r.devices("m2").machine("m1", machine.Ready, sick("operator")) }, []string{"m1", "a1", "operator"}},
		"another alert does not matter": {given: func(r *rig) {
			r.machine("m1", machine.Ready, func(m *machine.Machine) { m.AddAlert(lifecycle.Alert{ID: "a1", Source: "operator"}) })
		}},
		"a record that cannot be read": {func(r *rig) { r.devices("m1").seed(machine.Ref("m2"), "r1", "Nowhere", struct{}{}) }, []string{"m2", "cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", Error, func(k *Rack) { k.Cause, k.Origin = "switch s9 failed", OriginComponent })
			c.given(r)
			r.step()
			if c.waits != nil {
				r.inState(Error)
				r.waits(c.waits...)
				return
			}
			r.inState(Ready)
			assert.Empty(t, r.get().Cause)
			assert.Empty(t, r.get().Origin)
			mentions(t, r.last().Note, "switch s9 failed")
		})
	}
}

func TestAReplacedTrayTakesTheRackThroughDiscoveringAndMaintenance(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1", "m2", "s1")
	r.remove(machine.Ref("m2"))
	r.run(5 * time.Minute)
	r.inState(Discovering)
	r.waits("compute=1/2")
	_, err := r.controller().Explain(machine.Ref("m2"))
	require.ErrorIs(t, err, backend.ErrNotFound)
	r.arrive("m3")
	r.run(5 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, string(machine.Ready), r.m("m3").State())
	want := []State{Ready, Discovering, FirmwareStart, NVOSStart, ClusterStart, CertificatesStart, CertificatesWait, FabricDisable, FabricConfigure, FabricWait, Completed, ValidationPending, Ready}
	assert.Equal(t, want, r.path(), "the arrival in Discovering is no further change")
}

func TestATrayThatArrivesDuringMaintenanceIsRememberedUntilTheRackIsReady(t *testing.T) {
	t.Parallel()
	for _, state := range []State{FirmwareWait, PoweredOff, Completed, ValidationPending, Error, Ready} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(state, FullRack(only(FirmwareUpgrade)...)).devices("m1", "s1")
			r.arrive("m2")
			assert.True(t, r.get().TopologyChanged)
			r.inState(state)
		})
	}
	for _, state := range []State{Created, Discovering, Deleting} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", state).devices("m1")
			r.arrive("m2")
			assert.False(t, r.get().TopologyChanged, "it counts its devices anyway")
		})
	}
}

// arrive has a machine of r1 discovered.
func (r *rig) arrive(id string) {
	r.Helper()
	r.apply(func(tx *lifecycle.Tx) error {
		return tx.Create(machine.NewMachine(id, "r1", machine.Discovered{Endpoint: backend.Endpoint{BMCAddress: "10.0.0.1"}}), "discovery", "")
	})
}

func TestAMaintenanceThatIsPendingWhenTheTopologyChangesRunsFromReady(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready, func(k *Rack) { k.TopologyChanged = true }).devices("m1")
	r.pending("q1", "r1", -time.Minute, FullRack(Activity{Name: PowerSequence, Power: SequenceOn}))
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []State{
		Ready, Discovering, FirmwareStart, NVOSStart, ClusterStart, Completed, ValidationPending, Ready, PoweringOn, Completed, ValidationPending, Ready,
	}, r.path())
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
}
