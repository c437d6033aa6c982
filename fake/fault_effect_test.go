package fake_test

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

func faulty(t *testing.T, text string) *site {
	t.Helper()
	return newSite(t, fake.Config{Seed: 3, Delays: exact(), Faults: faults(t, text), Record: true})
}

var firmware2 = backend.FirmwareOrder{Firmware: "fw-2"}

func TestAFailureCarriesItsClassAndText(t *testing.T) {
	t.Parallel()
	for class, want := range map[string]error{
		"": backend.ErrNotDone, "class=notdone": backend.ErrNotDone, "class=maybe": backend.ErrMaybeDone, "class=permanent": backend.ErrPermanent, "class=unsupported": backend.ErrNotSupported,
	} {
		s := faulty(t, `fail ResetHost on machine/m1 nth=1 `+class+` "bad cable"`)
		require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k0", machine("m2")))
		err := s.can.Reset.ResetHost(s.ctx, "k1", machine("m1"))
		require.ErrorIs(t, err, want)
		assert.Equal(t, want, backend.Classify(err))
		assert.Regexp(t, "^machine/m1: .*bad cable$", err.Error())
		assert.Equal(t, 1, s.Started("ResetHost"))
	}
}

func TestAPermanentFailureIsTheAnswerOfItsKeyForEver(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, `fail ApplyFirmware nth=1 class=permanent "bad image" remedy "take another"`), machine("m1")
	for range 2 {
		_, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", firmware2, list(m))
		require.ErrorIs(t, err, backend.ErrPermanent)
		assert.Contains(t, err.Error(), "bad image (remedy: take another)")
	}
	assert.Zero(t, s.Started("ApplyFirmware"))
	_, err := s.can.Firmware.ApplyFirmware(s.ctx, "k2", firmware2, list(m))
	require.NoError(t, err)
}

func TestALostAnswerLeavesTheWorkDone(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, "lose ApplyFirmware nth=1"), machine("m1")
	_, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", firmware2, list(m))
	require.ErrorIs(t, err, backend.ErrMaybeDone)
	s.add(time.Hour)
	assert.Equal(t, "fw-2", s.view(t, m).Firmware["BMC"])
	ids, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", firmware2, list(m))
	require.NoError(t, err)
	jobs, err := s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: m.Ref, ID: ids[m.Ref]}})
	require.NoError(t, err)
	assert.Equal(t, backend.JobCompleted, jobs[m.Ref].State)
	assert.Equal(t, 1, s.Started("ApplyFirmware"))
}

func TestATimeoutLeavesItOpenWhetherTheWorkWasDone(t *testing.T) {
	t.Parallel()
	s, done := faulty(t, "timeout ConfigureShelf nth=1"), 0
	const shelves = 100
	for i := range shelves {
		p := powerShelf(string(rune('a'+i%26)) + string(rune('a'+i/26)))
		err := s.can.Shelf.ConfigureShelf(s.ctx, "k1", p)
		require.ErrorIs(t, err, backend.ErrMaybeDone)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		if s.view(t, p).Configured {
			done++
		}
		require.NoError(t, s.can.Shelf.ConfigureShelf(s.ctx, "k1", p))
		assert.True(t, s.view(t, p).Configured)
	}
	assert.Greater(t, done, shelves/4)
	assert.Less(t, done, shelves*3/4)
	assert.Equal(t, map[string]int{"ConfigureShelf power_shelf/aa k1": 1}, only(s.StartedByKey(), "ConfigureShelf power_shelf/aa k1"))
}

func only(all map[string]int, key string) map[string]int { return map[string]int{key: all[key]} }

func TestAHangingCallReturnsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := faulty(t, "hang Discover on machine/m1; hang SetPower on machine/m1")
		for _, call := range []func(ctx context.Context) error{
			func(ctx context.Context) error { _, err := s.can.Agent.Discover(ctx, machine("m1")); return err },
			func(ctx context.Context) error {
				return s.can.Power.SetPower(ctx, "k1", backend.ActionPowerOff, list(machine("m2"), machine("m1")))
			},
		} {
			ctx, cancel := context.WithCancel(s.ctx)
			ended := make(chan error, 1)
			go func() { ended <- call(ctx) }()
			synctest.Wait()
			assert.Empty(t, ended, "it has not returned")
			cancel()
			err := <-ended
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, backend.ErrMaybeDone)
		}
		s.add(time.Minute)
		assert.Equal(t, backend.PowerOff, s.view(t, machine("m2")).Power, "the other device got the order")
	})
}

