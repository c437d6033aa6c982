package nvswitch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func TestTheTableHasNoMistakeOfDesign(t *testing.T) {
	t.Parallel()
	kind, err := nvswitch.New(nvswitch.Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	require.NoError(t, lifecycle.Check(kind))
	for _, s := range kind.States() {
		assert.True(t, kind.Handled(s.State), "%s has no handler", s.State)
	}
}

func TestAKindWithoutADriverIsRefused(t *testing.T) {
	t.Parallel()
	_, err := nvswitch.New(nvswitch.Config{})
	require.ErrorContains(t, err, "Driver is missing")
}

func TestASwitchIsCreatedAndDeletedFromEveryState(t *testing.T) {
	t.Parallel()
	kind, err := nvswitch.New(nvswitch.Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	for _, info := range kind.States() {
		t.Run(info.State, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.rack("Ready", "")
			b.add("s1", nvswitch.State(info.State), 0, nil)
			b.ask(byAlice("q1", nvswitch.OpReset, false))
			b.start()
			require.NoError(t, b.ctl.Delete(t.Context(), nvswitch.Ref("s1"), "admin", false))
			b.run(2 * time.Minute)
			want := []nvswitch.State{nvswitch.Deleting, ""}
			if info.Class == lifecycle.Deleting {
				want = want[1:]
			}
			assert.Equal(t, want, b.path())
			assert.Equal(t, backend.RequestSuperseded, b.request("q1").State)
			assert.Empty(t, b.hw.calls)

			require.NoError(t, b.ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
				return tx.Create(nvswitch.NewSwitch("s1", "r1", nvswitch.Discovered{}), "host", "found again")
			}))
			assert.Equal(t, string(nvswitch.Created), b.get().State())
		})
	}
}

func TestASwitchWalksTheAwaitedStepsOfACycleToReady(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Maintenance", "c1")
	b.add("s1", nvswitch.Ready, 0, nil)
	b.start()
	_, err := b.ctl.Request(t.Context(), lifecycle.NewRequest{
		ID: "q1", Type: lifecycle.TypeReprovision, Initiator: "rack-r1", Cycle: "c1", Params: lifecycle.Reprovision{Await: []lifecycle.Step{firmware, nvos, nmxc}},
	}, nvswitch.Ref("s1"))
	require.NoError(t, err)
	b.run(time.Minute)
	b.edit(func(s *nvswitch.Switch) {
		s.FirmwareUpgrade = &lifecycle.CycleStatus{Status: lifecycle.ProgressCompleted, TaskID: "f-1", Firmware: "fw-2", Cycle: "c1"}
	})
	b.run(time.Minute)
	b.edit(func(s *nvswitch.Switch) {
		s.NVOSUpdate = &lifecycle.CycleStatus{Status: lifecycle.ProgressCompleted, TaskID: "i-1", Firmware: "img-2", Cycle: "c1"}
	})
	b.run(time.Minute)
	b.edit(func(s *nvswitch.Switch) {
		s.Fabric = &lifecycle.FabricStatus{Status: backend.FabricOK, Cycle: "c1"}
	})
	b.run(time.Minute)
	assert.Equal(t, []nvswitch.State{nvswitch.WaitingForFirmware, nvswitch.WaitingForNVOS, nvswitch.WaitingForNMXC, nvswitch.Ready}, b.path())
	q := b.request("q1")
	assert.Equal(t, backend.RequestFinished, q.State)
	s1 := nvswitch.Ref("s1")
	assert.Equal(t, []backend.Result{
		{Target: s1, Activity: "FirmwareUpgrade", Status: backend.ResultOK, JobID: "f-1", To: "fw-2"},
		{Target: s1, Activity: "NVOSUpdate", Status: backend.ResultOK, JobID: "i-1", To: "img-2"},
		{Target: s1, Activity: "ConfigureNmxCluster", Status: backend.ResultOK},
	}, q.Results)
}

