package powershelf

import (
	"errors"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Config says what a power shelf is driven with.
type Config struct {
	// Driver touches the hardware. Required. It uses Power and Shelf; without Shelf a shelf is Ready as it is, without Power it cannot be
	// switched.
	Driver backend.Driver
	// Credentials knows whether the shelf's controller can be reached. nil: it is not asked.
	Credentials backend.CredentialStore
	// PollInterval is the time between two looks at the power state during an operation. Default: 10 s.
	PollInterval time.Duration
	// RequestLimit is the largest number of shelves that one call of RequestMaintenance may name. Default: DefaultRequestLimit.
	RequestLimit int
}

// DefaultRequestLimit is how many shelves one call may name unless the configuration says otherwise.
const DefaultRequestLimit = 100

// New makes the kind of power shelves.
func New(cfg Config) (*lifecycle.Kind, error) {
	if cfg.Driver == nil {
		return nil, errors.New("powershelf config: Driver is missing")
	}
	if cfg.PollInterval == 0 {
		cfg.PollInterval = 10 * time.Second
	}
	h := &handler{cfg: cfg, caps: cfg.Driver.Capabilities()}
	return lifecycle.Define(lifecycle.Definition[PowerShelf, State, Trigger]{
		Kind:   backend.KindPowerShelf,
		Table:  table,
		States: states,
		Handlers: map[State]lifecycle.Handler[PowerShelf]{
			Initializing: h.initializing,
			FetchingData: h.fetchingData,
			Configuring:  h.configuring,
			Ready:        h.ready,
			PoweringOn:   h.maintenance(backend.ActionPowerOn, backend.PowerOn),
			PoweringOff:  h.maintenance(backend.ActionPowerOff, backend.PowerOff),
			Error:        h.failed,
			Deleting:     h.deleting,
		},
		Clone:      clone,
		OnDeleted:  Deleted,
		Requests:   requestTypes,
		IgnoreRack: true,
	})
}

type handler struct {
	cfg  Config
	caps backend.Capabilities
}
