package rack

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// watch notes what the controller does, and stops it when its commits are refused for ever or its passes do not come to an end.
type watch struct {
	lifecycle.NoObserver
	ctx       context.Context
	stop      context.CancelFunc
	passes    int
	conflicts int
}

func newWatch(ctx context.Context) *watch {
	w := &watch{}
	w.ctx, w.stop = context.WithCancel(ctx)
	return w
}

func (w *watch) Transitioned(row backend.Transition) { taken.note(row) }

func (w *watch) Passed(backend.Ref, backend.Outcome) {
	if w.passes++; w.passes > 200_000 {
		w.stop()
	}
}

func (w *watch) Conflict(backend.Ref) {
	if w.conflicts++; w.conflicts > 100 {
		w.stop()
	}
}

// frail is a store that can refuse to commit, as when the process is killed between a hardware call and its commit.
type frail struct {
	backend.Store
	refuse bool
}

func (s *frail) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if s.refuse {
		return nil, fmt.Errorf("killed: %w", backend.ErrNotCommitted)
	}
	return s.Store.Commit(ctx, batch)
}

// credentials is a credential store that knows names only.
type credentials map[string]bool

func (c credentials) Credential(_ context.Context, name string) (backend.Credential, error) {
	if !c[name] {
		return backend.Credential{}, fmt.Errorf("credential %s: %w", name, backend.ErrNotFound)
	}
	return backend.Credential{User: "admin", Password: backend.NewSecret("hunter2")}, nil
}

func (c credentials) PutCredential(_ context.Context, name string, _ backend.Credential) error {
	c[name] = true
	return nil
}

func (c credentials) DeleteCredential(_ context.Context, name string) error {
	delete(c, name)
	return nil
}

func (r *rig) get() *Rack {
	r.Helper()
	return r.getRack("r1")
}

func (r *rig) getRack(id string) *Rack {
	r.Helper()
	k, err := lifecycle.Get[Rack](r.controller(), Ref(id))
	require.NoError(r, err)
	return k
}

func (r *rig) m(id string) *machine.Machine {
	r.Helper()
	m, err := lifecycle.Get[machine.Machine](r.controller(), machine.Ref(id))
	require.NoError(r, err)
	return m
}

func (r *rig) s(id string) *nvswitch.Switch {
	r.Helper()
	s, err := lifecycle.Get[nvswitch.Switch](r.controller(), nvswitch.Ref(id))
	require.NoError(r, err)
	return s
}

func (r *rig) p(id string) *powershelf.PowerShelf {
	r.Helper()
	p, err := lifecycle.Get[powershelf.PowerShelf](r.controller(), powershelf.Ref(id))
	require.NoError(r, err)
	return p
}

// inState says where r1 must be; its outcome goes into the failure.
func (r *rig) inState(want State) {
	r.Helper()
	k := r.get()
	require.Equal(r, want, State(k.State()), "cause: %s\noutcome: %s", k.Cause, r.reason())
}

// failedBy says that r1 must be in Error, with these words in its cause.
func (r *rig) failedBy(origin Origin, words ...string) {
	r.Helper()
	r.inState(Error)
	k := r.get()
	assert.Equal(r, origin, k.Origin)
	mentions(r, k.Cause, words...)
}

// waits says that the last pass over r1 must have ended in a wait with these words.
func (r *rig) waits(words ...string) {
	r.Helper()
	out, err := r.controller().Outcome(r1)
	require.NoError(r, err)
	assert.Equal(r, backend.OutcomeWait, out.Kind, out.Reason)
	mentions(r, out.Reason, words...)
}

func (r *rig) reason() string {
	r.Helper()
	out, err := r.controller().Outcome(r1)
	require.NoError(r, err)
	return string(out.Kind) + " " + out.Reason
}

// path is every state that r1 has been in since it was put into the store.
func (r *rig) path() []State {
	r.Helper()
	return statesOf[State](r, r1)
}

func statesOf[S ~string](r *rig, ref backend.Ref) []S {
	r.Helper()
	rows, err := r.store.History(r.Context(), backend.HistoryQuery{Ref: ref})
	require.NoError(r, err)
	out := make([]S, len(rows))
	for i, row := range rows {
		out[i] = S(row.To)
	}
	return out
}

// last is the newest row of r1's history.
func (r *rig) last() backend.Transition {
	r.Helper()
	rows, err := r.store.History(r.Context(), backend.HistoryQuery{Ref: r1})
	require.NoError(r, err)
	return rows[len(rows)-1]
}

// request returns a request as the store has it.
func (r *rig) request(on backend.Ref, id string) backend.Request {
	r.Helper()
	found, err := r.store.Requests(r.Context(), backend.RequestQuery{ID: id, On: on})
	require.NoError(r, err)
	require.Len(r, found, 1, "request %s on %s", id, on)
	return found[0]
}

// asked returns what r1 put on a device, in order.
func (r *rig) asked(on backend.Ref) []backend.Request {
	r.Helper()
	found, err := r.store.Requests(r.Context(), backend.RequestQuery{On: on})
	require.NoError(r, err)
	return slices.DeleteFunc(found, func(q backend.Request) bool { return q.Initiator != lifecycle.RackInitiator("r1") })
}

// awaits returns the steps of the one request that r1 put on a switch.
func (r *rig) awaits(id string) []lifecycle.Step {
	r.Helper()
	found := r.asked(nvswitch.Ref(id))
	require.Len(r, found, 1)
	params, err := lifecycle.Params[lifecycle.Reprovision](&found[0])
	require.NoError(r, err)
	return params.Await
}

// results are those of request q1: "activity device status".
func (r *rig) results(id string) []string {
	r.Helper()
	var out []string
	for _, res := range r.request(r1, id).Results {
		out = append(out, fmt.Sprintf("%s %s %s", res.Activity, res.Target.ID, res.Status))
	}
	slices.Sort(out)
	return out
}

// alerts are those of a device: "source/id". All that racks put there must forbid allocation.
func (r *rig) alerts(ref backend.Ref) []string {
	r.Helper()
	var out []string
	r.controller().Visit(func(o *lifecycle.Object) {
		if o.Ref() != ref {
			return
		}
		for _, a := range o.Alerts {
			assert.True(r, a.Has(lifecycle.PreventAllocations), "alert %s of %s forbids allocation", a.ID, ref)
			out = append(out, a.Source+"/"+a.ID)
		}
	})
	return out
}
