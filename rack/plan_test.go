package rack

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// plan asks what a maintenance of r1 would do, as Manager.Plan does.
func (r *rig) plan(q MaintenanceRequest) *Plan {
	r.Helper()
	h, err := newHandler(KindConfig{Driver: r.caps, Profile: func(id string) (Profile, bool) { return r.profile, id == "P" }, Credentials: r.creds, Catalog: r.catalog, Settings: r.set})
	require.NoError(r, err)
	q.Rack = "r1"
	m := &Manager{ctl: r.controller(), racks: h}
	before := r.get()
	p, err := m.Plan(r.Context(), q)
	require.NoError(r, err)
	assert.Equal(r, before, r.get(), "a plan writes nothing")
	assert.Empty(r, r.hw.did, "a plan asks no hardware for anything")
	return p
}

func TestAPlanSaysWhatWouldBeDone(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1", "s1", "p1").machine("m2", machine.AssignedReady)
	r.profile.DefaultSwitchImage = map[string]string{"gb200": "img-1"}
	r.hold(machine.Ref("m1"), 0)
	p := r.plan(MaintenanceRequest{Scope: FullRack()})
	s1 := nvswitch.Ref("s1")
	for i := range p.Activities {
		p.Activities[i].devices, p.Activities[i].entry = nil, backend.FirmwareEntry{}
	}
	left := func(a ActivityName) []backend.Result {
		return []backend.Result{{Target: machine.Ref("m2"), Activity: string(a), Status: backend.ResultSkipped, Error: "assigned to a tenant"}}
	}
	assert.Equal(t, []ActivityPlan{
		{Name: FirmwareUpgrade, Devices: []backend.Ref{}, Skip: "hardware type gb200 has no default firmware"},
		{Name: NvosUpdate, Installs: "img-1", Devices: []backend.Ref{s1}, Usual: time.Hour},
		{Name: ConfigureNmxCluster, Devices: []backend.Ref{s1}, Usual: 15 * time.Minute},
		{
			Name: PowerSequence, Power: SequenceReset, Devices: []backend.Ref{}, LeftOut: left(PowerSequence),
			Skip: "it would take the power or the fabric from machines with a tenant: m2",
		},
	}, p.Activities)
	assert.Equal(t, []string{"m2"}, p.Assigned)
	require.Len(t, p.Refused, 1)
	mentions(t, p.Refused[0], "m2", "assigned")
	mentions(t, p.Blocked, "m1", "repair by bob")
	mentions(t, p.String(), "plan for rack r1", "refused: ", "waits: ", "machines with a tenant: m2", "1. FirmwareUpgrade", "skipped: ", "installs img-1 on 1 devices", "4. PowerSequence", "skipped: it would take the power",
		"without machine/m2")
}

func TestAPlanSaysWhereAMaintenanceWouldFail(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Discovering).devices("m1", "s1")
	r.creds[backend.NVOSCredential(nvswitch.Ref("s1"))] = false
	r.catalog = backend.Catalog{}
	p := r.plan(MaintenanceRequest{Scope: FullRack(fw2, img2, nmx, Activity{Name: "Defragment"})})
	require.Len(t, p.Activities, 3)
	mentions(t, p.Activities[0].Fails, "fw-2")
	mentions(t, p.Activities[1].Fails, "s1", "NVOS credential")
	mentions(t, p.Activities[2].Fails, "s1", "NVOS credential")
	require.Len(t, p.Refused, 2, "%v", p.Refused)
	mentions(t, p.String(), "fails: ", "Discovering", "Defragment")
	assert.Empty(t, p.Blocked)
}

func TestAPlanIsWhatTheRunThenDoes(t *testing.T) {
	t.Parallel()
	scope := Scope{Machines: []string{"m1"}, Switches: []string{"s2"}, Activities: []Activity{fw2, img2, nmx, sequence(SequenceOn)}}
	r := newRig(t).rack("r1", Ready).devices("m1", "m2", "s1", "s2", "p1")
	p := r.plan(MaintenanceRequest{Scope: scope})
	assert.Empty(t, p.Refused)
	require.NoError(t, r.post("q1", Maintenance{Scope: scope}))
	r.run(30 * time.Minute)
	r.inState(Ready)
	var want []string
	for _, a := range p.Activities {
		for _, ref := range a.Devices {
			want = append(want, string(a.Name)+" "+ref.ID+" ok")
		}
	}
	assert.ElementsMatch(t, want, r.results("q1"))
}

func TestAPlanOfARackThatDoesNotExistIsRefused(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t)
	_, err := m.Plan(t.Context(), MaintenanceRequest{Rack: "ghost-r9"})
	require.ErrorIs(t, err, backend.ErrNotFound)
	mentions(t, err.Error(), "ghost-r9")
	require.NoError(t, m.Discover(t.Context(), at(backend.KindMachine, "m1", "A", "")))
	require.NoError(t, m.Controller().Delete(t.Context(), Ref("A"), "alice", false))
	p, err := m.Plan(t.Context(), MaintenanceRequest{Rack: "A", Scope: FullRack(nmx)})
	require.NoError(t, err)
	mentions(t, p.String(), "Created", "marked deleted")
}

func TestAPlanThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1")
	r.catalog = silentCatalog{}
	h, err := newHandler(KindConfig{Driver: r.caps, Profile: func(string) (Profile, bool) { return r.profile, true }, Catalog: r.catalog})
	require.NoError(t, err)
	_, err = (&Manager{ctl: r.controller(), racks: h}).Plan(t.Context(), MaintenanceRequest{Rack: "r1", Scope: FullRack(fw2)})
	require.ErrorContains(t, err, "catalogue does not answer")
	assert.False(t, errors.Is(err, lifecycle.ErrRejected))
}
