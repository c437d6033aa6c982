package fake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

func TestPowerChangesAfterItsDelay(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k1", backend.ActionPowerOff, list(m)))
	s.add(4999 * time.Millisecond)
	assert.Equal(t, backend.PowerOn, s.power(t, m))
	s.add(time.Millisecond)
	assert.Equal(t, backend.PowerOff, s.power(t, m))
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k2", backend.ActionPowerOn, list(m)))
	assert.Equal(t, backend.PowerOff, s.power(t, m))
	s.add(5 * time.Second)
	assert.Equal(t, backend.PowerOn, s.power(t, m))
	assert.False(t, s.view(t, m).Up, "the host boots now")
	s.add(4 * time.Minute)
	assert.True(t, s.view(t, m).Up)
}

func TestARestartTakesTheHostDownAndTheAgentReportsAfterIt(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	discover := func() backend.AgentReport {
		report, err := s.can.Agent.Discover(s.ctx, m)
		require.NoError(t, err)
		return report
	}
	assert.Zero(t, discover(), "the first boot has only begun")
	s.add(4 * time.Minute)
	assert.Equal(t, backend.AgentReport{RebootedAt: start().Add(4 * time.Minute)}, discover())
	s.add(26 * time.Minute)
	first := discover()
	assert.Equal(t, start().Add(4*time.Minute+30*time.Second), first.DiscoveredAt)
	assert.Equal(t, "B-192", first.Parts["gpu3"])

	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k1", m))
	assert.Equal(t, backend.PowerOn, s.power(t, m))
	assert.False(t, s.view(t, m).Up)
	s.add(4*time.Minute + 29*time.Second)
	assert.Equal(t, start().Add(34*time.Minute), discover().RebootedAt)
	assert.Equal(t, first.DiscoveredAt, discover().DiscoveredAt, "the agent has not reported since")
	s.add(time.Second)
	assert.Equal(t, start().Add(34*time.Minute+30*time.Second), discover().DiscoveredAt)
}

func TestARestartBeforeTheAgentReportsDelaysTheReport(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k0", m))
	s.add(4*time.Minute + 10*time.Second)
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k1", m))
	s.add(4 * time.Minute)
	report, err := s.can.Agent.Discover(s.ctx, m)
	require.NoError(t, err)
	assert.Zero(t, report.DiscoveredAt)
	assert.Equal(t, start().Add(8*time.Minute+10*time.Second), report.RebootedAt)
}

func TestAControllerIsAwayAfterItsReset(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	require.NoError(t, s.can.Reset.ResetBMC(s.ctx, "k1", m))
	assert.True(t, s.view(t, m).Away)
	_, err := s.can.Inventory.FirmwareInventory(s.ctx, m)
	require.ErrorIs(t, err, backend.ErrNotDone)
	require.ErrorIs(t, s.can.Reset.ResetHost(s.ctx, "k2", m), backend.ErrNotDone)
	_, err = s.can.Agent.Discover(s.ctx, m)
	require.NoError(t, err, "the agent is not the controller")
	s.add(90 * time.Second)
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k2", m))
	assert.Equal(t, 1, s.Started("ResetHost"))
}

func TestAScheduledPlatformJobRunsAtTheNextRestart(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	s.add(time.Hour)
	p := s.can.Platform
	id, err := p.SubmitPlatform(s.ctx, "k1", m, backend.PlatformBIOSProfile)
	require.NoError(t, err)
	state := func() backend.JobState {
		status, err := p.PlatformJob(s.ctx, backend.Job{Device: m.Ref, ID: id})
		require.NoError(t, err)
		return status.State
	}
	s.add(time.Hour)
	assert.Equal(t, backend.JobPending, state())
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k2", m))
	assert.Equal(t, backend.JobRunning, state())
	status, err := p.InspectPlatform(s.ctx, m, backend.PlatformBIOSProfile)
	require.NoError(t, err)
	assert.False(t, status.Applied)
	s.add(2 * time.Minute)
	assert.Equal(t, backend.JobCompleted, state())
	status, err = p.InspectPlatform(s.ctx, m, backend.PlatformBIOSProfile)
	require.NoError(t, err)
	assert.True(t, status.Applied)
	assert.Equal(t, []backend.PlatformKind{backend.PlatformBIOSProfile}, s.view(t, m).Applied)
}

