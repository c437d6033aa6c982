package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// submitting is a handler that hands an action to the hardware under its key, and then moves.
func submitting(keys *[]string) lifecycle.Handler[lamp] {
	return func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		*keys = append(*keys, env.Key("Light", l.Lumen))
		return lifecycle.Fire(switchOn), nil
	}
}

// once runs f at its first call only.
func once(f func() error) func([]backend.Commit) error {
	done := false
	return func([]backend.Commit) error {
		if done {
			return nil
		}
		done = true
		return f()
	}
}

var errDisk = errors.New("disk on fire")

func TestAPassThatLostItsCompareAndSwapIsRepeatedOnTheNewerObjectWithTheSameKey(t *testing.T) {
	t.Parallel()
	var keys []string
	s := newSite(t, lampKind(t, lampHandlers{dark: submitting(&keys)}))
	s.create(newLamp("a"))
	s.store.onCommit(once(func() error {
		s.store.rival(t, lampRef("a"), func(r *backend.Record) { r.Data = []byte(`{"sockets":["E27"]}`) })
		return nil
	}), nil)
	res := s.step(lampRef("a"))
	assert.Equal(t, lifecycle.StepResult{Conflict: true, Next: begin}, res)
	assert.Equal(t, []string{"E27"}, s.lamp("a").Sockets, "the newer object was read")
	assert.Equal(t, "Dark", s.lamp("a").State())
	steps, _ := s.settle()
	assert.Positive(t, steps, "it is due again at once")
	assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef("a")))
	assert.Equal(t, []string{"E27"}, s.lamp("a").Sockets, "and what the other one wrote is still there")
	assert.Equal(t, []string{"lamp/a#1/Light/0", "lamp/a#1/Light/0"}, keys)
	_, conflicts, _ := s.seen.told()
	assert.Equal(t, []backend.Ref{lampRef("a")}, conflicts)
}

func TestTheKeyOfAnActionMovesWithTheTransitionCountAndTheAttempt(t *testing.T) {
	t.Parallel()
	var keys []string
	h := lampHandlers{
		dark: submitting(&keys),
		warming: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
			keys = append(keys, env.Key("Light", l.Lumen))
			if l.Lumen++; l.Lumen == 2 {
				return lifecycle.Fire(warm), nil
			}
			return lifecycle.NothingFor(time.Second), nil
		},
	}
	s := newSite(t, lampKind(t, h))
	s.create(newLamp("a"))
	s.settle()
	s.after(time.Second)
	assert.Equal(t, []string{"lamp/a#1/Light/0", "lamp/a#2/Light/0", "lamp/a#2/Light/1"}, keys)
}

func TestACommitOfUnknownOutcomeIsReadBackBeforeAnythingIsDecided(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		applied bool
		err     error
	}{
		{"it was applied", true, errDisk},
		{"it was not applied", false, errDisk},
		{"the store is sure that it was not applied", false, fmt.Errorf("%w: %w", backend.ErrNotCommitted, errDisk)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var keys []string
			s := newSite(t, lampKind(t, lampHandlers{dark: submitting(&keys)}))
			s.create(newLamp("a"))
			fail := once(func() error { return c.err })
			if c.applied {
				s.store.onCommit(nil, fail)
			} else {
				s.store.onCommit(fail, nil)
			}
			res, err := s.Step(t.Context(), lampRef("a"), begin)
			require.ErrorIs(t, err, errDisk)
			require.ErrorContains(t, err, "step lamp/a")
			assert.Equal(t, errors.Is(c.err, backend.ErrNotCommitted), errors.Is(err, backend.ErrNotCommitted))
			assert.Equal(t, begin.Add(time.Second), res.Next, "the store is not pressed: the next try is after a backoff")
			s.after(time.Second)
			assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef("a")), "one transition, whatever happened")
			if c.applied {
				assert.Equal(t, []string{"lamp/a#1/Light/0"}, keys)
			} else {
				assert.Equal(t, []string{"lamp/a#1/Light/0", "lamp/a#1/Light/0"}, keys, "the driver recognises the repetition")
			}
		})
	}
}

func TestAStoreThatIsDownForAWhileLosesNothing(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{true, false} {
		t.Run(fmt.Sprintf("last commit applied %t", applied), func(t *testing.T) {
			t.Parallel()
			var keys []string
			s := newSite(t, lampKind(t, lampHandlers{dark: submitting(&keys)}))
			s.create(newLamp("a"))
			down := func([]backend.Commit) error { return errDisk }
			s.store.onGet(func(backend.Ref) error { return errDisk })
			if applied {
				s.store.onCommit(nil, down)
			} else {
				s.store.onCommit(down, nil)
			}
			var waits []time.Duration
			for range 4 {
				res, err := s.Step(t.Context(), lampRef("a"), s.clock.Now())
				require.ErrorIs(t, err, errDisk)
				waits = append(waits, res.Next.Sub(s.clock.Now()))
				s.clock.Set(res.Next)
			}
			assert.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, waits)
			s.store.onGet(nil)
			s.store.onCommit(nil, nil)
			s.after(time.Minute)
			assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef("a")))
			for _, k := range keys {
				assert.Equal(t, "lamp/a#1/Light/0", k)
			}
		})
	}
}

