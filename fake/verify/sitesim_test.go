package verify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/rack"
)

func TestNoSimulatedBringUpWithFaultsBreaksARule(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":           "",
		"it passes":         "fail InspectPlatform count=2; lose ApplyFirmware count=1; omit FirmwareJob p=0.5; panic CheckSwitch p=0.6; timeout Discover p=0.2; away on power_shelf/* from 0s for 20m",
		"it stays":          `job FirmwareJob on machine/R01-compute-2 fails "bad image" count=1; job ValidateMachine on machine/R02-compute-1 fails "dead fan" count=1`,
		"it never ends":     "job ApplySwitchImage on switch/R01-switch-1 never ends; job ConfigureCertificate on switch/R02-switch-1 never ends; silent on machine/R01-compute-2 from 0s for 4h",
		"it gives no label": "job StartValidation never ends count=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults, err := fake.ParseFaults(text)
			require.NoError(t, err)
			inner := memory.New()
			set := rack.Settings{Validation: true}
			checker := verify.NewChecker(verify.Settings(set))
			sim, err := sitesim.New(t.Context(), sitesim.Config{
				Site: site(2), Store: verify.Wrap(inner, checker), Seed: 3, Hardware: fake.Config{Faults: faults},
				Rack: rack.Config{Settings: set, Catalog: backend.Catalog{{ID: "fw-2", HardwareType: "gb200", Available: true}}},
			})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, sim.Close()) })
			end := sim.Now().Add(30 * time.Hour)
			require.NoError(t, sim.RunUntil(t.Context(), func() bool {
				checker.World().SetNow(sim.Now())
				checker.Idle()
				return sim.Now().After(end)
			}, 31*time.Hour))
			for _, problem := range checker.Problems() {
				require.NoError(t, problem)
			}
			assert.NoError(t, checker.Audit(t.Context(), inner))
			assert.Equal(t, text == "" || name == "it passes", sim.AllReady())
		})
	}
}
