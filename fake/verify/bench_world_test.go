package verify_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// given is the trigger of the rows with which a scenario, and a stage, begins.
const given = "Given"

// begun is when everything on a stage was given, and noon what time it is there.
var (
	begun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	noon  = begun.Add(12 * time.Hour)
)

// stage is a small world in front of a checker: one rack with a machine, a switch and a power shelf, all Ready.
type stage struct {
	t *testing.T
	*verify.Checker
}

var (
	r1 = rack.Ref("r1")
	m1 = machine.Ref("m1")
	s1 = nvswitch.Ref("s1")
	p1 = powershelf.Ref("p1")
)

func newStage(t *testing.T, opts ...verify.Option) *stage {
	t.Helper()
	s := &stage{t: t, Checker: verify.NewChecker(append(opts, verify.Seeded(given))...)}
	s.put(r1, "Ready", &rack.Rack{ProfileID: "P"})
	s.put(m1, "Ready", &machine.Machine{})
	s.put(s1, "Ready", &nvswitch.Switch{})
	s.put(p1, "Ready", &powershelf.PowerShelf{})
	s.World().SetNow(noon)
	return s
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}

// put makes an object what it is, unseen.
func (s *stage) put(ref backend.Ref, state string, e lifecycle.Entity, asked ...backend.Request) {
	s.t.Helper()
	rackID := "r1"
	if ref.Kind == backend.KindRack {
		rackID = ref.ID
	}
	old, _ := s.World().Record(ref)
	row := &backend.Transition{Ref: ref, Rack: rackID, Seq: old.Transitions + 1, From: old.State, To: state, At: begun, Trigger: given, Initiator: "test"}
	rec := backend.Record{Ref: ref, Rack: rackID, State: state, Since: begun, Transitions: row.Seq, Data: encoded(s.t, e)}
	k := backend.Commit{Writes: []backend.Write{{Record: rec, Expect: old.Version, Transition: row}}}
	for _, q := range asked {
		q.On, q.Rack, q.At = ref, rackID, begun
		k.Post = append(k.Post, q)
	}
	require.Empty(s.t, s.Commit(&k))
	require.Empty(s.t, s.Applied(&k))
}

// wait is a commit that records that an object waits.
func (s *stage) wait(ref backend.Ref) *backend.Commit {
	s.t.Helper()
	rec, ok := s.World().Record(ref)
	require.True(s.t, ok)
	expect := rec.Version
	rec.Data, rec.Outcome = nil, backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for rain", At: noon}
	return &backend.Commit{Writes: []backend.Write{{Record: rec, Expect: expect}}}
}

// edit is a commit that changes what the data of an object say, and nothing else.
func (s *stage) edit(ref backend.Ref, e lifecycle.Entity) *backend.Commit {
	s.t.Helper()
	k := s.wait(ref)
	rec, _ := s.World().Record(ref)
	k.Writes[0].Record.Outcome, k.Writes[0].Record.Data = rec.Outcome, encoded(s.t, e)
	return k
}

// move is a commit that takes an object along its table.
func (s *stage) move(ref backend.Ref, trigger, to string) *backend.Commit {
	s.t.Helper()
	k := s.wait(ref)
	step(&k.Writes[0], trigger, to)
	return k
}

// step makes a write a move.
func step(w *backend.Write, trigger, to string) {
	rec := &w.Record
	w.Transition = &backend.Transition{
		Ref: rec.Ref, Rack: rec.Rack, Seq: rec.Transitions + 1, From: rec.State, To: to, At: noon, Trigger: trigger, Initiator: "controller", Note: "because",
	}
	rec.State, rec.Since, rec.Transitions = to, noon, rec.Transitions+1
	rec.Outcome = backend.Outcome{Kind: backend.OutcomeTransition, Reason: w.Transition.From + " -> " + to, At: noon}
	if to == "" {
		rec.Outcome.Kind = backend.OutcomeDeleted
	}
}

// with takes more writes into a commit.
func with(k *backend.Commit, more ...*backend.Commit) *backend.Commit {
	for _, o := range more {
		k.Writes, k.Post, k.Update = append(k.Writes, o.Writes...), append(k.Post, o.Post...), append(k.Update, o.Update...)
	}
	return k
}

