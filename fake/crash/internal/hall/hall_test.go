package hall

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

func TestARunEndsWithEverythingReadyAndEveryWishFulfilled(t *testing.T) {
	t.Parallel()
	folder, account := t.TempDir(), witness.NewAccount()
	require.NoError(t, Run(t.Context(), folder, Options{Watch: func(store backend.CursorStore) backend.CursorStore {
		return witness.Watch(store, func(e witness.Event) error {
			return account.Told(t.Context(), e)
		})
	}}))
	require.Greater(t, account.Calls(), 200)
	end, err := Look(t.Context(), folder)
	require.NoError(t, err)
	for ref, state := range end.States {
		assert.Equal(t, "Ready", state, ref)
	}
	require.Len(t, end.States, 5)
	for _, w := range wishes() {
		require.Contains(t, end.Requests[w.on.String()], w.req.Type+" by operator: finished", w.req.ID)
	}
	require.Contains(t, end.Paths["rack/R01"], "MaintenanceFailed Error")
	again := t.TempDir()
	require.NoError(t, Run(t.Context(), again, Options{}))
	other, err := Look(t.Context(), again)
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(end, other))
}
