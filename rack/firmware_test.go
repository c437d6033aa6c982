package rack

import (
	"context"
	"errors"
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

// fw2 asks for the firmware fw-2.
var fw2 = Activity{Name: FirmwareUpgrade, Firmware: "fw-2"}

func TestWhichFirmwareIsInstalled(t *testing.T) {
	t.Parallel()
	defaults := map[string]string{"gb200": "fw-1"}
	catalog := backend.Catalog{
		{ID: "fw-1", HardwareType: "gb200", Available: true}, {ID: "fw-2", HardwareType: "any", Available: true}, {ID: "fw-3", HardwareType: "gb200"}, {ID: "fw-4", HardwareType: "gb300", Available: true},
	}
	for name, c := range map[string]struct {
		activity Activity
		defaults map[string]string
		given    func(r *rig)
		want     string   // none: skipped or failed
		skip     []string // words of the history note
		fail     []string // words of the cause
	}{
		"the named one":                    {activity: fw2, defaults: defaults, want: "fw-2"},
		"the default of the hardware type": {activity: Activity{Name: FirmwareUpgrade}, defaults: defaults, want: "fw-1"},
		"the default for any hardware":     {activity: Activity{Name: FirmwareUpgrade}, defaults: map[string]string{"any": "fw-2"}, want: "fw-2"},
		"no default":                       {activity: Activity{Name: FirmwareUpgrade}, skip: []string{"skipped", "gb200", "no default"}},
		"no default of this type":          {activity: Activity{Name: FirmwareUpgrade}, defaults: map[string]string{"gb300": "fw-4"}, skip: []string{"no default"}},
		"no profile":                       {activity: Activity{Name: FirmwareUpgrade}, given: func(r *rig) { r.edit(func(k *Rack) { k.ProfileID = "P9" }) }, skip: []string{"P9", "no default"}},
		"a named one without a profile":    {activity: fw2, given: func(r *rig) { r.edit(func(k *Rack) { k.ProfileID = "P9" }) }, want: "fw-2"},
		"known and not available":          {activity: Activity{Name: FirmwareUpgrade, Firmware: "fw-3"}, skip: []string{"fw-3", "not available"}},
		"not known":                        {activity: Activity{Name: FirmwareUpgrade, Firmware: "fw-9"}, fail: []string{"fw-9"}},
		"a default that is not known":      {activity: Activity{Name: FirmwareUpgrade}, defaults: map[string]string{"gb200": "fw-9"}, fail: []string{"fw-9"}},
		"for other hardware":               {activity: Activity{Name: FirmwareUpgrade, Firmware: "fw-4"}, fail: []string{"fw-4", "gb300", "gb200"}},
		"without a catalogue any name":     {activity: Activity{Name: FirmwareUpgrade, Firmware: "fw-9"}, given: func(r *rig) { r.catalog = nil }, want: "fw-9"},
		"a driver that cannot":             {activity: fw2, given: func(r *rig) { r.caps.Firmware = nil }, skip: []string{"no firmware capability"}},
		"a driver that says it cannot":     {activity: fw2, given: func(r *rig) { r.hw.script("ApplyFirmware", answer{err: backend.ErrNotSupported}) }, skip: []string{"no firmware capability"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(FirmwareStart, FullRack(c.activity)).devices("m1", "s1")
			r.profile.DefaultFirmware, r.catalog = c.defaults, catalog
			if c.given != nil {
				c.given(r)
			}
			r.step()
			switch {
			case c.want != "":
				r.inState(FirmwareWait)
				assert.Equal(t, c.want, r.hw.order.Firmware)
				assert.Equal(t, c.want, r.m("m1").FirmwareUpgrade.Firmware)
				return
			case c.skip != nil:
				r.inState(Completed)
				mentions(t, r.last().Note, c.skip...)
			default:
				r.failedBy(OriginMaintenance, c.fail...)
				assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
			}
			assert.Zero(t, r.hw.begun("ApplyFirmware"))
			assert.Empty(t, r.asked(machine.Ref("m1")), "nothing is put on the devices")
			assert.Empty(t, r.asked(nvswitch.Ref("s1")))
			assert.Empty(t, r.alerts(machine.Ref("m1")), "no hardware was asked for anything")
		})
	}
}

func TestTheFirmwareBatchHasTheDevicesInScope(t *testing.T) {
	t.Parallel()
	shelves := backend.Catalog{{ID: "fw-2", HardwareType: "gb200", Available: true, PowerShelves: true}}
	for name, c := range map[string]struct {
		scope   Scope
		catalog backend.FirmwareCatalog
		disturb bool
		want    string
	}{
		"machines and switches":                {Scope{}, nil, false, "ApplyFirmware m1 s1"},
		"power shelves where the firmware has": {Scope{}, shelves, false, "ApplyFirmware m1 s1 p1"},
		"machines alone":                       {Scope{Machines: []string{"m1"}}, shelves, false, "ApplyFirmware m1"},
		"a shelf alone":                        {Scope{PowerShelves: []string{"p1"}}, shelves, false, "ApplyFirmware p1"},
		"a shelf that the firmware has not":    {Scope{PowerShelves: []string{"p1"}}, nil, false, ""},
		"a machine with a tenant is skipped":   {Scope{Machines: []string{"m2"}}, nil, false, ""},
		"unless the tenant may be disturbed":   {Scope{Machines: []string{"m2"}}, nil, true, "ApplyFirmware m2"},
		"one that is marked deleted is left":   {Scope{Machines: []string{"m1", "m3"}}, nil, false, "ApplyFirmware m1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.scope.Activities = []Activity{{Name: FirmwareUpgrade, Firmware: "fw-2", Components: []string{"BMC", "CPLD"}, Force: true}}
			r := newRig(t).maintained(FirmwareStart, c.scope, func(k *Rack) { k.Cycle.DisturbTenants = c.disturb }).
				devices("m1", "s1", "p1", "m3").machine("m2", machine.AssignedReady)
			r.catalog = c.catalog
			r.remove(machine.Ref("m3"))
			r.step()
			if c.want == "" {
				r.inState(Completed)
				mentions(t, r.last().Note, "skipped", "no device in scope")
				assert.Empty(t, r.hw.did)
				return
			}
			r.inState(FirmwareWait)
			assert.Equal(t, []string{c.want}, r.hw.did)
			assert.Equal(t, backend.FirmwareOrder{Firmware: "fw-2", Components: []string{"BMC", "CPLD"}, Force: true}, r.hw.order)
			assert.Empty(t, r.asked(powershelf.Ref("p1")), "a shelf gets no request")
		})
	}
}

