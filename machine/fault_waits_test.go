package machine

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

var stuck = map[string]struct {
	state State
	given func(r *rig)
	says  string
}{
	"the installation of the DPUs fails":            {DpuInitInstallDpuOs, func(r *rig) { r.hw.jobs[dpuOS] = polls(backend.JobFailed) }, "3 of 3 attempts"},
	"secure boot of the DPUs is never seen":         {DpuDiscoveringConfiguring, func(r *rig) { r.hw.inert[dpuBoot] = true }, "3 of 3 attempts"},
	"the password job fails":                        {HostInitUefiSetup, func(r *rig) { r.hw.jobs[backend.PlatformUEFIPassword] = polls(backend.JobFailed) }, "3 of 3 attempts"},
	"the boot order job is never scheduled":         {HostInitSetBootOrder, func(r *rig) { r.hw.jobs[boot] = polls(backend.JobUnknown) }, "3 of 3 attempts: stage AwaitScheduled"},
	"the boot order cannot be read":                 {HostInitSetBootOrder, func(r *rig) { r.hw.always["InspectPlatform"] = errBusy }, "3 of 3 attempts: stage Inspect"},
	"the host does not go off":                      {DpuInitWaitingForPlatformPowercycle, func(r *rig) { r.hw.always["SetPower:PowerOff"] = errBusy }, "3 of 3 attempts"},
	"the host does not come on":                     {DpuReprovisionPoweringOffHost, func(r *rig) { r.hw.always["SetPower:PowerOn"] = errBusy }, "3 of 3 attempts"},
	"the firmware of a DPU is not the wanted one":   {DpuReprovisionVerifyFirmwareVersions, func(r *rig) { r.cfg.DPUFirmware = map[string]string{"nic": "9"} }, `dpu0: its nic is "", wanted is "9"`},
	"the host is off while it is waited for":        {HostInitDiscovered, func(r *rig) { r.hw.mute(); r.hw.always["SetPower:PowerOn"], r.hw.power = errBusy, backend.PowerOff }, "after 3 restarts"},
	"the tests are not known to the validator":      {ValidationMachineValidating, func(r *rig) { r.hw.always["ValidationJob"] = backend.ErrNoJob }, "no such job"},
	"the agent does not come back for an inventory": {BomValidatingUpdatingInventory, func(r *rig) { r.hw.mute() }, "after 3 restarts"},
}

func TestFault24EveryWaitHasAnEndASecondAttemptAndAWayOut(t *testing.T) {
	t.Parallel()
	for name, c := range stuck {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).withDPUs(2)
			c.given(r)
			r.machine(c.state, 0, Machine{DPUs: 2, RestartedAt: epoch, ValidationJob: "run-1"}).start()
			r.run(9 * time.Hour)
			require.Contains(t, r.way(), Failed, r.lastOutcome())
			r.inState(Failed)
			assert.Contains(t, r.get().Failure.Message, c.says)
			require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeRecover, Initiator: "alice"}))
			r.step()
			r.inState(returnTo(c.state))
		})
	}
}

func TestFault24AJobThatEndedBeforeAnybodySawItScheduledIsDone(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitWaitingForPlatformConfiguration, 0, Machine{}).start()
	r.hw.jobs[backend.PlatformBIOSProfile] = polls(backend.JobCompleted)
	r.run(time.Minute)
	assert.Contains(t, r.way(), HostInitSetBootOrder)
}

func TestFault25WaitingForAJobIsNoErrorAndLosesNothing(t *testing.T) {
	t.Parallel()
	for _, state := range []backend.JobState{backend.JobUnknown, backend.JobPending, backend.JobRunning} {
		r := newRig(t).machine(HostInitSetBootOrder, 0, Machine{}).start()
		r.hw.jobs[boot] = polls(state)
		for range 4 {
			assert.Equal(t, backend.OutcomeWait, r.step().Outcome.Kind)
			r.now = r.now.Add(15 * time.Second)
		}
		require.NotNil(t, r.get().Job, "what the pass found is kept")
		assert.Equal(t, 1, r.hw.count("SubmitPlatform:BootOrder"))
	}
}

