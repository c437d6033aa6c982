// Package sitesim runs a whole site on simulated hardware in virtual time: the racks, the devices that are found one after the other, the validation
// service that writes labels, and a [rack.Manager] that brings everything up.
//
// Time moves from one thing that falls due to the next, single-threaded, so a day takes milliseconds and the same seed gives the same history:
//
//	sim, err := sitesim.New(ctx, sitesim.Config{Site: site, Store: memory.New(), Seed: 1})
//	err = sim.RunUntil(ctx, sim.AllReady, 24*time.Hour)
//
// Programs and tests of users drive their own sites with it before they touch hardware. Hosts with DPUs come from Config.Traits, attestors from
// Config.Hardware, and firmware that machines install themselves from Config.Rack.Machine.
package sitesim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// Start is when virtual time begins unless the configuration or the store says otherwise.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Config says what is simulated. Site and Store are required.
type Config struct {
	// Site is what stands in the hall.
	Site *rack.Site
	// Store keeps the records. A store that has records already goes on from there.
	Store backend.Store
	// Seed varies when devices are found, how long they take, and what goes wrong.
	Seed uint64
	// Hardware configures the devices. Its Seed is taken from here.
	Hardware fake.Config
	// Traits says what a device is like when it is found, for example how many DPUs a host has. nil: as it comes from its vendor.
	Traits func(device backend.Ref) fake.Traits
	// Journal is the file in which the hardware keeps what happened to it, so that it survives the process. Empty: it does not.
	Journal string
	// Racking is the time within which all devices of the site are found. Default: 10 min.
	Racking time.Duration
	// Rack configures the manager. Driver, Site and the engine's clock and seed are taken from here; Credentials default to those of the site.
	Rack rack.Config
	// Start is when virtual time begins. Default: Start.
	Start time.Time
	// Pace is called before virtual time moves by d; a program sleeps in it. nil: time moves as fast as it can.
	Pace func(ctx context.Context, d time.Duration) error
}

// Simulation is a site in virtual time. It is not safe for concurrent use.
type Simulation struct {
	cfg      Config
	clock    *Clock
	hardware *fake.Hardware
	manager  *rack.Manager
	arrivals []arrival
	// labels are what the validation service wrote and has not reached its machine yet.
	labels []fake.LabelWrite
}

// arrival is a device that is found at a time.
type arrival struct {
	at    time.Time
	found rack.Discovery
}

// New makes a simulation. Devices that the store knows already are not found again.
func New(ctx context.Context, cfg Config) (*Simulation, error) {
	if cfg.Site == nil || cfg.Store == nil {
		return nil, errors.New("sitesim config: Site and Store are required")
	}
	if cfg.Start.IsZero() {
		cfg.Start = Start
	}
	if cfg.Racking == 0 {
		cfg.Racking = 10 * time.Minute
	}
	begin, err := latest(ctx, cfg.Store, cfg.Start)
	if err != nil {
		return nil, err
	}
	s := &Simulation{cfg: cfg, clock: NewClock(begin)}
	cfg.Hardware.Seed = cfg.Seed
	if cfg.Journal == "" {
		s.hardware = fake.New(s.clock, cfg.Hardware)
	} else if s.hardware, err = fake.Open(cfg.Journal, s.clock, cfg.Hardware); err != nil {
		return nil, fmt.Errorf("simulated hardware: %w", err)
	}
	s.clock.Set(s.hardware.Latest())
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.hardware.Close())
	}
	return s, nil
}

// latest is the time at which a store was last written: time never goes back.
func latest(ctx context.Context, store backend.Store, begin time.Time) (time.Time, error) {
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return begin, fmt.Errorf("read the store: %w", err)
	}
	for _, r := range records {
		begin = later(begin, later(r.Since, r.Outcome.At))
	}
	const page = 4096
	query := backend.HistoryQuery{Limit: page} // what is gone has no record any more, and its history stays
	for {
		rows, err := store.History(ctx, query)
		if err != nil {
			return begin, fmt.Errorf("read the store: %w", err)
		}
		for i := range rows {
			begin, query.After = later(begin, rows[i].At), rows[i].Position
		}
		if len(rows) < page {
			return begin, nil
		}
	}
}

