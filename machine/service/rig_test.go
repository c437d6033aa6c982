package service_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/machine/service"
)

// epoch is when the example of the design page happened.
var epoch = time.Date(2025, 6, 18, 16, 44, 0, 0, time.UTC)

const day = 24 * time.Hour

// rig is a Service with time in the hands of the test.
type rig struct {
	*testing.T
	*service.Service
	store   backend.Store
	clock   *clock.Mock
	actions map[string]service.Action
	kinds   []*lifecycle.Kind
}

// stores are the stores that a test of more than one runs against.
func stores(t *testing.T, run func(t *testing.T, store backend.Store)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		run(t, memory.New())
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "nodes.db"), sqlite.Config{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		run(t, s)
	})
}

func newRig(t *testing.T, store backend.Store) *rig {
	t.Helper()
	r := &rig{T: t, store: store, clock: clock.NewMock(), actions: map[string]service.Action{}}
	r.clock.Set(epoch)
	return r
}

// open makes the Service; what was in memory before is lost.
func (r *rig) open(d *service.Definition) *rig {
	r.Helper()
	require.NoError(r, r.tryOpen(d))
	return r
}

func (r *rig) tryOpen(d *service.Definition) error {
	r.Helper()
	engine := lifecycle.Config{Clock: r.clock, Logger: slog.New(slog.DiscardHandler), Resync: 100 * day} // what must be noticed is noticed at once
	svc, err := service.Open(r.Context(), r.store, d, service.Config{Actions: r.actions}, engine, r.kinds...)
	if err == nil {
		r.Service = svc
	}
	return err
}

// parse loads a definition that has no problem.
func parse(t *testing.T, text string) *service.Definition {
	t.Helper()
	d, err := service.Parse([]byte(text), "test.yaml")
	require.NoError(t, err)
	return d
}

// load loads a definition of testdata without a warning.
func load(t *testing.T, name string) *service.Definition {
	t.Helper()
	d, err := service.LoadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	require.Empty(t, d.Warnings())
	return d
}

func (r *rig) create(id string) *rig {
	r.Helper()
	_, err := r.Create(r.Context(), service.NewNode{ID: id, Initiator: "ann"})
	require.NoError(r, err)
	return r
}

// move moves node n1 and returns where it is.
func (r *rig) move(to, initiator, note string) service.Result {
	r.Helper()
	res, err := r.Transition(r.Context(), "n1", to, service.Move{Initiator: initiator, Note: note})
	require.NoError(r, err)
	return res
}

// refused tries a move of node n1 that must not be allowed.
func (r *rig) refused(to string, m service.Move, why ...error) {
	r.Helper()
	_ = r.refusal(to, m, why...)
}

func (r *rig) refusal(to string, m service.Move, why ...error) *service.RefusedError {
	r.Helper()
	before := r.rows()
	_, err := r.Transition(r.Context(), "n1", to, m)
	var e *service.RefusedError
	require.ErrorAs(r, err, &e)
	for _, want := range why {
		require.ErrorIs(r, err, want)
	}
	require.Len(r, e.Why, len(why), "%v", err)
	require.Equal(r, before, r.rows(), "nothing is written")
	return e
}

// rows are the history of n1.
func (r *rig) rows() []backend.Transition {
	r.Helper()
	rows, err := r.Controller().History(r.Context(), service.Ref("n1"))
	require.NoError(r, err)
	return rows
}

// way is every state of n1 since it was made.
func (r *rig) way() []string {
	r.Helper()
	var out []string
	for _, row := range r.rows() {
		out = append(out, row.To)
	}
	return out
}

func (r *rig) last() backend.Transition {
	r.Helper()
	rows := r.rows()
	return rows[len(rows)-1]
}

func (r *rig) node() *service.Node {
	r.Helper()
	n, err := lifecycle.Get[service.Node](r.Controller(), service.Ref("n1"))
	require.NoError(r, err)
	return n
}

func (r *rig) doc() *service.Document {
	r.Helper()
	d, err := r.Get(r.Context(), "n1")
	require.NoError(r, err)
	return d
}

func (r *rig) reason() string {
	r.Helper()
	out, err := r.Controller().Outcome(service.Ref("n1"))
	require.NoError(r, err)
	return out.Reason
}

// settle reconciles what is due now.
func (r *rig) settle() time.Time {
	r.Helper()
	_, next, err := r.RunUntilIdle(r.Context(), r.clock.Now())
	require.NoError(r, err)
	return next
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	r.Helper()
	for end := r.clock.Now().Add(d); ; {
		next := r.settle()
		if next.IsZero() || next.After(end) {
			r.clock.Set(end)
			r.settle()
			return
		}
		r.clock.Set(next)
	}
}

// setLabel edits the metadata of n1 past the Service, as a generic API does.
func (r *rig) setLabel(key, value string) {
	r.Helper()
	require.NoError(r, r.Controller().SetLabels(r.Context(), service.Ref("n1"), 0, map[string]string{key: value}))
}

// scripted is an action that does what the test says.
type scripted struct {
	start, check func(run service.Run) (service.Progress, error)
	cancelled    []string
	keys         []string
}

func (a *scripted) Start(_ context.Context, _ *lifecycle.Tx, run service.Run) (service.Progress, error) {
	a.keys = append(a.keys, run.Key)
	return a.start(run)
}

func (a *scripted) Check(_ context.Context, _ *lifecycle.Tx, run service.Run) (service.Progress, error) {
	a.keys = append(a.keys, run.Key)
	return a.check(run)
}

func (a *scripted) Cancel(_ context.Context, _ *lifecycle.Tx, run service.Run) error {
	a.cancelled = append(a.cancelled, run.Key)
	return nil
}

// withMachines adds the real kind of machines, on hardware without any capability: a state is passed where a driver would be needed.
func (r *rig) withMachines() *rig {
	r.Helper()
	kind, err := machine.New(machine.Config{Driver: backend.Capabilities{}})
	require.NoError(r, err)
	r.kinds = append(r.kinds, kind)
	return r
}

// with registers an action that does its work at once.
func (r *rig) with(name string, a service.Action) *rig {
	r.actions[name] = a
	return r
}

// instant is an action that has succeeded before it has begun.
func instant() *scripted {
	return &scripted{start: func(service.Run) (service.Progress, error) { return service.Succeeded(""), nil }}
}
