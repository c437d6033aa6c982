package machine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// still is hardware in which nothing comes to an end. It has every capability: with an error none of them answers; without one all of them take what they are asked, and nothing
// ever comes of it.
type still struct {
	err   error
	sku   backend.SKUMatch
	proof backend.AttestationState
}

func (s *still) caps() backend.Capabilities {
	return backend.Capabilities{
		Platform: s, Reset: s, Power: s, Agent: s, SKU: s, Validation: s, Inventory: s, Upload: s, Cleanup: s, DPU: s, EventLog: s, Attestors: []backend.Attestor{s},
	}
}

func (s *still) InspectPlatform(context.Context, backend.Device, backend.PlatformKind) (backend.PlatformStatus, error) {
	return backend.PlatformStatus{}, s.err
}

func (s *still) SubmitPlatform(context.Context, string, backend.Device, backend.PlatformKind) (string, error) {
	return "job-1", s.err
}

func (s *still) PlatformJob(context.Context, backend.Job) (backend.JobStatus, error) {
	return backend.JobStatus{State: backend.JobRunning}, s.err
}

func (s *still) ResetHost(context.Context, string, backend.Device) error { return s.err }
func (s *still) ResetBMC(context.Context, string, backend.Device) error  { return s.err }

func (s *still) SetPower(context.Context, string, backend.PowerAction, []backend.Device) error {
	return s.err
}

func (s *still) PowerState(context.Context, []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	return nil, s.err
}

func (s *still) Discover(context.Context, backend.Device) (backend.AgentReport, error) {
	return backend.AgentReport{}, s.err
}

func (s *still) MatchSKU(context.Context, backend.Device, string, map[string]string) (backend.SKUMatch, error) {
	return s.sku, s.err
}

func (s *still) ValidateMachine(context.Context, string, backend.Device) (string, error) {
	return "run-1", s.err
}

func (s *still) ValidationJob(context.Context, backend.Job) (backend.JobStatus, error) {
	return backend.JobStatus{State: backend.JobRunning}, s.err
}

func (s *still) Placement(context.Context, []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return nil, s.err
}

func (s *still) FirmwareInventory(context.Context, backend.Device) (map[string]string, error) {
	return map[string]string{"BMC": "1.0"}, s.err
}

func (s *still) UploadFirmware(context.Context, string, backend.Device, backend.Artifact) (backend.UploadStatus, error) {
	return backend.UploadStatus{Sent: 1, Size: 100}, s.err
}

func (s *still) FirmwareTask(context.Context, backend.Job) (backend.JobStatus, error) {
	return backend.JobStatus{State: backend.JobRunning}, s.err
}

func (s *still) StartCleanup(context.Context, string, backend.Device, []backend.CleanupStep) (string, error) {
	return "clean-1", s.err
}

func (s *still) CleanupJob(context.Context, backend.Job) (backend.CleanupStatus, error) {
	return backend.CleanupStatus{JobStatus: backend.JobStatus{State: backend.JobRunning}}, s.err
}

func (s *still) DPUs(context.Context, backend.Device) ([]backend.DPUReport, error) {
	return []backend.DPUReport{{ID: "dpu0"}, {ID: "dpu1"}}, s.err
}

func (s *still) RestartDPUs(context.Context, string, backend.Device) error { return s.err }

func (s *still) ConfigureDPUNetwork(context.Context, string, backend.Device, string) error {
	return s.err
}

func (s *still) Events(context.Context, backend.Device, time.Time) ([]backend.Event, error) {
	return nil, s.err
}

func (s *still) Name() string { return MeasuredBoot }

func (s *still) Attest(context.Context, string, backend.Device) (string, error) {
	return "proof-1", s.err
}

func (s *still) Attestation(context.Context, backend.Job) (backend.AttestationStatus, error) {
	return backend.AttestationStatus{State: s.proof, Cause: "nobody has judged it", MeasuredAt: epoch, Measured: 12}, s.err
}

func (s *still) Provision(context.Context, string, backend.Device, string) (bool, error) {
	return false, s.err
}

func (s *still) Release(context.Context, string, backend.Device, string) (bool, error) {
	return false, s.err
}

