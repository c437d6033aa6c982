package machine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// bringUpWithJobs is a host that is reported, with jobs that need a restart and a second attempt.
func bringUpWithJobs(t *testing.T) *rig {
	t.Helper()
	r := newRig(t).start().report(Discovered{})
	r.hw.scheduled = map[backend.PlatformKind]int{backend.PlatformBIOSProfile: 0, boot: 1, backend.PlatformUEFIPassword: 2}
	return r
}

func TestADeathBetweenAnyTwoCallsLeadsToTheSameEndAndStartsNothingTwice(t *testing.T) {
	t.Parallel()
	calm := bringUpWithJobs(t)
	calm.run(time.Hour)
	require.Equal(t, wayToReady, calm.way())
	require.Greater(t, len(calm.hw.calls), 30)
	for n := 1; n < len(calm.hw.calls); n++ {
		t.Run(fmt.Sprintf("after call %d", n), func(t *testing.T) {
			t.Parallel()
			r := bringUpWithJobs(t)
			r.hw.diesAfter = n
			for r.hw.diesAfter > 0 {
				_, next, err := r.ctl.RunUntilIdle(t.Context(), r.now)
				require.NoError(t, err)
				r.now = next
			}
			r.now = r.now.Add(time.Minute) // until somebody starts it again
			r.start().run(time.Hour)
			assert.Equal(t, wayToReady, r.way())
			begun := slices.Clone(r.hw.order)
			slices.Sort(begun)
			assert.Equal(t, begun, slices.Compact(slices.Clone(begun)), "a key stands for one action")
			assert.ElementsMatch(t, calm.hw.order, begun, "what was begun in a run without a death")
		})
	}
}
