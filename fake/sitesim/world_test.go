package sitesim

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/rack"
)

// TestMain fails the run when a test leaves a goroutine behind, and stops the server that the tests share.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}

// longest bounds a bring-up in virtual time.
const longest = 48 * time.Hour

const (
	firmwareID = "fw-2"
	imageID    = "os-2"
)

// mini is a site of n small racks R01, R02 and so on: three compute trays, two switches and a power shelf each, and a first maintenance that takes
// every activity, the power sequence included.
func mini(n int) *rack.Site {
	site := &rack.Site{Profiles: map[string]rack.Profile{"MINI": {
		ID: "MINI", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_mini_topology", PowerSequence: true,
		Compute: rack.Capability{Count: 3}, Switch: rack.Capability{Count: 2}, PowerShelf: rack.Capability{Count: 1},
		DefaultFirmware: map[string]string{"gb200": firmwareID}, DefaultSwitchImage: map[string]string{"gb200": imageID},
	}}}
	for r := 1; r <= n; r++ {
		id := fmt.Sprintf("R%02d", r)
		site.Racks = append(site.Racks, rack.ExpectedRack{ID: id, ProfileID: "MINI"})
		device := func(name string, slot int) rack.ExpectedDevice {
			return rack.ExpectedDevice{ID: id + "-" + name, Name: id + "-" + name, RackID: id, BMCMAC: mac(r, slot), Slot: slot}
		}
		for i := 1; i <= 3; i++ {
			site.Machines = append(site.Machines, rack.ExpectedMachine{ExpectedDevice: device(fmt.Sprintf("compute-%d", i), i)})
		}
		for i := 1; i <= 2; i++ {
			site.Switches = append(site.Switches, rack.ExpectedSwitch{
				ExpectedDevice: device(fmt.Sprintf("switch-%d", i), 3+i), NVOSMACs: []string{mac(r, 0x40+i)},
				NVOS: backend.Credential{User: "admin", Password: backend.NewSecret("factory-default")},
			})
		}
		site.PowerShelves = append(site.PowerShelves, rack.ExpectedPowerShelf{ExpectedDevice: device("shelf-1", 6)})
	}
	return site
}

func mac(rack, n int) string { return fmt.Sprintf("02:00:00:00:%02X:%02X", rack, n) }

// config is a bring-up of n small racks on the store.
func config(n int, store backend.Store, seed uint64, faults ...fake.Fault) Config {
	return Config{
		Site: mini(n), Store: store, Seed: seed, Hardware: fake.Config{Faults: faults},
		Rack: rack.Config{
			Settings: rack.Settings{Validation: true},
			Catalog:  backend.Catalog{{ID: firmwareID, HardwareType: "gb200", Available: true}},
		},
	}
}

// faults reads faults that a test wrote.
func faults(tb testing.TB, text string) []fake.Fault {
	tb.Helper()
	list, err := fake.ParseFaults(text)
	require.NoError(tb, err)
	return list
}

// newSim makes a simulation that ends with the test.
func newSim(tb testing.TB, cfg Config) *Simulation {
	tb.Helper()
	sim, err := New(tb.Context(), cfg)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, sim.Close()) })
	return sim
}

// bringUp runs a simulation until everything is Ready.
func bringUp(tb testing.TB, cfg Config) *Simulation {
	tb.Helper()
	sim := newSim(tb, cfg)
	require.NoError(tb, sim.RunUntil(tb.Context(), sim.AllReady, longest), "%s", unready(sim))
	return sim
}

// unready says for a person why a simulation is not where it should be.
func unready(sim *Simulation) string {
	text := ""
	for _, r := range sim.Racks() {
		if x, err := sim.manager.Controller().Explain(r.Ref()); err == nil {
			text += x.String()
		}
	}
	return text
}

// drive replaces the driver that the manager was made with.
func drive(ctx context.Context, s *Simulation, wrap func(backend.Driver) backend.Driver) error {
	rc := s.cfg.Rack
	rc.Driver, rc.Site = wrap(s.hardware.Driver()), s.cfg.Site
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
	m, err := rack.NewManager(ctx, s.cfg.Store, rc)
	if err != nil {
		return err
	}
	s.manager = m
	return nil
}

// states returns the state of every object of a store.
func states(ctx context.Context, store backend.Store) (map[string]string, error) {
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return nil, err
	}
	all := make(map[string]string, len(records))
	for _, r := range records {
		all[r.Ref.String()] = r.State
	}
	return all, nil
}

// ready is what states returns for n small racks that are up.
func ready(n int) map[string]string {
	all := make(map[string]string)
	site := mini(n).Index()
	for _, id := range site.Racks() {
		all["rack/"+id] = "Ready"
		for _, d := range site.Devices(id) {
			all[string(d.Kind)+"/"+d.ID] = "Ready"
		}
	}
	return all
}

// consistent checks what must hold of a store at any time: every history is an unbroken chain that ends where its object stands.
func consistent(ctx context.Context, store backend.Store) error {
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return err
	}
	last := map[backend.Ref]backend.Transition{}
	for _, t := range history {
		before := last[t.Ref]
		if t.Seq != before.Seq+1 || t.From != before.To || t.At.Before(before.At) {
			return fmt.Errorf("the history of %s is broken: %+v after %+v", t.Ref, t, before)
		}
		last[t.Ref] = t
	}
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return err
	}
	for _, r := range records {
		if end := last[r.Ref]; end.To != r.State || end.Seq != r.Transitions || !end.At.Equal(r.Since) {
			return fmt.Errorf("%s is in %s since %s after %d transitions, its history ends with %+v", r.Ref, r.State, r.Since, r.Transitions, end)
		}
	}
	return nil
}

// settled checks what must hold at the end of a bring-up: consistent, no request open, and nothing that the hardware was asked to start twice.
func settled(ctx context.Context, store backend.Store, hardware *fake.Hardware) error {
	if err := consistent(ctx, store); err != nil {
		return err
	}
	open, err := store.Requests(ctx, backend.RequestQuery{OpenOnly: true})
	if err != nil {
		return err
	}
	if len(open) > 0 {
		return fmt.Errorf("%d requests are open, the first is %+v", len(open), open[0])
	}
	return onceOnly(hardware)
}

// onceOnly checks that nothing was started twice.
func onceOnly(hardware *fake.Hardware) error {
	if doubles := hardware.DoubleStarts(); len(doubles) > 0 {
		return fmt.Errorf("%d double starts, the first is %s", len(doubles), doubles[0])
	}
	for what, n := range hardware.StartedByKey() {
		if n != 1 {
			return fmt.Errorf("%s was begun %d times", what, n)
		}
	}
	return nil
}
