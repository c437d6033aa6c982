package machine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Config says what machines are driven with. Only Driver is required.
type Config struct {
	// Driver touches the hardware. Of its capabilities a machine uses Platform, Reset, Power, Agent, SKU, Validation, Inventory, Upload, Cleanup, DPU,
	// EventLog and Attestors. An absent one is passed with that note.
	Driver backend.Driver
	// Firmware is what the machines shall have installed, in the order in which it is installed. Empty: nothing is wanted, every machine is current.
	Firmware []Firmware
	// UploadLimit is how many images are sent to management controllers at once, on the whole site. Default: DefaultUploadLimit. Negative: as many as there are.
	UploadLimit int
	// DPUFirmware is what the DPUs shall have installed, by component. Empty: whatever their system brings.
	DPUFirmware map[string]string
	// CleanupSteps are what is erased after a tenant, in this order. nil: DefaultCleanupSteps.
	CleanupSteps []backend.CleanupStep
	// Tenant connects machines to the networks of their tenants. nil: that is passed.
	Tenant Tenant
	// NoLockdown leaves the hosts without lockdown. Default: they are locked down.
	NoLockdown bool

	// FirmwareRetryLimit is how often a failed firmware upgrade is tried again by itself. Default: DefaultFirmwareRetryLimit. Negative: never.
	FirmwareRetryLimit int
	// FirmwareRetryInterval is the time until then. Default: DefaultFirmwareRetryInterval.
	FirmwareRetryInterval time.Duration
	// ManualDeadline and ScriptDeadline are how long a reprovision waits for the report of a person or a script. Default: 72 h and 5 h.
	ManualDeadline, ScriptDeadline time.Duration
	// UploadDeadline is how long an image may be on its way to the management controller; the wait for its turn does not count. Default: 1 h.
	UploadDeadline time.Duration
	// TaskDeadline is how long the management controller may take to install an image. Default: 2 h.
	TaskDeadline time.Duration

	// JobAttempts is how often a platform job is tried. Default: 3.
	JobAttempts int
	// JobStageTimeout is how long each stage of a platform job may take. Default: 15 min.
	JobStageTimeout time.Duration
	// RestartInterval is after which time a host that does not come up is restarted, RestartLimit how often, before the machine fails. Default: 30 min and 3.
	// A negative limit is never.
	RestartInterval time.Duration
	RestartLimit    int
	// ValidationDeadline is how long the tests of a machine may take. Default: 24 h.
	ValidationDeadline time.Duration
	// AttestationDeadline is how long each attestor may take to get the proof of a host that is up. Default: 1 h. What a person takes to judge it does not count.
	AttestationDeadline time.Duration
	// TenantDeadline is how long Tenant may take to bring or to take away a network. Default: 30 min.
	TenantDeadline time.Duration
	// CleanupDeadline is how long the agent may take to erase what a tenant left. Default: 12 h.
	CleanupDeadline time.Duration
	// RecoveryLimit is how often a failed machine goes back to work by itself before it waits for a person. Default: 15. Negative: never.
	RecoveryLimit int
	// PollInterval is the time between two looks at something that is under way. Default: 15 s.
	PollInterval time.Duration
}

// Tenant connects machines to the network of their tenant.
type Tenant interface {
	// Provision brings the tenant's network to the machine. It returns false as long as that is under way, and is asked again with the same key then.
	Provision(ctx context.Context, key string, device backend.Device, tenant string) (done bool, err error)
	// Release takes the tenant's network away. It returns true only when the machine is surely back in the site's own network, and false as long as that is under way; it is asked
	// again with the same key then.
	Release(ctx context.Context, key string, device backend.Device, tenant string) (done bool, err error)
}

// Defaults of Config that others need to know.
const (
	DefaultFirmwareRetryLimit    = 5
	DefaultFirmwareRetryInterval = time.Hour
	DefaultUploadLimit           = 4
)

