package rack

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// epoch is when every test begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// r1 is the rack of the tests.
var r1 = Ref("r1")

const (
	topology = "gb200_nvl72r1_c2g4_topology"
	cycle1   = "c1"
)

// tb is what a rig needs of a test: *testing.T and *rapid.T have it.
type tb interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// rig is a rack with its devices and its hardware, with time in the hands of the test. Objects are put into the store as an earlier process left them; the
// controller is made when it is first needed.
type rig struct {
	tb
	store    *frail
	clock    *clock.Mock
	now      time.Time
	hw       *hardware
	caps     backend.Capabilities
	creds    credentials
	catalog  backend.FirmwareCatalog
	set      Settings
	machines machine.Config
	profile  Profile
	ctl      *lifecycle.Controller
	watch    *watch

	age time.Duration // of the objects that are put into the store
	in  string        // the rack of the devices that are put into the store
}

func newRig(t tb) *rig {
	t.Helper()
	r := &rig{tb: t, store: &frail{Store: memory.New()}, clock: clock.NewMock(), now: epoch, hw: newHardware(), creds: credentials{}, in: "r1"}
	r.clock.Set(epoch)
	r.caps = r.hw.caps()
	r.profile = Profile{ID: "P", HardwareType: "gb200", Topology: topology}
	return r
}

// seed puts an object into the store.
func (r *rig) seed(ref backend.Ref, rack, state string, e any) {
	r.Helper()
	data, err := json.Marshal(e)
	require.NoError(r, err)
	at := epoch.Add(-r.age)
	r.commit(backend.Commit{Writes: []backend.Write{{
		Record:     backend.Record{Ref: ref, Rack: rack, State: state, Since: at, Transitions: 1, Data: data},
		Transition: &backend.Transition{Ref: ref, Rack: rack, Seq: 1, To: state, At: at, Trigger: "Seeded", Initiator: "test"},
	}}})
}

func (r *rig) commit(c backend.Commit) {
	r.Helper()
	results, err := r.store.Store.Commit(r.Context(), []backend.Commit{c})
	require.NoError(r, err)
	require.NoError(r, results[0])
}

// rack puts a rack of profile P into the store.
func (r *rig) rack(id string, state State, with ...func(*Rack)) *rig {
	r.Helper()
	k := NewRack(ExpectedRack{ID: id, ProfileID: "P"})
	for _, f := range with {
		f(k)
	}
	r.seed(Ref(id), id, string(state), k)
	return r
}

// maintained puts r1 into the store in a state of cycle c1, which serves the started request q1 of alice.
func (r *rig) maintained(state State, scope Scope, with ...func(*Rack)) *rig {
	r.Helper()
	r.rack("r1", state, append([]func(*Rack){func(k *Rack) {
		k.Cycle = &Cycle{ID: cycle1, Request: "q1", Initiator: "alice", Scope: scope}
	}}, with...)...)
	return r.ask(backend.Request{ID: "q1", On: r1, Type: lifecycle.TypeMaintenance, State: backend.RequestStarted, Initiator: "alice", Cycle: cycle1}, Maintenance{Scope: scope})
}

// machine puts a machine into the store.
func (r *rig) machine(id string, state machine.State, with ...func(*machine.Machine)) *rig {
	r.Helper()
	m := machine.NewMachine(id, r.in, machine.Discovered{Endpoint: backend.Endpoint{BMCAddress: "10.0.0.1"}})
	for _, f := range with {
		f(m)
	}
	r.count(&r.profile.Compute)
	r.seed(m.Ref(), r.in, string(state), m)
	return r
}

