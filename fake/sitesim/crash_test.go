package sitesim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
)

// quick are delays of two or three polls, so that every job is seen pending, running and done, and a bring-up has few hundred points at which it can die.
func quick() fake.Delays {
	short := fake.Range{Min: 20 * time.Second, Max: 40 * time.Second}
	return fake.Delays{
		Boot: short, Discovery: fake.Range{Min: time.Second, Max: 2 * time.Second}, BMCReset: short, Firmware: short, SwitchImage: short, Certificate: short,
		Platform: fake.Range{Min: 10 * time.Second, Max: 20 * time.Second}, MachineValidation: short, FabricManager: short, RackTestRun: short,
		Upload: short, Cleanup: short, Attestation: fake.Range{Min: time.Second, Max: 2 * time.Second}, DPUBoot: short, DPUAgent: fake.Range{Min: time.Second, Max: 2 * time.Second},
		DPUNetwork: fake.Range{Min: time.Second, Max: 2 * time.Second}, DPUOSInstall: short,
	}
}

// one is the bring-up of one small rack, of which nothing but the store and the journal of the hardware outlives a process.
func one(dir string, text ...fake.Fault) Config {
	cfg := config(1, memory.New(), 1, text...)
	cfg.Hardware.Delays = quick()
	cfg.Racking = time.Minute
	cfg.Journal = filepath.Join(dir, "hardware")
	return cfg
}

// process is one life of a program: from New until everything is Ready, or until the wire ends it.
type process struct {
	cfg Config
	// stores and drivers say across which points the wire is stretched; nil is none.
	stores, drivers *wire
	// host, if set, stands in for the people around the manager. racks is how many there are, zero is one.
	host  host
	racks int
	// end is called with everything Ready.
	end func(*Simulation) error
}

// live plays the process in a goroutine of its own, which the wire can end. It reports whether the process came to its end.
func (p process) live(ctx context.Context) (ended bool, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = p.run(ctx)
		ended = true
	}()
	<-done
	return ended, err
}

func (p process) run(ctx context.Context) error {
	if p.stores != nil {
		p.cfg.Store = mortalStore{p.cfg.Store, p.stores}
	}
	sim, err := New(ctx, p.cfg)
	if err != nil {
		return err
	}
	defer func() { _ = sim.Close() }()
	if p.drivers != nil {
		if err := drive(ctx, sim, p.drivers.stretch); err != nil {
			return err
		}
	}
	if err := runWith(ctx, sim, p.host); err != nil || p.end == nil {
		return err
	}
	return p.end(sim)
}

// trace is what must not depend on how often the process died.
type trace struct {
	States map[string]string
	// Paths are the states that each object went through, and why.
	Paths map[string][]string
	// Started is everything that the hardware was made to begin, by device and key, with how often.
	Started map[string]int
}

func traceOf(ctx context.Context, store backend.Store, hardware *fake.Hardware) (tr trace, err error) {
	if tr.States, err = states(ctx, store); err != nil {
		return tr, err
	}
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return tr, err
	}
	tr.Paths = map[string][]string{}
	for _, t := range history {
		name := t.Ref.String()
		tr.Paths[name] = append(tr.Paths[name], t.Trigger+" "+t.To)
	}
	tr.Started = hardware.StartedByKey()
	return tr, settled(ctx, store, hardware)
}

// undisturbed plays a process that lives, with a wire that counts the points where it could have died.
func undisturbed(t *testing.T, p process) trace {
	t.Helper()
	var tr trace
	p.end = func(sim *Simulation) (err error) {
		tr, err = traceOf(t.Context(), p.cfg.Store, sim.hardware)
		return err
	}
	ended, err := p.live(t.Context())
	require.NoError(t, err)
	require.True(t, ended)
	require.Equal(t, ready(max(p.racks, 1)), tr.States)
	return tr
}

// points are all numbers from 1 to n, or forty of them, drawn by a fixed seed, in a short run and under the race detector.
func points(n int) []int {
	all := rand.New(rand.NewPCG(1, uint64(n))).Perm(n)
	if testing.Short() || underRace {
		all = all[:min(n, 40)]
	}
	return all
}

// inParts runs check for every point, in two goroutines.
func inParts(t *testing.T, all []int, check func(t *testing.T, dir string, k int)) {
	t.Helper()
	const parts = 2
	for part := range parts {
		t.Run(fmt.Sprintf("part %d", part+1), func(t *testing.T) {
			t.Parallel()
			for i := part; i < len(all); i += parts {
				check(t, t.TempDir(), all[i])
			}
		})
	}
}

// resumed plays a process that dies at the wire, and one after it that lives. It returns what came of both.
func resumed(t *testing.T, dying, living process) trace {
	t.Helper()
	ended, err := dying.live(t.Context())
	require.NoError(t, err)
	require.False(t, ended, "the wire was not reached")
	require.NoError(t, consistent(t.Context(), dying.cfg.Store))
	return undisturbed(t, living)
}

