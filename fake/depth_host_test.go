package fake_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// steps are what the tests have cleaned up.
var steps = []backend.CleanupStep{backend.CleanupNVMe, backend.CleanupTPM}

// cleanup begins a clean-up and returns how to look at it.
func (s *site) cleanup(t *testing.T, key string, m backend.Device) func() backend.CleanupStatus {
	t.Helper()
	id, err := s.can.Cleanup.StartCleanup(s.ctx, key, m, steps)
	require.NoError(t, err)
	return func() backend.CleanupStatus {
		status, err := s.can.Cleanup.CleanupJob(s.ctx, backend.Job{Device: m.Ref, ID: id})
		require.NoError(t, err)
		return status
	}
}

func TestTheAgentCleansUpWhenItsHostIsUp(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Delays: exact()}), machine("m1")
	look := s.cleanup(t, "k1", m)
	s.add(3 * time.Minute)
	assert.Equal(t, backend.JobPending, look().State, "the host boots still")
	s.add(time.Minute)
	assert.Equal(t, backend.JobRunning, look().State)
	s.add(4 * time.Minute)
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "r1", m))
	s.add(4 * time.Minute)
	assert.Equal(t, backend.JobRunning, look().State, "it begins anew after a restart")
	assert.Empty(t, look().Results)
	s.add(5 * time.Minute)
	assert.Equal(t, backend.CleanupStatus{
		JobStatus: backend.JobStatus{State: backend.JobCompleted},
		Results:   map[backend.CleanupStep]backend.CleanupResult{"nvme": {Done: true, Detail: "erased"}, "tpm": {Done: true, Detail: "erased"}},
	}, look())
}

func TestACleanupFailsAsAWholeOrInAStep(t *testing.T) {
	t.Parallel()
	done := backend.CleanupResult{Done: true, Detail: "erased"}
	for _, tc := range []struct {
		fault string
		state backend.JobState
		cause string
		want  map[backend.CleanupStep]backend.CleanupResult
	}{
		{`job StartCleanup what=nvme fails "sanitize refused"`, backend.JobCompleted, "", map[backend.CleanupStep]backend.CleanupResult{"nvme": {Detail: "sanitize refused"}, "tpm": done}},
		{`job CleanupJob what=tpm does nothing`, backend.JobCompleted, "", map[backend.CleanupStep]backend.CleanupResult{"nvme": done}},
		{`job StartCleanup does nothing`, backend.JobCompleted, "", nil},
		{`job StartCleanup fails "agent died"`, backend.JobFailed, "agent died", nil},
		{`job StartCleanup never ends`, backend.JobRunning, "", nil},
		{`job StartCleanup what=tpm never ends`, backend.JobRunning, "", nil},
		{`job StartCleanup stays pending`, backend.JobPending, "", nil},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			t.Parallel()
			s := faulty(t, tc.fault)
			look := s.cleanup(t, "k1", machine("m1"))
			s.add(time.Hour)
			got := look()
			assert.Equal(t, backend.JobStatus{State: tc.state, Cause: tc.cause}, got.JobStatus)
			assert.Equal(t, tc.want, got.Results)
		})
	}
}

func TestAttestorsAreThereWhenTheSiteHasThem(t *testing.T) {
	t.Parallel()
	assert.Empty(t, newSite(t, fake.Config{}).can.Attestors)
	var names []string
	for _, a := range newSite(t, fake.Config{Attestation: true}).can.Attestors {
		names = append(names, a.Name())
	}
	assert.Equal(t, []string{"measured-boot", "device"}, names)
}

// attested makes a site with attestors whose host is up for a long time.
func attested(t *testing.T, text string) *site {
	t.Helper()
	s := newSite(t, fake.Config{Delays: exact(), Attestation: true, Faults: faults(t, text)})
	_ = s.power(t, machine("m1"))
	s.add(time.Hour)
	return s
}

// proof asks an attestor for a proof and returns how to look at it.
func (s *site) proof(t *testing.T, a backend.Attestor, key string) func() backend.AttestationStatus {
	t.Helper()
	id, err := a.Attest(s.ctx, key, machine("m1"))
	require.NoError(t, err)
	return func() backend.AttestationStatus {
		status, err := a.Attestation(s.ctx, backend.Job{Device: machine("m1").Ref, ID: id})
		require.NoError(t, err)
		return status
	}
}

func TestAProofIsMeasuredAfterItWasAskedFor(t *testing.T) {
	t.Parallel()
	s := attested(t, "")
	for i, a := range s.can.Attestors {
		look := s.proof(t, a, "k1")
		asked := s.Now()
		assert.Equal(t, backend.AttestationWaiting, look().State)
		s.add(20 * time.Second)
		assert.Equal(t, backend.AttestationStatus{State: backend.AttestationPassed, MeasuredAt: asked, Measured: []int{8, 4}[i]}, look())
		again := s.proof(t, a, "k1")
		assert.Equal(t, look(), again(), "an equal key is one action")
	}
	assert.Empty(t, s.DoubleStarts())
	id, err := s.can.Attestors[0].Attest(s.ctx, "k2", machine("m1"))
	require.NoError(t, err)
	_, err = s.can.Attestors[1].Attestation(s.ctx, backend.Job{Device: machine("m1").Ref, ID: id})
	require.ErrorIs(t, err, backend.ErrNoJob, "it is a proof of another attestor")
}

