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

func TestARackInCreatedCountsItsDevicesAgainstItsProfile(t *testing.T) {
	t.Parallel()
	want := func(compute, switches, shelves int) Profile {
		return Profile{ID: "P", Compute: Capability{Count: compute}, Switch: Capability{Count: switches}, PowerShelf: Capability{Count: shelves}}
	}
	for name, c := range map[string]struct {
		profile Profile
		given   func(r *rig)
		want    State
		waits   []string
	}{
		"too few":                        {want(2, 1, 1), func(r *rig) { r.devices("m1") }, Created, []string{"compute=1/2", "switch=0/1", "power_shelf=0/1"}},
		"a shelf is missing":             {want(1, 1, 1), func(r *rig) { r.devices("m1", "s1") }, Created, []string{"power_shelf=0/1"}},
		"just enough":                    {want(1, 1, 1), func(r *rig) { r.devices("m1", "s1", "p1") }, Discovering, nil},
		"more than expected":             {want(1, 0, 0), func(r *rig) { r.devices("m1", "m2") }, Discovering, nil},
		"a profile that expects nothing": {want(0, 0, 0), func(*rig) {}, Discovering, nil},
		"their states do not matter": {want(2, 1, 0), func(r *rig) {
			r.machine("m1", machine.Failed).machine("m2", machine.Created).nvlink("s1", nvswitch.Error)
		}, Discovering, nil},
		"one that is marked deleted":       {want(1, 0, 0), func(r *rig) { r.devices("m1").remove(machine.Ref("m1")) }, Created, []string{"compute=0/1"}},
		"devices of another rack":          {want(1, 0, 0), func(r *rig) { r.in = "r2"; r.devices("m1") }, Created, []string{"compute=0/1"}},
		"a profile that nobody knows":      {Profile{}, func(r *rig) { r.edit(func(k *Rack) { k.ProfileID = "P9" }) }, Created, []string{"P9", "r1"}},
		"no profile at all":                {Profile{}, func(r *rig) { r.edit(func(k *Rack) { k.ProfileID = "" }) }, Created, []string{"no profile", "r1"}},
		"a record that cannot be read too": {want(1, 0, 0), func(r *rig) { r.seed(machine.Ref("m1"), "r1", "Nowhere", struct{}{}) }, Created, []string{"compute=0/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", Created)
			c.given(r)
			r.profile = c.profile
			r.step()
			r.inState(c.want)
			if c.waits != nil {
				r.waits(c.waits...)
			} else {
				mentions(r, r.last().Note, "compute=", "switch=", "power_shelf=")
			}
			assert.Empty(t, r.hw.did)
		})
	}
}

// edit changes a field of r1 as an operator of the module does.
func (r *rig) edit(f func(k *Rack)) {
	r.Helper()
	r.apply(func(tx *lifecycle.Tx) error {
		k, err := lifecycle.Edit[Rack](tx, r1)
		if err == nil {
			f(k)
		}
		return err
	})
}

func TestARackInDiscoveringWaitsUntilItsDevicesAreReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given func(r *rig)
		waits []string // none: the maintenance begins
	}{
		"all are ready":               {given: func(r *rig) { r.devices("m1", "s1", "p1") }},
		"an assigned machine counts":  {given: func(r *rig) { r.devices("m1").machine("m2", machine.AssignedReady) }},
		"a machine is brought up":     {func(r *rig) { r.devices("m1").machine("m2", machine.HostInitWaitingForDiscovery) }, []string{"compute=1/2", "m2", "HostInit"}},
		"a machine has failed":        {func(r *rig) { r.machine("m1", machine.Failed) }, []string{"compute=0/1", "m1"}},
		"a tenant's machine failed":   {func(r *rig) { r.machine("m1", machine.AssignedFailed) }, []string{"compute=0/1", "m1"}},
		"a switch is in Error":        {func(r *rig) { r.devices("m1", "p1").nvlink("s1", nvswitch.Error) }, []string{"switch=0/1", "s1", "Error"}},
		"a shelf is not ready":        {func(r *rig) { r.devices("m1").shelf("p1", powershelf.Configuring) }, []string{"power_shelf=0/1", "p1"}},
		"nobody knows the profile":    {func(r *rig) { r.edit(func(k *Rack) { k.ProfileID = "P9" }) }, []string{"P9"}},
		"one ready device too few":    {func(r *rig) { r.devices("m1"); r.profile.Compute.Count = 2 }, []string{"compute=1/2"}},
		"one more than needed is not": {given: func(r *rig) { r.devices("m1").machine("m2", machine.Created); r.profile.Compute.Count = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", Discovering)
			c.given(r)
			r.step()
			if c.waits != nil {
				r.inState(Discovering)
				r.waits(c.waits...)
				return
			}
			r.inState(FirmwareStart)
			k := r.get()
			require.NotNil(t, k.Cycle)
			assert.Equal(t, FullRack(only(FirmwareUpgrade, NvosUpdate, ConfigureNmxCluster)...), k.Cycle.Scope, "nobody asked for power")
			assert.Equal(t, []string{"r1-2", "", "rack-r1"}, []string{k.Cycle.ID, k.Cycle.Request, k.Cycle.Initiator})
		})
	}
}

