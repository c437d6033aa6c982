package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

func TestAMachineThatIsWokenGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	for state, c := range map[State]struct {
		silent func(hw *hardware)
		event  func(r *rig)
		next   State
	}{
		HostInitWaitingForDiscovery: {
			silent: (*hardware).mute,
			event:  func(r *rig) { r.hw.report.DiscoveredAt = r.now },
			next:   HostInitUefiSetup,
		},
		HostInitDiscovered: {
			silent: (*hardware).mute,
			event:  func(r *rig) { r.hw.report.RebootedAt = r.now },
			next:   Ready,
		},
		ValidationMachineValidating: {
			silent: func(hw *hardware) { hw.tests = polls(backend.JobRunning) },
			event:  func(r *rig) { r.hw.tests = polls(backend.JobCompleted) },
			next:   HostInitDiscovered,
		},
		HostInitSetBootOrder: {
			silent: func(hw *hardware) { hw.jobs[boot] = polls(backend.JobPending, backend.JobRunning) },
			event:  func(r *rig) { r.hw.jobs[boot] = polls(backend.JobCompleted) },
			next:   HostInitMeasuring,
		},
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).machine(state, 0, Machine{RestartedAt: epoch}).start()
			c.silent(r.hw)
			_, next, err := r.ctl.RunUntilIdle(t.Context(), r.now)
			require.NoError(t, err)
			r.inState(state)
			require.True(t, next.After(r.now), "it would look again later")

			r.now = r.now.Add(time.Second)
			c.event(r)
			r.clock.Set(r.now)
			r.ctl.Wake(m1)
			_, _, err = r.ctl.RunUntilIdle(t.Context(), r.now)
			require.NoError(t, err)
			assert.Contains(t, r.way(), c.next)
			assert.Equal(t, r.now, r.get().Since())
		})
	}
}
