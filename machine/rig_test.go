package machine

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// m1 is the machine of the tests; it is in rack r1.
var m1 = Ref("m1")

// rig is a machine, its rack and its hardware, with time in the hands of the test.
type rig struct {
	*testing.T
	hw    *hardware
	cfg   Config
	store *memory.Store
	clock *clock.Mock
	ctl   *lifecycle.Controller
	now   time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, hw: newHardware(), store: memory.New(), clock: clock.NewMock(), now: epoch}
	r.hw.now = func() time.Time { return r.now }
	r.clock.Set(epoch)
	r.cfg.Driver = r.hw.caps()
	return r
}

// testRack is a rack that does nothing: what a machine may know of its parent.
type testRack struct {
	lifecycle.Object
	Cycle string `json:"cycle"`
}

func rackKind(t *testing.T) *lifecycle.Kind {
	t.Helper()
	kind, err := lifecycle.Define(lifecycle.Definition[testRack, string, string]{
		Kind: backend.KindRack,
		Table: lifecycle.Table[string, string]{
			{From: "", On: "Made", To: "Ready"},
			{From: "Ready", On: "Begin", To: "Maintenance"},
			{From: "Maintenance", On: "Fail", To: "Error"},
			{From: lifecycle.Any, On: "Gone", To: ""},
		},
		States: []lifecycle.StateInfo[string]{{State: "Ready", Class: lifecycle.Resting}, {State: "Maintenance", Class: lifecycle.Resting}, {State: "Error", Class: lifecycle.Resting}},
		Clone:  func(r *testRack) *testRack { c := *r; c.Object = r.Clone(); return &c },
		Cycle:  func(r *testRack) string { return r.Cycle },
	})
	require.NoError(t, err)
	return kind
}

// seed puts an object into the store as an earlier process left it.
func (r *rig) seed(ref backend.Ref, state string, since time.Duration, e any) *rig {
	r.Helper()
	data, err := json.Marshal(e)
	require.NoError(r, err)
	at := epoch.Add(since)
	rec := backend.Record{Ref: ref, Rack: "r1", State: state, Since: at, Transitions: 1, Data: data}
	row := &backend.Transition{Ref: ref, Rack: "r1", Seq: 1, To: state, At: at, Trigger: "Seeded"}
	results, err := r.store.Commit(r.Context(), []backend.Commit{{Writes: []backend.Write{{Record: rec, Transition: row}}}})
	require.NoError(r, err)
	require.NoError(r, results[0])
	return r
}

func (r *rig) rack(state, cycle string) *rig {
	r.Helper()
	return r.seed(backend.Ref{Kind: backend.KindRack, ID: "r1"}, state, 0, &testRack{Cycle: cycle})
}

func (r *rig) machine(state State, since time.Duration, m Machine) *rig {
	r.Helper()
	return r.seed(m1, string(state), since, &m)
}

// asked puts a request into the store.
func (r *rig) asked(req backend.Request, params any) *rig {
	r.Helper()
	req.On, req.Rack = m1, "r1"
	if req.State == "" {
		req.State = backend.RequestPending
	}
	if req.At.IsZero() {
		req.At = epoch.Add(-10 * time.Minute)
	}
	if params != nil {
		raw, err := json.Marshal(params)
		require.NoError(r, err)
		req.Params = raw
	}
	rec, err := r.store.Get(r.Context(), m1)
	require.NoError(r, err)
	results, err := r.store.Commit(r.Context(), []backend.Commit{{Writes: []backend.Write{{Record: *rec, Expect: rec.Version}}, Post: []backend.Request{req}}})
	require.NoError(r, err)
	require.NoError(r, results[0])
	return r
}

// reprovisionBy is a request of that type, q1.
func reprovisionBy(initiator, cycle string, state backend.RequestState) backend.Request {
	return backend.Request{ID: "q1", Type: lifecycle.TypeReprovision, Initiator: initiator, Cycle: cycle, State: state}
}

// start makes the controller; what was in memory before is lost.
func (r *rig) start() *rig {
	r.Helper()
	kind, err := New(r.cfg)
	require.NoError(r, err)
	r.ctl, err = lifecycle.NewController(r.Context(), r.store, lifecycle.Config{Clock: r.clock, Logger: slog.New(slog.DiscardHandler), Observer: taken}, rackKind(r.T), kind)
	require.NoError(r, err)
	return r
}

// report creates the machine as a host application does.
func (r *rig) report(d Discovered) *rig {
	r.Helper()
	require.NoError(r, r.ctl.Apply(r.Context(), func(tx *lifecycle.Tx) error { return tx.Create(NewMachine("m1", "r1", d), "explorer", "reported") }))
	return r
}

// step makes one pass over the machine.
func (r *rig) step() lifecycle.StepResult {
	r.Helper()
	res, err := r.ctl.Step(r.Context(), m1, r.now)
	require.NoError(r, err)
	return res
}

// run lets time pass.
func (r *rig) run(d time.Duration) {
	r.Helper()
	for end := r.now.Add(d); ; {
		_, next, err := r.ctl.RunUntilIdle(r.Context(), r.now)
		require.NoError(r, err)
		if next.IsZero() || next.After(end) {
			r.now = end
			break
		}
		r.now = next
	}
	r.clock.Set(r.now)
}

// apply changes something as a host application does, at the time of the test.
func (r *rig) apply(f func(tx *lifecycle.Tx) error) {
	r.Helper()
	r.clock.Set(r.now)
	require.NoError(r, r.ctl.Apply(r.Context(), f))
}

// edit changes a field of the machine.
func (r *rig) edit(f func(m *Machine)) {
	r.Helper()
	r.apply(func(tx *lifecycle.Tx) error {
		m, err := lifecycle.Edit[Machine](tx, m1)
		if err == nil {
			f(m)
		}
		return err
	})
}

// post posts a request through the door that checks it.
func (r *rig) post(n lifecycle.NewRequest) error {
	r.Helper()
	r.clock.Set(r.now)
	_, err := r.ctl.Request(r.Context(), n, m1)
	return err
}

func (r *rig) get() *Machine {
	r.Helper()
	m, err := lifecycle.Get[Machine](r.ctl, m1)
	require.NoError(r, err)
	return m
}

func (r *rig) inState(want State) {
	r.Helper()
	require.Equal(r, want, State(r.get().State()), "outcome: %s", r.reason())
}

func (r *rig) reason() string {
	r.Helper()
	out, err := r.ctl.Outcome(m1)
	require.NoError(r, err)
	return out.Reason
}

// way is every state since the machine was made or seeded.
func (r *rig) way() []State {
	r.Helper()
	rows, err := r.ctl.History(r.Context(), m1)
	require.NoError(r, err)
	out := make([]State, len(rows))
	for i, row := range rows {
		out[i] = State(row.To)
	}
	return out
}

// note is that of the latest row.
func (r *rig) note() string {
	r.Helper()
	rows, err := r.ctl.History(r.Context(), m1)
	require.NoError(r, err)
	return rows[len(rows)-1].Note
}

// request returns a request as the store has it.
func (r *rig) request(id string) backend.Request {
	r.Helper()
	found, err := r.store.Requests(r.Context(), backend.RequestQuery{ID: id, On: m1})
	require.NoError(r, err)
	require.Len(r, found, 1)
	return found[0]
}

// sources are the sources of the machine's alerts.
func (r *rig) sources() []string {
	r.Helper()
	var out []string
	for _, a := range r.get().Alerts {
		out = append(out, a.Source)
	}
	return out
}
