package service_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
)

// unlucky is a store whose next commit is lost, before or after it was applied.
type unlucky struct {
	backend.Store
	before, after bool
}

var errGone = errors.New("the connection is gone")

func (u *unlucky) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if u.before {
		u.before = false
		return nil, errGone
	}
	out, err := u.Store.Commit(ctx, batch)
	if u.after {
		u.after = false
		return nil, errGone
	}
	return out, err
}

func TestACallWhoseAnswerWasLostIsRepeatedAndMovesOnce(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]service.Move{
		"with a key":     {Initiator: "temporal:W", IdempotencyKey: "k"},
		"with a version": {Initiator: "temporal:W", ExpectVersion: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, applied := range []bool{false, true} {
				u := &unlucky{Store: memory.New()}
				r := newRig(t, u).open(service.Default()).create("n1")
				r.settle()
				u.before, u.after = !applied, applied
				_, err := r.Transition(t.Context(), "n1", "maintenance", m)
				require.ErrorIs(t, err, errGone)
				res, err := r.Transition(t.Context(), "n1", "maintenance", m)
				require.NoError(t, err)
				assert.Equal(t, applied, res.AlreadyApplied)
				assert.Equal(t, []string{"in_service", "maintenance"}, r.way())
			}
		})
	}
}

func TestAnActionWhoseStartWasLostIsStartedAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	u := &unlucky{Store: memory.New()}
	a := &scripted{start: func(service.Run) (service.Progress, error) { return service.Running("", time.Minute), nil }}
	a.check = func(service.Run) (service.Progress, error) { return service.Succeeded(""), nil }
	r := newRig(t, u).with("flash", a).open(parse(t, acting)).create("n1")
	r.move("update", "ann", "")
	u.before = true
	_, _, err := r.RunUntilIdle(t.Context(), r.clock.Now())
	require.ErrorIs(t, err, errGone)
	r.open(parse(t, acting)) // the process was killed there
	r.pass(time.Hour)
	assert.Equal(t, []string{"node/n1#2/flash", "node/n1#2/flash", "node/n1#2/flash"}, a.keys, "started twice, checked once")
	assert.Equal(t, "up", r.node().State())
}

func TestARequestIsPostedOnceHoweverOftenTheCommitIsLost(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		u := &unlucky{Store: memory.New()}
		r := newRig(t, u).withMachines().open(service.DefaultWithReprovision()).report().bound().inReady()
		r.move("maintenance", "ann", "")
		r.settle()
		r.move("firmware_update", "ann", "")
		u.before, u.after = !applied, applied
		_, _, err := r.RunUntilIdle(t.Context(), r.clock.Now())
		require.ErrorIs(t, err, errGone)
		r.open(service.DefaultWithReprovision())
		r.pass(time.Hour)
		assert.Len(t, r.requests(), 1)
		assert.Equal(t, "in_service", r.node().State())
	}
}

// stubborn is an action that cannot be stopped at first.
type stubborn struct {
	scripted
	refusals int
	panics   bool
}

func (a *stubborn) Cancel(ctx context.Context, tx *lifecycle.Tx, run service.Run) error {
	if a.refusals--; a.refusals >= 0 {
		if a.panics {
			panic("boom")
		}
		return assert.AnError
	}
	return a.scripted.Cancel(ctx, tx, run)
}

func TestAnActionThatCannotBeStoppedIsToldAgain(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		a := &stubborn{refusals: 3, panics: panics}
		a.start = func(service.Run) (service.Progress, error) { return service.Running("", 0), nil }
		a.check = a.start
		r := newRig(t, memory.New()).with("flash", a).open(parse(t, acting)).create("n1")
		r.move("update", "ann", "")
		r.settle()
		r.move("down", "ann", "")
		r.settle()
		assert.Contains(t, r.reason(), "cancel action flash")
		r.move("up", "ann", "it may move on")
		r.pass(time.Hour)
		assert.Equal(t, []string{"node/n1#2/flash"}, a.cancelled)
		assert.Empty(t, r.node().Abandoned)
	}
}

func TestANodeInARenamedStateMovesWithoutAServiceToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, oldNames)).create("n1")
	r.move("broken", "ann", "")
	kind, err := service.NewKind(parse(t, renaming), service.Config{})
	require.NoError(t, err)
	ctl, err := lifecycle.NewController(t.Context(), r.store, lifecycle.Config{Clock: r.clock}, kind.Kind)
	require.NoError(t, err)
	_, _, err = ctl.RunUntilIdle(t.Context(), epoch)
	require.NoError(t, err)
	assert.Equal(t, []string{"up", "broken", "repair"}, r.way())
	assert.Equal(t, "broken is called repair in definition new", r.last().Note)
}

func TestARecordThatCannotBeReadIsShownAndRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	store := memory.New()
	r := newRig(t, store).open(service.Default()).create("n1").create("n2")
	rec, err := store.Get(t.Context(), service.Ref("n1"))
	require.NoError(t, err)
	rec.Data = []byte(`{"revision": "many"}`)
	_, err = store.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{{Record: *rec, Expect: rec.Version}}}})
	require.NoError(t, err)
	r.open(service.Default())
	list := r.List(service.Filter{})
	require.Len(t, list, 2)
	assert.Contains(t, list[0].Problem, "cannot be read")
	assert.Equal(t, "in_service", list[0].CurrentState)
	assert.Empty(t, list[1].Problem)
	_, err = r.Get(t.Context(), "n1")
	require.ErrorIs(t, err, backend.ErrCorrupt)
	_, err = r.Transition(t.Context(), "n1", "maintenance", service.Move{Initiator: "ann"})
	require.ErrorIs(t, err, backend.ErrCorrupt)
	_, err = r.SetMetadata(t.Context(), "n1", 0, nil)
	require.ErrorIs(t, err, backend.ErrCorrupt)
	_, err = r.Permitted(t.Context(), "n1", "")
	require.ErrorIs(t, err, backend.ErrCorrupt)
}

func TestTheReprovisionOfANodeStaysWithTheMachineOnWhichItBegan(t *testing.T) {
	t.Parallel()
	seen := []string{}
	a := &scripted{start: func(run service.Run) (service.Progress, error) {
		seen = append(seen, run.Machine)
		return service.Running("", time.Minute), nil
	}}
	a.check = a.start
	r := newRig(t, memory.New()).with("flash", a).open(parse(t, acting)).bound()
	r.move("update", "ann", "")
	r.settle()
	_, err := r.Bind(t.Context(), "n1", "m2", 0)
	require.NoError(t, err)
	r.settle()
	assert.Equal(t, []string{"m1", "m1"}, seen)
}
