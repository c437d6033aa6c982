package nvswitch_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// begin is when every test begins.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// bench is a controller over hand-made hardware, with one rack r1.
type bench struct {
	t     *testing.T
	store backend.Store
	clk   *clock.Mock
	now   time.Time
	hw    *hardware
	creds credentials
	cfg   nvswitch.Config
	ctl   *lifecycle.Controller
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: memory.New(), clk: clock.NewMock(), now: begin, hw: newHardware(), creds: credentials{}}
	b.clk.Set(begin)
	b.cfg = nvswitch.Config{Driver: b.hw.all(), Credentials: b.creds}
	return b
}

// rack puts rack r1 into the store.
func (b *bench) rack(state, cycle string) {
	b.t.Helper()
	b.put(backend.Ref{Kind: backend.KindRack, ID: "r1"}, "r1", state, begin, &testRack{Cycle: cycle})
}

// add puts a switch of r1 into the store: complete, healthy and expected, unless with says otherwise.
func (b *bench) add(id string, state nvswitch.State, age time.Duration, with func(*nvswitch.Switch)) {
	b.t.Helper()
	mac := "02:00:00:00:00:" + strings.Repeat(id[len(id)-1:], 2)
	s := nvswitch.NewSwitch(id, "r1", nvswitch.Discovered{
		Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:0B:01", BMCAddress: "10.0.0.1", NVOSAddress: "10.0.1.1"},
		Expected: true, NVOSMACs: []string{mac}, ExpectedPart: "920-9K36F", FoundPart: "920-9K36F",
	})
	s.ReportSeen(mac)
	b.creds[backend.NVOSCredential(s.Ref())], b.creds[backend.BMCCredential(s.Ref())] = true, true
	if with != nil {
		with(s)
	}
	b.put(s.Ref(), "r1", string(state), begin.Add(-age), s)
}

func (b *bench) put(ref backend.Ref, rack, state string, since time.Time, data any) {
	b.t.Helper()
	raw, err := json.Marshal(data)
	require.NoError(b.t, err)
	row := &backend.Transition{Ref: ref, Rack: rack, Seq: 1, To: state, At: since, Trigger: "Given", Initiator: "test"}
	b.commit(backend.Commit{Writes: []backend.Write{{
		Record:     backend.Record{Ref: ref, Rack: rack, State: state, Since: since, Transitions: 1, Data: raw},
		Transition: row,
	}}})
}

// ask puts requests on switches into the store, as they are.
func (b *bench) ask(requests ...backend.Request) {
	b.t.Helper()
	for _, r := range requests {
		rec, err := b.store.Get(b.t.Context(), r.On)
		require.NoError(b.t, err)
		expect := rec.Version
		rec.Data = nil
		b.commit(backend.Commit{Writes: []backend.Write{{Record: *rec, Expect: expect}}, Post: []backend.Request{r}})
	}
}

func (b *bench) commit(c backend.Commit) {
	b.t.Helper()
	results, err := b.store.Commit(b.t.Context(), []backend.Commit{c})
	require.NoError(b.t, err)
	require.NoError(b.t, results[0])
}

// start makes the controller over what was put into the store, as after a crash.
func (b *bench) start() {
	b.t.Helper()
	kind, err := nvswitch.New(b.cfg)
	require.NoError(b.t, err)
	b.ctl, err = lifecycle.NewController(b.t.Context(), b.store, lifecycle.Config{Clock: b.clk, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}, kind, rackKind(b.t))
	require.NoError(b.t, err)
}

// step reconciles s1 once.
func (b *bench) step() lifecycle.StepResult {
	b.t.Helper()
	res, err := b.ctl.Step(b.t.Context(), nvswitch.Ref("s1"), b.now)
	require.NoError(b.t, err)
	return res
}

