package fake_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// upload makes the call for an image of a component.
func (s *site) upload(key string, m backend.Device, component string) (backend.UploadStatus, error) {
	return s.can.Upload.UploadFirmware(s.ctx, key, m, backend.Artifact{Component: component, Version: "2.0.0", Number: 1, Of: 1})
}

// uploaded sends an image and returns its task.
func (s *site) uploaded(t *testing.T, key string, m backend.Device, component string) string {
	t.Helper()
	for range 100 {
		status, err := s.upload(key, m, component)
		require.NoError(t, err)
		if status.Task != "" {
			return status.Task
		}
		s.add(time.Minute)
	}
	t.Fatalf("the upload %s does not end", key)
	return ""
}

// task is where a firmware task stands.
func (s *site) task(t *testing.T, m backend.Device, id string) backend.JobStatus {
	t.Helper()
	status, err := s.can.Upload.FirmwareTask(s.ctx, backend.Job{Device: m.Ref, ID: id})
	require.NoError(t, err)
	return status
}

func TestAnUploadGoesOnByTimeAndEndsAsATask(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	first, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	assert.Equal(t, backend.UploadStatus{Size: 128 << 20}, first)
	s.add(3 * time.Minute)
	half, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	assert.Equal(t, backend.UploadStatus{Sent: 64 << 20, Size: 128 << 20}, half)
	s.add(3 * time.Minute)
	whole, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	assert.Equal(t, backend.UploadStatus{Task: whole.Task, Sent: 128 << 20, Size: 128 << 20}, whole)
	assert.Equal(t, backend.JobPending, s.task(t, m, whole.Task).State)
	s.add(2 * time.Second)
	assert.Equal(t, backend.JobRunning, s.task(t, m, whole.Task).State)
	s.add(15 * time.Minute)
	assert.Equal(t, backend.JobCompleted, s.task(t, m, whole.Task).State)
	assert.Equal(t, 1, s.Started("UploadFirmware"))
}

func TestAnImageThatIsNotThereYetHasNoTask(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	_, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	_, err = s.can.Upload.FirmwareTask(s.ctx, backend.Job{Device: m.Ref, ID: "task-m1-1"})
	require.ErrorIs(t, err, backend.ErrNoJob)
}

func TestAControllerTakesInOneImageAtATime(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	_, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	_, err = s.upload("k2", m, "CPLD")
	require.ErrorIs(t, err, backend.ErrNotDone)
	assert.Contains(t, err.Error(), "busy")
	s.uploaded(t, "k1", m, "BIOS")
	_, err = s.upload("k2", m, "CPLD")
	require.ErrorIs(t, err, backend.ErrNotDone, "the task runs still")
	s.add(20 * time.Minute)
	_, err = s.upload("k2", m, "CPLD")
	require.NoError(t, err)
	assert.Empty(t, s.DoubleStarts())
	_, err = s.upload("k3", machine("m2"), "CPLD")
	require.NoError(t, err, "another controller is not busy")
}

func TestAVersionRunsAfterTheResetThatItsComponentNeeds(t *testing.T) {
	t.Parallel()
	restart := func(s *site, m backend.Device) error { return s.can.Reset.ResetHost(s.ctx, "reset", m) }
	bmc := func(s *site, m backend.Device) error { return s.can.Reset.ResetBMC(s.ctx, "reset", m) }
	power := func(off time.Duration) func(s *site, m backend.Device) error {
		return func(s *site, m backend.Device) error {
			if err := s.can.Power.SetPower(s.ctx, "off", backend.ActionPowerOff, list(m)); err != nil {
				return err
			}
			s.add(5*time.Second + off)
			return s.can.Power.SetPower(s.ctx, "on", backend.ActionPowerOn, list(m))
		}
	}
	for _, tc := range []struct {
		name, component string
		by              fake.Activation
		reset           func(*site, backend.Device) error
		runs            bool
	}{
		{"BIOS by a restart", "BIOS", "", restart, true},
		{"BIOS not by the controller", "BIOS", "", bmc, false},
		{"BMC by the controller", "BMC", "", bmc, true},
		{"BMC not by a restart", "BMC", "", restart, false},
		{"CPLD by a drain", "CPLD", "", power(5 * time.Second), true},
		{"CPLD not by a short loss of power", "CPLD", "", power(time.Second), false},
		{"CPLD not by a restart", "CPLD", "", restart, false},
		{"as its device says", "BIOS", fake.ActivateByDrain, restart, false},
		{"at once", "BIOS", fake.ActivateAtOnce, func(*site, backend.Device) error { return nil }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
			require.NoError(t, s.Add(m, fake.Traits{Activations: map[string]fake.Activation{tc.component: tc.by}}))
			id := s.uploaded(t, "k1", m, tc.component)
			s.add(20 * time.Minute)
			require.Equal(t, backend.JobCompleted, s.task(t, m, id).State)
			if tc.by != fake.ActivateAtOnce {
				require.Equal(t, "1.0.0", s.view(t, m).Firmware[tc.component])
				require.Equal(t, map[string]string{tc.component: "2.0.0"}, s.view(t, m).Staged)
			}
			require.NoError(t, tc.reset(s, m))
			s.add(10 * time.Minute)
			assert.Equal(t, tc.runs, s.view(t, m).Firmware[tc.component] == "2.0.0")
			assert.Equal(t, tc.runs, len(s.view(t, m).Staged) == 0)
		})
	}
}

