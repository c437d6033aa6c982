package rack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// TestWhatIsAnnouncedToADeviceIsWhatIsDone runs maintenances of random scopes, activities, profiles, drivers and faults on hardware that works at once, and looks at what
// is left on the devices.
func TestWhatIsAnnouncedToADeviceIsWhatIsDone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t)
		ids := drawDevices(t, r)
		drawDriver(t, r)
		faulty := drawFaults(t, r, ids)
		drawStart(t, r, ids)
		if rapid.IntRange(0, 5).Draw(t, "cancelled") == 0 {
			r.run(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
			if open := r.controller().OpenRequests(r1); len(open) > 0 {
				r.cancel(r1, open[0].ID, "bob")
			}
		}
		r.run(2 * time.Hour)
		if State(r.get().State()) == PoweredOff {
			require.NoError(t, r.postAs(TypePower, "power", Power{Operation: backend.ActionPowerOn}))
			r.run(time.Hour)
		}
		assert.Contains(t, []State{Ready, Error}, State(r.get().State()), r.reason())
		assert.Empty(t, r.controller().OpenRequests(r1))
		r.nothingIsLeft(ids)
		r.announcedIsDone(ids, faulty)
	})
}

// drawDevices puts a rack's devices into the store; some machines have tenants, some switches are in Error.
func drawDevices(t *rapid.T, r *rig) []string {
	var ids []string
	usual := []nvswitch.State{nvswitch.Ready, nvswitch.Ready, nvswitch.Ready}
	if drawRack(t, r) != Discovering { // a rack in Discovering would wait for it
		usual = append(usual, nvswitch.Error)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "machines") {
		id, state := fmt.Sprintf("m%d", i+1), rapid.SampledFrom([]machine.State{machine.Ready, machine.Ready, machine.AssignedReady}).Draw(t, "machine")
		ids = append(ids, id)
		r.machine(id, state)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "switches") {
		id, state := fmt.Sprintf("s%d", i+1), rapid.SampledFrom(usual).Draw(t, "switch")
		ids = append(ids, id)
		r.nvlink(id, state)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "shelves") {
		id := fmt.Sprintf("p%d", i+1)
		ids = append(ids, id)
		r.shelf(id, powershelf.Ready)
	}
	return ids
}

// drawRack puts r1 into the store, in one of the states from which a maintenance begins.
func drawRack(t *rapid.T, r *rig) State {
	state := rapid.SampledFrom([]State{Ready, Error, Discovering}).Draw(t, "from")
	r.rack("r1", state, func(k *Rack) { k.ReprovisionRequested = state == Ready && rapid.Bool().Draw(t, "reprovision") })
	return state
}

// drawDriver draws what the driver can do, what the profile says, and what the catalogue has.
func drawDriver(t *rapid.T, r *rig) {
	one := func(name string) bool { return rapid.IntRange(0, 4).Draw(t, name) == 0 }
	if one("no firmware capability") {
		r.caps.Firmware = nil
	}
	if one("no image capability") {
		r.caps.SwitchImage = nil
	}
	if one("no certificate capability") {
		r.caps.Certificates = nil
	}
	if one("no fabric capability") {
		r.caps.Fabric = nil
	}
	if one("no power capability") {
		r.caps.Power = nil
	}
	if !one("no default firmware") {
		r.profile.DefaultFirmware = map[string]string{rapid.SampledFrom([]string{"gb200", "any", "gb300"}).Draw(t, "type"): "fw-1"}
	}
	if !one("no default image") {
		r.profile.DefaultSwitchImage = map[string]string{"gb200": "img-1"}
	}
	if one("no topology") {
		r.profile.Topology = ""
	}
	r.profile.PowerSequence = rapid.Bool().Draw(t, "power by default")
	if rapid.Bool().Draw(t, "catalogue") {
		r.catalog = backend.Catalog{
			{ID: "fw-1", HardwareType: "gb200", Available: !one("fw-1 is not available"), PowerShelves: rapid.Bool().Draw(t, "for shelves")}, {ID: "fw-2", HardwareType: "any", Available: true},
		}
	}
	d := 10 * time.Minute
	r.set.Deadlines = Deadlines{FirmwareUpgrade: d, NVOSUpdate: d, ConfigureNmxCluster: d, PowerSequence: d, Completed: d, Validating: d}
}

