// Package virtual is a small site on simulated hardware in virtual time, for tests: whatever drives its controller, what happens around it, devices that are found, labels that are
// written, people who ask for something, happens at the same moments. So two ways of driving can be compared row by row.
package virtual

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// Start is when virtual time begins. It lies in a future in which no clock of a real server meets it.
func Start() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }

// Config says what is simulated. Store is required.
type Config struct {
	// Store keeps the records; one that has records already goes on from there.
	Store backend.Store
	// Racks is how many small racks there are: R01, R02 and so on. Default: one.
	Racks int
	// Seed varies when devices are found, how long they take, and what goes wrong.
	Seed uint64
	// Hardware configures the devices. Its Seed is taken from here.
	Hardware fake.Config
	// Quick makes the hardware quick, and has objects looked at only when something is due: a bring-up takes some two hundred steps.
	Quick bool
	// Journal is the file in which the hardware keeps what happened to it. Empty: it does not outlive the process.
	Journal string
	// Step has Run reconcile what is due. nil: the engine's own loop does.
	Step Stepper
	// People stand around the site. nil: nobody does.
	People People
}

// People are asked when nothing is due, and say whether they have done something. They remember nothing: what they have done they read from the records.
type People func(ctx context.Context, s *Site) (acted bool, err error)

// Stepper reconciles everything that is due, like lifecycle.Controller.RunUntilIdle.
type Stepper func(ctx context.Context, ctl *lifecycle.Controller, now time.Time) (steps int, next time.Time, err error)

// Site is a site in virtual time. Its methods must not be called by several goroutines at once.
type Site struct {
	cfg      Config
	site     *rack.Site
	clock    *sitesim.Clock
	hardware *fake.Hardware
	manager  *rack.Manager
	arrivals []arrival
	labels   []fake.LabelWrite
}

// arrival is a device that is found at a time.
type arrival struct {
	at    time.Time
	found rack.Discovery
}

// New makes a site. Devices that the store knows are not found again.
func New(ctx context.Context, cfg Config) (*Site, error) {
	cfg.Racks = max(1, cfg.Racks)
	if cfg.Step == nil {
		cfg.Step = func(ctx context.Context, ctl *lifecycle.Controller, now time.Time) (int, time.Time, error) {
			return ctl.RunUntilIdle(ctx, now)
		}
	}
	cfg.Hardware.Seed = cfg.Seed
	engine := lifecycle.Config{Seed: cfg.Seed, Logger: slog.New(slog.DiscardHandler)}
	if cfg.Quick {
		engine.Resync, cfg.Hardware.Delays = time.Hour, quick()
	}
	s := &Site{cfg: cfg, site: mini(cfg.Racks), clock: sitesim.NewClock(Start())}
	engine.Clock = s.clock
	if err := s.catchUp(ctx); err != nil {
		return nil, err
	}
	var err error
	if cfg.Journal == "" {
		s.hardware = fake.New(s.clock, cfg.Hardware)
	} else if s.hardware, err = fake.Open(cfg.Journal, s.clock, cfg.Hardware); err != nil {
		return nil, fmt.Errorf("simulated hardware: %w", err)
	}
	s.clock.Set(s.hardware.Latest())
	credentials := &fake.Credentials{}
	for _, sw := range s.site.Switches { // a process that starts again must find those of devices that nobody reports a second time
		if err := credentials.PutCredential(ctx, backend.NVOSCredential(backend.Ref{Kind: backend.KindSwitch, ID: sw.ID}), sw.NVOS); err != nil {
			return nil, err
		}
	}
	s.manager, err = rack.NewManager(ctx, cfg.Store, rack.Config{
		Driver: s.hardware.Driver(), Site: s.site, Credentials: credentials,
		Settings:  rack.Settings{Validation: true},
		Catalog:   backend.Catalog{{ID: firmwareID, HardwareType: "gb200", Available: true}},
		Lifecycle: engine,
	})
	if err != nil {
		return nil, errors.Join(err, s.hardware.Close())
	}
	s.plan()
	return s, nil
}

// catchUp moves the clock to where an earlier process left the store: time never goes back.
func (s *Site) catchUp(ctx context.Context) error {
	records, err := s.cfg.Store.List(ctx, backend.Query{})
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	for i := range records {
		s.clock.Set(records[i].Since)
		s.clock.Set(records[i].Outcome.At)
	}
	return nil
}

