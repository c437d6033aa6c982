package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// wayToReady is the bring-up of a host without DPUs.
var wayToReady = []State{
	Created, HostInitWaitingForPlatformConfiguration, HostInitSetBootOrder, HostInitMeasuring, HostInitWaitingForDiscovery, HostInitUefiSetup,
	HostInitWaitingForLockdown, BomValidatingMatchingSku, ValidationRebootHost, ValidationMachineValidating, HostInitDiscovered, Ready,
}

func TestAHostIsBroughtUpFromCreatedToReady(t *testing.T) {
	t.Parallel()
	r := newRig(t).start().report(Discovered{Endpoint: backend.Endpoint{BMCAddress: "10.0.0.1"}, Labels: map[string]string{"slot": "4"}})
	r.run(0)
	assert.Equal(t, wayToReady, r.way())
	assert.Equal(t, []string{
		"SubmitPlatform:IpmiOverLan", "SubmitPlatform:BiosProfile", "SubmitPlatform:BootOrder", "SubmitPlatform:UefiPassword", "SubmitPlatform:LockdownEnable",
		"ResetHost", "ValidateMachine", "ResetHost",
	}, r.hw.changes())
	m := r.get()
	assert.Equal(t, "gb200", m.SKU)
	assert.Equal(t, map[string]string{"slot": "4"}, m.Labels)
	assert.Nil(t, m.Job)
	assert.True(t, m.Available())
}

func TestAHostThatTakesItsTimeIsBroughtUpAllTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t).start().report(Discovered{})
	for _, kind := range []backend.PlatformKind{backend.PlatformBIOSProfile, backend.PlatformBootOrder, backend.PlatformUEFIPassword} {
		r.hw.jobs[kind] = polls(backend.JobPending, backend.JobPending, backend.JobRunning, backend.JobCompleted)
	}
	r.hw.tests = polls(backend.JobPending, backend.JobRunning, backend.JobCompleted)
	r.run(20 * time.Minute)
	assert.Equal(t, wayToReady, r.way())
	assert.Equal(t, 5, r.hw.count("ResetHost"), "one for each job, one into and one out of the tests")
}

func TestWithoutCapabilitiesEveryStateIsPassedWithItsNote(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Driver = backend.Capabilities{}
	r.start().report(Discovered{})
	r.run(0)
	r.inState(Ready)
	rows, err := r.ctl.History(t.Context(), m1)
	require.NoError(t, err)
	notes := map[State]string{}
	for _, row := range rows {
		notes[State(row.From)] = row.Note
	}
	for state, want := range map[State]string{
		HostInitWaitingForPlatformConfiguration: noPlatform, HostInitSetBootOrder: noPlatform, HostInitMeasuring: "no attestation capability: passed",
		HostInitWaitingForDiscovery: noAgent, HostInitUefiSetup: noPlatform, HostInitWaitingForLockdown: noPlatform,
		BomValidatingMatchingSku: noSKU, ValidationRebootHost: noValidator, HostInitDiscovered: "the host was not restarted",
	} {
		assert.Equal(t, want, notes[state], state)
	}
	assert.NotContains(t, r.way(), ValidationMachineValidating)
}

func TestWhatTheHardwareDoesNotSupportIsPassedWithItsNote(t *testing.T) {
	t.Parallel()
	r := newRig(t).start().report(Discovered{})
	for _, call := range []string{"InspectPlatform", "Discover", "MatchSKU", "ValidateMachine", "ResetHost", "SetPower"} {
		r.hw.always[call] = backend.ErrNotSupported
	}
	r.run(0)
	r.inState(Ready)
	assert.Empty(t, r.hw.count("SubmitPlatform:BiosProfile"))
}

func TestASiteWithoutLockdownLeavesTheHostUnlocked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.NoLockdown = true
	r.start().report(Discovered{})
	r.run(0)
	r.inState(Ready)
	assert.False(t, r.hw.applied[backend.PlatformLockdownEnable])
}

func TestLockdownIsTakenOffBeforeThePlatformIsConfigured(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.locked()
	r.start().report(Discovered{})
	r.run(0)
	require.GreaterOrEqual(t, len(r.hw.changes()), 2)
	assert.Equal(t, []string{"SubmitPlatform:LockdownDisable", "SubmitPlatform:IpmiOverLan"}, r.hw.changes()[:2])
}

func TestADiscoveryFromBeforeTheLastRestartDoesNotCount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.report.DiscoveredAt = epoch.Add(-time.Minute)
	r.machine(HostInitWaitingForDiscovery, 0, Machine{RestartedAt: epoch}).start()
	r.run(time.Minute)
	r.inState(HostInitWaitingForDiscovery)
	assert.Contains(t, r.reason(), "older than the last restart")
	r.hw.report.DiscoveredAt = epoch.Add(time.Second)
	r.run(time.Minute)
	assert.Contains(t, r.way(), HostInitUefiSetup)
}

func TestASilentHostIsRestartedThreeTimesAndThenFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.mute()
	r.machine(HostInitWaitingForDiscovery, 0, Machine{}).start()
	r.run(119 * time.Minute)
	r.inState(HostInitWaitingForDiscovery)
	assert.Equal(t, 3, r.hw.count("ResetHost"))
	assert.Len(t, r.hw.order, 3, "every restart has a key of its own")
	r.run(2 * time.Minute)
	r.inState(Failed)
	m := r.get()
	assert.Equal(t, CauseDiscovery, m.Cause)
	assert.Equal(t, HostInitWaitingForDiscovery, m.ReturnTo)
}

func TestAnAlertThatForbidsRestartsLeavesASilentHostAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.mute()
	m := Machine{}
	m.Report("operator", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.StopReboot}})
	r.machine(HostInitWaitingForDiscovery, 0, m).start()
	r.run(5 * time.Hour)
	r.inState(HostInitWaitingForDiscovery)
	assert.Zero(t, r.hw.count("ResetHost"))
	assert.Contains(t, r.reason(), "an alert forbids to restart it")
}

func TestWhatToDoAboutAHostThatIsWaitedFor(t *testing.T) {
	t.Parallel()
	at := epoch.Add
	for name, c := range map[string]struct {
		look hostLook
		want hostNext
	}{
		"a report counts from the last restart on":   {hostLook{seen: at(0), from: at(0), now: at(time.Hour)}, hostUp},
		"any report counts when nothing restarted":   {hostLook{seen: at(-time.Hour), now: at(0)}, hostUp},
		"an older report does not count":             {hostLook{seen: at(-1), from: at(0), waited: time.Minute, now: at(time.Minute)}, hostWait},
		"the interval begins with the state":         {hostLook{waited: 29 * time.Minute, now: at(29 * time.Minute)}, hostWait},
		"it is restarted when the interval is over":  {hostLook{waited: 30 * time.Minute, now: at(30 * time.Minute)}, hostRestart},
		"the interval begins anew with each restart": {hostLook{waited: 59 * time.Minute, restarts: Restarts{Count: 1, After: 30 * time.Minute}, now: at(59 * time.Minute)}, hostWait},
		"time under holds does not count":            {hostLook{waited: 29 * time.Minute, now: at(9 * time.Hour)}, hostWait},
		"a restart inside the state begins it anew":  {hostLook{waited: 30 * time.Minute, from: at(time.Minute), now: at(30 * time.Minute)}, hostWait},
		"it is given up after the last one":          {hostLook{waited: 2 * time.Hour, restarts: Restarts{Count: 3, After: 90 * time.Minute}, now: at(2 * time.Hour)}, hostGivenUp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, c.look.next(3, 30*time.Minute))
		})
	}
}