// DefaultCleanupSteps returns what is erased after a tenant when a site says nothing else: all that the module knows.
func DefaultCleanupSteps() []backend.CleanupStep {
	return []backend.CleanupStep{backend.CleanupNVMe, backend.CleanupHDD, backend.CleanupMemory, backend.CleanupTPM, backend.CleanupInfiniBand}
}

const (
	defaultManualDeadline      = 72 * time.Hour
	defaultScriptDeadline      = 5 * time.Hour
	defaultUploadDeadline      = time.Hour
	defaultTaskDeadline        = 2 * time.Hour
	defaultJobAttempts         = 3
	defaultStageTimeout        = 15 * time.Minute
	defaultRestartInterval     = 30 * time.Minute
	defaultRestartLimit        = 3
	defaultDiscoveryDeadline   = (defaultRestartLimit + 1) * defaultRestartInterval
	defaultValidationDeadline  = 24 * time.Hour
	defaultAttestationDeadline = time.Hour
	defaultTenantDeadline      = 30 * time.Minute
	defaultCleanupDeadline     = 12 * time.Hour
	defaultRecoveryLimit       = 15
	defaultPollInterval        = 15 * time.Second
)

// WithDefaults returns a copy with every unset field at its default. Negative limits become zero.
func (c Config) WithDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.FirmwareRetryInterval, DefaultFirmwareRetryInterval},
		{&c.ManualDeadline, defaultManualDeadline},
		{&c.ScriptDeadline, defaultScriptDeadline},
		{&c.UploadDeadline, defaultUploadDeadline},
		{&c.TaskDeadline, defaultTaskDeadline},
		{&c.JobStageTimeout, defaultStageTimeout},
		{&c.RestartInterval, defaultRestartInterval},
		{&c.ValidationDeadline, defaultValidationDeadline},
		{&c.AttestationDeadline, defaultAttestationDeadline},
		{&c.TenantDeadline, defaultTenantDeadline},
		{&c.CleanupDeadline, defaultCleanupDeadline},
		{&c.PollInterval, defaultPollInterval},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	c.FirmwareRetryLimit = retries(c.FirmwareRetryLimit)
	if c.UploadLimit == 0 {
		c.UploadLimit = DefaultUploadLimit
	}
	if c.CleanupSteps == nil {
		c.CleanupSteps = DefaultCleanupSteps()
	}
	c.CleanupSteps, c.DPUFirmware = slices.Clone(c.CleanupSteps), maps.Clone(c.DPUFirmware)
	c.RestartLimit = limit(c.RestartLimit, defaultRestartLimit)
	c.RecoveryLimit = limit(c.RecoveryLimit, defaultRecoveryLimit)
	if c.JobAttempts == 0 {
		c.JobAttempts = defaultJobAttempts
	}
	c.Firmware = slices.Clone(c.Firmware)
	for i, f := range c.Firmware {
		c.Firmware[i] = f.withDefaults()
	}
	return c
}

// limit reads a limit whose zero is the default and whose negative is zero.
func limit(n, byDefault int) int {
	if n == 0 {
		return byDefault
	}
	return max(n, 0)
}

// retries reads Config.FirmwareRetryLimit.
func retries(n int) int { return limit(n, DefaultFirmwareRetryLimit) }