func TestTheBatchAndTheRequestsOnItsDevicesAreOneCommit(t *testing.T) {
	t.Parallel()
	old := &lifecycle.CycleStatus{Status: lifecycle.ProgressCompleted, Cycle: "c0", StartedAt: epoch.Add(-48 * time.Hour), EndedAt: epoch.Add(-47 * time.Hour), TaskID: "old"}
	r := newRig(t).maintained(FirmwareStart, Scope{Machines: []string{"m1"}, Switches: []string{"s1"}, Activities: []Activity{fw2, {Name: NvosUpdate, Image: "img-2"}}}, func(k *Rack) { k.Cycle.DisturbTenants = true }).
		machine("m1", machine.Ready, func(m *machine.Machine) { m.FirmwareUpgrade = old }).devices("m2", "s2").
		nvlink("s1", nvswitch.Error, func(s *nvswitch.Switch) { s.FirmwareUpgrade = old })
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running", "s1 pending")})
	r.store.refuse = true
	_, err := r.controller().Step(t.Context(), r1, r.now)
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	assert.Empty(t, r.asked(machine.Ref("m1")), "without the commit nothing of it is there")
	r.crash().step()
	r.inState(FirmwareWait)
	assert.Equal(t, []string{"ApplyFirmware m1 s1", "ApplyFirmware m1 s1"}, r.hw.did)
	assert.Equal(t, 1, r.hw.begun("ApplyFirmware"), "the same key: one batch")

	for _, ref := range []backend.Ref{machine.Ref("m1"), nvswitch.Ref("s1")} {
		posted := r.asked(ref)
		require.Len(t, posted, 1, ref)
		assert.Equal(t, []string{"rack-r1", cycle1, string(backend.RequestPending)}, []string{posted[0].Initiator, posted[0].Cycle, string(posted[0].State)})
		params, err := lifecycle.Params[lifecycle.Reprovision](&posted[0])
		require.NoError(t, err)
		assert.True(t, params.DisturbTenants)
	}
	assert.Equal(t, []lifecycle.Step{lifecycle.StepFirmware, lifecycle.StepNVOS}, r.awaits("s1"))
	assert.Empty(t, r.asked(machine.Ref("m2")))
	assert.Empty(t, r.asked(nvswitch.Ref("s2")))
	want := &lifecycle.CycleStatus{Status: lifecycle.ProgressStarted, TaskID: "fw-m1", Firmware: "fw-2", StartedAt: epoch, Cycle: cycle1}
	assert.Equal(t, want, r.m("m1").FirmwareUpgrade, "the status of the earlier cycle is gone")
	assert.Equal(t, "fw-s1", r.s("s1").FirmwareUpgrade.TaskID)

	r.step(machine.Ref("m1"), nvswitch.Ref("s1"))
	assert.Equal(t, string(machine.HostReprovisionWaitingForRackFirmwareUpgrade), r.m("m1").State())
	assert.Equal(t, string(nvswitch.WaitingForFirmware), r.s("s1").State(), "a switch in Error takes part")
	r.advance(time.Minute).step()
	want.Status = lifecycle.ProgressRunning
	assert.Equal(t, want, r.m("m1").FirmwareUpgrade)
	assert.Equal(t, lifecycle.ProgressStarted, r.s("s1").FirmwareUpgrade.Status)
	r.waits("0/2 devices terminal", "completed=0", "failed=0")
}