func TestAVersionOfSeveralImagesNeedsThemAll(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Instant: true}), machine("m1")
	for n := 1; n <= 3; n++ {
		_, err := s.can.Upload.UploadFirmware(s.ctx, fmt.Sprint("k", n), m, backend.Artifact{Component: "BIOS", Version: "2.0.0", Number: n, Of: 3})
		require.NoError(t, err)
		assert.Equal(t, n == 3, s.view(t, m).Staged["BIOS"] == "2.0.0", "after image %d", n)
	}
	_, err := s.can.Upload.UploadFirmware(s.ctx, "k4", m, backend.Artifact{Component: "BIOS", Version: "2.0.0", Number: 4, Of: 3})
	require.ErrorIs(t, err, backend.ErrPermanent)
}

func TestAResetOfTheControllerBreaksAnUploadOffUntilItIsCalledAgain(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	_, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	s.add(3 * time.Minute)
	require.NoError(t, s.can.Reset.ResetBMC(s.ctx, "r1", m))
	_, err = s.upload("k1", m, "BIOS")
	require.ErrorIs(t, err, backend.ErrNotDone, "it is away")
	s.add(time.Hour)
	again, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	assert.Equal(t, int64(64<<20), again.Sent, "nobody went on with it for an hour")
	s.add(3 * time.Minute)
	whole, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	assert.NotEmpty(t, whole.Task)
	assert.Equal(t, 1, s.Started("UploadFirmware"))
}

func TestAnUploadThatAnotherOneReplacedBeginsAnew(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact(), Faults: faults(t, "break UploadFirmware nth=1")}), machine("m1")
	_, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	s.add(time.Hour)
	s.uploaded(t, "k2", m, "CPLD")
	_, err = s.upload("k1", m, "BIOS")
	require.ErrorIs(t, err, backend.ErrNotDone)
	s.add(time.Hour)
	again, err := s.upload("k1", m, "BIOS")
	require.NoError(t, err)
	assert.Zero(t, again.Sent)
	assert.Empty(t, s.DoubleStarts())
}

func TestAResetOfTheControllerInterruptsItsTask(t *testing.T) {
	t.Parallel()
	for _, forgets := range []bool{false, true} {
		s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
		if forgets {
			require.NoError(t, s.Inject(faults(t, "forget on machine/m1")...))
		}
		id := s.uploaded(t, "k1", m, "BIOS")
		s.add(time.Minute)
		require.NoError(t, s.can.Reset.ResetBMC(s.ctx, "r1", m))
		s.add(2 * time.Minute)
		status, err := s.can.Upload.FirmwareTask(s.ctx, backend.Job{Device: m.Ref, ID: id})
		if forgets {
			require.ErrorIs(t, err, backend.ErrNoJob)
			again, err := s.upload("k1", m, "BIOS")
			require.NoError(t, err)
			assert.Equal(t, id, again.Task, "the answer to the key stays")
		} else {
			require.NoError(t, err)
			assert.Equal(t, backend.JobFailed, status.State)
			assert.Contains(t, status.Cause, "interrupted")
		}
		s.add(time.Hour)
		require.NoError(t, s.can.Reset.ResetHost(s.ctx, "r2", m))
		s.add(time.Hour)
		assert.Equal(t, "1.0.0", s.view(t, m).Firmware["BIOS"])
	}
}

