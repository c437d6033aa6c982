package fake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// hosting makes a site with a host m1 that has two DPUs.
func hosting(t *testing.T, text string) (*site, backend.Device) {
	t.Helper()
	s, m := newSite(t, fake.Config{Delays: exact(), DPUFirmware: map[string]string{"NIC": "3.0.0"}, Faults: faults(t, text)}), machine("m1")
	require.NoError(t, s.Add(m, fake.Traits{DPUs: 2}))
	return s, m
}

// units are the reports of the DPUs of m1.
func (s *site) units(t *testing.T) []backend.DPUReport {
	t.Helper()
	reports, err := s.can.DPU.DPUs(s.ctx, machine("m1"))
	require.NoError(t, err)
	return reports
}

func TestDPUsComeUpWithTheirHostAndReportEveryHalfMinute(t *testing.T) {
	t.Parallel()
	s, _ := hosting(t, "")
	stock := map[string]string{"BMC": "1.0.0", "NIC": "1.0.0", "UEFI": "1.0.0"}
	assert.Equal(t, []backend.DPUReport{{ID: "dpu0", Firmware: stock}, {ID: "dpu1", Firmware: stock}}, s.units(t))
	s.add(3*time.Minute + 50*time.Second)
	up, seen := start().Add(3*time.Minute), start().Add(3*time.Minute+50*time.Second)
	assert.Equal(t, backend.DPUReport{ID: "dpu1", UpAt: up, SeenAt: seen, Firmware: stock}, s.units(t)[1])
	assert.Empty(t, newSite(t, fake.Config{}).units(t))
}

func TestARestartOfTheDPUsLeavesTheirHostAlone(t *testing.T) {
	t.Parallel()
	s, m := hosting(t, "")
	s.add(time.Hour)
	require.NoError(t, s.can.DPU.RestartDPUs(s.ctx, "k1", m))
	s.add(time.Minute)
	assert.Equal(t, start().Add(3*time.Minute), s.units(t)[0].UpAt, "it boots still")
	assert.Equal(t, start().Add(time.Hour-10*time.Second), s.units(t)[0].SeenAt)
	assert.True(t, s.view(t, m).Up)
	s.add(2 * time.Minute)
	assert.Equal(t, start().Add(time.Hour+3*time.Minute), s.units(t)[0].UpAt)
	require.NoError(t, s.can.DPU.RestartDPUs(s.ctx, "k1", m))
	assert.Equal(t, start().Add(time.Hour+3*time.Minute), s.units(t)[0].UpAt, "an equal key is one action")
}

func TestDPUsApplyTheirNetworkWhenTheyAreUp(t *testing.T) {
	t.Parallel()
	s, m := hosting(t, `job ConfigureDPUNetwork on machine/m1/dpu1 what=n2 fails "no route"`)
	networks := func() []string { return []string{s.units(t)[0].Network, s.units(t)[1].Network} }
	require.NoError(t, s.can.DPU.ConfigureDPUNetwork(s.ctx, "k1", m, "n1"))
	s.add(3*time.Minute + 14*time.Second)
	assert.Equal(t, []string{"", ""}, networks())
	s.add(time.Second)
	assert.Equal(t, []string{"n1", "n1"}, networks())
	require.NoError(t, s.can.DPU.ConfigureDPUNetwork(s.ctx, "k2", m, "n2"))
	s.add(10 * time.Second)
	require.NoError(t, s.can.DPU.RestartDPUs(s.ctx, "r1", m))
	s.add(3 * time.Minute)
	assert.Equal(t, []string{"n1", "n1"}, networks(), "the restart has delayed it")
	s.add(15 * time.Second)
	assert.Equal(t, []string{"n2", "n1"}, networks())
	assert.Equal(t, "no route", s.units(t)[1].Problem)
	require.NoError(t, s.can.DPU.ConfigureDPUNetwork(s.ctx, "k3", m, "n3"))
	s.add(time.Minute)
	assert.Equal(t, []string{"n3", "n3"}, networks())
	assert.Empty(t, s.units(t)[1].Problem)
}

func TestTheSystemOfTheDPUsBringsFirmwareThatNeedsALossOfPower(t *testing.T) {
	t.Parallel()
	s, m := hosting(t, "")
	s.add(time.Hour)
	id, err := s.can.Platform.SubmitPlatform(s.ctx, "k1", m, backend.PlatformDPUOSInstall)
	require.NoError(t, err)
	s.add(6 * time.Minute)
	status, err := s.can.Platform.PlatformJob(s.ctx, backend.Job{Device: m.Ref, ID: id})
	require.NoError(t, err)
	assert.Equal(t, backend.JobCompleted, status.State)
	s.add(3 * time.Minute)
	assert.Equal(t, start().Add(time.Hour+9*time.Minute), s.units(t)[1].UpAt, "they restart into it")
	assert.Equal(t, "1.0.0", s.units(t)[1].Firmware["NIC"])
	require.NoError(t, s.can.Power.SetPower(s.ctx, "off", backend.ActionPowerOff, list(m)))
	s.add(5 * time.Second)
	require.NoError(t, s.can.Power.SetPower(s.ctx, "on", backend.ActionPowerOn, list(m)))
	s.add(5 * time.Second)
	assert.Equal(t, map[string]string{"BMC": "1.0.0", "NIC": "3.0.0", "UEFI": "1.0.0"}, s.units(t)[1].Firmware)
}

func TestTheKindsOfDPUsSpeakOfAllOfThem(t *testing.T) {
	t.Parallel()
	s, m := hosting(t, `job SubmitPlatform on machine/m1/dpu1 what=DpuOsInstall fails "no space"`)
	id, err := s.can.Platform.SubmitPlatform(s.ctx, "k1", m, backend.PlatformDPUOSInstall)
	require.NoError(t, err)
	s.add(time.Hour)
	status, err := s.can.Platform.PlatformJob(s.ctx, backend.Job{Device: m.Ref, ID: id})
	require.NoError(t, err)
	assert.Equal(t, backend.JobStatus{State: backend.JobFailed, Cause: "no space"}, status)
	found, err := s.can.Platform.InspectPlatform(s.ctx, m, backend.PlatformDPUOSInstall)
	require.NoError(t, err)
	assert.False(t, found.Applied)
	id, err = s.can.Platform.SubmitPlatform(s.ctx, "k2", m, backend.PlatformDPUProfile)
	require.NoError(t, err)
	assert.Empty(t, id)
	for _, kind := range []backend.PlatformKind{backend.PlatformDPUSecureBoot, backend.PlatformDPUOSInstall, backend.PlatformDPUProfile} {
		_, err = s.can.Platform.InspectPlatform(s.ctx, machine("without"), kind)
		require.ErrorIs(t, err, backend.ErrNotSupported)
		_, err = s.can.Platform.SubmitPlatform(s.ctx, "k3", machine("without"), kind)
		require.ErrorIs(t, err, backend.ErrNotSupported)
	}
}

func TestOneDPUCanBeSilent(t *testing.T) {
	t.Parallel()
	s, _ := hosting(t, "silent on machine/m1/dpu1 from 10m for 5m")
	s.add(12 * time.Minute)
	assert.Equal(t, start().Add(11*time.Minute+50*time.Second), s.units(t)[0].SeenAt)
	assert.Equal(t, start().Add(9*time.Minute+50*time.Second), s.units(t)[1].SeenAt)
	s.add(3*time.Minute + 20*time.Second)
	assert.Equal(t, s.units(t)[0].SeenAt, s.units(t)[1].SeenAt)
}
