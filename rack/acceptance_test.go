package rack

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// TestARequestIsAcceptedOrRefusedAsAWhole posts one maintenance request to r1, which has m1 in service, m2 and m3 with tenants, s1 and p1; m9 and s9 are in r2.
func TestARequestIsAcceptedOrRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	pool := Scope{Machines: []string{"m1"}}
	for name, c := range map[string]struct {
		state    State
		given    func(r *rig)
		scope    Scope
		disturb  bool
		problems [][]string // one for each problem: the words in it; none: accepted
	}{
		"in Ready":                           {scope: pool},
		"in Error":                           {state: Error, scope: pool},
		"in Discovering":                     {state: Discovering, scope: pool, problems: [][]string{{"r1", "Discovering", "Ready", "Error"}}},
		"in Created":                         {state: Created, scope: pool, problems: [][]string{{"Created"}}},
		"in Validating":                      {state: ValidationInProgress, scope: pool, problems: [][]string{{"Validating/InProgress"}}},
		"in PoweredOff":                      {state: PoweredOff, scope: pool, problems: [][]string{{"PoweredOff"}}},
		"in Maintenance":                     {state: FirmwareWait, scope: pool, problems: [][]string{{"Maintenance/FirmwareUpgrade/WaitForComplete"}}},
		"while one is pending":               {given: func(r *rig) { r.pending("q0", "r1", 0, pool) }, scope: pool, problems: [][]string{{"q0", "alice", "pending"}}},
		"marked deleted":                     {given: deletedRack, scope: pool, problems: [][]string{{"r1", "deleted"}}},
		"all devices of one kind":            {scope: Scope{Switches: []string{"s1"}}},
		"a machine of another rack":          {scope: Scope{Machines: []string{"m1", "m9"}}, problems: [][]string{{"m9", "r2", "r1"}}},
		"a switch of another rack":           {scope: Scope{Switches: []string{"s9"}}, problems: [][]string{{"s9", "r2", "r1"}}},
		"a shelf of nobody":                  {scope: Scope{PowerShelves: []string{"p7"}}, problems: [][]string{{"p7", "not known"}}},
		"a malformed id":                     {scope: Scope{Machines: []string{"m 1"}}, problems: [][]string{{"machines[0]", "m 1"}}},
		"an empty id":                        {scope: Scope{Switches: []string{"s1", ""}}, problems: [][]string{{"switches[1]"}}},
		"a device that is named twice":       {scope: Scope{Machines: []string{"m1", "m1"}}, problems: [][]string{{"m1", "twice"}}},
		"a device that is marked deleted":    {given: func(r *rig) { r.remove(machine.Ref("m1")) }, scope: pool, problems: [][]string{{"m1", "deleted"}}},
		"an empty list of machines":          {scope: Scope{Machines: []string{}}, problems: [][]string{{"machines", "empty"}}},
		"an empty list beside a full one":    {scope: Scope{Machines: []string{"m1"}, PowerShelves: []string{}}, problems: [][]string{{"power_shelves", "empty"}}},
		"an empty list of activities":        {scope: Scope{Machines: []string{"m1"}, Activities: []Activity{}}, problems: [][]string{{"activities", "empty"}}},
		"a repeated activity":                {scope: Scope{Machines: []string{"m1"}, Activities: only(PowerSequence, PowerSequence)}, problems: [][]string{{"PowerSequence", "twice"}}},
		"assigned machines":                  {scope: FullRack(), problems: [][]string{{"m2", "m3", "assigned"}}},
		"assigned machines that are named":   {scope: Scope{Machines: []string{"m1", "m3"}}, problems: [][]string{{"m3"}}},
		"tenants may be disturbed":           {scope: FullRack(), disturb: true},
		"assigned machines out of the scope": {scope: Scope{Switches: []string{"s1"}}},
		"everything at once": {
			state:    Discovering,
			given:    func(r *rig) { r.pending("q0", "r1", 0, pool) },
			scope:    Scope{Machines: []string{"m2", "m9"}, Switches: []string{"s9", "ghost-s7"}, PowerShelves: []string{}, Activities: only(FirmwareUpgrade, "Defragment")},
			problems: [][]string{{"Discovering"}, {"q0"}, {"m9"}, {"s9"}, {"ghost-s7"}, {"power_shelves"}, {"Defragment"}, {"m2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.state == "" {
				c.state = Ready
			}
			r := newRig(t).rack("r1", c.state).rack("r2", Ready).devices("m1", "s1", "p1").machine("m2", machine.AssignedReady).machine("m3", machine.AssignedProvisioning)
			r.in = "r2"
			r.devices("m9", "s9")
			if c.given != nil {
				c.given(r)
			}
			before := r.get()
			err := r.post("q1", Maintenance{Scope: c.scope, DisturbTenants: c.disturb})
			if len(c.problems) == 0 {
				require.NoError(t, err)
				assert.Equal(t, backend.RequestPending, r.request(r1, "q1").State)
				r.inState(c.state)
				return
			}
			var rejected *lifecycle.RejectedError
			require.ErrorAs(t, err, &rejected)
			require.ErrorIs(t, err, lifecycle.ErrRejected)
			assert.Equal(t, r1, rejected.Ref)
			for _, words := range c.problems {
				mentions(t, err.Error(), words...)
			}
			if len(c.problems) > 1 {
				mentions(t, err.Error(), "8 errors occurred")
			}
			posted, err := r.store.Requests(t.Context(), backend.RequestQuery{ID: "q1"})
			require.NoError(t, err)
			assert.Empty(t, posted, "nothing is written")
			assert.Equal(t, before.Version(), r.get().Version(), "nothing is written")
			assert.Empty(t, r.hw.did)
		})
	}
}

