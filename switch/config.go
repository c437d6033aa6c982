package nvswitch

import (
	"errors"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// DefaultCertificateDeadline is how long a certificate job may take unless the configuration says otherwise.
const DefaultCertificateDeadline = 30 * time.Minute

// DefaultPollInterval is the time between two looks at a job unless the configuration says otherwise.
const DefaultPollInterval = 10 * time.Second

// Config says what switches are driven with.
type Config struct {
	// Driver touches the hardware. Required. It uses Power, Certificates, Inventory and SwitchCheck. Without Power a switch cannot be switched
	// by an operator; the others are passed with a note when they are absent.
	Driver backend.Driver
	// Credentials knows which credentials of a switch are stored. nil: it is not asked, and each counts as stored.
	Credentials backend.CredentialStore
	// PollInterval is the time between two looks at a certificate job. Default: DefaultPollInterval.
	PollInterval time.Duration
	// CertificateDeadline is how long a certificate job may take. Default: DefaultCertificateDeadline.
	CertificateDeadline time.Duration
}

// New makes the kind of NVLink switches. It returns an error when the configuration is incomplete.
func New(cfg Config) (*lifecycle.Kind, error) {
	if cfg.Driver == nil {
		return nil, errors.New("nvswitch config: Driver is missing")
	}
	if cfg.PollInterval == 0 {
		cfg.PollInterval = DefaultPollInterval
	}
	if cfg.CertificateDeadline == 0 {
		cfg.CertificateDeadline = DefaultCertificateDeadline
	}
	h := &handler{cfg: cfg, caps: cfg.Driver.Capabilities()}
	return lifecycle.Define(lifecycle.Definition[Switch, State, Trigger]{
		Kind:      backend.KindSwitch,
		Table:     table,
		States:    states,
		Handlers:  h.handlers(),
		Clone:     clone,
		OnDeleted: Deleted,
		Requests:  requestTypes,
		Names:     names,
	})
}

type handler struct {
	cfg  Config
	caps backend.Capabilities
}

func (h *handler) handlers() map[State]lifecycle.Handler[Switch] {
	return map[State]lifecycle.Handler[Switch]{
		Created:             h.created,
		WaitForInterface:    h.initializing,
		CertificateStart:    h.certificateStart,
		CertificateWait:     h.certificateWait,
		RotateOsPassword:    h.rotateOsPassword,
		FetchInfo:           h.fetchInfo,
		Validation:          h.validating,
		BomValidation:       h.bomValidating,
		Ready:               h.ready,
		PoweringOn:          h.power(backend.ActionPowerOn),
		PoweringOff:         h.power(backend.ActionPowerOff),
		Resetting:           h.power(backend.ActionReset),
		NewCertificateStart: h.newCertificateStart,
		NewCertificateWait:  h.newCertificateWait,
		WaitingForFirmware:  h.reprovisioning(lifecycle.StepFirmware),
		WaitingForNVOS:      h.reprovisioning(lifecycle.StepNVOS),
		WaitingForNMXC:      h.reprovisioning(lifecycle.StepNMXC),
		Error:               h.failed,
		Deleting:            h.deleting,
	}
}
