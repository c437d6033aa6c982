package machine

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestEveryMistakeOfAConfigurationIsReported(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		JobAttempts: -1, PollInterval: -time.Second,
		Firmware: []Firmware{
			{Version: "1"},
			{Component: "BMC"},
			{Component: "BMC", Version: "1", How: "magic"},
			{Component: "UEFI", Version: "1", Artifacts: -1},
			{Component: "CPLD", Version: "1", Reset: "kick"},
			{Component: "GPU", Version: "1", Drains: 2},
			{Component: "NIC", Version: "1", Reset: ResetDrain, Drains: -1},
		},
		UploadDeadline: -time.Second, TaskDeadline: -time.Minute,
	})
	for _, want := range []string{
		"no Driver is given", "JobAttempts is -1", "PollInterval is -1s", "it names no component", "it names no version", `it is installed by "magic"`,
		"the component is listed twice", "it has -1 artifacts",
		`it is followed by the reset "kick"`, "it has 2 drains", "it has -1 drains", "UploadDeadline is -1s", "TaskDeadline is -1m0s",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestTheDefaultsOfAConfiguration(t *testing.T) {
	t.Parallel()
	c := Config{Firmware: []Firmware{{Component: "BMC", Version: "1"}}}.WithDefaults()
	assert.Equal(t, Config{
		Firmware:    []Firmware{{Component: "BMC", Version: "1", How: HowUpload, Artifacts: 1, Reset: ResetBMC}},
		UploadLimit: DefaultUploadLimit, UploadDeadline: time.Hour, TaskDeadline: 2 * time.Hour,
		FirmwareRetryLimit: 5, FirmwareRetryInterval: time.Hour, ManualDeadline: 72 * time.Hour, ScriptDeadline: 5 * time.Hour,
		JobAttempts: 3, JobStageTimeout: 15 * time.Minute, RestartInterval: 30 * time.Minute, RestartLimit: 3, ValidationDeadline: 24 * time.Hour,
		AttestationDeadline: time.Hour, TenantDeadline: 30 * time.Minute, CleanupDeadline: 12 * time.Hour, CleanupSteps: DefaultCleanupSteps(),
		RecoveryLimit: 15, PollInterval: 15 * time.Second,
	}, c)
	none := Config{FirmwareRetryLimit: -1, RestartLimit: -1, RecoveryLimit: -1}.WithDefaults()
	assert.Zero(t, none.FirmwareRetryLimit+none.RestartLimit+none.RecoveryLimit)
}

// full is a machine with something in every field.
func full() *Machine {
	return &Machine{
		Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:00:01"}, DPUs: 2, Power: backend.PowerOn, Firmware: map[string]string{"BMC": "1.0"},
		SKU: "gb200", SKUDifferences: []string{"a"}, VerifyOnly: true, DiscoveredAt: epoch, RebootedAt: epoch, RestartedAt: epoch, RestartDue: true,
		Restarts: &Restarts{Count: 1, At: epoch}, Job: &PlatformJob{Kind: boot, Stage: StageVerify}, ValidationJob: "run-1", Attestation: &AttestationRun{Attestor: MeasuredBoot}, CleanupJob: "clean-1", Tenant: "t", TenantApproved: true,
		Reprovision: &Reprovision{RequestID: "q1", Report: &UpgradeReport{By: "carol"}}, RetryCount: 1,
		Upgrade: &Upgrade{Component: "BMC", Version: "2.0", Artifact: 1}, PowerCycle: &PowerCycle{Stage: PowerGoesOff},
		FirmwareUpgrade: &lifecycle.CycleStatus{Status: lifecycle.ProgressRunning}, Cause: CauseDiscovery, ReturnTo: Ready, Failure: &Failure{Message: "m"},
	}
}

func TestACloneSharesNothing(t *testing.T) {
	t.Parallel()
	m := full()
	before, err := json.Marshal(m)
	require.NoError(t, err)
	c := clone(m)
	after, err := json.Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(after))
	c.Attestation.Job = "p9"
	c.Upgrade.Artifact, c.PowerCycle.Round = 9, 9
	c.Firmware["BMC"], c.SKUDifferences[0] = "2.0", "b"
	c.Restarts.Count, c.Job.Attempt, c.Reprovision.Cycle, c.Reprovision.Report.By = 9, 9, "c9", "dave"
	c.FirmwareUpgrade.Cause, c.Failure.Attempt = "x", 9
	untouched, err := json.Marshal(m)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(untouched))
}

func TestAMachineIsStoredUnderThePublicNames(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(full())
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(raw, &fields))
	for _, name := range []string{
		"endpoint", "dpus", "power", "firmware", "sku", "sku_differences", "job", "validation_job", "tenant", "tenant_approved", "reprovision",
		"retry_count", "firmware_upgrade_status", "cause", "return_to", "failure", "discovered_at", "rebooted_at", "restarted_at",
	} {
		assert.Contains(t, fields, name)
	}
	small, err := json.Marshal(&Machine{})
	require.NoError(t, err)
	assert.Equal(t, "{}", string(small))
}

func TestAMachineIsADevice(t *testing.T) {
	t.Parallel()
	m := NewMachine("m1", "r1", Discovered{Endpoint: backend.Endpoint{BMCAddress: "10.0.0.1"}})
	assert.Equal(t, backend.Device{Ref: m1, Rack: "r1", Endpoint: backend.Endpoint{BMCAddress: "10.0.0.1"}}, m.Device())
}

func BenchmarkACloneOfAMachineInReady(b *testing.B) {
	m := NewMachine("m1", "r1", Discovered{Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:00:01", BMCAddress: "10.0.0.1"}})
	m.Firmware = map[string]string{"BMC": "1.0", "UEFI": "5.0", "CPLD": "3"}
	for b.Loop() {
		clone(m)
	}
}