// drawFaults draws how the hardware fails, if it does. It returns the steps that the driver says it does not support when it is asked.
func drawFaults(t *rapid.T, r *rig, ids []string) (unsupported []lifecycle.Step) {
	jobs := func(name string) answer {
		out := map[string]backend.JobStatus{}
		for _, id := range ids {
			out[id] = backend.JobStatus{State: rapid.SampledFrom([]backend.JobState{backend.JobCompleted, backend.JobCompleted, backend.JobCompleted, backend.JobFailed, backend.JobRunning}).Draw(t, name+" "+id)}
		}
		return answer{jobs: out}
	}
	switch rapid.SampledFrom([]string{
		"", "", "", "firmware fails", "firmware is refused", "firmware is not reached", "no firmware after all", "images fail", "no images after all", "certificate", "fabric off", "fabric manager", "fabric", "power",
	}).Draw(t, "fault") {
	case "firmware fails":
		r.hw.script("FirmwareJob", jobs("firmware"))
	case "firmware is refused":
		r.hw.script("ApplyFirmware", answer{err: permanent("refused")})
	case "firmware is not reached":
		r.hw.script("ApplyFirmware", answer{err: notDone("not reached")}, answer{lost: maybeDone("timeout")}, answer{})
	case "no firmware after all":
		r.hw.script("ApplyFirmware", answer{err: backend.ErrNotSupported})
		return []lifecycle.Step{lifecycle.StepFirmware}
	case "images fail":
		r.hw.script("SwitchImageJob", jobs("image"))
	case "no images after all":
		r.hw.script("ApplySwitchImage", answer{err: backend.ErrNotSupported})
		return []lifecycle.Step{lifecycle.StepNVOS}
	case "certificate":
		r.hw.script("ConfigureCertificate", rapid.SampledFrom([]answer{{err: permanent("bad csr")}, {err: backend.ErrNotSupported}}).Draw(t, "certificate"))
	case "fabric off":
		r.hw.script("SetFabricState", answer{failed: map[string]error{"s1": permanent("disable rejected")}})
	case "fabric manager":
		r.hw.script("ConfigureFabricManager", rapid.SampledFrom([]answer{{err: permanent("topology refused")}, {err: notDone("not reached")}}).Draw(t, "manager"))
	case "fabric":
		reports := map[string]backend.FabricReport{}
		for _, id := range ids {
			reports[id] = rapid.SampledFrom([]backend.FabricReport{
				{State: backend.FabricOK}, {State: backend.FabricNotOK, Reason: "standby"}, {State: backend.FabricUnknown}, {State: backend.FabricNotOK, Error: "link down"},
			}).Draw(t, "report")
		}
		r.hw.script("FabricStatus", answer{fabric: reports})
	case "power":
		r.hw.script("SetPower off", answer{failed: map[string]error{"s1": permanent("not permitted"), "m1": notDone("busy")}}, answer{})
	}
	return nil
}

// drawStart posts a maintenance request, where the rack takes one.
func drawStart(t *rapid.T, r *rig, ids []string) {
	var scope Scope
	if rapid.Bool().Draw(t, "named devices") {
		for _, id := range ids {
			switch in := rapid.Bool().Draw(t, id); {
			case !in:
			case id[0] == 'm':
				scope.Machines = append(scope.Machines, id)
			case id[0] == 's':
				scope.Switches = append(scope.Switches, id)
			default:
				scope.PowerShelves = append(scope.PowerShelves, id)
			}
		}
	}
	all := []Activity{
		{Name: FirmwareUpgrade, Firmware: rapid.SampledFrom([]string{"", "fw-2", "fw-9"}).Draw(t, "firmware")},
		{Name: NvosUpdate, Image: rapid.SampledFrom([]string{"", "img-2"}).Draw(t, "image")},
		nmx,
		sequence(rapid.SampledFrom([]PowerMode{"", SequenceOn, SequenceOff, SequenceReset}).Draw(t, "power")),
	}
	for _, a := range rapid.Permutation(all).Draw(t, "order") {
		if rapid.Bool().Draw(t, string(a.Name)) {
			scope.Activities = append(scope.Activities, a)
		}
	}
	err := r.post("q1", Maintenance{Scope: scope, DisturbTenants: rapid.IntRange(0, 3).Draw(t, "disturb") > 0})
	if err != nil {
		require.ErrorIs(t, err, lifecycle.ErrRejected)
	}
}

