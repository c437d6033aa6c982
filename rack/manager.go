package rack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// Config says what a Manager works with. Driver and Site are required.
type Config struct {
	// Driver touches the hardware.
	Driver backend.Driver
	// Site is what the operator expects to find.
	Site *Site
	// Credentials keeps passwords. nil: the credentials of the site are not kept, and nothing is checked for one.
	Credentials backend.CredentialStore
	// Catalog knows firmware by name. nil: every name is taken as it is.
	Catalog backend.FirmwareCatalog
	// Settings are what a site can choose.
	Settings Settings
	// Machine is what machines are driven with beside the driver, which is taken from here.
	Machine machine.Config
	// Kinds are more kinds of object that the store holds, beside racks and their devices, for example the nodes of package machine/service. Objects of them may be in
	// a rack; the rack takes no notice.
	Kinds []*lifecycle.Kind
	// Lifecycle configures the engine.
	Lifecycle lifecycle.Config
}

// Manager brings up and operates the racks of a site. It is what a provisioner holds. All methods are safe for concurrent use.
type Manager struct {
	ctl         *lifecycle.Controller
	racks       *handler
	site        *SiteIndex
	credentials backend.CredentialStore
}

// NewManager loads what the store holds and makes everything due. It does not own the store.
func NewManager(ctx context.Context, store backend.Store, cfg Config) (*Manager, error) {
	if cfg.Site == nil {
		return nil, errors.New("rack config: Site is missing")
	}
	if err := cfg.Site.Validate(); err != nil {
		return nil, fmt.Errorf("rack config: site: %w", err)
	}
	m := &Manager{site: cfg.Site.Index(), credentials: cfg.Credentials}
	kinds, err := m.kinds(cfg)
	if err != nil {
		return nil, err
	}
	if m.ctl, err = lifecycle.NewController(ctx, store, cfg.Lifecycle, append(kinds, cfg.Kinds...)...); err != nil {
		return nil, err
	}
	return m, nil
}

// Reload returns another manager for the same site, driver and settings, which loads what a store holds. It is what a new process would have, without the cost of
// compiling tables and site again, for simulators and explorers that start over thousands of times. Only the uploads of machines that are under way are shared with m.
// The two must not be at work on the same store at the same time, unless lc names an Owner for each.
func (m *Manager) Reload(ctx context.Context, store backend.Store, lc lifecycle.Config) (*Manager, error) {
	other := *m
	var err error
	if other.ctl, err = lifecycle.NewController(ctx, store, lc, m.ctl.Kinds()...); err != nil {
		return nil, err
	}
	return &other, nil
}

func (m *Manager) kinds(cfg Config) ([]*lifecycle.Kind, error) {
	mc := cfg.Machine
	mc.Driver = cfg.Driver
	h, err := newHandler(KindConfig{Driver: cfg.Driver, Profile: m.site.Profile, Credentials: cfg.Credentials, Catalog: cfg.Catalog, Settings: cfg.Settings})
	if err != nil {
		return nil, err
	}
	m.racks = h
	racks, err1 := h.kind()
	machines, err2 := machine.New(mc)
	switches, err3 := nvswitch.New(nvswitch.Config{Driver: cfg.Driver, Credentials: cfg.Credentials})
	shelves, err4 := powershelf.New(powershelf.Config{Driver: cfg.Driver, Credentials: cfg.Credentials})
	return []*lifecycle.Kind{racks, machines, switches, shelves}, errors.Join(err1, err2, err3, err4)
}

// Controller is the engine underneath: holds, labels, deletion, history and explanations.
func (m *Manager) Controller() *lifecycle.Controller { return m.ctl }

// Site is what the operator expects to find.
func (m *Manager) Site() *SiteIndex { return m.site }

// Run reconciles until ctx ends; see lifecycle.Controller.Run.
func (m *Manager) Run(ctx context.Context) error { return m.ctl.Run(ctx) }

// RunUntilIdle reconciles what is due at the given time; see lifecycle.Controller.RunUntilIdle.
func (m *Manager) RunUntilIdle(ctx context.Context, now time.Time) (steps int, next time.Time, err error) {
	return m.ctl.RunUntilIdle(ctx, now)
}

// Rack returns a copy of a rack. The error wraps backend.ErrNotFound.
func (m *Manager) Rack(id string) (*Rack, error) { return lifecycle.Get[Rack](m.ctl, Ref(id)) }

// Machine returns a copy of a machine. The error wraps backend.ErrNotFound.
func (m *Manager) Machine(id string) (*machine.Machine, error) {
	return lifecycle.Get[machine.Machine](m.ctl, backend.Ref{Kind: backend.KindMachine, ID: id})
}

// Switch returns a copy of a switch. The error wraps backend.ErrNotFound.
func (m *Manager) Switch(id string) (*nvswitch.Switch, error) {
	return lifecycle.Get[nvswitch.Switch](m.ctl, nvswitch.Ref(id))
}

// PowerShelf returns a copy of a power shelf. The error wraps backend.ErrNotFound.
func (m *Manager) PowerShelf(id string) (*powershelf.PowerShelf, error) {
	return lifecycle.Get[powershelf.PowerShelf](m.ctl, powershelf.Ref(id))
}