func TestAHostThatRestartsIsMeasuredWhenItIsUp(t *testing.T) {
	t.Parallel()
	s := attested(t, "")
	look := s.proof(t, s.can.Attestors[0], "k1")
	s.add(10 * time.Second)
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "r1", machine("m1")))
	s.add(3 * time.Minute)
	assert.Equal(t, backend.AttestationWaiting, look().State)
	s.add(time.Hour)
	assert.Equal(t, start().Add(time.Hour+10*time.Second+4*time.Minute), look().MeasuredAt)
}

func TestAProofIsBadAsTheFaultSays(t *testing.T) {
	t.Parallel()
	measured := start().Add(time.Hour)
	for text, want := range map[string]backend.AttestationStatus{
		`job Attest what=measured-boot fails "PCR 7 differs"`: {State: backend.AttestationFailed, Cause: "PCR 7 differs", MeasuredAt: measured, Measured: 8},
		`job Attest never ends`:                               {State: backend.AttestationWaiting},
		`job Attest does nothing`:                             {State: backend.AttestationPassed, MeasuredAt: measured},
		`job Attestation is cancelled`:                        {State: backend.AttestationCancelled, Cause: "somebody stopped it"},
		`job Attest is stale`:                                 {State: backend.AttestationPassed, MeasuredAt: measured.Add(-time.Hour), Measured: 8},
		`job Attest what=device fails "x"`:                    {State: backend.AttestationPassed, MeasuredAt: measured, Measured: 8},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s := attested(t, text)
			look := s.proof(t, s.can.Attestors[0], "k1")
			s.add(time.Hour)
			assert.Equal(t, want, look())
		})
	}
}

func TestAPendingBundleWaitsUntilItIsApproved(t *testing.T) {
	t.Parallel()
	path, clk := filepath.Join(t.TempDir(), "journal"), &handClock{now: start()}
	config := fake.Config{Delays: exact(), Attestation: true, Faults: faults(t, "job Attest what=measured-boot stays pending")}
	s := journaled(t, path, clk, config)
	require.ErrorIs(t, s.ApproveBundle(machine("m1").Ref), backend.ErrNoDevice)
	_ = s.power(t, machine("m1"))
	s.add(time.Hour)
	look := s.proof(t, s.can.Attestors[0], "k1")
	s.add(time.Hour)
	pending := look()
	assert.Equal(t, backend.AttestationPending, pending.State)
	assert.Equal(t, start().Add(time.Hour), pending.MeasuredAt)
	require.NoError(t, s.ApproveBundle(machine("m1").Ref))
	assert.Equal(t, backend.AttestationPassed, look().State)
	assert.Equal(t, snapshotOf(t, s), snapshotOf(t, journaled(t, path, clk, config)))
}

func TestASpuriousRefusalOfTheCredentialPasses(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, "fail PowerState nth=2 class=unauthorized"), machine("m1")
	_ = s.power(t, m)
	_, err := s.can.Power.PowerState(s.ctx, list(m))
	require.ErrorIs(t, err, backend.ErrNotDone)
	assert.Contains(t, err.Error(), "401 Unauthorized")
	_ = s.power(t, m)
}

func TestAnIgnoredCommandIsAnsweredAndNotCarriedOut(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, "ignore ResetHost nth=1; ignore SetPower what=PowerOff nth=1; ignore ResetBMC nth=1"), machine("m1")
	_ = s.power(t, m)
	s.add(time.Hour)
	for _, key := range []string{"k1", "k1"} {
		require.NoError(t, s.can.Reset.ResetHost(s.ctx, key, m))
		assert.True(t, s.view(t, m).Up, "the answer to its key stays what it was")
	}
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k2", m))
	assert.False(t, s.view(t, m).Up)
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k3", backend.ActionPowerOff, list(m)))
	require.NoError(t, s.can.Reset.ResetBMC(s.ctx, "k4", m))
	s.add(time.Hour)
	assert.Equal(t, backend.PowerOn, s.view(t, m).Power)
	events, err := s.can.EventLog.Events(s.ctx, m, start())
	require.NoError(t, err)
	require.Len(t, events, 1)
	assert.Equal(t, backend.EventHostReset, events[0].Kind)
}

func TestAHollowJobSaysThatItIsDoneAndChangesNothing(t *testing.T) {
	t.Parallel()
	s, m := faulty(t, "job UploadFirmware does nothing; job ApplyFirmware does nothing"), machine("m1")
	id := s.uploaded(t, "k1", m, "BIOS")
	ids, err := s.can.Firmware.ApplyFirmware(s.ctx, "k2", firmware2, list(m))
	require.NoError(t, err)
	s.add(time.Hour)
	assert.Equal(t, backend.JobCompleted, s.task(t, m, id).State)
	jobs, err := s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: m.Ref, ID: ids[m.Ref]}})
	require.NoError(t, err)
	assert.Equal(t, backend.JobCompleted, jobs[m.Ref].State)
	assert.Empty(t, s.view(t, m).Staged)
	assert.Equal(t, "1.0.0", s.view(t, m).Firmware["BIOS"])
}
