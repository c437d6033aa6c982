package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// Start is when every scenario begins.
func Start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// moment is a time relative to the start.
func moment(d Duration) time.Time { return Start().Add(time.Duration(d)) }

// since is a time as a duration from the start.
func since(t time.Time) Duration { return Duration(t.Sub(Start())) }

// World is a scenario that runs.
type World struct {
	stepper     Stepper // has what is due reconciled
	given       Given
	store       *crashStore
	hardware    *hardware
	clock       *sitesim.Clock
	credentials *vault
	manager     *rack.Manager
	passes      *passes
	refs        map[string]backend.Ref           // devices by id, whatever the kind
	endpoints   map[backend.Ref]backend.Endpoint // of all devices, given or to be discovered
	macs        map[backend.Ref][]string         // of the NVOS interfaces of switches
	known       map[string]bool                  // ids of requests that the scenario itself names
	rejections  []rejection
	discoveries []Discover
	processes   []*process // the controllers that share the store, none when one has it for itself
	acting      *process   // whose store and manager are those of the world at the moment
	chosen      *process   // who makes the steps of people
	stall       *pending
	stalls      bool      // the scenario has some
	unsure      time.Time // when a commit was lost last
	looked      time.Time // when the checker looked at the world last
	lives       int       // how often a controller was started again
	trouble     error     // of what went on while a controller stood still
	checker     *verify.Checker
	strange     bool // something is given in a state that nobody knows
}

type rejection struct {
	id   string
	text string
}

// passes counts the passes of a controller, and ends what drives it when there are too many, or when time has passed in the middle of one.
type passes struct {
	lifecycle.NoObserver
	left int
	halt bool
	stop context.CancelFunc
}

// Passed counts a pass.
func (p *passes) Passed(backend.Ref, backend.Outcome) {
	if p.left--; p.left < 0 || p.halt {
		p.end()
	}
}

func (p *passes) end() {
	if p.stop != nil {
		p.stop()
	}
}