func TestAPowerCycleRunsAScheduledJobToo(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	id, err := s.can.Platform.SubmitPlatform(s.ctx, "k1", m, backend.PlatformBootOrder)
	require.NoError(t, err)
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k2", backend.ActionPowerOff, list(m)))
	s.add(10 * time.Second)
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k3", backend.ActionPowerOn, list(m)))
	s.add(5*time.Second + 2*time.Minute)
	status, err := s.can.Platform.PlatformJob(s.ctx, backend.Job{Device: m.Ref, ID: id})
	require.NoError(t, err)
	assert.Equal(t, backend.JobCompleted, status.State)
}

func TestLockdownNeedsNoJobAndTogglesOneThing(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{}), machine("m1")
	locked := func() [2]bool {
		on, err := s.can.Platform.InspectPlatform(s.ctx, m, backend.PlatformLockdownEnable)
		require.NoError(t, err)
		off, err := s.can.Platform.InspectPlatform(s.ctx, m, backend.PlatformLockdownDisable)
		require.NoError(t, err)
		return [2]bool{on.Applied, off.Applied}
	}
	assert.Equal(t, [2]bool{false, true}, locked())
	for i, kind := range []backend.PlatformKind{backend.PlatformLockdownEnable, backend.PlatformLockdownDisable} {
		id, err := s.can.Platform.SubmitPlatform(s.ctx, string(kind), m, kind)
		require.NoError(t, err)
		assert.Empty(t, id)
		assert.Equal(t, [2]bool{i == 0, i == 1}, locked())
	}
	_, err := s.can.Platform.SubmitPlatform(s.ctx, "k", m, "Overclock")
	require.ErrorIs(t, err, backend.ErrNotSupported)
}

func TestADiskThatWasErasedIsInUseAgainAfterTwoRestarts(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Instant: true}), machine("m1")
	erased := func() bool {
		status, err := s.can.Platform.InspectPlatform(s.ctx, m, backend.PlatformSecureErase)
		require.NoError(t, err)
		return status.Applied
	}
	_, err := s.can.Platform.SubmitPlatform(s.ctx, "k1", m, backend.PlatformSecureErase)
	require.NoError(t, err)
	assert.True(t, erased())
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k2", m))
	assert.True(t, erased(), "the restart that a controller may make to finish the erasure")
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k3", m))
	assert.False(t, erased())
}

func TestMachineTestsBeginWhenTheHostIsUp(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	id, err := s.can.Validation.ValidateMachine(s.ctx, "k1", m)
	require.NoError(t, err)
	state := func() backend.JobState {
		status, err := s.can.Validation.ValidationJob(s.ctx, backend.Job{Device: m.Ref, ID: id})
		require.NoError(t, err)
		return status.State
	}
	s.add(time.Minute)
	assert.Equal(t, backend.JobPending, state())
	s.add(3 * time.Minute)
	assert.Equal(t, backend.JobRunning, state())
	s.add(5 * time.Minute)
	assert.Equal(t, backend.JobCompleted, state())
	require.NoError(t, s.can.Power.SetPower(s.ctx, "off", backend.ActionPowerOff, list(m)))
	s.add(time.Minute)
	_, err = s.can.Validation.ValidateMachine(s.ctx, "k2", m)
	require.ErrorIs(t, err, backend.ErrNotDone)
}

func TestARestartWithoutPowerSwitchesOn(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	require.NoError(t, s.Add(m, fake.Traits{Off: true}))
	assert.Equal(t, backend.PowerOff, s.power(t, m))
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k1", backend.ActionReset, list(m)))
	s.add(5*time.Second + 4*time.Minute)
	assert.True(t, s.view(t, m).Up)
}

func TestTheLatestPowerActionWins(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	s.add(time.Hour)
	for i, action := range []backend.PowerAction{backend.ActionPowerOff, backend.ActionPowerOff, backend.ActionPowerOn} {
		require.NoError(t, s.can.Power.SetPower(s.ctx, string(rune('a'+i)), action, list(m)))
		s.add(time.Second)
	}
	s.add(time.Hour)
	v := s.view(t, m)
	assert.Equal(t, backend.PowerOn, v.Power)
	assert.True(t, v.Up)
	report, err := s.can.Agent.Discover(s.ctx, m)
	require.NoError(t, err)
	assert.Equal(t, start().Add(time.Hour+2*time.Second+5*time.Second+4*time.Minute), report.RebootedAt, "the host lost its power for a moment")
}