func TestAPanicOfTheDriverIsAPanic(t *testing.T) {
	t.Parallel()
	s := faulty(t, `panic ResetHost nth=1 "nil map"; panic Placement nth=1`)
	assert.PanicsWithValue(t, "nil map", func() { _ = s.can.Reset.ResetHost(s.ctx, "k1", machine("m1")) })
	assert.Panics(t, func() { _, _ = s.can.Inventory.Placement(s.ctx, list(nvswitch("s1"))) })
	assert.Zero(t, s.Started("ResetHost"))
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k1", machine("m1")), "nothing stays locked")
	_, err := s.can.Inventory.Placement(s.ctx, list(nvswitch("s1")))
	require.NoError(t, err)
}

func TestALieShowsWrongPowerForAWhile(t *testing.T) {
	t.Parallel()
	s := faulty(t, "lie PowerState on switch/* for 90s; lie PowerState on machine/m1 as on")
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k1", backend.ActionPowerOff, list(machine("m1"))))
	assert.Equal(t, backend.PowerOff, s.power(t, nvswitch("s1")))
	assert.Equal(t, backend.PowerOn, s.view(t, nvswitch("s1")).Power)
	s.add(90 * time.Second)
	assert.Equal(t, backend.PowerOn, s.power(t, nvswitch("s1")))
	assert.Equal(t, backend.PowerOn, s.power(t, machine("m1")))
	assert.Equal(t, backend.PowerOff, s.view(t, machine("m1")).Power)
}

func TestAFaultOnSomeDevicesFailsABatchInPart(t *testing.T) {
	t.Parallel()
	s := faulty(t, `fail ApplyFirmware on machine/m1 class=permanent "bad image"; omit ApplyFirmware on machine/m2; lose ApplyFirmware on machine/m3`)
	m := list(machine("m1"), machine("m2"), machine("m3"), machine("m4"))
	ids, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", firmware2, m)
	failed, rest := backend.SplitDeviceErrors(err)
	require.NoError(t, rest)
	require.Len(t, failed, 2)
	require.ErrorIs(t, failed[m[0].Ref], backend.ErrPermanent)
	require.ErrorIs(t, failed[m[2].Ref], backend.ErrMaybeDone)
	assert.Len(t, ids, 1)
	assert.NotEmpty(t, ids[m[3].Ref])
	assert.Equal(t, 1, s.Started("ApplyFirmware"), "the batch is one action")
	assert.Len(t, s.StartedByKey(), 2, "on m3 and m4")
}

func TestASpoiledJobEndsAsTheFaultSays(t *testing.T) {
	t.Parallel()
	s := faulty(t, `job FirmwareJob on machine/m1 fails "checksum"; job ApplyFirmware on machine/m2 never ends; job FirmwareJob on machine/m3 stays pending`)
	m := list(machine("m1"), machine("m2"), machine("m3"))
	ids, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", firmware2, m)
	require.NoError(t, err)
	s.add(1000 * time.Hour)
	var jobs []backend.Job
	for _, dev := range m {
		jobs = append(jobs, backend.Job{Device: dev.Ref, ID: ids[dev.Ref]})
	}
	found, err := s.can.Firmware.FirmwareJob(s.ctx, jobs)
	require.NoError(t, err)
	assert.Equal(t, backend.Jobs{
		m[0].Ref: {State: backend.JobFailed, Cause: "checksum"}, m[1].Ref: {State: backend.JobRunning}, m[2].Ref: {State: backend.JobPending},
	}, found)
	assert.Equal(t, "1.0.0", s.view(t, m[0]).Firmware["BMC"])
}