func TestAComputeThatIsStuckInFailedFirmwareUpgradeTakesTheFreshRequestAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, FullRack(fw2)).machine("m1", machine.HostReprovisionFailedFirmwareUpgrade, func(m *machine.Machine) { m.RetryCount = 5 })
	r.step(r1, machine.Ref("m1"))
	assert.Equal(t, string(machine.HostReprovisionWaitingForRackFirmwareUpgrade), r.m("m1").State())
	r.run(10 * time.Minute)
	r.inState(Ready)
}

func TestHowASubmissionThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first answer
		begun int // how often the hardware began work
	}{
		"surely not done":              {answer{err: notDone("connection refused")}, 1},
		"may have been done":           {answer{lost: maybeDone("timeout")}, 1},
		"an error that says nothing":   {answer{lost: errors.New("timeout")}, 1},
		"each device surely not done":  {answer{failed: map[string]error{"m1": notDone("busy"), "m2": notDone("busy")}}, 1},
		"each device may be half done": {answer{failed: map[string]error{"m1": maybeDone("busy"), "m2": notDone("busy")}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(FirmwareStart, FullRack(fw2)).devices("m1", "m2")
			r.hw.script("ApplyFirmware", c.first, answer{})
			res := r.step()
			assert.Equal(t, backend.OutcomeError, res.Outcome.Kind)
			r.inState(FirmwareStart)
			assert.Empty(t, r.asked(machine.Ref("m1")))
			r.run(10 * time.Minute)
			r.inState(Ready)
			assert.Equal(t, []string{"ApplyFirmware m1 m2", "ApplyFirmware m1 m2"}, r.hw.did)
			assert.Equal(t, c.begun, r.hw.begun("ApplyFirmware"))
			assert.Empty(t, r.alerts(machine.Ref("m1")))
		})
	}
}

func TestABatchThatIsRefusedAsAWholeFailsAndPostsNothing(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answer{
		"in one answer":    {err: permanent("signature refused")},
		"for each device":  {failed: map[string]error{"m1": permanent("signature refused"), "s1": permanent("signature refused")}},
		"by some for ever": {failed: map[string]error{"m1": permanent("signature refused"), "s1": notDone("busy")}},
		"unknown devices":  {err: backend.ErrNoDevice},
		"without any word": {none: []string{"m1", "s1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(FirmwareStart, FullRack(fw2)).devices("m1", "s1")
			r.hw.script("ApplyFirmware", first)
			r.step()
			r.failedBy(OriginMaintenance, "firmware")
			assert.Equal(t, []string{"FirmwareUpgrade m1 failed", "FirmwareUpgrade s1 failed"}, r.results("q1"))
			assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
			assert.Len(t, r.get().Cycle.Jobs, 2, "the failed job is recorded")
			assert.Empty(t, r.asked(machine.Ref("m1")))
			assert.Empty(t, r.asked(nvswitch.Ref("s1")))
			assert.Len(t, r.hw.did, 1)
		})
	}
}

func TestADeviceWithoutAJobCountsAsFailed(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answer{
		"nothing is said":     {none: []string{"m2"}},
		"it is refused":       {failed: map[string]error{"m2": permanent("bad image")}},
		"it was not reached":  {failed: map[string]error{"m2": notDone("unreachable")}},
		"it has no such part": {failed: map[string]error{"m2": backend.ErrNotSupported}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(FirmwareStart, FullRack(fw2)).devices("m1", "m2")
			r.hw.script("ApplyFirmware", first)
			r.hw.script("FirmwareJob", answer{jobs: found("m1 running")}, answer{})
			r.step(r1, r1)
			r.inState(FirmwareWait)
			r.waits("1/2 devices terminal", "failed=1")
			assert.Equal(t, lifecycle.ProgressFailed, r.m("m2").FirmwareUpgrade.Status)
			assert.NotEmpty(t, r.m("m2").FirmwareUpgrade.Cause)
			r.step()
			r.failedBy(OriginMaintenance, "firmware upgrade failed: 1/2 devices failed", "m2")
			assert.Equal(t, []string{"FirmwareUpgrade m1 ok", "FirmwareUpgrade m2 failed"}, r.results("q1"))
			assert.Empty(t, r.alerts(machine.Ref("m1")))
			assert.Equal(t, []string{"rack-maintenance/FirmwareUpgrade"}, r.alerts(machine.Ref("m2")))
		})
	}
}

// silentCatalog is a catalogue that does not answer.
type silentCatalog struct{}

func (silentCatalog) Firmware(context.Context, string) (backend.FirmwareEntry, error) {
	return backend.FirmwareEntry{}, errors.New("catalogue does not answer")
}

func TestACatalogueThatDoesNotAnswerLeavesNoMarkOnTheDevices(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, FullRack(fw2)).devices("m1", "s1")
	r.catalog = silentCatalog{}
	r.run(3 * time.Hour)
	r.inState(FirmwareStart)
	mentions(t, r.reason(), "catalogue does not answer")
	r.run(2 * time.Hour)
	assert.Contains(t, r.path(), Error)
	mentions(t, r.request(r1, "q1").Reason, "timed out after 4h0m0s", "catalogue does not answer")
	assert.Empty(t, r.alerts(machine.Ref("m1")), "no hardware was asked for anything")
	assert.Empty(t, r.hw.did)
}