// nvlink puts a switch into the store: complete, expected and healthy. Its tray index is the number in its id.
func (r *rig) nvlink(id string, state nvswitch.State, with ...func(*nvswitch.Switch)) *rig {
	r.Helper()
	mac := "02:00:00:00:00:" + (id + id)[1:2] + (id + id)[1:2]
	s := nvswitch.NewSwitch(id, r.in, nvswitch.Discovered{
		Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:0B:01", BMCAddress: "10.0.0.1", NVOSAddress: "10.0.1.1"}, Expected: true, NVOSMACs: []string{mac},
	})
	s.ReportSeen(mac)
	r.creds[backend.NVOSCredential(s.Ref())], r.creds[backend.BMCCredential(s.Ref())] = true, true
	for _, f := range with {
		f(s)
	}
	r.hw.trays[id] = int(id[len(id)-1] - '0')
	r.count(&r.profile.Switch)
	r.seed(s.Ref(), r.in, string(state), s)
	return r
}

// shelf puts a power shelf into the store.
func (r *rig) shelf(id string, state powershelf.State, with ...func(*powershelf.PowerShelf)) *rig {
	r.Helper()
	p := powershelf.NewPowerShelf(id, r.in, backend.Endpoint{BMCAddress: "10.0.0.1"})
	r.creds[backend.BMCCredential(p.Ref())] = true
	for _, f := range with {
		f(p)
	}
	r.count(&r.profile.PowerShelf)
	r.seed(p.Ref(), r.in, string(state), p)
	return r
}

// count has the profile expect what is put into r1, until the test says otherwise.
func (r *rig) count(c *Capability) {
	if r.in == "r1" {
		c.Count++
	}
}

// devices puts devices that are in service into the store: m1 is a machine, s1 a switch, p1 a power shelf.
func (r *rig) devices(ids ...string) *rig {
	r.Helper()
	for _, id := range ids {
		switch id[0] {
		case 'm':
			r.machine(id, machine.Ready)
		case 's':
			r.nvlink(id, nvswitch.Ready)
		default:
			r.shelf(id, powershelf.Ready)
		}
	}
	return r
}

// ask puts a request into the store as it is.
func (r *rig) ask(req backend.Request, params any) *rig {
	r.Helper()
	rec, err := r.store.Get(r.Context(), req.On)
	require.NoError(r, err)
	if req.Rack = rec.Rack; req.State == "" {
		req.State = backend.RequestPending
	}
	if req.At.IsZero() {
		req.At = epoch.Add(-time.Minute)
	}
	req.Params, err = json.Marshal(params)
	require.NoError(r, err)
	expect := rec.Version
	rec.Data = nil
	r.commit(backend.Commit{Writes: []backend.Write{{Record: *rec, Expect: expect}}, Post: []backend.Request{req}})
	return r
}

// pending puts a maintenance request of alice on a rack into the store.
func (r *rig) pending(id, rack string, at time.Duration, scope Scope) *rig {
	r.Helper()
	return r.ask(backend.Request{ID: id, On: Ref(rack), Type: lifecycle.TypeMaintenance, Initiator: "alice", At: epoch.Add(at)}, Maintenance{Scope: scope})
}

// byRack puts a reprovision request of r1 on a device into the store.
func (r *rig) byRack(id string, on backend.Ref, cycle string, state backend.RequestState, await ...lifecycle.Step) *rig {
	r.Helper()
	return r.ask(backend.Request{ID: id, On: on, Type: lifecycle.TypeReprovision, State: state, Initiator: lifecycle.RackInitiator("r1"), Cycle: cycle},
		lifecycle.Reprovision{Await: await})
}

// controller returns the controller over what is in the store.
func (r *rig) controller() *lifecycle.Controller {
	r.Helper()
	if r.ctl != nil {
		return r.ctl
	}
	profiles := func(id string) (Profile, bool) { return r.profile, id == "P" }
	racks, err := New(KindConfig{Driver: r.caps, Profile: profiles, Credentials: r.creds, Catalog: r.catalog, Settings: r.set})
	require.NoError(r, err)
	r.machines.Driver = r.caps
	machines, err := machine.New(r.machines)
	require.NoError(r, err)
	switches, err := nvswitch.New(nvswitch.Config{Driver: r.caps, Credentials: r.creds})
	require.NoError(r, err)
	shelves, err := powershelf.New(powershelf.Config{Driver: r.caps, Credentials: r.creds})
	require.NoError(r, err)
	r.watch = newWatch(r.Context())
	r.ctl, err = lifecycle.NewController(r.Context(), r.store, lifecycle.Config{Clock: r.clock, Logger: slog.New(slog.DiscardHandler), Observer: r.watch}, racks, machines, switches, shelves)
	require.NoError(r, err)
	return r.ctl
}

