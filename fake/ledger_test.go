package fake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

func TestWorkBegunWhileTheSameWorkRunsIsADoubleStart(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	apply := func(key string) {
		_, err := s.can.Firmware.ApplyFirmware(s.ctx, key, backend.FirmwareOrder{Firmware: "fw-2", Force: true}, list(m))
		require.NoError(t, err)
	}
	apply("k1")
	apply("k1")
	s.add(time.Hour)
	apply("k2")
	assert.Empty(t, s.DoubleStarts(), "the first job had ended")
	s.add(time.Minute)
	apply("k3")
	assert.Equal(t, []fake.DoubleStart{{Call: "ApplyFirmware", Device: m.Ref, First: "k2", Second: "k3", At: start().Add(61 * time.Minute)}}, s.DoubleStarts())
	assert.Contains(t, s.DoubleStarts()[0].String(), `key "k3" began while the work of key "k2" was running`)
	assert.Equal(t, 3, s.Started("ApplyFirmware"))
	assert.Equal(t, 0, s.Started("NoSuchCall"))
}

func TestPlatformJobsOfDifferentKindsAreNoDoubleStart(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{}), machine("m1")
	for key, kind := range map[string]backend.PlatformKind{"k1": backend.PlatformBIOSProfile, "k2": backend.PlatformBootOrder} {
		_, err := s.can.Platform.SubmitPlatform(s.ctx, key, m, kind)
		require.NoError(t, err)
	}
	assert.Empty(t, s.DoubleStarts())
	_, err := s.can.Platform.SubmitPlatform(s.ctx, "k3", m, backend.PlatformBIOSProfile)
	require.NoError(t, err)
	assert.Len(t, s.DoubleStarts(), 1)
}

func TestABoundedMemoryForgetsTheOldestKey(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Remember: 3, Instant: true}), machine("m1")
	ids := make([]string, 5)
	for i := range ids {
		got, err := s.can.Firmware.ApplyFirmware(s.ctx, fmt.Sprint("k", i), firmware2, list(m))
		require.NoError(t, err)
		ids[i] = got[m.Ref]
	}
	poll := func(i int) error {
		_, err := s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: m.Ref, ID: ids[i]}})
		return err
	}
	for i := range ids {
		if i < 2 {
			require.ErrorIs(t, poll(i), backend.ErrNoJob)
		} else {
			require.NoError(t, poll(i))
		}
	}
	again, err := s.can.Firmware.ApplyFirmware(s.ctx, "k4", firmware2, list(m))
	require.NoError(t, err)
	assert.Equal(t, ids[4], again[m.Ref])
	assert.Equal(t, 3, s.Started("ApplyFirmware"))
}

