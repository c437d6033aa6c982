package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// Start is when every scenario begins.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a scenario that runs.
type world struct {
	given       Given
	store       *crashStore
	hardware    *hardware
	clock       *sitesim.Clock
	credentials *fake.Credentials
	manager     *rack.Manager
	refs        map[string]backend.Ref // by id, whatever the kind
	states      map[backend.Ref]string // the given states
	known       map[string]bool        // ids of requests that the scenario itself names
	rejections  []rejection
	profileOf   map[string]string // by rack id
}

type rejection struct {
	id   string
	text string
}

// crashStore refuses to commit once the controller has crashed.
type crashStore struct {
	backend.Store
	crashed bool
}

var errCrashed = errors.New("the controller has crashed")

func (s *crashStore) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if s.crashed {
		return nil, errors.Join(errCrashed, backend.ErrNotCommitted)
	}
	return s.Store.Commit(ctx, batch)
}

// newWorld puts what is given into an empty store and starts a controller on it.
func newWorld(ctx context.Context, g Given, store backend.Store) (*world, error) {
	w := &world{given: g, store: &crashStore{Store: store}, clock: sitesim.NewClock(Start), credentials: &fake.Credentials{}, refs: map[string]backend.Ref{},
		states: map[backend.Ref]string{}, known: map[string]bool{}, profileOf: map[string]string{}}
	w.hardware = newHardware(w.clock.Now)
	w.hardware.crash = func() { w.store.crashed = true }
	w.hardware.script(g.Hardware)
	records, err := w.records(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.seed(ctx, records); err != nil {
		return nil, err
	}
	return w, w.start(ctx)
}

// seed commits the given objects with their requests.
func (w *world) seed(ctx context.Context, records []record) error {
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
		row := backend.Transition{Ref: r.ref, Rack: r.rack, Seq: 1, To: r.state, At: r.since, Trigger: "Given", Initiator: "scenario"}
		c := backend.Commit{Writes: []backend.Write{{Record: backend.Record{Ref: r.ref, Rack: r.rack, State: r.state, Since: r.since, Version: 1, Transitions: 1, Data: data}, Transition: &row}}}
		for _, q := range requests {
			if q.On == r.ref {
				c.Post = append(c.Post, q)
			}
		}
		batch = append(batch, c)
		w.states[r.ref] = r.state
	}
	results, err := w.store.Commit(ctx, batch)
	return errors.Join(append(results, err)...)
}

// start makes a new controller on the store, as after the start of a process.
func (w *world) start(ctx context.Context) error {
	w.store.crashed = false
	s := w.given.Settings
	cfg := rack.Config{
		Driver: w.hardware.driver(), Site: w.site(), Credentials: w.credentials, Catalog: w.catalog(),
		Settings: rack.Settings{Validation: s.Validation == "enabled", FailedGrace: time.Duration(s.ValidationFailedGrace), MaxInMaintenance: s.MaxRacksInMaintenance,
			FirmwareRetryLimit: s.FirmwareRetryLimit, Deadlines: rack.Deadlines{FirmwareUpgrade: time.Duration(s.Deadlines.FirmwareUpgrade), NVOSUpdate: time.Duration(s.Deadlines.NVOSUpdate),
				ConfigureNmxCluster: time.Duration(s.Deadlines.ConfigureNmxCluster), PowerSequence: time.Duration(s.Deadlines.PowerSequence),
				Completed: time.Duration(s.Deadlines.Completed), Validating: time.Duration(s.Deadlines.Validating)}},
		Machine:   machine.Config{FirmwareRetryLimit: s.FirmwareRetryLimit, FirmwareRetryInterval: time.Duration(s.FirmwareRetryInterval)},
		Lifecycle: lifecycle.Config{Clock: w.clock, Logger: slog.New(slog.DiscardHandler)},
	}
	for _, f := range s.MachineFirmware {
		cfg.Machine.Firmware = append(cfg.Machine.Firmware, machine.Firmware{Component: f.Component, Version: f.Version, How: machine.How(f.How), Artifacts: f.Artifacts})
	}
	var err error
	w.manager, err = rack.NewManager(ctx, w.store, cfg)
	return err
}

func (w *world) ctl() *lifecycle.Controller { return w.manager.Controller() }

// site is what the operator expects: the profiles, and every rack that is given or expected.
func (w *world) site() *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{}}
	add := func(id string, p Profile) {
		site.Profiles[id] = rack.Profile{ID: id, HardwareType: p.HardwareType, Topology: p.Topology, Compute: rack.Capability{Count: p.Compute}, Switch: rack.Capability{Count: p.Switch},
			PowerShelf: rack.Capability{Count: p.PowerShelf}, DefaultFirmware: byType(p.HardwareType, p.DefaultFirmware),
			DefaultSwitchImage: byType(p.HardwareType, p.DefaultSwitchImage), PowerSequence: p.PowerSequence}
	}
	any := ""
	for id, p := range w.given.Profiles {
		add(id, p)
		any = max(any, id)
	}
	for _, r := range w.given.Racks {
		id := w.profileOf[r.ID]
		if w.given.Profiles == nil {
			add(id, w.defaultProfile(r.ID))
		}
		if _, ok := site.Profiles[id]; !ok {
			if any == "" {
				any = "P"
				add(any, Profile{HardwareType: "gb200"})
			}
			id = any // nobody knows the profile of the rack's record; the site must have one
		}
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: r.ID, ProfileID: id})
	}
	for _, r := range w.given.Expected {
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: r.ID, ProfileID: r.Profile})
	}
	return site
}

func byType(hardwareType, id string) map[string]string {
	if id == "" {
		return nil
	}
	return map[string]string{hardwareType: id}
}

// defaultProfile has the counts of the children given for the rack.
func (w *world) defaultProfile(rackID string) Profile {
	p := Profile{Topology: "gb200_nvl72r1_c2g4_topology", HardwareType: "gb200"}
	for _, m := range w.given.Machines {
		if m.Rack == rackID {
			p.Compute++
		}
	}
	for _, s := range w.given.Switches {
		if s.Rack == rackID {
			p.Switch++
		}
	}
	for _, s := range w.given.PowerShelves {
		if s.Rack == rackID {
			p.PowerShelf++
		}
	}
	return p
}

func (w *world) catalog() backend.Catalog {
	out := backend.Catalog{}
	for _, f := range w.given.Firmware {
		out = append(out, backend.FirmwareEntry{ID: f.ID, HardwareType: f.HardwareType, Available: f.Available})
	}
	return out
}

// ref reads "kind/id".
func ref(text string) (backend.Ref, error) { return backend.ParseRef(text) }

// device finds a device by its id alone.
func (w *world) device(id string) (backend.Ref, error) {
	if r, ok := w.refs[id]; ok {
		return r, nil
	}
	return backend.Ref{}, fmt.Errorf("no device %q is given", id)
}

// moment is a time relative to the start.
func moment(d Duration) time.Time { return Start.Add(time.Duration(d)) }

// cycleOf is the rack's request that it works on, if one is given.
func (w *world) cycleRequest(rackID string) (Request, bool) {
	for _, q := range w.given.Requests {
		for _, on := range q.On {
			if on == "rack/"+rackID && strings.EqualFold(q.Type, lifecycle.TypeMaintenance) && q.AcceptedAt != nil {
				return q, true
			}
		}
	}
	return Request{}, false
}