// step makes one pass over r1, or over the named objects one after the other.
func (r *rig) step(on ...backend.Ref) lifecycle.StepResult {
	r.Helper()
	if len(on) == 0 {
		on = []backend.Ref{r1}
	}
	var res lifecycle.StepResult
	for _, ref := range on {
		var err error
		res, err = r.controller().Step(r.Context(), ref, r.now)
		require.NoError(r, err)
		require.False(r, res.Conflict, "nobody else writes %s", ref)
	}
	return res
}

// run lets time pass.
func (r *rig) run(d time.Duration) *rig {
	r.Helper()
	for end := r.now.Add(d); ; {
		ctl := r.controller()
		_, next, err := ctl.RunUntilIdle(r.watch.ctx, r.now)
		require.NoError(r, err, "the passes do not come to an end")
		if next.IsZero() || next.After(end) {
			r.now = end
			break
		}
		r.now = next
	}
	r.clock.Set(r.now)
	return r
}

// advance moves time and looks at nothing.
func (r *rig) advance(d time.Duration) *rig {
	r.now = r.now.Add(d)
	r.clock.Set(r.now)
	return r
}

// apply changes something as a host application does.
func (r *rig) apply(f func(tx *lifecycle.Tx) error) {
	r.Helper()
	ctl := r.controller()
	r.clock.Set(r.now)
	require.NoError(r, ctl.Apply(r.Context(), f))
}

// label has the validation service write on a machine: "k=v" sets, "k=" removes.
func (r *rig) label(id string, labels ...string) {
	r.Helper()
	set, remove := map[string]string{}, []string{}
	for _, l := range labels {
		if k, v, _ := strings.Cut(l, "="); v != "" {
			set[k] = v
		} else {
			remove = append(remove, k)
		}
	}
	require.NoError(r, r.controller().SetLabels(r.Context(), machine.Ref(id), 0, set, remove...))
}

// post posts a maintenance request on r1 through the door that checks it.
func (r *rig) post(id string, params any) error {
	r.Helper()
	return r.postAs(lifecycle.TypeMaintenance, id, params)
}

func (r *rig) postAs(typ, id string, params any) error {
	r.Helper()
	ctl := r.controller()
	r.clock.Set(r.now)
	_, err := ctl.Request(r.Context(), lifecycle.NewRequest{ID: id, Type: typ, Initiator: "alice", Params: params}, r1)
	return err
}

func (r *rig) cancel(on backend.Ref, id, initiator string) {
	r.Helper()
	ctl := r.controller()
	r.clock.Set(r.now)
	require.NoError(r, ctl.CancelRequest(r.Context(), on, id, initiator))
}

func (r *rig) hold(on backend.Ref, d time.Duration) {
	r.Helper()
	h := lifecycle.Hold{Type: "repair", Owner: "bob", Reason: "cables are being replaced"}
	ctl := r.controller()
	r.clock.Set(r.now)
	if d > 0 {
		h.Expires = r.now.Add(d)
	}
	require.NoError(r, ctl.PlaceHold(r.Context(), on, h))
}

func (r *rig) release(on backend.Ref) {
	r.Helper()
	r.clock.Set(r.now)
	require.NoError(r, r.controller().ReleaseHold(r.Context(), on, "repair", "bob"))
}

// crash loses what is in memory.
func (r *rig) crash() *rig {
	r.ctl, r.store.refuse = nil, false
	return r
}

func mentions(t tb, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		assert.Contains(t, strings.ToLower(text), strings.ToLower(word))
	}
}