// nothingIsLeft says that no device waits for the rack, and that what a maintenance left undone shows.
func (r *rig) nothingIsLeft(ids []string) {
	r.Helper()
	for _, id := range ids {
		ref := deviceRef(id)
		assert.Empty(r, r.controller().OpenRequests(ref), "requests on %s; the rack is in %s: %s", id, r.get().State(), r.get().Cause)
		x, err := r.controller().Explain(ref)
		require.NoError(r, err)
		assert.False(r, strings.HasPrefix(x.State, "ReProvisioning/") || strings.Contains(x.State, "WaitingForRack"), "%s is in %s", id, x.State)
		if State(r.get().State()) == Ready {
			assert.Empty(r, r.alerts(ref), "%s of a rack in Ready", id)
		}
	}
}

// announcedIsDone compares, cycle by cycle, what was put on the devices with what the hardware was then asked for.
func (r *rig) announcedIsDone(ids []string, unsupported []lifecycle.Step) {
	r.Helper()
	completed := slices.Contains(r.path(), Completed)
	for _, id := range ids {
		posted := r.asked(deviceRef(id))
		require.LessOrEqual(r, len(posted), 1, "one request a cycle on %s", id)
		driven := r.driven(id, unsupported)
		switch {
		case id[0] == 'p':
			assert.Empty(r, posted, "a shelf gets no request")
			continue
		case len(posted) == 0 && len(driven) > 0 && r.mayStillRun(id): // cancelled after a call of which nobody knows
			continue
		case len(posted) == 0:
			assert.Empty(r, driven, "%s was not told", id)
			continue
		case id[0] == 'm':
			assert.Equal(r, []lifecycle.Step{lifecycle.StepFirmware}, driven, "%s was told", id)
			continue
		}
		params, err := lifecycle.Params[lifecycle.Reprovision](&posted[0])
		require.NoError(r, err)
		announced := slices.DeleteFunc(params.Await, func(s lifecycle.Step) bool { return slices.Contains(unsupported, s) })
		if completed {
			assert.Equal(r, announced, driven, "all of it was done with %s", id)
		} else {
			assert.Subset(r, announced, driven, "nothing else was done with %s", id)
		}
	}
}

// mayStillRun reports whether a request of the rack says that work on a device may still run.
func (r *rig) mayStillRun(id string) bool {
	all, err := r.store.Requests(r.Context(), backend.RequestQuery{On: r1})
	require.NoError(r, err)
	return slices.ContainsFunc(all, func(q backend.Request) bool {
		return slices.ContainsFunc(q.Results, func(res backend.Result) bool { return res.Target.ID == id && res.Status == backend.ResultRunning })
	})
}

// driven lists the steps that the hardware took for a device.
func (r *rig) driven(id string, unsupported []lifecycle.Step) []lifecycle.Step {
	var out []lifecycle.Step
	for _, s := range []struct {
		step lifecycle.Step
		call string
	}{{lifecycle.StepFirmware, "ApplyFirmware"}, {lifecycle.StepNVOS, "ApplySwitchImage"}, {lifecycle.StepNMXC, "SetFabricState"}} {
		named := slices.ContainsFunc(r.hw.calls(s.call), func(call string) bool { return slices.Contains(strings.Fields(call), id) })
		if named && r.hw.begun(s.call) > 0 && !slices.Contains(unsupported, s.step) {
			out = append(out, s.step)
		}
	}
	return out
}