// stillRig is a machine in a state, with hardware in which nothing comes to an end.
func stillRig(t *testing.T, state State, hw *still) *rig {
	t.Helper()
	r := newRig(t).rack("Maintenance", "c1")
	r.cfg.Driver, r.cfg.Tenant = hw.caps(), hw
	r.cfg.Firmware = []Firmware{{Component: "BMC", Version: "2.0"}}
	r.cfg.DPUFirmware = map[string]string{"nic": "2"}
	m := Machine{DPUs: 2, SKU: "gb200", RestartedAt: epoch, Tenant: "tenant-7", Firmware: map[string]string{"BMC": "1.0"}}
	switch poolState(state) {
	case HostReprovisionWaitingForRackFirmwareUpgrade:
		return r.machine(state, 0, m).asked(reprovisionBy("rack-r1", "c1", started), nil)
	case HostReprovisionWaitingForFirmwareUpgrade, HostReprovisionResetForNewFirmware, HostReprovisionNewFirmwareReportedWait:
		m.Upgrade = &Upgrade{Component: "BMC", Version: "2.0", Artifact: 1, Artifacts: 1, Task: "task-1"}
	case ValidationMachineValidating:
		m.ValidationJob = "run-1"
	case WaitingForCleanupHostCleanup:
		m.CleanupJob = "clean-1"
	case MeasuringPendingBundle, PostAssignedPendingBundle:
		m.Attestation = &AttestationRun{Attestor: MeasuredBoot, Job: "proof-1", AskedAt: epoch, Attempt: 1, Pending: true}
	case Deleting:
		m.Deletion = &lifecycle.Deletion{At: epoch, Initiator: "alice"}
		m.Job = &PlatformJob{Kind: boot, ID: "BootOrder-1"}
	default:
	}
	return r.machine(state, 0, m)
}

var errNoAnswer = backend.NotDone(fmt.Errorf("no answer: %w", context.DeadlineExceeded))

// silences are the two ways in which hardware can be still.
var silences = map[string]func() *still{
	"nothing answers":          func() *still { return &still{err: errNoAnswer} },
	"nothing comes to its end": func() *still { return &still{proof: backend.AttestationWaiting} },
}

// failures says where a state leads that has taken too long.
func failures(state State) State {
	switch {
	case state == Deleting:
		return ""
	case strings.HasPrefix(string(poolState(state)), string(HostReprovision)+"/"):
		if strings.HasPrefix(string(state), string(Assigned)) {
			return AssignedFailedFirmwareUpgrade
		}
		return HostReprovisionFailedFirmwareUpgrade
	case strings.HasPrefix(string(state), string(Assigned)):
		return AssignedFailed
	default:
		return Failed
	}
}

// detours are the states that try something more before they lead to their failure.
var detours = map[State]State{
	HostReprovisionNewFirmwareReportedWait: HostReprovisionResetForNewFirmware,
	AssignedNewFirmwareReportedWait:        AssignedResetForNewFirmware,
}

// calls are the states that make one call, and leave when it is taken.
var calls = []State{DpuDiscoveringRebootAllDpus, DpuReprovisionRebootHost, ValidationRebootHost}