// start makes a new manager over the store, as after the start of a process.
func (s *Simulation) start(ctx context.Context) error {
	rc := s.cfg.Rack
	rc.Driver, rc.Site = s.hardware.Driver(), s.cfg.Site
	rc.Lifecycle.Clock, rc.Lifecycle.Seed = s.clock, s.cfg.Seed
	if rc.Lifecycle.Logger == nil {
		rc.Lifecycle.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if rc.Credentials == nil {
		if rc.Credentials, err = credentials(ctx, s.cfg.Site); err != nil {
			return err
		}
	}
	if s.manager, err = rack.NewManager(ctx, s.cfg.Store, rc); err != nil {
		return err
	}
	s.arrivals = s.plan()
	return nil
}

// Close closes the journal of the hardware. The store stays open.
func (s *Simulation) Close() error { return s.hardware.Close() }

// Restart drops the manager without finishing anything and makes a new one over the same store and hardware, as a crash does.
func (s *Simulation) Restart(ctx context.Context) error { return s.start(ctx) }

// Manager is what is simulated for.
func (s *Simulation) Manager() *rack.Manager { return s.manager }

// Hardware is what stands in the hall.
func (s *Simulation) Hardware() *fake.Hardware { return s.hardware }

// Now is the virtual time.
func (s *Simulation) Now() time.Time { return s.clock.Now() }

// Pending is how many devices are not found yet.
func (s *Simulation) Pending() int { return len(s.arrivals) }

// AllReady reports whether every expected device was found, and every object that the manager owns is Ready.
func (s *Simulation) AllReady() bool {
	if len(s.arrivals) > 0 {
		return false
	}
	ready := true
	s.each(func(o *lifecycle.Object) { ready = ready && o.State() == string(rack.Ready) })
	return ready
}

func (s *Simulation) each(visit func(*lifecycle.Object)) {
	s.manager.Controller().Visit(visit)
}

// RunUntil lets time pass until done is true, and fails when that takes longer than limit. done is asked whenever nothing is due.
func (s *Simulation) RunUntil(ctx context.Context, done func() bool, limit time.Duration) error {
	end := s.Now().Add(limit)
	for {
		next, err := s.settle(ctx)
		switch {
		case err != nil:
			return err
		case done():
			return nil
		case next.IsZero():
			return fmt.Errorf("nothing is due any more at %s, and what was awaited has not come", s.Now().Format(time.RFC3339))
		case next.After(end):
			return fmt.Errorf("what was awaited has not come within %s of virtual time", limit)
		}
		if err := s.move(ctx, next); err != nil {
			return err
		}
	}
}

// Run lets a while pass.
func (s *Simulation) Run(ctx context.Context, d time.Duration) error {
	end := s.Now().Add(d)
	for {
		next, err := s.settle(ctx)
		if err != nil {
			return err
		}
		if next.IsZero() || next.After(end) {
			return s.move(ctx, end)
		}
		if err := s.move(ctx, next); err != nil {
			return err
		}
	}
}

func (s *Simulation) move(ctx context.Context, to time.Time) error {
	if s.cfg.Pace != nil {
		if err := s.cfg.Pace(ctx, to.Sub(s.Now())); err != nil {
			return err
		}
	}
	s.clock.Set(to)
	return nil
}

// settle does everything that is due now, and says when something will be due next.
func (s *Simulation) settle(ctx context.Context) (time.Time, error) {
	now := s.Now()
	if err := s.discover(ctx, now); err != nil {
		return now, err
	}
	if err := s.label(ctx, now); err != nil {
		return now, err
	}
	_, next, err := s.manager.RunUntilIdle(ctx, now)
	if err != nil {
		return now, err
	}
	if at, ok := s.hardware.NextEvent(); ok && (next.IsZero() || at.Before(next)) {
		next = at
	}
	if len(s.arrivals) > 0 && (next.IsZero() || s.arrivals[0].at.Before(next)) {
		next = s.arrivals[0].at
	}
	if !next.IsZero() && !next.After(now) {
		next = now.Add(time.Microsecond)
	}
	return next, nil
}

// label passes on what the validation service wrote, and keeps what cannot be passed on now. A machine that is gone meanwhile has no labels.
func (s *Simulation) label(ctx context.Context, now time.Time) error {
	writes, err := s.hardware.Advance(now)
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

// discover reports the devices that are found until now.
func (s *Simulation) discover(ctx context.Context, now time.Time) error {
	n := 0
	for n < len(s.arrivals) && !s.arrivals[n].at.After(now) {
		n++
	}
	for _, a := range s.arrivals[:n] {
		dev := backend.Device{Ref: backend.Ref{Kind: a.found.Kind, ID: a.found.ID}, Rack: a.found.Rack, Endpoint: a.found.Endpoint}
		if _, there := s.hardware.View(dev.Ref); !there {
			if err := s.hardware.Add(dev, s.traits(dev.Ref)); err != nil {
				return err
			}
		}
		if err := s.manager.Discover(ctx, a.found); err != nil {
			return err
		}
	}
	s.arrivals = slices.Delete(s.arrivals, 0, n)
	return nil
}

// traits are what a device is like.
func (s *Simulation) traits(device backend.Ref) fake.Traits {
	if s.cfg.Traits == nil {
		return fake.Traits{}
	}
	return s.cfg.Traits(device)
}

// Racks returns copies of the racks that exist, in the order of the site.
func (s *Simulation) Racks() []*rack.Rack {
	var out []*rack.Rack
	for _, e := range s.cfg.Site.Racks {
		if r, err := s.manager.Rack(e.ID); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// Known is how many devices the manager knows.
func (s *Simulation) Known() int {
	n := 0
	s.each(func(o *lifecycle.Object) {
		if o.Ref().Kind != backend.KindRack {
			n++
		}
	})
	return n
}

// ReadyDevices lists the devices that are Ready.
func (s *Simulation) ReadyDevices() []backend.Device {
	var out []backend.Device
	s.each(func(o *lifecycle.Object) {
		if o.Ref().Kind != backend.KindRack && o.State() == string(rack.Ready) {
			out = append(out, backend.Device{Ref: o.Ref(), Rack: o.Rack()})
		}
	})
	return out
}