// day drives a rack through a day of work and returns the log of its calls and the labels of its validation.
func day(tb testing.TB, s *site, polls bool) []byte {
	tb.Helper()
	devices := rackOf(6, 3, 2)
	all := append(append(append([]backend.Device{}, devices[0]...), devices[1]...), devices[2]...)
	var labels []fake.LabelWrite
	watch := func(d time.Duration) {
		for range 10 {
			s.add(d / 10)
			if polls {
				_, _ = s.can.Power.PowerState(s.ctx, all)
				_, _ = s.can.DPU.DPUs(s.ctx, devices[0][0])
				_, _ = s.can.EventLog.Events(s.ctx, devices[0][1], start())
			}
			writes, err := s.Advance(s.Now())
			require.NoError(tb, err)
			labels = append(labels, writes...)
		}
	}
	require.NoError(tb, s.Add(devices[0][0], fake.Traits{DPUs: 2}))
	_ = s.can.Power.SetPower(s.ctx, "p1", backend.ActionReset, all)
	watch(10 * time.Minute)
	for i, m := range devices[0] {
		key := fmt.Sprint("u", i)
		_, _ = s.upload(key, m, "BIOS")
		_, _ = s.can.Cleanup.StartCleanup(s.ctx, key, m, steps)
		_ = s.can.DPU.ConfigureDPUNetwork(s.ctx, key, m, "n1")
		for _, a := range s.can.Attestors {
			_, _ = a.Attest(s.ctx, key, m)
		}
	}
	watch(time.Minute)
	_ = s.can.Reset.ResetBMC(s.ctx, "b1", devices[0][2])
	_ = s.can.DPU.RestartDPUs(s.ctx, "b1", devices[0][0])
	watch(10 * time.Minute)
	_, _ = s.upload("u2", devices[0][2], "BIOS")
	watch(time.Hour)
	_, _ = s.can.Firmware.ApplyFirmware(s.ctx, "f1", firmware2, all)
	for i, m := range devices[0] {
		_, _ = s.can.Platform.SubmitPlatform(s.ctx, fmt.Sprint("b", i), m, backend.PlatformBIOSProfile)
		watch(time.Minute)
		_ = s.can.Reset.ResetHost(s.ctx, fmt.Sprint("r", i), m)
	}
	watch(time.Hour)
	_ = s.can.Fabric.ConfigureFabricManager(s.ctx, "n1", backend.FabricOrder{Topology: "t", Primary: devices[1][0], Switches: devices[1]})
	_ = s.can.RackTest.StartValidation(s.ctx, "v1", "r1", devices[0])
	watch(2 * time.Hour)
	for _, m := range devices[0] {
		_, _ = s.can.Agent.Discover(s.ctx, m)
	}
	raw, err := json.Marshal(struct {
		Calls  []fake.Call
		Labels []fake.LabelWrite
	}{s.Calls(), labels})
	require.NoError(tb, err)
	return raw
}

const dayFaults = `fail ApplyFirmware p=0.3 class=maybe; lose ResetHost nth=1 on machine/m2; job FirmwareJob p=0.2 fails "checksum"; lie PowerState p=0.1;
	job StartValidation on machine/m3 fails "nccl"; timeout SubmitPlatform p=0.5; omit PowerState p=0.05; break UploadFirmware p=0.3; ignore ResetHost nth=3;
	job StartCleanup p=0.3 what=nvme does nothing; job ConfigureDPUNetwork on machine/m1/dpu1 fails "no route"; job Attest on machine/m2 stays pending; forget on machine/m3`

func TestEqualSeedsGiveEqualLogsByteForByte(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []byte {
		return day(t, newSite(t, fake.Config{Seed: seed, Record: true, Attestation: true, Faults: faults(t, dayFaults)}), true)
	}
	first := run(1)
	assert.Greater(t, len(first), 10_000)
	assert.True(t, bytes.Equal(first, run(1)), "two runs with the same seed differ")
	assert.False(t, bytes.Equal(first, run(2)), "the seed changes nothing")
}

func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	end := func(polls bool) []byte {
		s := newSite(t, fake.Config{Seed: 5, Attestation: true, Delays: fake.Delays{PowerLag: fake.Range{Min: time.Second, Max: time.Minute}}})
		day(t, s, polls)
		raw, err := s.Snapshot()
		require.NoError(t, err)
		return raw
	}
	assert.Equal(t, string(end(true)), string(end(false)))
}

func TestTheLogReadsAsSentences(t *testing.T) {
	t.Parallel()
	s := faulty(t, `fail SetPower on machine/m2 "no"`)
	_ = s.can.Power.SetPower(s.ctx, "k1", backend.ActionPowerOff, list(machine("m1"), machine("m2")))
	_ = s.power(t, machine("m1"))
	var lines []string
	for _, call := range s.Calls() {
		lines = append(lines, call.String())
	}
	assert.Equal(t, []string{
		"2026-01-01T00:00:00Z SetPower machine/m1,machine/m2 key=k1: machine/m2: no",
		"2026-01-01T00:00:00Z PowerState machine/m1",
	}, lines)
}