func deletedRack(r *rig) {
	require.NoError(r, r.controller().Delete(r.Context(), r1, "alice", true))
}

// remove marks a device for deletion.
func (r *rig) remove(on backend.Ref) {
	r.Helper()
	ctl := r.controller()
	r.clock.Set(r.now)
	require.NoError(r, ctl.Delete(r.Context(), on, "alice", false))
}

func TestMaintenanceOfARackThatDoesNotExistIsRefusedByName(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready)
	_, err := r.controller().Request(t.Context(), lifecycle.NewRequest{Type: lifecycle.TypeMaintenance, Params: Maintenance{}}, Ref("ghost-r9"))
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	require.ErrorIs(t, err, backend.ErrNotFound)
	mentions(t, err.Error(), "ghost-r9")
}

func TestParametersThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{lifecycle.TypeMaintenance, TypePower, TypeRecover} {
		r := newRig(t).rack("r1", Ready)
		err := r.postAs(typ, "q1", []int{1})
		require.ErrorIs(t, err, lifecycle.ErrRejected, typ)
		mentions(t, err.Error(), typ)
	}
}

func TestOtherRequestsAreAcceptedWhereTheyMakeSense(t *testing.T) {
	t.Parallel()
	on, off := Power{Operation: backend.ActionPowerOn}, Power{Operation: backend.ActionPowerOff}
	for name, c := range map[string]struct {
		typ      string
		state    State
		params   any
		twice    bool
		problems []string // none: accepted
	}{
		"power on in PoweredOff":           {typ: TypePower, state: PoweredOff, params: on},
		"power on in Ready":                {typ: TypePower, state: Ready, params: on, problems: []string{"Ready", "PoweredOff"}},
		"power on while powering off":      {typ: TypePower, state: PoweringOff, params: on, problems: []string{"PoweringOff"}},
		"power off":                        {typ: TypePower, state: PoweredOff, params: off, problems: []string{"PowerOff", "PowerOn"}},
		"power off in Ready":               {typ: TypePower, state: Ready, params: off, problems: []string{"2 errors", "PowerOff", "Ready"}},
		"power of nothing":                 {typ: TypePower, state: PoweredOff, params: Power{}, problems: []string{"operation"}},
		"power on twice":                   {typ: TypePower, state: PoweredOff, params: on, twice: true, problems: []string{"q1", "pending"}},
		"recover with a note in Error":     {typ: TypeRecover, state: Error, params: Recover{Note: "cables were loose"}},
		"recover without a note":           {typ: TypeRecover, state: Error, params: Recover{Note: " "}, problems: []string{"note"}},
		"recover in Ready without a note":  {typ: TypeRecover, state: Ready, params: Recover{}, problems: []string{"2 errors", "note", "Ready", "Error"}},
		"reprovision in Ready":             {typ: lifecycle.TypeReprovision, state: Ready},
		"reprovision in Error":             {typ: lifecycle.TypeReprovision, state: Error, problems: []string{"r1", "Error", "Ready"}},
		"reprovision while in maintenance": {typ: lifecycle.TypeReprovision, state: FirmwareWait, problems: []string{"FirmwareUpgrade"}},
		"a type that racks do not have":    {typ: "defragment", state: Ready, problems: []string{"rack", "no such request", "maintenance"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", c.state).devices("m1")
			if c.twice {
				require.NoError(t, r.postAs(c.typ, "q1", c.params))
			}
			err := r.postAs(c.typ, "q2", c.params)
			if len(c.problems) == 0 {
				require.NoError(t, err)
				assert.Equal(t, backend.RequestPending, r.request(r1, "q2").State)
				return
			}
			require.ErrorIs(t, err, lifecycle.ErrRejected)
			mentions(t, err.Error(), c.problems...)
		})
	}
}