func TestFault25TroubleOnTheWayIsKeptWithTheJobAndNoErrorEither(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitSetBootOrder, 0, Machine{}).start()
	r.hw.jobs[boot] = polls(backend.JobRunning)
	r.hw.always["PlatformJob"] = errBusy
	assert.Equal(t, backend.OutcomeWait, r.step().Outcome.Kind)
	job := r.get().Job
	assert.Equal(t, "the BMC is busy", job.LastError)
	assert.Equal(t, 15*time.Minute, job.Until)
}

func TestFault27LockdownThatComesBackDoesNotRenewTheBudget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.RecoveryLimit = 4
	bios := backend.PlatformBIOSProfile
	r.machine(HostInitWaitingForPlatformConfiguration, 0, Machine{}).start()
	r.hw.jobs[bios] = polls(backend.JobFailed)
	for round := range 4 {
		r.run(2 * time.Minute)
		r.inState(Failed)
		assert.Equal(t, 3*(round+1), r.hw.count("SubmitPlatform:BiosProfile"))
		r.hw.applied[bios] = true // it looks as if it were there
		r.step()
		r.inState(HostInitWaitingForPlatformConfiguration)
		assert.Equal(t, round+1, r.get().Failure.Attempt)
		delete(r.hw.applied, bios)
		r.hw.locked()
	}
	r.run(2 * time.Minute)
	r.hw.applied[bios] = true
	r.run(24 * time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "4 of 4 automatic recoveries are spent")
}

func TestFault27ARecoveryGoesOnWithWhatItWasDoing(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start() // a validation that was asked for in Ready
	require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeValidate, Initiator: "alice"}))
	r.hw.always["ResetHost"] = errBroken
	r.run(time.Minute)
	r.inState(Failed)
	delete(r.hw.always, "ResetHost")
	r.hw.report.RebootedAt = r.now.Add(time.Second)
	r.now = r.now.Add(2 * time.Second)
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, ValidationRebootHost, Failed, ValidationRebootHost, ValidationMachineValidating, HostInitDiscovered, Ready}, r.way())

	r = newRig(t).machine(Ready, 0, Machine{SKU: "gb200"}).start() // a verification
	require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeVerifySKU, Initiator: "alice"}))
	r.hw.always["ResetHost"] = errBroken
	r.run(time.Minute)
	delete(r.hw.always, "ResetHost")
	require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeRecover, Initiator: "alice"}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, BomValidatingUpdatingInventory, Failed, BomValidatingUpdatingInventory, BomValidatingVerifyingSku, HostInitDiscovered, Ready}, r.way())
}

func builtIn(cfg Config) map[State]time.Duration {
	return map[State]time.Duration{
		HostReprovisionFailedFirmwareUpgrade:         cfg.FirmwareRetryInterval,
		HostReprovisionWaitingForScript:              cfg.ScriptDeadline,
		HostReprovisionWaitingForManualUpgrade:       cfg.ManualDeadline,
		HostReprovisionNewFirmwareReportedWait:       reportWait,
		HostReprovisionWaitingForRackFirmwareUpgrade: -1,
		HostReprovisionInitialReset:                  settleOff,
		HostReprovisionResetForNewFirmware:           3 * drainOff,
		ValidationMachineValidating:                  cfg.ValidationDeadline,
		AssignedProvisioning:                         cfg.TenantDeadline,
		AssignedReleasing:                            cfg.TenantDeadline,
		DpuInitWaitingForPlatformPowercycle:          settleOff,
		DpuReprovisionPoweringOffHost:                settleOff,
		BomValidatingSkuVerificationFailed:           -1,
		BomValidatingWaitingForSkuAssignment:         -1,
		Deleting:                                     cfg.JobStageTimeout,
		Ready:                                        -1,
		AssignedReady:                                -1,
	}
}

