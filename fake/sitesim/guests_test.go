package sitesim

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// busy is a site of two small racks with everything that a machine can have: DPUs, attestors, firmware of its own, tenants. The rack's firmware leaves the BIOS at an older version
// than the machines want, so every machine uploads.
func busy(dir string, seed uint64, text ...fake.Fault) Config {
	cfg := config(2, memory.New(), seed, text...)
	cfg.Racking = time.Minute
	cfg.Journal = filepath.Join(dir, "hardware")
	cfg.Hardware.Delays = quick()
	cfg.Hardware.Attestation = true
	cfg.Hardware.DPUFirmware = map[string]string{"NIC": "2.0.0"}
	cfg.Hardware.Bundles = map[string]map[string]string{firmwareID: {"BIOS": "1.5.0", "BMC": "2.0.0", "CPLD": "1.5.0"}}
	cfg.Traits = func(ref backend.Ref) fake.Traits {
		if strings.HasSuffix(ref.ID, "compute-2") {
			return fake.Traits{DPUs: 2}
		}
		return fake.Traits{}
	}
	cfg.Rack.Machine = machine.Config{
		UploadLimit: 2, DPUFirmware: cfg.Hardware.DPUFirmware, FirmwareRetryInterval: 10 * time.Minute,
		Firmware: []machine.Firmware{{Component: "BIOS", Version: "2.0.0", Artifacts: 2}, {Component: "CPLD", Version: "2.0.0", Reset: machine.ResetDrain}},
	}
	return cfg
}

// guests are people who want something of every machine, one thing after the other, in an order that the seed draws. They remember nothing: what they have asked for is in the store,
// under ids of their own.
type guests struct {
	plans map[backend.Ref][]lifecycle.NewRequest
}

func newGuests(seed uint64, racks int) guests {
	random := rand.New(rand.NewPCG(seed, 11))
	g := guests{plans: map[backend.Ref][]lifecycle.NewRequest{}}
	site := mini(racks).Index()
	for _, rackID := range site.Racks() {
		for _, d := range site.Devices(rackID) {
			if d.Kind == backend.KindMachine {
				g.plans[machine.Ref(d.ID)] = plan(random, d.ID)
			}
		}
	}
	return g
}

// plan draws what a machine goes through. What begins with a tenant ends with its release.
func plan(random *rand.Rand, id string) []lifecycle.NewRequest {
	var out []lifecycle.NewRequest
	add := func(typ string, params any) {
		out = append(out, lifecycle.NewRequest{ID: fmt.Sprintf("%s-%d-%s", id, len(out), typ), Type: typ, Initiator: "guest", Params: params})
	}
	for _, what := range random.Perm(5) {
		switch what {
		case 0, 1:
			add(machine.TypeAssign, machine.Assign{Tenant: "tenant"})
			if random.IntN(2) == 0 {
				add(lifecycle.TypeReprovision, lifecycle.Reprovision{DisturbTenants: true})
			}
			add(machine.TypeRelease, nil)
		case 2:
			add(machine.TypeMeasure, nil)
		case 3:
			add(lifecycle.TypeReprovision, lifecycle.Reprovision{})
		case 4:
			if strings.HasSuffix(id, "compute-2") {
				add(machine.TypeDPUReprovision, nil)
			}
			add(machine.TypeVerifySKU, nil)
		}
	}
	return out
}

// visit is a host: once the site is up, every machine gets its next request when the one before it has ended and the machine rests.
func (g guests) visit(ctx context.Context, sim *Simulation) (more bool, err error) {
	if more, err = g.overhaul(ctx, sim); more || err != nil {
		return true, err
	}
	if err = attend(ctx, sim); err != nil {
		return true, err
	}
	ctl, states := sim.manager.Controller(), statesOf(sim.manager)
	for _, ref := range slices.SortedFunc(maps.Keys(g.plans), backend.Ref.Compare) {
		for _, next := range g.plans[ref] {
			asked, err := sim.cfg.Store.Requests(ctx, backend.RequestQuery{ID: next.ID})
			if err != nil {
				return true, err
			}
			if len(asked) > 0 && !asked[0].State.Open() {
				continue
			}
			more = true
			state := states[ref.String()]
			if rests := state == string(machine.Ready) || state == string(machine.AssignedReady); len(asked) == 0 && rests {
				if _, err := ctl.Request(ctx, next, ref); err != nil {
					return true, err
				}
			}
			break
		}
	}
	return more, nil
}

