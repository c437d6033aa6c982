package tiny_test

import (
	"testing"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/internal/mutate/testdata/tiny"
	"github.com/rackstate/rackstate/lifecycle"
)

// bench is a lamp on a controller.
type bench struct {
	*testing.T
	ctl *lifecycle.Controller
}

func newBench(t *testing.T) bench {
	t.Helper()
	kind, err := tiny.Kind()
	require.NoError(t, err)
	ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{Clock: clock.NewMock()}, kind)
	require.NoError(t, err)
	require.NoError(t, ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		return tx.Create(&tiny.Lamp{Object: lifecycle.NewObject(tiny.Ref("l1"), "r1")}, "", "")
	}))
	return bench{t, ctl}
}

func (b bench) ask(types ...string) {
	b.Helper()
	for _, typ := range types {
		_, err := b.ctl.Request(b.Context(), lifecycle.NewRequest{Type: typ}, tiny.Ref("l1"))
		require.NoError(b, err)
	}
	b.settle()
}

func (b bench) settle() {
	b.Helper()
	for range 5 {
		_, err := b.ctl.Step(b.Context(), tiny.Ref("l1"), b.ctl.Now())
		if err != nil {
			return // it is gone
		}
	}
}

func (b bench) way() []string {
	b.Helper()
	rows, err := b.ctl.History(b.Context(), tiny.Ref("l1"))
	require.NoError(b, err)
	var out []string
	for _, r := range rows {
		out = append(out, r.To)
	}
	return out
}

func (b bench) open() []backend.Request { return b.ctl.OpenRequests(tiny.Ref("l1")) }

func TestTheTableIsSound(t *testing.T) {
	t.Parallel()
	kind, err := tiny.Kind()
	require.NoError(t, err)
	require.NoError(t, lifecycle.Check(kind))
}

func TestALampIsPressedAndReleased(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ask("press")
	assert.Empty(t, b.open())
	b.ask("release")
	assert.Empty(t, b.open())
	assert.Equal(t, []string{"Off", "On", "Off"}, b.way())
}

func TestALampIsSmashedBeforeItIsPressed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ask("press", "smash")
	assert.Equal(t, []string{"Off", "Broken"}, b.way())
	assert.Len(t, b.open(), 1)
	require.NoError(t, b.ctl.Delete(t.Context(), tiny.Ref("l1"), "", false))
	b.settle()
	assert.Equal(t, []string{"Off", "Broken", "Thrown", ""}, b.way())
}