func (c Config) validate() error {
	var problems *multierror.Error
	if c.Driver == nil {
		problems = multierror.Append(problems, errors.New("no Driver is given"))
	} else if err := checkAttestors(c.Driver.Capabilities().Attestors); err != nil {
		problems = multierror.Append(problems, err)
	}
	if c.JobAttempts < 0 {
		problems = multierror.Append(problems, fmt.Errorf("JobAttempts is %d, must not be negative", c.JobAttempts))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"FirmwareRetryInterval", c.FirmwareRetryInterval},
		{"ManualDeadline", c.ManualDeadline},
		{"ScriptDeadline", c.ScriptDeadline},
		{"UploadDeadline", c.UploadDeadline},
		{"TaskDeadline", c.TaskDeadline},
		{"JobStageTimeout", c.JobStageTimeout},
		{"RestartInterval", c.RestartInterval},
		{"ValidationDeadline", c.ValidationDeadline},
		{"AttestationDeadline", c.AttestationDeadline},
		{"TenantDeadline", c.TenantDeadline},
		{"CleanupDeadline", c.CleanupDeadline},
		{"PollInterval", c.PollInterval},
	} {
		if d.value < 0 {
			problems = multierror.Append(problems, fmt.Errorf("%s is %s, must not be negative", d.name, d.value))
		}
	}
	for component, version := range c.DPUFirmware {
		if component == "" || version == "" {
			problems = multierror.Append(problems, fmt.Errorf("DPUFirmware has component %q at version %q, must have both", component, version))
		}
	}
	for i, step := range c.CleanupSteps {
		if step == "" || slices.Contains(c.CleanupSteps[:i], step) {
			problems = multierror.Append(problems, fmt.Errorf("CleanupSteps %d (%q) is empty, or listed twice", i+1, step))
		}
	}
	for i, f := range c.Firmware {
		if err := f.check(); err != nil {
			problems = multierror.Append(problems, fmt.Errorf("Firmware %d (%s): %w", i+1, f.Component, err))
		}
		if slices.ContainsFunc(c.Firmware[:i], func(o Firmware) bool { return o.Component == f.Component }) {
			problems = multierror.Append(problems, fmt.Errorf("Firmware %d (%s): the component is listed twice", i+1, f.Component))
		}
	}
	return problems.ErrorOrNil()
}

// New makes the kind of machines. The error lists everything that is wrong with the configuration.
func New(cfg Config) (*lifecycle.Kind, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("machine config: %w", err)
	}
	cfg = cfg.WithDefaults()
	h := &handler{cfg: cfg, caps: cfg.Driver.Capabilities()}
	return lifecycle.Define(lifecycle.Definition[Machine, State, Trigger]{
		Kind:         backend.KindMachine,
		Table:        table,
		States:       statesFor(cfg),
		Handlers:     h.all(),
		Clone:        clone,
		OnDeleted:    Deleted,
		Requests:     requestTypes,
		AcceptDelete: acceptDelete,
	})
}

// statesFor declares the states with the limits of the configuration.
func statesFor(cfg Config) []info {
	deadlines := map[State]time.Duration{
		HostReprovisionWaitingForManualUpgrade:   cfg.ManualDeadline,
		HostReprovisionWaitingForScript:          cfg.ScriptDeadline,
		HostReprovisionWaitingForFirmwareUpgrade: cfg.TaskDeadline,
		ValidationMachineValidating:              cfg.ValidationDeadline,
		HostInitMeasuring:                        cfg.AttestationDeadline,
		MeasuringWaitingForMeasurements:          cfg.AttestationDeadline,
		PostAssignedWaitingForMeasurements:       cfg.AttestationDeadline,
		AssignedProvisioning:                     cfg.TenantDeadline,
		AssignedReleasing:                        cfg.TenantDeadline,
		WaitingForCleanupHostCleanup:             cfg.CleanupDeadline,
		Deleting:                                 cfg.JobStageTimeout,
	}
	out := slices.Clone(states)
	for i := range out {
		s := &out[i]
		bare := poolState(s.State)
		if d, configured := deadlines[bare]; configured {
			s.Deadline = d
		} else if s.Deadline == defaultDiscoveryDeadline {
			s.Deadline = time.Duration(cfg.RestartLimit+1) * cfg.RestartInterval
		}
		switch bare { // no limit is shorter than a wait that is built in
		case HostReprovisionFailedFirmwareUpgrade:
			s.SLA = cfg.FirmwareRetryInterval + 10*time.Minute
		case ValidationRebootHost, ValidationMachineValidating:
			s.SLA = max(s.SLA, cfg.ValidationDeadline)
		case AssignedProvisioning, AssignedReleasing, Deleting:
			s.SLA = max(s.SLA, s.Deadline)
		default:
		}
	}
	return out
}