func TestAConflictOverAnotherObjectOfTheCommitUndoesAllOfIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, frameKind(t, nil), lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		f, err := lifecycle.Edit[frame](&env.Tx, frameRef())
		if err != nil {
			return lifecycle.Outcome{}, err
		}
		f.Members = append(f.Members, l.ID())
		return lifecycle.Fire(switchOn), nil
	}}))
	s.create(newFrame(), newLamp("a"))
	s.store.onCommit(once(func() error {
		s.store.rival(t, frameRef(), func(r *backend.Record) { r.Data = []byte(`{"members":["other"]}`) })
		return nil
	}), nil)
	assert.True(t, s.step(lampRef("a")).Conflict)
	assert.Equal(t, uint64(1), s.store.record(t, lampRef("a")).Version, "nothing of the lamp was written")
	s.settle()
	f, err := lifecycle.Get[frame](s.Controller, frameRef())
	require.NoError(t, err)
	assert.Equal(t, []string{"other", "a"}, f.Members)
	assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef("a")))
}

func TestAnObjectThatSomebodyElseRemovedIsForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite()))
	s.create(newLamp("a"))
	s.store.rival(t, lampRef("a"), func(r *backend.Record) { r.State = "" })
	assert.True(t, s.step(lampRef("a")).Conflict)
	assert.Zero(t, s.Len())
	_, err := s.Step(t.Context(), lampRef("a"), begin)
	require.ErrorIs(t, err, backend.ErrNotFound)
	_, next := s.settle()
	assert.True(t, next.IsZero(), "nothing is due any more")
}

func TestApplyRunsAgainOnTheNewerObjects(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.store.onCommit(once(func() error {
		s.store.rival(t, lampRef("a"), func(r *backend.Record) { r.Data = []byte(`{"lumen":100}`) })
		return nil
	}), nil)
	runs := 0
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		runs++
		l, err := lifecycle.Edit[lamp](tx, lampRef("a"))
		if err == nil {
			l.Lumen++
		}
		return err
	}))
	assert.Equal(t, 2, runs)
	assert.Equal(t, 101, s.lamp("a").Lumen)
}

func TestAnOlderVersionNeverReplacesANewerOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	s.store.onCommit(nil, once(func() error { // the host's commit is durable, and not yet known to the controller
		assert.True(t, s.step(lampRef("a")).Conflict)
		assert.NotNil(t, s.step(lampRef("a")).Transition)
		return nil
	}))
	s.edit("a", func(l *lamp) { l.Lumen = 100 })
	l := s.lamp("a")
	assert.Equal(t, "Warming", l.State())
	assert.Equal(t, 100, l.Lumen)
	assert.Equal(t, s.store.record(t, lampRef("a")).Version, l.Version())
}

func TestApplyGivesUpWhenItNeverWins(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.store.onCommit(func([]backend.Commit) error {
		s.store.rival(t, lampRef("a"), nil)
		return nil
	}, nil)
	err := s.SetLabels(t.Context(), lampRef("a"), 0, map[string]string{"x": "y"})
	require.ErrorIs(t, err, backend.ErrConflict)
	require.ErrorContains(t, err, "given up after 32 attempts")
	s.store.onCommit(nil, nil)
	assert.Empty(t, s.lamp("a").Labels)
}

func TestApplyReturnsWhatTheStoreSaidAndReadsBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	s.store.onCommit(nil, once(func() error { return errDisk }))
	err := s.SetLabels(t.Context(), lampRef("a"), 0, map[string]string{"x": "y"})
	require.ErrorIs(t, err, errDisk)
	assert.Equal(t, map[string]string{"x": "y"}, s.lamp("a").Labels, "it was applied all the same, and the controller knows")
}

func TestAnErrorOfTheHostsFunctionCommitsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	before := len(s.store.committed())
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		l, err := lifecycle.Edit[lamp](tx, lampRef("a"))
		require.NoError(t, err)
		l.Lumen = 1
		return errShort
	})
	require.ErrorIs(t, err, errShort)
	require.NoError(t, s.Apply(t.Context(), func(*lifecycle.Tx) error { return nil }))
	assert.Len(t, s.store.committed(), before)
	assert.Zero(t, s.lamp("a").Lumen)
}

func TestAnEntityMadeOutsideTheFunctionIsCreatedWholeWhenApplyRepeats(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil), frameKind(t, nil, func(d *frameDefinition) {
		d.OnMember = func(f *frame, m backend.Ref) { f.Members = append(f.Members, m.ID) }
	}))
	s.create(newFrame())
	s.store.onCommit(once(func() error {
		s.store.rival(t, frameRef(), nil)
		return nil
	}), nil)
	s.create(newLamp("a"))
	assert.Equal(t, []string{"Dark"}, s.visited(lampRef("a")))
	assert.Equal(t, uint64(1), s.lamp("a").Version())
	f, err := lifecycle.Get[frame](s.Controller, frameRef())
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, f.Members)
}

func TestAnObjectCreatedByACommitOfUnknownOutcomeIsReconciled(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite()))
	s.store.onCommit(nil, once(func() error { return errDisk }))
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Create(newLamp("a"), "", "") })
	require.ErrorIs(t, err, errDisk)
	s.settle()
	assert.Equal(t, []string{"Dark", "Warming", "Glowing/White"}, s.visited(lampRef("a")))
}

func TestAnObjectThatSomebodyElseCreatedFirstIsTakenUp(t *testing.T) {
	t.Parallel()
	store := newTap()
	s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, toWhite()))
	store.onCommit(once(func() error {
		writeRecord(t, store, backend.Record{Ref: lampRef("a"), Rack: "r", State: "Dark", Data: []byte(`{"lumen":5}`)})
		return nil
	}), nil)
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Create(newLamp("a"), "", "") })
	require.ErrorIs(t, err, backend.ErrExists)
	s.settle()
	assert.Equal(t, []string{"Dark", "Warming", "Glowing/White"}, s.visited(lampRef("a")))
	assert.Equal(t, 5, s.lamp("a").Lumen)
}