func TestAnUploadIsBrokenOffWhenItsProcessEnds(t *testing.T) {
	t.Parallel()
	path, clk := filepath.Join(t.TempDir(), "journal"), &handClock{now: start()}
	config := fake.Config{Delays: exact()}
	first, m := journaled(t, path, clk, config), machine("m1")
	_, err := first.upload("k1", m, "BIOS")
	require.NoError(t, err)
	clk.add(3 * time.Minute)
	_, err = first.upload("k1", m, "BIOS")
	require.NoError(t, err)
	clk.add(time.Hour)
	second := journaled(t, path, clk, config)
	again, err := second.upload("k1", m, "BIOS")
	require.NoError(t, err)
	assert.Equal(t, backend.UploadStatus{Sent: 64 << 20, Size: 128 << 20}, again, "it had got so far at the last sign of life")
	clk.add(3 * time.Minute)
	third := journaled(t, path, clk, config)
	assert.Equal(t, snapshotOf(t, third), snapshotOf(t, journaled(t, path, clk, config)), "what was broken off is written")
}

func TestTheEventLogHasWhatHappenedInOrder(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact(), EventLog: 4}), machine("m1")
	kinds := func(since time.Duration) (got []string) {
		events, err := s.can.EventLog.Events(s.ctx, m, start().Add(since))
		require.NoError(t, err)
		for _, e := range events {
			got = append(got, fmt.Sprint(e.ID, " ", e.At.Sub(start()), " ", e.Kind))
		}
		return got
	}
	assert.Empty(t, kinds(0))
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k1", m))
	s.add(time.Minute)
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k2", backend.ActionPowerOff, list(m)))
	s.add(time.Minute)
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k3", backend.ActionPowerOn, list(m)))
	s.add(time.Minute)
	assert.Equal(t, []string{"1 0s host_reset", "2 1m5s power_off", "3 2m5s power_on"}, kinds(0))
	assert.Equal(t, []string{"2 1m5s power_off", "3 2m5s power_on"}, kinds(65*time.Second))
	for i := range 2 {
		require.NoError(t, s.can.Reset.ResetBMC(s.ctx, fmt.Sprint("b", i), m))
		s.add(2 * time.Minute)
	}
	assert.Equal(t, []string{"2 1m5s power_off", "3 2m5s power_on", "4 3m0s bmc_reset", "5 5m0s bmc_reset"}, kinds(0), "the oldest is overwritten")
}

func TestThePowerShowsLate(t *testing.T) {
	t.Parallel()
	delays := exact()
	delays.PowerLag = fake.Range{Min: 30 * time.Second, Max: 30 * time.Second}
	s, m := newSite(t, fake.Config{Delays: delays}), machine("m1")
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k1", backend.ActionPowerOff, list(m)))
	s.add(5 * time.Second)
	assert.Equal(t, backend.PowerOff, s.view(t, m).Power)
	assert.Equal(t, backend.PowerOn, s.power(t, m), "the controller does not show it yet")
	s.add(30 * time.Second)
	assert.Equal(t, backend.PowerOff, s.power(t, m))
}

func TestPlatformJobsRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	submit := func(kind backend.PlatformKind) func() backend.JobState {
		id, err := s.can.Platform.SubmitPlatform(s.ctx, string(kind), m, kind)
		require.NoError(t, err)
		return func() backend.JobState {
			status, err := s.can.Platform.PlatformJob(s.ctx, backend.Job{Device: m.Ref, ID: id})
			require.NoError(t, err)
			return status.State
		}
	}
	bios, boot := submit(backend.PlatformBIOSProfile), submit(backend.PlatformBootOrder)
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "r1", m))
	erase := submit(backend.PlatformSecureErase)
	states := func() []backend.JobState { return []backend.JobState{bios(), boot(), erase()} }
	s.add(time.Minute)
	assert.Equal(t, []backend.JobState{backend.JobRunning, backend.JobPending, backend.JobRunning}, states(), "what needs no restart shows as running while it waits")
	s.add(2 * time.Minute)
	assert.Equal(t, []backend.JobState{backend.JobCompleted, backend.JobRunning, backend.JobRunning}, states())
	s.add(2 * time.Minute)
	assert.Equal(t, []backend.JobState{backend.JobCompleted, backend.JobCompleted, backend.JobRunning}, states())
	s.add(2 * time.Minute)
	assert.Equal(t, backend.JobCompleted, erase())
}