// outlive is the context of a pass that goes on while what drives it ends.
func (p *passes) outlive(ctx context.Context) context.Context {
	if p.halt {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// newWorld puts what is given into an empty store and starts a controller on it.
func newWorld(ctx context.Context, s Scenario, store backend.Store, wrap func(backend.Capabilities) backend.Capabilities) (*World, error) {
	w := &World{
		given: s.Given, clock: sitesim.NewClock(Start()), credentials: &vault{}, passes: &passes{},
		refs: map[string]backend.Ref{}, endpoints: map[backend.Ref]backend.Endpoint{}, macs: map[backend.Ref][]string{}, known: map[string]bool{},
	}
	w.store = &crashStore{Store: store, world: w}
	w.hardware = newHardware(w.Now)
	w.hardware.ended = func(ctx context.Context, name string) { w.standStill(ctx, name, afterCall) }
	w.hardware.speaks(s.Given.Hardware)
	w.discoveries = slices.Clone(s.Given.Newcomers)
	for _, step := range s.When {
		if step.Discover != nil && !slices.Contains(s.Given.Newcomers, *step.Discover) {
			w.discoveries = append(w.discoveries, *step.Discover)
		}
		w.hardware.speaks(step.Hardware)
		w.stalls = w.stalls || step.Stall != nil
	}
	w.hardware.attestors, w.hardware.unitFirmware = s.Given.Settings.Attestors, s.Given.Settings.DPUFirmware
	w.hardware.script(s.Given.Hardware)
	records, err := w.records(ctx)
	if err != nil {
		return nil, err
	}
	w.announce()
	if err := errors.Join(w.simulate(wrap), w.seed(ctx, records)); err != nil {
		return nil, err
	}
	return w, w.startAll(ctx)
}

// seed commits the given objects with their requests.
func (w *World) seed(ctx context.Context, records []record) error {
	requests, err := w.requests()
	if err != nil {
		return err
	}
	var batch []backend.Commit
	for _, r := range records {
		data, err := json.Marshal(r.entity)
		if err != nil {
			return err
		}
		row := backend.Transition{Ref: r.ref, Rack: r.rack, Seq: 1, To: r.state, At: r.since, Trigger: givenTrigger, Initiator: "scenario"}
		rec := backend.Record{Ref: r.ref, Rack: r.rack, State: r.state, Since: r.since, Version: 1, Transitions: 1, Data: data}
		c := backend.Commit{Writes: []backend.Write{{Record: rec, Transition: &row}}}
		for _, q := range requests {
			if q.On == r.ref {
				c.Post = append(c.Post, q)
			}
		}
		batch = append(batch, c)
	}
	results, err := w.store.Commit(ctx, batch)
	return errors.Join(append(results, err)...)
}

// givenTrigger marks the history rows of given objects.
const givenTrigger = "Given"

// start makes a new controller on the store, as after the start of a process.
func (w *World) start(ctx context.Context) error {
	w.revive()
	s := w.given.Settings
	retries := retryLimit(s.FirmwareRetryLimit)
	cfg := rack.Config{
		Driver: w.hardware.driver(), Site: w.site(), Credentials: w.credentials, Catalog: w.catalog(),
		Settings: w.settings(),
		Machine: machine.Config{
			FirmwareRetryLimit: retries, FirmwareRetryInterval: time.Duration(s.FirmwareRetryInterval), UploadLimit: s.UploadLimit, DPUFirmware: s.DPUFirmware,
			Tenant: w.hardware.tenant(),
		},
		Lifecycle: w.engine(),
	}
	for _, f := range s.MachineFirmware {
		cfg.Machine.Firmware = append(cfg.Machine.Firmware, machine.Firmware{Component: f.Component, Version: f.Version, How: machine.How(f.How), Artifacts: f.Artifacts, Reset: machine.ResetKind(f.Reset)})
	}
	m, err := rack.NewManager(ctx, w.store, cfg)
	if err != nil {
		return err
	}
	w.manager = m
	w.reborn()
	return nil
}

// settings are those of racks.
func (w *World) settings() rack.Settings {
	s := w.given.Settings
	d := s.Deadlines
	return rack.Settings{
		Validation: s.Validation == "enabled", FailedGrace: time.Duration(s.ValidationFailedGrace), MaxInMaintenance: s.MaxRacksInMaintenance, FirmwareRetryLimit: retryLimit(s.FirmwareRetryLimit),
		Deadlines: rack.Deadlines{
			FirmwareUpgrade: time.Duration(d.FirmwareUpgrade), NVOSUpdate: time.Duration(d.NVOSUpdate), ConfigureNmxCluster: time.Duration(d.ConfigureNmxCluster),
			PowerSequence: time.Duration(d.PowerSequence), Completed: time.Duration(d.Completed), Validating: time.Duration(d.Validating),
		},
	}
}

// revive gives the world a store without the crash of the last controller, which stays cut off: a pass of it may still be on its way.
func (w *World) revive() {
	w.store.crashed = true
	w.store = &crashStore{Store: w.store.Store, world: w}
	w.hardware.revive()
}

// engine configures the engine.
func (w *World) engine() lifecycle.Config {
	s := w.given.Settings
	cfg := lifecycle.Config{Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Observer: w.passes, Resync: time.Duration(s.Resync), LeaseTTL: time.Duration(s.Lease)}
	if w.acting != nil {
		cfg.Owner = w.acting.name
	}
	return cfg
}

// retryLimit turns the limit of a scenario, where zero is never, into that of the configuration, where zero is the default.
func retryLimit(n *int) int {
	switch {
	case n == nil:
		return 0
	case *n == 0:
		return -1
	default:
		return *n
	}
}

func (w *World) ctl() *lifecycle.Controller { return w.manager.Controller() }

func (w *World) catalog() backend.Catalog {
	out := backend.Catalog{}
	for _, f := range w.given.Firmware {
		entry := backend.FirmwareEntry{ID: f.ID, HardwareType: f.HardwareType, Available: or(f.Available, true)}
		if entry.HardwareType == "" {
			entry.HardwareType = rack.AnyHardware
		}
		out = append(out, entry)
	}
	return out
}

// ref reads "kind/id".
func ref(text string) (backend.Ref, error) { return backend.ParseRef(text) }

// device finds a device by its id alone.
func (w *World) device(id string) (backend.Ref, error) {
	if r, ok := w.refs[id]; ok {
		return r, nil
	}
	return backend.Ref{}, fmt.Errorf("no device %q is given", id)
}

// cycleRequest is the rack's request that it works on, if one is given.
func (w *World) cycleRequest(rackID string) (Request, bool) {
	for _, q := range w.given.Requests {
		if q.Type == lifecycle.TypeMaintenance && q.AcceptedAt != nil && slices.Contains(q.On, "rack/"+rackID) {
			return q, true
		}
	}
	return Request{}, false
}