func TestFault35NoLimitOfTimeIsShorterThanAWaitThatIsBuiltIn(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{"by default": {}, "slow": {
		FirmwareRetryInterval: 5 * time.Hour, ScriptDeadline: 24 * time.Hour, ValidationDeadline: 48 * time.Hour, TenantDeadline: 2 * time.Hour, JobStageTimeout: time.Hour,
	}} {
		cfg = cfg.WithDefaults()
		waits := builtIn(cfg)
		for _, info := range statesFor(cfg) {
			wait, planned := waits[poolState(info.State)]
			for _, limit := range []time.Duration{info.SLA, info.StepSLA} {
				switch {
				case limit == 0 || !planned:
				case wait < 0:
					assert.Fail(t, "it has a limit of time, and waits for ever by design", "%s, %s: %s", name, info.State, limit)
				default:
					assert.LessOrEqual(t, wait, limit, "%s, %s", name, info.State)
				}
			}
		}
	}
}

func TestFault35NoStateInWhichSomethingCanBeStuckIsWithoutALimit(t *testing.T) {
	t.Parallel()
	forPeople := []State{
		Ready, AssignedReady, BomValidatingSkuVerificationFailed, BomValidatingWaitingForSkuAssignment, HostReprovisionWaitingForManualUpgrade, HostReprovisionWaitingForScript,
		HostReprovisionWaitingForRackFirmwareUpgrade,
	}
	limits := map[State]time.Duration{}
	for _, info := range statesFor(Config{}.WithDefaults()) {
		limits[info.State] = info.SLA
		if !slices.Contains(forPeople, poolState(info.State)) {
			assert.True(t, info.SLA > 0 || info.ReportAtOnce, info.State)
		}
		assert.LessOrEqual(t, info.StepSLA, info.SLA, info.State)
	}
	assert.Equal(t, limits[MeasuringPendingBundle], limits[PostAssignedPendingBundle], "the same wait has the same limit wherever it is")
	assert.Equal(t, limits[MeasuringPendingBundle], limits[HostInitMeasuring])
}

func TestFault37AHostWithoutPowerIsSwitchedOnInsteadOfRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(ValidationRebootHost, 0, Machine{}).start()
	r.hw.power = backend.PowerOff
	r.step()
	r.inState(ValidationMachineValidating)
	assert.Equal(t, []string{"SetPower:PowerOn"}, r.hw.changes())
	assert.Equal(t, backend.PowerOn, r.hw.power)
	assert.Equal(t, epoch, r.get().RestartedAt)
}

func TestFault37ARestartThatWasNotMadeIsNotNotedAsDone(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"PowerState", "SetPower:PowerOn"} {
		r := newRig(t).machine(ValidationRebootHost, 0, Machine{}).start()
		r.hw.power = backend.PowerOff
		r.hw.errs[call] = []error{errBusy}
		r.step()
		r.inState(ValidationRebootHost)
		assert.Contains(t, r.reason(), "the BMC is busy", "it is said, not swallowed")
		assert.Zero(t, r.get().RestartedAt)
		r.run(time.Minute)
		r.inState(Ready)
	}
	r := newRig(t).withDPUs(2).machine(DpuDiscoveringRebootAllDpus, 0, Machine{DPUs: 2}).start()
	r.hw.always["RestartDPUs"] = errBusy
	r.step()
	assert.Nil(t, r.get().DPURun, "nor that of the DPUs")
}

func TestFault37EveryRestartOfTheHostMovesTheTimeFromWhichReportsCount(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitSetBootOrder, 0, Machine{}).start()
	r.hw.needsRestart[boot], r.hw.silent = true, true
	r.now = r.now.Add(time.Minute)
	r.step()
	r.inState(HostInitMeasuring)
	assert.Equal(t, epoch, r.get().RestartedAt, "by a platform job")

	r = newRig(t).withDPUs(2).machine(DpuInitWaitingForPlatformPowercycle, 0, Machine{DPUs: 2}).start()
	r.now = r.now.Add(time.Minute)
	r.step()
	assert.Equal(t, epoch.Add(time.Minute), r.get().RestartedAt, "by a power cycle")

	r = newRig(t).withDPUs(2).machine(DpuReprovisionRebootHost, 0, Machine{DPUs: 2}).start()
	r.now = r.now.Add(time.Minute)
	r.step()
	assert.Equal(t, epoch, r.get().RestartedAt, "after the reprovision of the DPUs")
}