// overhaul is what the operator of a rack wants before anybody moves in: everything once more, by force.
func (g guests) overhaul(ctx context.Context, sim *Simulation) (more bool, err error) {
	asked, err := sim.cfg.Store.Requests(ctx, backend.RequestQuery{ID: "overhaul"})
	switch {
	case err != nil:
		return true, err
	case len(asked) > 0 && !asked[0].State.Open():
		return false, nil
	case len(asked) > 0 || !sim.AllReady():
		return true, attend(ctx, sim)
	}
	_, err = sim.manager.RequestMaintenance(ctx, rack.MaintenanceRequest{
		ID: "overhaul", Rack: "R01", User: "operator", Scope: rack.FullRack(rack.Activity{Name: rack.FirmwareUpgrade, Force: true}),
	})
	return true, err
}

// attend does what people do about what waits for them: proofs that nobody has judged, and what has failed.
func attend(ctx context.Context, sim *Simulation) error {
	for name, state := range statesOf(sim.manager) {
		if state != string(machine.MeasuringPendingBundle) && state != string(machine.PostAssignedPendingBundle) && state != string(machine.HostInitMeasuring) {
			continue
		}
		ref, err := backend.ParseRef(name)
		if err == nil {
			err = sim.hardware.ApproveBundle(ref)
		}
		if err != nil {
			return err
		}
	}
	_, err := operator(ctx, sim)
	return err
}

// mishaps are what may go wrong with machines. None of them leaves a machine in another state in the end.
const mishaps = `
	break UploadFirmware on machine/R01-compute-1 nth=1
	fail UploadFirmware on machine/R01-compute-3 nth=1 class=unauthorized
	lose UploadFirmware on machine/R02-compute-1 nth=1
	job UploadFirmware on machine/R02-compute-3 what=BIOS fails "signature refused" count=1
	lose StartCleanup nth=1
	job StartCleanup on machine/R01-compute-2 what=nvme fails "sanitize refused" count=1
	job StartCleanup on machine/R02-compute-1 what=tpm does nothing count=1
	job Attest on machine/R02-compute-2 what=device stays pending
	job Attest on machine/R01-compute-1 what=measured-boot is cancelled nth=3
	lose Attest on machine/R01-compute-3 nth=2
	job ConfigureDPUNetwork on machine/R01-compute-2/dpu1 never ends count=1
	lose RestartDPUs nth=1
	job SubmitPlatform on machine/R02-compute-2/dpu0 what=DpuOsInstall fails "no space" count=1
	job UploadFirmware on machine/R02-compute-2 what=CPLD does nothing count=1
	lose SetPower on machine/* nth=1`

// drawn are some of the mishaps.
func drawn(t *testing.T, seed uint64) []fake.Fault {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 12))
	return slices.DeleteFunc(faults(t, mishaps), func(fake.Fault) bool { return random.IntN(3) == 0 })
}

func TestGuestsComeAndGoAndEveryMachineIsReadyInTheEnd(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			g := newGuests(seed, 2)
			p := process{cfg: busy(t.TempDir(), seed, drawn(t, seed)...), host: g.visit, racks: 2}
			got := undisturbed(t, p)
			for ref, asked := range g.plans {
				for _, req := range asked {
					if req.Type == machine.TypeAssign {
						assert.Contains(t, got.Paths[ref.String()], "AssignmentRequested Assigned/Provisioning")
						assert.Contains(t, got.Paths[ref.String()], "CleanedUp BomValidating/UpdatingInventory")
					}
				}
				assert.Contains(t, got.Paths[ref.String()], "Uploaded HostReprovision/WaitingForFirmwareUpgrade")
			}
		})
	}
}

// steady leaves the power sequence out: whether a rack skips it depends on whether a machine has a tenant at that very moment, and a crash moves moments.
func steady(cfg Config) Config {
	profile := cfg.Site.Profiles["MINI"]
	profile.PowerSequence = false
	cfg.Site.Profiles["MINI"] = profile
	return cfg
}

func TestACrashAnywhereWhileGuestsComeAndGoEndsTheSame(t *testing.T) {
	t.Parallel()
	const seed = 1
	g, bad := newGuests(seed, 2), drawn(t, seed)
	count := &wire{}
	want := undisturbed(t, process{cfg: steady(busy(t.TempDir(), seed, bad...)), stores: count, drivers: count, host: g.visit, racks: 2})
	crashes := 40
	if testing.Short() || underRace {
		crashes = 15
	}
	inParts(t, points(count.passed)[:crashes], func(t *testing.T, dir string, k int) {
		cfg, w := steady(busy(dir, seed, bad...)), &wire{at: k + 1}
		got := resumed(t, process{cfg: cfg, stores: w, drivers: w, host: g.visit, racks: 2}, process{cfg: cfg, host: g.visit, racks: 2})
		// What is begun besides may differ: a broken upload takes longer, and then a machine finds its power as the rack has left it.
		assert.Empty(t, cmp.Diff(want.States, got.States), "died at point %d of %d", k+1, count.passed)
		assert.Empty(t, cmp.Diff(want.Paths, got.Paths), "died at point %d of %d", k+1, count.passed)
	})
}