// Close closes the journal of the hardware. The store stays open.
func (s *Site) Close() error { return s.hardware.Close() }

// Manager is what is simulated for.
func (s *Site) Manager() *rack.Manager { return s.manager }

// Hardware is what stands in the hall.
func (s *Site) Hardware() *fake.Hardware { return s.hardware }

// Store keeps the records.
func (s *Site) Store() backend.Store { return s.cfg.Store }

// Now is the virtual time.
func (s *Site) Now() time.Time { return s.clock.Now() }

// Before lets time come to a moment, unless it is there, and does what happens before objects are stepped: devices are found, labels are written.
func (s *Site) Before(ctx context.Context, now time.Time) error {
	s.clock.Set(now)
	for len(s.arrivals) > 0 && !s.arrivals[0].at.After(s.Now()) {
		if err := s.Find(ctx, s.arrivals[0].found); err != nil {
			return err
		}
		s.arrivals = s.arrivals[1:]
	}
	writes, err := s.hardware.Advance(s.Now())
	if err != nil {
		return err
	}
	s.labels = append(s.labels, writes...)
	for len(s.labels) > 0 {
		err := s.manager.Controller().SetLabels(ctx, s.labels[0].Machine, 0, s.labels[0].Set)
		if err != nil && !errors.Is(err, backend.ErrNotFound) {
			return err
		}
		s.labels = s.labels[1:]
	}
	return nil
}

// After asks the people, when nothing is due. If they have acted, objects are stepped again before time goes on.
func (s *Site) After(ctx context.Context) (acted bool, err error) {
	if s.cfg.People == nil {
		return false, nil
	}
	return s.cfg.People(ctx, s)
}

// Next is when something happens next, given when an object is due; zero for never.
func (s *Site) Next(due time.Time) time.Time {
	if at, ok := s.hardware.NextEvent(); ok && (due.IsZero() || at.Before(due)) {
		due = at
	}
	if len(s.arrivals) > 0 && (due.IsZero() || s.arrivals[0].at.Before(due)) {
		due = s.arrivals[0].at
	}
	if !due.IsZero() && !due.After(s.Now()) {
		due = s.Now().Add(time.Microsecond)
	}
	return due
}

// Run drives the site until done, and fails when that takes longer than limit in virtual time.
func (s *Site) Run(ctx context.Context, done func() bool, limit time.Duration) error {
	end := s.Now().Add(limit)
	for {
		if err := s.Before(ctx, s.Now()); err != nil {
			return err
		}
		_, due, err := s.cfg.Step(ctx, s.manager.Controller(), s.Now())
		if err != nil {
			return err
		}
		switch acted, err := s.After(ctx); {
		case err != nil:
			return err
		case acted:
			continue
		case done():
			return nil
		}
		next := s.Next(due)
		if next.IsZero() || next.After(end) {
			return fmt.Errorf("what was awaited has not come until %s", s.Now().Format(time.RFC3339))
		}
		s.clock.Set(next)
	}
}

// Find has the host report a device.
func (s *Site) Find(ctx context.Context, found rack.Discovery) error {
	dev := backend.Device{Ref: backend.Ref{Kind: found.Kind, ID: found.ID}, Rack: found.Rack, Endpoint: found.Endpoint}
	if _, there := s.hardware.View(dev.Ref); !there {
		if err := s.hardware.Add(dev, fake.Traits{}); err != nil {
			return err
		}
	}
	return s.manager.Discover(ctx, found)
}

// plan says when each device is found that is not known yet: within ten minutes, by the seed.
func (s *Site) plan() {
	for i, d := range s.Devices() {
		if _, err := s.manager.Controller().Outcome(backend.Ref{Kind: d.Kind, ID: d.ID}); err == nil {
			continue
		}
		after := time.Duration(scatter(s.cfg.Seed^uint64(i+1)) % uint64(10*time.Minute)).Truncate(time.Microsecond)
		s.arrivals = append(s.arrivals, arrival{at: Start().Add(after), found: d})
	}
	slices.SortStableFunc(s.arrivals, func(a, b arrival) int { return a.at.Compare(b.at) })
}

// scatter makes every bit of the result depend on every bit of x (the finisher of splitmix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}