// run reconciles what falls due until the given time has passed.
func (b *bench) run(d time.Duration) {
	b.t.Helper()
	end := b.now.Add(d)
	for {
		_, next, err := b.ctl.RunUntilIdle(b.t.Context(), b.now)
		require.NoError(b.t, err)
		if next.IsZero() || next.After(end) {
			break
		}
		b.now = next
	}
	b.advance(end.Sub(b.now))
}

func (b *bench) advance(d time.Duration) {
	b.now = b.now.Add(d)
	b.clk.Set(b.now)
}

// get returns s1, the switch that the tests are about.
func (b *bench) get() *nvswitch.Switch {
	b.t.Helper()
	s, err := lifecycle.Get[nvswitch.Switch](b.ctl, nvswitch.Ref("s1"))
	require.NoError(b.t, err)
	return s
}

// edit changes s1 as the rack or the host does.
func (b *bench) edit(f func(*nvswitch.Switch)) {
	b.t.Helper()
	require.NoError(b.t, b.ctl.Apply(b.t.Context(), func(tx *lifecycle.Tx) error {
		s, err := lifecycle.Edit[nvswitch.Switch](tx, nvswitch.Ref("s1"))
		if err == nil {
			f(s)
		}
		return err
	}))
}

// cycle moves the rack to another maintenance cycle, or out of it.
func (b *bench) cycle(id string) {
	b.t.Helper()
	require.NoError(b.t, b.ctl.Apply(b.t.Context(), func(tx *lifecycle.Tx) error {
		r, err := lifecycle.Edit[testRack](tx, backend.Ref{Kind: backend.KindRack, ID: "r1"})
		if err == nil {
			r.Cycle = id
		}
		return err
	}))
}

// request returns a stored request.
func (b *bench) request(id string) backend.Request {
	b.t.Helper()
	found, err := b.store.Requests(b.t.Context(), backend.RequestQuery{ID: id})
	require.NoError(b.t, err)
	require.Len(b.t, found, 1, id)
	return found[0]
}

// history returns the rows that s1 has got since it was given.
func (b *bench) history() []backend.Transition {
	b.t.Helper()
	rows, err := b.store.History(b.t.Context(), backend.HistoryQuery{Ref: nvswitch.Ref("s1")})
	require.NoError(b.t, err)
	if len(rows) > 0 && rows[0].Trigger == "Given" {
		rows = rows[1:]
	}
	return rows
}

// path returns the states that s1 has come to since it was given.
func (b *bench) path() []nvswitch.State {
	b.t.Helper()
	var path []nvswitch.State
	for _, row := range b.history() {
		path = append(path, nvswitch.State(row.To))
	}
	return path
}

// byRack is a reprovision request of rack r1 on s1.
func byRack(id, cycle string, started bool, await ...lifecycle.Step) backend.Request {
	r := backend.Request{
		ID: id, On: nvswitch.Ref("s1"), Rack: "r1", Type: lifecycle.TypeReprovision, State: backend.RequestPending, Initiator: lifecycle.RackInitiator("r1"),
		Cycle: cycle, At: begin.Add(-10 * time.Minute), Params: encoded(lifecycle.Reprovision{Await: await}),
	}
	if started {
		r.State, r.StartedAt = backend.RequestStarted, r.At
	}
	return r
}

// byAlice is a maintenance request of an operator on s1.
func byAlice(id string, op nvswitch.Operation, started bool) backend.Request {
	r := backend.Request{
		ID: id, On: nvswitch.Ref("s1"), Rack: "r1", Type: lifecycle.TypeMaintenance, State: backend.RequestPending, Initiator: "alice",
		At: begin.Add(-time.Minute), Params: encoded(nvswitch.Maintenance{Operation: op}),
	}
	if started {
		r.State, r.StartedAt = backend.RequestStarted, r.At
	}
	return r
}

func encoded(v any) json.RawMessage {
	raw, _ := json.Marshal(v) // plain structs of strings
	return raw
}

func mentions(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		assert.Contains(t, strings.ToLower(text), strings.ToLower(word))
	}
}