func TestARequestThatThisVersionCannotReadIsRejectedAndDoesNotBlockTheRack(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Ready, Error} {
		r := newRig(t).rack("r1", state, func(k *Rack) { k.Cause = "switch s1 failed" }).devices("m1")
		r.ask(backend.Request{ID: "q1", On: r1, Type: lifecycle.TypeMaintenance, Initiator: "alice"}, []int{1})
		r.run(time.Minute)
		assert.Equal(t, backend.RequestRejected, r.request(r1, "q1").State, "in %s: %s", state, r.reason())
		r.inState(Ready)
		require.NoError(t, r.post("q2", Maintenance{Scope: Scope{Machines: []string{"m1"}}}), "the next one is not held up")
	}
}

func TestTheManagerPostsMaintenanceRequests(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t)
	s1 := at(backend.KindSwitch, "s1", "A", "94:6D:AE:02:00:01")
	s1.SeenMACs = []string{"94:6D:AE:02:01:01"}
	require.NoError(t, m.Discover(t.Context(), at(backend.KindMachine, "m1", "A", ""), s1, at(backend.KindPowerShelf, "p1", "A", "")))
	_, err := m.RequestMaintenance(t.Context(), MaintenanceRequest{Rack: "A", Scope: FullRack(), User: "alice", Reference: "T-1"})
	var rejected *lifecycle.RejectedError
	require.True(t, errors.As(err, &rejected), "a rack in Created takes none: %v", err)
	_, _, err = m.RunUntilIdle(t.Context(), epoch)
	require.NoError(t, err)
	req, err := m.RequestMaintenance(t.Context(), MaintenanceRequest{ID: "q1", Rack: "A", Scope: FullRack(only(ConfigureNmxCluster)...), User: "alice", Reference: "T-1", DisturbTenants: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"q1", "alice (T-1)", "T-1", "pending"}, []string{req.ID, req.Initiator, req.Reference, string(req.State)})
	params, err := lifecycle.Params[Maintenance](&req)
	require.NoError(t, err)
	assert.Equal(t, Maintenance{Scope: FullRack(only(ConfigureNmxCluster)...), DisturbTenants: true}, params)
	assert.NotContains(t, strings.ToLower(string(req.Params)), `"machines"`, "no list stays no list")
}