func TestASwitchThatWaitsIsLetGoWhenTheRackLeavesTheCycle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Maintenance", "c1")
	b.add("s1", nvswitch.WaitingForNVOS, 0, nil)
	b.ask(byRack("q1", "c1", true, nvos))
	b.start()
	b.run(time.Hour)
	assert.Empty(t, b.path())
	b.cycle("")
	b.run(time.Minute)
	assert.Equal(t, []nvswitch.State{nvswitch.Ready}, b.path())
	mentions(t, b.request("q1").Reason, "r1", "has left cycle c1")
}

func TestASwitchWithoutARackIsLetGo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.add("s1", nvswitch.WaitingForNVOS, 0, nil)
	b.ask(byRack("q1", "c1", true, nvos))
	b.start()
	b.step()
	assert.Equal(t, []nvswitch.State{nvswitch.Ready}, b.path())
	mentions(t, b.request("q1").Reason, "r1", "gone")
}

func TestASwitchOfNoRackGetsNoCertificate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(nvswitch.Ref("s1"), "", string(nvswitch.CertificateStart), begin, nvswitch.NewSwitch("s1", "", nvswitch.Discovered{}))
	b.start()
	b.step()
	assert.Equal(t, []nvswitch.State{nvswitch.RotateOsPassword}, b.path())
	mentions(t, b.history()[0].Note, "no rack id")
	assert.Empty(t, b.hw.calls)
}

func TestAnInterfaceThatIsReportedLaterMovesTheSwitchOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Created", "")
	b.start()
	require.NoError(t, b.ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		return tx.Create(nvswitch.NewSwitch("s1", "r1", nvswitch.Discovered{
			Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:0B:01", NVOSAddress: "10.0.1.1"}, Expected: true, NVOSMACs: []string{"02-00-00-00-00-0a"},
		}), "host", "")
	}))
	b.creds[backend.NVOSCredential(nvswitch.Ref("s1"))] = true
	b.run(10 * time.Minute)
	assert.Equal(t, string(nvswitch.WaitForInterface), b.get().State())
	out, err := b.ctl.Outcome(nvswitch.Ref("s1"))
	require.NoError(t, err)
	assert.True(t, out.OverSLA, "five minutes are over")
	b.edit(func(s *nvswitch.Switch) {
		assert.True(t, s.ReportSeen("02:00:00:00:00:0a"))
		assert.False(t, s.ReportSeen("02:00:00:00:00:0A"), "it is known already")
	})
	b.run(time.Minute)
	s := b.get()
	assert.True(t, s.Ready())
	assert.Equal(t, []string{"02:00:00:00:00:0A"}, s.AssociatedMACs)
	assert.True(t, s.TrayKnown)
	assert.Equal(t, 3, s.Tray)
	assert.Equal(t, 12, s.Slot)
}

// brokenOnce loses the commit of the pass in which the process is killed.
type brokenOnce struct {
	backend.Store
	broken bool
}

func (s *brokenOnce) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if s.broken {
		return nil, errors.New("killed")
	}
	return s.Store.Commit(ctx, batch)
}

func TestACrashAfterACallLeavesOneAction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.CertificateStart, 0, nil)
	store := b.store
	b.store = &brokenOnce{Store: store, broken: true}
	b.start()
	_, err := b.ctl.Step(t.Context(), nvswitch.Ref("s1"), b.now)
	require.ErrorContains(t, err, "killed")
	b.store = store
	b.start()
	b.run(10 * time.Minute)
	assert.True(t, b.get().Ready())
	assert.Len(t, b.hw.started, 1, "both calls carry the same key")
}

func TestTheDeadlineOfACertificateJobCountsFromItsSubmission(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.CertificateStart, 0, nil)
	name := backend.NVOSCredential(nvswitch.Ref("s1"))
	delete(b.creds, name)
	b.hw.jobs = []jobAnswer{status(backend.JobRunning, "")}
	b.start()
	b.run(2 * time.Hour)
	assert.Empty(t, b.path(), "an incomplete endpoint is waited for")
	b.creds[name] = true
	b.run(29 * time.Minute)
	assert.Equal(t, []nvswitch.State{nvswitch.CertificateWait}, b.path())
	b.run(2 * time.Minute)
	assert.Equal(t, []nvswitch.State{nvswitch.CertificateWait, nvswitch.Error}, b.path())
}