// data replaces what the data of the first write say.
func (s *stage) data(k *backend.Commit, e lifecycle.Entity) *backend.Commit {
	s.t.Helper()
	k.Writes[0].Record.Data = encoded(s.t, e)
	return k
}

// commit has a commit looked at, applied and looked at again.
func (s *stage) commit(k *backend.Commit) []error {
	return append(s.Commit(k), s.Applied(k)...)
}

// call has a call with a key of that object looked at. at is added to its transition count.
func (s *stage) call(actor backend.Ref, at int, name string, on ...backend.Ref) []error {
	rec, _ := s.World().Record(actor)
	return s.Call(verify.Call{Name: name, Key: key(actor, int(rec.Transitions)+at, name), Devices: devicesOf(on)})
}

// request is a request that is pending.
func request(id, typ string) backend.Request {
	return backend.Request{ID: id, Type: typ, State: backend.RequestPending, Initiator: "ann"}
}

// started is a request that has begun.
func started(q backend.Request) backend.Request {
	q.State, q.StartedAt = backend.RequestStarted, begun
	return q
}

// ofCycle is a request that the rack has made in a cycle.
func ofCycle(id, cycle string) backend.Request {
	q := request(id, lifecycle.TypeReprovision)
	q.Initiator, q.Cycle, q.Params = lifecycle.RackInitiator("r1"), cycle, json.RawMessage(`{"await":["firmware"]}`)
	return q
}

// post puts a request into a commit, for the object of the first write.
func post(k *backend.Commit, q backend.Request) *backend.Commit {
	q.On, q.Rack, q.At = k.Writes[0].Record.Ref, k.Writes[0].Record.Rack, noon
	k.Post = append(k.Post, q)
	return k
}

// update changes a request of the object of the first write.
func (s *stage) update(k *backend.Commit, id string, f func(*backend.Request)) *backend.Commit {
	s.t.Helper()
	for _, q := range s.World().Open(k.Writes[0].Record.Ref) {
		if q.ID == id {
			f(&q)
			k.Update = append(k.Update, q)
			return k
		}
	}
	s.t.Fatalf("no request %s", id)
	return nil
}

// end ends a request.
func end(state backend.RequestState) func(*backend.Request) {
	return func(q *backend.Request) { q.State, q.EndedAt, q.Reason = state, noon, "because" }
}

// begin begins a request.
func begin(q *backend.Request) { q.State, q.StartedAt = backend.RequestStarted, noon }

// rulesOf lists the rules that did not hold.
func rulesOf(t *testing.T, found []error) []string {
	t.Helper()
	names := []string{}
	for _, err := range found {
		var broken *verify.Broken
		require.True(t, errors.As(err, &broken), "%v", err)
		names = append(names, broken.Rule)
	}
	return names
}

// entity is what an object is like that has nothing to tell.
func entity(ref backend.Ref) lifecycle.Entity {
	switch ref.Kind {
	case backend.KindRack:
		return &rack.Rack{ProfileID: "P"}
	case backend.KindMachine:
		return &machine.Machine{}
	case backend.KindSwitch:
		return &nvswitch.Switch{}
	default:
		return &powershelf.PowerShelf{}
	}
}

// edited is entity with something in the part that every object has.
func edited(ref backend.Ref, f func(o *lifecycle.Object)) lifecycle.Entity {
	e := entity(ref)
	f(e.Base())
	return e
}

// marked is an object that is marked deleted.
func marked(ref backend.Ref) lifecycle.Entity {
	return edited(ref, func(o *lifecycle.Object) { o.Deletion = &lifecycle.Deletion{At: begun, Initiator: "ann"} })
}

// held is an object under a hold that ends at a time, or never.
func held(ref backend.Ref, until time.Time) lifecycle.Entity {
	return edited(ref, func(o *lifecycle.Object) {
		o.Holds, o.PausedSince = []lifecycle.Hold{{Type: "manual", Owner: "ann", Reason: "to look at it", At: begun, Expires: until}}, begun
	})
}

// inCycle is a rack in a cycle.
func inCycle(id string) *rack.Rack {
	return &rack.Rack{ProfileID: "P", Cycle: &rack.Cycle{ID: id, Scope: rack.FullRack()}}
}
