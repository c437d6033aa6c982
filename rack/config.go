package rack

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Settings are what a site can choose. The zero value is right.
type Settings struct {
	// Validation says that racks are validated before they are Ready. Default: they are not.
	Validation bool
	// FailedGrace is how long a rack whose validation failed stays in Validating/Failed before it goes to Error. Default: none.
	FailedGrace time.Duration
	// MaxInMaintenance is the largest number of racks in maintenance at once. Racks that rest in PoweredOff do not count; first maintenances count and
	// do not wait. Zero: no limit.
	MaxInMaintenance int
	// MaxShareInMaintenance is the same as a share of all racks, greater than 0 and at most 1; at least one rack is always allowed. With both limits the lesser
	// counts. Zero: no limit.
	MaxShareInMaintenance float64
	// FirmwareRetryLimit is after how many retries of its firmware a machine counts as failed. Default: 5.
	FirmwareRetryLimit int
	// Deadlines bound the activities.
	Deadlines Deadlines
	// PollInterval is the time between two polls of running jobs, power states and the fabric. Default: 15 s.
	PollInterval time.Duration
}

// Deadlines bound how long an activity may last before the maintenance fails, and validation before the rack fails.
type Deadlines struct {
	// FirmwareUpgrade. Default: 4 h.
	FirmwareUpgrade time.Duration
	// NVOSUpdate. Default: 2 h.
	NVOSUpdate time.Duration
	// ConfigureNmxCluster. Default: 30 min.
	ConfigureNmxCluster time.Duration
	// PowerSequence. Default: 30 min.
	PowerSequence time.Duration
	// Completed is how long devices may take to come back. Default: 1 h.
	Completed time.Duration
	// Validating is how long a run may take to start and to give its first result. Default: 24 h.
	Validating time.Duration
}

// WithDefaults returns a copy with every unset field at its default.
func (s Settings) WithDefaults() Settings {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&s.PollInterval, 15*time.Second)
	set(&s.Deadlines.FirmwareUpgrade, 4*time.Hour)
	set(&s.Deadlines.NVOSUpdate, 2*time.Hour)
	set(&s.Deadlines.ConfigureNmxCluster, 30*time.Minute)
	set(&s.Deadlines.PowerSequence, 30*time.Minute)
	set(&s.Deadlines.Completed, time.Hour)
	set(&s.Deadlines.Validating, 24*time.Hour)
	if s.FirmwareRetryLimit == 0 {
		s.FirmwareRetryLimit = 5
	}
	return s
}

func (s Settings) validate() error {
	var problems *multierror.Error
	if s.MaxInMaintenance < 0 {
		problems = multierror.Append(problems, fmt.Errorf("MaxInMaintenance is %d, must not be negative", s.MaxInMaintenance))
	}
	if s.MaxShareInMaintenance < 0 || s.MaxShareInMaintenance > 1 {
		problems = multierror.Append(problems, fmt.Errorf("MaxShareInMaintenance is %g, must be between 0 and 1", s.MaxShareInMaintenance))
	}
	d := s.Deadlines
	for _, f := range []struct {
		name string
		d    time.Duration
	}{
		{"PollInterval", s.PollInterval},
		{"FailedGrace", s.FailedGrace},
		{"Deadlines.FirmwareUpgrade", d.FirmwareUpgrade},
		{"Deadlines.NVOSUpdate", d.NVOSUpdate},
		{"Deadlines.ConfigureNmxCluster", d.ConfigureNmxCluster},
		{"Deadlines.PowerSequence", d.PowerSequence},
		{"Deadlines.Completed", d.Completed},
		{"Deadlines.Validating", d.Validating},
	} {
		if f.d < 0 {
			problems = multierror.Append(problems, fmt.Errorf("%s is %s, must not be negative", f.name, f.d))
		}
	}
	return problems.ErrorOrNil()
}