func TestTheDeadlineOfACertificateJobStandsStillUnderAHold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.CertificateStart, 0, nil)
	b.hw.jobs = []jobAnswer{status(backend.JobRunning, "")}
	b.start()
	b.run(10 * time.Minute)
	require.NoError(t, b.ctl.PlaceHold(t.Context(), nvswitch.Ref("s1"), lifecycle.Hold{Type: "repair", Owner: "bob", Reason: "fan swap"}))
	polls := len(b.hw.calls)
	b.run(5 * time.Hour)
	assert.Len(t, b.hw.calls, polls, "a held switch is left alone")
	require.NoError(t, b.ctl.ReleaseHold(t.Context(), nvswitch.Ref("s1"), "repair", "bob"))
	b.run(19 * time.Minute)
	assert.Equal(t, []nvswitch.State{nvswitch.CertificateWait}, b.path())
	b.run(2 * time.Minute)
	assert.True(t, b.get().Failed())
}

func TestAConfiguredDeadlineReplacesTheDefaultOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.cfg.CertificateDeadline = time.Minute
	b.rack("Ready", "")
	b.add("s1", nvswitch.CertificateWait, 90*time.Second, running)
	b.hw.jobs = []jobAnswer{status(backend.JobRunning, "")}
	b.start()
	b.step()
	mentions(t, b.get().Cause, "timed out after 1m0s")
}

func TestTheStepsOfTheConfigurationShareTheClockOfItsSLA(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.CertificateStart, 4*time.Minute, nil)
	b.hw.jobs = []jobAnswer{status(backend.JobRunning, "")}
	b.start()
	b.run(2 * time.Minute)
	out, err := b.ctl.Outcome(nvswitch.Ref("s1"))
	require.NoError(t, err)
	assert.Equal(t, string(nvswitch.CertificateWait), b.get().State())
	assert.True(t, out.OverSLA)
}

func TestTwoHoldsKeepARequestPending(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.Ready, 0, nil)
	b.ask(byAlice("q1", nvswitch.OpReset, false))
	b.start()
	for owner, d := range map[string]time.Duration{"bob": 5 * time.Minute, "carol": 2 * time.Hour} {
		require.NoError(t, b.ctl.PlaceHold(t.Context(), nvswitch.Ref("s1"), lifecycle.Hold{Type: "repair", Owner: owner, Reason: "x", Expires: begin.Add(d)}))
	}
	b.run(time.Hour)
	assert.Equal(t, backend.RequestPending, b.request("q1").State)
	b.run(90 * time.Minute)
	assert.Equal(t, backend.RequestFinished, b.request("q1").State)
}

func TestACredentialStoreThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, state := range []nvswitch.State{nvswitch.CertificateStart, nvswitch.RotateOsPassword, nvswitch.NewCertificateStart} {
		b := newBench(t)
		b.rack("Ready", "")
		b.add("s1", state, 0, nil)
		b.ask(byAlice("q1", nvswitch.OpReconfigureCertificate, true))
		b.cfg.Credentials = sealed{}
		b.start()
		res := b.step()
		assert.Equal(t, backend.OutcomeError, res.Outcome.Kind, state)
		mentions(t, res.Outcome.Reason, "nvos/switch/s1", "vault is sealed")
	}
}

func TestACredentialStoreThatDoesNotAnswerFailsAPowerOperation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.PoweringOn, 0, nil)
	b.ask(byAlice("q1", nvswitch.OpPowerOn, true))
	b.cfg.Credentials = sealed{}
	b.start()
	b.step()
	assert.Equal(t, []nvswitch.State{nvswitch.Error}, b.path())
	mentions(t, b.get().Cause, "bmc/switch/s1", "vault is sealed")
	assert.Empty(t, b.hw.calls)
}

func TestNoSecretEntersARecord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.Created, 0, nil)
	b.start()
	b.run(time.Minute)
	require.True(t, b.get().Ready())
	rec, err := b.store.Get(t.Context(), nvswitch.Ref("s1"))
	require.NoError(t, err)
	assert.NotContains(t, string(rec.Data), "hunter2")
	for _, row := range b.history() {
		assert.NotContains(t, row.Note, "hunter2")
	}
}