// TestAWholeBringUp takes a rack of every kind of device from the first discovery to service, with a profile that has defaults for everything.
func TestAWholeBringUp(t *testing.T) {
	t.Parallel()
	for name, power := range map[string]bool{"a profile without power": false, "a profile with power": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", Created).machine("m1", machine.Created).nvlink("s1", nvswitch.Created).nvlink("s2", nvswitch.Created).shelf("p1", powershelf.Initializing)
			r.profile.DefaultFirmware, r.profile.DefaultSwitchImage = map[string]string{"gb200": "fw-1"}, map[string]string{"gb200": "img-1"}
			r.profile.PowerSequence = power
			r.catalog = backend.Catalog{{ID: "fw-1", HardwareType: "gb200", Available: true}}
			r.run(10 * time.Minute)
			r.inState(Ready)
			want := []State{
				Created, Discovering, FirmwareStart, FirmwareWait, NVOSStart, NVOSWait, ClusterStart, CertificatesStart, CertificatesWait, FabricDisable, FabricConfigure, FabricWait,
			}
			calls := []string{"ApplyFirmware m1 s1 s2", "ApplySwitchImage s1 s2", "ConfigureCertificate s1", "SetFabricState s1 s2", "ConfigureFabricManager s1"}
			if power {
				want = append(want, PoweringOff, PoweringOn)
				calls = append(calls, "SetPower off m1", "SetPower off s1 s2", "SetPower off p1", "SetPower on p1", "SetPower on s1 s2", "SetPower on m1")
			}
			assert.Equal(t, append(want, Completed, ValidationPending, Ready), r.path())
			assert.Equal(t, calls, r.hw.did[2:], "after the certificates of the switches themselves")
			assert.Equal(t, backend.FirmwareOrder{Firmware: "fw-1"}, r.hw.order)
			assert.Equal(t, "img-1", r.hw.image)
			for _, ref := range []string{"m1", "s1", "s2", "p1"} {
				assert.Empty(t, r.alerts(deviceRef(ref)))
				assert.Empty(t, r.controller().OpenRequests(deviceRef(ref)), "nothing is left on %s", ref)
			}
			assert.Equal(t, []lifecycle.Step{lifecycle.StepFirmware, lifecycle.StepNVOS, lifecycle.StepNMXC}, r.awaits("s1"))
		})
	}
}

func TestADeviceThatIsHeldKeepsTheFirstMaintenanceWaiting(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Discovering).devices("m1", "s1")
	r.hold(nvswitch.Ref("s1"), 0)
	r.run(5 * time.Hour)
	assert.Equal(t, []State{Discovering, FirmwareStart}, r.path())
	r.waits("s1", "repair by bob")
	assert.Empty(t, r.hw.did)
	r.release(nvswitch.Ref("s1"))
	r.run(time.Minute)
	r.inState(Ready)
}

func TestACycleThatNobodyRequestedSkipsMachinesWithTenants(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Discovering).devices("m1").machine("m2", machine.AssignedReady)
	r.profile.DefaultFirmware, r.profile.PowerSequence = map[string]string{"gb200": "fw-1"}, true
	r.run(10 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"ApplyFirmware m1", "SetPower off m1", "SetPower on m1"}, r.hw.did)
	var skipped []string
	for _, res := range r.get().Cycle.Results {
		if res.Status == backend.ResultSkipped {
			skipped = append(skipped, res.Activity+" "+res.Target.ID)
		}
	}
	assert.Equal(t, []string{"FirmwareUpgrade m2", "PowerSequence m2"}, skipped)
}