func TestEveryDeadlineEndsItsWait(t *testing.T) {
	t.Parallel()
	kind, err := New(Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	for _, info := range kind.States() {
		if info.Deadline == 0 {
			continue
		}
		for name, silence := range silences {
			if name == "nothing comes to its end" && slices.Contains(calls, State(info.State)) {
				continue
			}
			t.Run(info.State+", "+name, func(t *testing.T) {
				t.Parallel()
				state := State(info.State)
				r := stillRig(t, state, silence()).start()
				r.run(info.Deadline - time.Minute)
				if _, detour := detours[state]; !detour && name != "nothing answers" { // only then nothing ends before its time
					require.Equal(t, []State{state}, r.way(), "it has left before its time")
				}
				r.run(6 * time.Minute) // the deadline is seen by the next pass
				if info.Class != lifecycle.Deleting && State(r.get().State()) == state {
					r.run(time.Duration(defaultRestartLimit+1) * defaultRestartInterval) // it waited for the host first
				}
				way := r.way()
				require.Greater(t, len(way), 1, "it is still there: %s", r.lastOutcome())
				want := failures(state)
				if on, detour := detours[state]; detour && way[1] == on {
					want = on
				}
				assert.Equal(t, want, way[1])
			})
		}
	}
}

func (r *rig) lastOutcome() string {
	out, err := r.ctl.Outcome(m1)
	if err != nil {
		return err.Error()
	}
	return out.Reason
}

// enders says for each wait without a deadline what ends it, and where that leads.
var enders = map[State]struct {
	given func(hw *still)
	event func(r *rig, hw *still)
	to    State
}{
	BomValidatingSkuVerificationFailed: {
		event: func(r *rig, _ *still) { require.NoError(r, r.post(lifecycle.NewRequest{Type: TypeVerifySKU})) },
		to:    BomValidatingUpdatingInventory,
	},
	BomValidatingWaitingForSkuAssignment: {
		event: func(r *rig, _ *still) { r.edit(func(m *Machine) { m.SKU = "gb300" }) },
		to:    BomValidatingUpdatingInventory,
	},
	BomValidatingSkuMissing: {
		given: func(hw *still) { hw.sku.Missing = true },
		event: func(r *rig, _ *still) { r.edit(func(m *Machine) { m.SKU = "" }) },
		to:    BomValidatingWaitingForSkuAssignment,
	},
	MeasuringPendingBundle:                       {given: pends, event: judged, to: Ready},
	PostAssignedPendingBundle:                    {given: pends, event: judged, to: WaitingForCleanupInit},
	HostReprovisionWaitingForRackFirmwareUpgrade: {event: rackDone, to: HostReprovisionCheckingFirmwareRepeat},
	AssignedWaitingForRackFirmwareUpgrade:        {event: rackDone, to: AssignedCheckingFirmwareRepeat},
}

func pends(hw *still) { hw.proof = backend.AttestationPending }

// judged is a person who says that a proof is good, and the host application that tells of it.
func judged(r *rig, hw *still) {
	hw.proof = backend.AttestationPassed
	r.ctl.Wake(m1)
}

func rackDone(r *rig, _ *still) {
	r.edit(func(m *Machine) { m.FirmwareUpgrade = rackStatus(lifecycle.ProgressCompleted, "c1", 0, 0) })
}

func TestAWaitWithoutADeadlineLastsUntilTheEventThatEndsIt(t *testing.T) {
	t.Parallel()
	kind, err := New(Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	for _, info := range kind.States() {
		if info.NoDeadline == "" {
			continue
		}
		t.Run(info.State, func(t *testing.T) {
			t.Parallel()
			state := State(info.State)
			end, known := enders[state]
			require.True(t, known, "nothing is known to end it; it says %q", info.NoDeadline)
			hw := &still{proof: backend.AttestationWaiting}
			if end.given != nil {
				end.given(hw)
			}
			r := stillRig(t, state, hw)
			if state == BomValidatingWaitingForSkuAssignment {
				r = newRig(t)
				r.cfg.Driver = hw.caps()
				r.machine(state, 0, Machine{})
			}
			r.start().run(3 * 24 * time.Hour)
			require.Equal(t, []State{state}, r.way())
			assert.Equal(t, backend.OutcomeWait, r.step().Outcome.Kind)
			assert.Regexp(t, `^waits for \w.*: \w`, r.reason(), "what it waits for, and how it stands")

			end.event(r, hw)
			_, _, err := r.ctl.RunUntilIdle(t.Context(), r.now)
			require.NoError(t, err)
			require.Greater(t, len(r.way()), 1, "the event does not end it: %s", r.lastOutcome())
			assert.Equal(t, end.to, r.way()[1])
		})
	}
}

func TestNoStateIsStayedInForEverInSilence(t *testing.T) {
	t.Parallel()
	kind, err := New(Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	for _, info := range kind.States() {
		for name, silence := range silences {
			t.Run(info.State+", "+name, func(t *testing.T) {
				t.Parallel()
				state, limit := State(info.State), info.SLA
				r := stillRig(t, state, silence()).start()
				if info.StepSLA > 0 {
					limit = min(limit, info.StepSLA)
				}
				switch {
				case info.Class == lifecycle.Resting:
					return
				case limit == 0 && !info.ReportAtOnce:
					assert.NotZero(t, len(info.NoDeadline)+int(info.Deadline), "it has neither an SLA, nor a deadline, nor a reason why not")
					return
				}
				r.run(limit + time.Second)
				out, err := r.ctl.Outcome(m1)
				if len(r.way()) > 1 || err != nil { // it has left, or is gone
					return
				}
				assert.True(t, out.OverSLA, out.Reason)
				assert.NotEmpty(t, out.Reason)
			})
		}
	}
}