func TestACrashBeforeOrAfterAnyCommitChangesNothing(t *testing.T) {
	t.Parallel()
	count := &wire{}
	want := undisturbed(t, process{cfg: one(t.TempDir()), stores: count})
	require.Greater(t, count.passed, 300)
	inParts(t, points(count.passed), func(t *testing.T, dir string, k int) {
		cfg := one(dir)
		got := resumed(t, process{cfg: cfg, stores: &wire{at: k + 1}}, process{cfg: cfg})
		assert.Empty(t, cmp.Diff(want, got), "died at point %d of %d", k+1, count.passed)
	})
}

func TestACrashBeforeInOrAfterAnyHardwareCallChangesNothing(t *testing.T) {
	t.Parallel()
	count := &wire{}
	want := undisturbed(t, process{cfg: one(t.TempDir()), drivers: count})
	require.Greater(t, count.passed, 400)
	inParts(t, points(count.passed), func(t *testing.T, dir string, k int) {
		cfg := one(dir)
		got := resumed(t, process{cfg: cfg, drivers: &wire{at: k + 1}}, process{cfg: cfg})
		assert.Empty(t, cmp.Diff(want, got), "died at point %d of %d", k+1, count.passed)
	})
}

// trouble goes wrong in every way that a repeated call can answer, and in one that needs a person: an image that fails.
const trouble = `
	lose SetFabricState count=1
	lose SubmitPlatform what=BootOrder count=1
	lose SetPower on switch/* count=1
	timeout ResetHost nth=1
	timeout ConfigureCertificate count=1
	fail ValidateMachine count=1
	fail ConfigureFabricManager count=1
	job FirmwareJob on machine/R01-compute-2 fails "bad image" count=1`

func TestACrashAnywhereInABringUpWithFaultsEndsTheSame(t *testing.T) {
	t.Parallel()
	bad := faults(t, trouble)
	count := &wire{}
	want := undisturbed(t, process{cfg: one(t.TempDir(), bad...), stores: count, drivers: count, host: operator})
	require.Contains(t, want.Paths["rack/R01"], "MaintenanceFailed Error")
	every := points(count.passed)
	inParts(t, every[:len(every)/4], func(t *testing.T, dir string, k int) {
		cfg, w := one(dir, bad...), &wire{at: k + 1}
		got := resumed(t, process{cfg: cfg, stores: w, drivers: w, host: operator}, process{cfg: cfg, host: operator})
		assert.Empty(t, cmp.Diff(want, got), "died at point %d of %d", k+1, count.passed)
	})
}

func TestAProcessThatDiesAgainAndAgainComesToTheSameEnd(t *testing.T) {
	t.Parallel()
	bad := faults(t, trouble)
	want := undisturbed(t, process{cfg: one(t.TempDir(), bad...), host: operator})
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(7, seed))
			cfg := one(t.TempDir(), bad...)
			var got trace
			lives := 0
			for ended := false; !ended; lives++ {
				require.Less(t, lives, 2000)
				w := &wire{at: 10 + random.IntN(60)}
				p := process{cfg: cfg, stores: w, drivers: w, host: operator, end: func(sim *Simulation) (err error) {
					got, err = traceOf(t.Context(), cfg.Store, sim.hardware)
					return err
				}}
				var err error
				ended, err = p.live(t.Context())
				require.NoError(t, err)
			}
			require.Greater(t, lives, 10)
			assert.Empty(t, cmp.Diff(want, got))
		})
	}
}

func TestACrashAnywhereInAnOverhaulAndAReplacementEndsTheSame(t *testing.T) {
	t.Parallel()
	count := &wire{}
	want := undisturbed(t, process{cfg: one(t.TempDir()), stores: count, drivers: count, host: replacer})
	require.Contains(t, want.Paths["machine/R01-compute-3"], "Removed ")
	require.Contains(t, want.Paths["rack/R01"], "TopologyChanged Discovering")
	all := points(count.passed)
	inParts(t, all[:min(len(all), 200)], func(t *testing.T, dir string, k int) {
		cfg, w := one(dir), &wire{at: k + 1}
		got := resumed(t, process{cfg: cfg, stores: w, drivers: w, host: replacer}, process{cfg: cfg, host: replacer})
		assert.Empty(t, cmp.Diff(want, got), "died at point %d of %d", k+1, count.passed)
	})
}

func TestAManagerThatIsReplacedEveryMinuteComesToTheSameEnd(t *testing.T) {
	t.Parallel()
	cfg := one(t.TempDir())
	want := undisturbed(t, process{cfg: cfg})
	cfg = one("")
	cfg.Journal = ""
	sim := newSim(t, cfg)
	for !sim.AllReady() {
		require.Less(t, sim.Now().Sub(Start), longest)
		require.NoError(t, sim.Run(t.Context(), time.Minute))
		require.NoError(t, sim.Restart(t.Context()))
	}
	got, err := traceOf(t.Context(), cfg.Store, sim.hardware)
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(want, got))
}
