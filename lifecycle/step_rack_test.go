package lifecycle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
)

func TestARackIsSteppedByItselfUntilNothingOfItIsDue(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, lampHandlers{
		dark: always[lamp](lifecycle.Fire(switchOn)),
		warming: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
			if left := time.Minute - l.Elapsed(env.Now()); left > 0 {
				return lifecycle.Wait("warmth", "", left), nil
			}
			return lifecycle.Fire(warm), nil
		},
	})
	a := r.start("")
	lampIn(t, a, "r1")
	other := lampIn(t, a, "r2")
	b := r.start("") // another process, which has not seen what comes
	third := lampIn(t, a, "r3")

	now := r.clock.Now()
	steps, next, err := b.StepRack(t.Context(), "r1", now)
	require.NoError(t, err)
	assert.Equal(t, 2, steps)
	steps, again, err := b.StepRack(t.Context(), "r1", now)
	require.NoError(t, err)
	assert.Zero(t, steps)
	assert.Equal(t, next, again)
	assert.LessOrEqual(t, next.Sub(now), time.Minute)
	for at := next; ; {
		n, then, err := b.StepRack(t.Context(), "r1", at)
		require.NoError(t, err)
		require.LessOrEqual(t, n, 2)
		if l, err := lifecycle.Get[lamp](b, lampRef("lamp-r1")); err == nil && l.State() == string(white) {
			assert.Equal(t, now.Add(time.Minute), l.Since())
			break
		}
		at = then
	}
	l, err := lifecycle.Get[lamp](b, other)
	require.NoError(t, err)
	assert.Equal(t, string(dark), l.State(), "another rack is left alone")

	_, _, err = b.StepRack(t.Context(), "r3", now)
	require.NoError(t, err)
	l, err = lifecycle.Get[lamp](b, third)
	require.NoError(t, err)
	assert.Equal(t, string(warming), l.State(), "what another process has created is read")
	steps, next, err = b.StepRack(t.Context(), "nowhere", now)
	require.NoError(t, err)
	assert.Zero(t, steps)
	assert.Zero(t, next)
}
