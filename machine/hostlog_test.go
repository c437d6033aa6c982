package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// silentHost is a host that was restarted and does not report, with an event log.
func silentHost(t *testing.T, m Machine) *rig {
	t.Helper()
	r := newRig(t).withEventLog()
	r.hw.mute()
	m.RestartedAt = epoch
	return r.machine(HostInitWaitingForDiscovery, 0, m)
}

func TestARestartThatTheEventLogShowsIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, kind := range []backend.EventKind{backend.EventHostReset, backend.EventPowerOn} {
		r := silentHost(t, Machine{}).start()
		r.hw.log.events = []backend.Event{{At: epoch.Add(time.Second), Kind: kind}}
		r.run(29 * time.Minute)
		assert.Empty(t, r.hw.changes())
		assert.Contains(t, r.reason(), "the event log shows "+string(kind)+" at 2026-01-01T00:00:01Z")
	}
}

func TestARestartThatTheEventLogDoesNotShowIsMadeOnceMore(t *testing.T) {
	t.Parallel()
	r := silentHost(t, Machine{}).start()
	r.run(119 * time.Second)
	assert.Empty(t, r.hw.changes())
	assert.Contains(t, r.reason(), "the event log shows no restart since 2026-01-01T00:00:00Z")
	r.run(20 * time.Minute)
	assert.Equal(t, 1, r.hw.count("ResetHost"))
	assert.Zero(t, r.get().Restarts.Count, "it is no restart of its own")
	r.run(98 * time.Minute)
	r.inState(HostInitWaitingForDiscovery)
	assert.Equal(t, 7, r.hw.count("ResetHost"), "each of the three restarts is repeated once too")
	assert.Len(t, r.hw.order, 7)
	r.run(2 * time.Minute)
	r.inState(Failed)
}

func TestARestartIsRepeatedOnlyWhereThatIsAllowedAndCanBeTold(t *testing.T) {
	t.Parallel()
	forbidden := Machine{}
	forbidden.Report("operator", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	for name, c := range map[string]struct {
		m     Machine
		given func(hw *hardware)
		says  string
	}{
		"an alert forbids it":          {forbidden, func(*hardware) {}, "the event log shows no restart"},
		"the log cannot be read":       {Machine{}, func(hw *hardware) { hw.always["Events"] = errBusy }, "the event log cannot be read: the BMC is busy"},
		"the log is not supported":     {Machine{}, func(hw *hardware) { hw.always["Events"] = backend.ErrNotSupported }, "no report yet"},
		"the host cannot be restarted": {Machine{}, func(hw *hardware) { hw.always["ResetHost"] = errBusy }, "the event log shows no restart"},
		"an older restart proves nothing": {Machine{}, func(hw *hardware) {
			hw.log.events = []backend.Event{{At: epoch.Add(-time.Second), Kind: backend.EventHostReset}}
		}, "the event log shows no restart"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := silentHost(t, c.m).start()
			c.given(r.hw)
			r.run(20 * time.Minute)
			r.inState(HostInitWaitingForDiscovery)
			assert.Contains(t, r.reason(), c.says)
			assert.LessOrEqual(t, r.hw.count("ResetHost"), 1)
		})
	}
}

func TestAHostThatWasNotRestartedIsNotLookedForInTheEventLog(t *testing.T) {
	t.Parallel()
	r := newRig(t).withEventLog()
	r.hw.mute()
	r.machine(HostInitWaitingForDiscovery, 0, Machine{}).start()
	r.run(29 * time.Minute)
	assert.Zero(t, r.hw.count("Events"))
}

func TestADeathBetweenTheRepeatedRestartAndItsRecordMakesNoThirdOne(t *testing.T) {
	t.Parallel()
	calm := silentHost(t, Machine{}).start()
	calm.run(20 * time.Minute)
	for n := 1; n < len(calm.hw.calls); n += 3 {
		r := silentHost(t, Machine{}).start()
		r.hw.diesAfter = n
		r.run(10 * time.Minute)
		r.start().run(10 * time.Minute)
		assert.Equal(t, calm.hw.order, r.hw.order, "after call %d", n)
	}
}