// limit is how many of that many racks may be in maintenance at once, zero for all.
func (s Settings) limit(racks int) int {
	limit := s.MaxInMaintenance
	if s.MaxShareInMaintenance > 0 {
		share := max(1, int(s.MaxShareInMaintenance*float64(racks)))
		if limit == 0 || share < limit {
			limit = share
		}
	}
	return limit
}

// limited reports whether there is a limit at all.
func (s Settings) limited() bool { return s.MaxInMaintenance > 0 || s.MaxShareInMaintenance > 0 }

// KindConfig says what a rack is driven with.
type KindConfig struct {
	// Driver touches the hardware. Required.
	Driver backend.Driver
	// Profile returns the profile of an id. Required.
	Profile func(id string) (Profile, bool)
	// Credentials knows whether the operating systems of switches can be reached. nil: it is not asked.
	Credentials backend.CredentialStore
	// Catalog knows firmware by name. nil: every name is taken as it is.
	Catalog backend.FirmwareCatalog
	// Settings are what a site can choose.
	Settings Settings
}

// New makes the kind of racks.
func New(cfg KindConfig) (*lifecycle.Kind, error) {
	h, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	return h.kind()
}

func newHandler(cfg KindConfig) (*handler, error) {
	if cfg.Driver == nil {
		return nil, errors.New("rack config: Driver is missing")
	}
	if cfg.Profile == nil {
		return nil, errors.New("rack config: Profile is missing")
	}
	set := cfg.Settings.WithDefaults()
	if err := set.validate(); err != nil {
		return nil, fmt.Errorf("rack config: %w", err)
	}
	return &handler{cfg: cfg, set: set, caps: cfg.Driver.Capabilities()}, nil
}

func (h *handler) kind() (*lifecycle.Kind, error) {
	return lifecycle.Define(lifecycle.Definition[Rack, State, Trigger]{
		Kind: backend.KindRack, Table: table, States: states, Handlers: h.handlers(), Clone: clone, OnDeleted: Deleted,
		Requests: h.requestTypes(), AcceptDelete: acceptDelete, OnMember: memberChanged, Cycle: cycleID,
	})
}

type handler struct {
	cfg  KindConfig
	set  Settings
	caps backend.Capabilities
}

func (h *handler) handlers() map[State]lifecycle.Handler[Rack] {
	return map[State]lifecycle.Handler[Rack]{
		Created:                 h.created,
		Discovering:             h.discovering,
		FirmwareStart:           h.during(FirmwareUpgrade, (*run).firmwareStart),
		FirmwareWait:            h.during(FirmwareUpgrade, (*run).firmwareWait),
		NVOSStart:               h.during(NvosUpdate, (*run).nvosStart),
		NVOSWait:                h.during(NvosUpdate, (*run).nvosWait),
		ClusterStart:            h.during(ConfigureNmxCluster, (*run).clusterStart),
		CertificatesStart:       h.during(ConfigureNmxCluster, (*run).certificatesStart),
		CertificatesWait:        h.during(ConfigureNmxCluster, (*run).certificatesWait),
		FabricDisable:           h.during(ConfigureNmxCluster, (*run).fabricDisable),
		FabricConfigure:         h.during(ConfigureNmxCluster, (*run).fabricConfigure),
		FabricWait:              h.during(ConfigureNmxCluster, (*run).fabricWait),
		PoweringOff:             h.during(PowerSequence, (*run).poweringOff),
		PoweredOff:              h.poweredOff,
		PoweringOn:              h.during(PowerSequence, (*run).poweringOn),
		Completed:               h.completed,
		ValidationPending:       h.validationPending,
		ValidationInProgress:    h.validating,
		ValidationPartial:       h.validating,
		ValidationFailedPartial: h.validating,
		Validated:               h.validated,
		ValidationFailed:        h.validating,
		Ready:                   h.ready,
		Error:                   h.failed,
		Deleting:                h.deleting,
	}
}
