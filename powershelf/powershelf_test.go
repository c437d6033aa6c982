package powershelf_test

import (
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/powershelf"
)

func TestSlice(t *testing.T) {
	kind, err := powershelf.New(powershelf.Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	require.NoError(t, lifecycle.Check(kind))
	clk := clock.NewMock()
	ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{Clock: clk}, kind)
	require.NoError(t, err)
	require.NoError(t, ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		return tx.Create(powershelf.NewPowerShelf("p1", "r1", backend.Endpoint{BMCAddress: "x"}), "test", "")
	}))
	_, next, err := ctl.RunUntilIdle(t.Context(), clk.Now())
	require.NoError(t, err)
	h, err := ctl.History(t.Context(), powershelf.Ref("p1"))
	require.NoError(t, err)
	for _, r := range h {
		t.Logf("%+v", r)
	}
	x, err := ctl.Explain(powershelf.Ref("p1"))
	require.NoError(t, err)
	t.Log(x, next)
	t.Log(kind.Mermaid())
	_ = time.Second
}
