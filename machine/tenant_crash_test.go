package machine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// diesAnywhere kills the process after every hardware call, before it can commit what the call led to. The machine must come to the same end, and nothing may be
// begun twice.
func diesAnywhere(t *testing.T, begin func(t *testing.T) *rig, end State) {
	t.Helper()
	calm := begin(t)
	calm.run(time.Hour)
	calm.inState(end)
	require.Greater(t, len(calm.hw.calls), 5)
	for n := 1; n < len(calm.hw.calls); n++ {
		t.Run(fmt.Sprintf("after call %d", n), func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			r.hw.diesAfter = n
			for r.hw.diesAfter > 0 {
				_, next, err := r.ctl.RunUntilIdle(t.Context(), r.now)
				require.NoError(t, err)
				r.now = next
			}
			r.now = r.now.Add(time.Minute) // until somebody starts it again
			r.start().run(time.Hour)
			r.inState(end)
			begun := slices.Clone(r.hw.order)
			slices.Sort(begun)
			assert.Equal(t, begun, slices.Compact(slices.Clone(begun)), "a key stands for one action")
			assert.ElementsMatch(t, calm.hw.order, begun, "what was begun in a run without a death")
		})
	}
}