func TestAFabricFaultShowsInTheReport(t *testing.T) {
	t.Parallel()
	s := faulty(t, `job ConfigureFabricManager on switch/s2 fails "link down"; job ConfigureFabricManager on switch/s1 never ends`)
	switches := list(nvswitch("s1"), nvswitch("s2"))
	require.NoError(t, s.can.Fabric.ConfigureFabricManager(s.ctx, "k1", backend.FabricOrder{Primary: switches[0], Switches: switches}))
	s.add(time.Hour)
	reports, err := s.can.Fabric.FabricStatus(s.ctx, switches)
	require.NoError(t, err)
	assert.Equal(t, backend.FabricReport{State: backend.FabricNotOK, Reason: "starting"}, reports[switches[0].Ref])
	assert.Equal(t, backend.FabricReport{State: backend.FabricNotOK, Error: "link down"}, reports[switches[1].Ref])
}

func TestAwayAndSilentHoldInTheirWindow(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, "away on machine/m1 from 10m for 2m; silent on machine/m1 for 1h"), machine("m1")
	assert.Equal(t, backend.PowerOn, s.power(t, m))
	s.add(10 * time.Minute)
	_, err := s.can.Power.PowerState(s.ctx, list(m))
	require.ErrorIs(t, err, backend.ErrNotDone)
	s.add(2 * time.Minute)
	assert.Equal(t, backend.PowerOn, s.power(t, m))
	report, err := s.can.Agent.Discover(s.ctx, m)
	require.NoError(t, err)
	assert.Equal(t, start().Add(4*time.Minute), report.RebootedAt)
	assert.Zero(t, report.DiscoveredAt)
	s.add(time.Hour)
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k1", m))
	s.add(time.Hour)
	report, err = s.can.Agent.Discover(s.ctx, m)
	require.NoError(t, err)
	assert.False(t, report.DiscoveredAt.IsZero())
}

func TestCallsAreCountedForEachDevice(t *testing.T) {
	t.Parallel()
	s := faulty(t, "fail Discover nth=2 count=2")
	var got []string
	for range 5 {
		for _, id := range []string{"m1", "m2"} {
			_, err := s.can.Agent.Discover(s.ctx, machine(id))
			got = append(got, map[bool]string{true: "ok", false: "fails"}[err == nil])
		}
	}
	assert.Equal(t, []string{"ok", "ok", "fails", "fails", "fails", "fails", "ok", "ok", "ok", "ok"}, got)
}

func TestAFaultMatchesWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, "fail SetPower what=PowerOff; fail SubmitPlatform on *ch*/m* what=BootOrder"), machine("m1")
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k1", backend.ActionPowerOn, list(m)))
	require.Error(t, s.can.Power.SetPower(s.ctx, "k2", backend.ActionPowerOff, list(m)))
	_, err := s.can.Platform.SubmitPlatform(s.ctx, "k3", m, backend.PlatformBootOrder)
	require.Error(t, err)
	_, err = s.can.Platform.SubmitPlatform(s.ctx, "k4", m, backend.PlatformBIOSProfile)
	require.NoError(t, err)
}

func TestAProbabilityStrikesBySeed(t *testing.T) {
	t.Parallel()
	strikes := func(seed uint64) (pattern []bool) {
		s := newSite(t, fake.Config{Seed: seed, Faults: faults(t, "fail Discover p=0.3")})
		for range 400 {
			_, err := s.can.Agent.Discover(s.ctx, machine("m1"))
			pattern = append(pattern, err != nil)
		}
		return pattern
	}
	one := strikes(1)
	n := 0
	for _, struck := range one {
		if struck {
			n++
		}
	}
	assert.InDelta(t, 120, n, 40)
	assert.Equal(t, one, strikes(1))
	assert.NotEqual(t, one, strikes(2))
}

func TestFaultsComeAndGo(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, ""), machine("m1")
	s.add(time.Hour)
	require.NoError(t, s.Inject(faults(t, "away on machine/m1 for 1m")...))
	_, err := s.can.Power.PowerState(s.ctx, list(m))
	require.ErrorIs(t, err, backend.ErrNotDone, "the window counts from Inject")
	require.NoError(t, s.ClearFaults())
	assert.Equal(t, backend.PowerOn, s.power(t, m))
}
