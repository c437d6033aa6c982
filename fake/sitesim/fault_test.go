package sitesim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
)

func TestTroubleThatPassesIsOvercomeWithoutAPerson(t *testing.T) {
	t.Parallel()
	undisturbed := memory.New()
	bringUp(t, config(1, undisturbed, 3))
	calm := account(t, undisturbed)
	for name, text := range map[string]string{
		"a call is not done":                   "fail InspectPlatform count=2; fail ApplyFirmware count=1; fail SetPower count=1; fail CheckSwitch count=3",
		"nobody knows whether a call was done": "fail SubmitPlatform count=2 class=maybe; fail SetFabricState count=1 class=maybe",
		"the hardware has no such function":    "fail ConfigureCertificate class=unsupported; fail MatchSKU class=unsupported; fail InspectPlatform what=BootOrder class=unsupported",
		"a call ends with a time-out":          "timeout ResetHost p=0.5; timeout SubmitPlatform p=0.5; timeout ConfigureFabricManager count=2; timeout PowerState p=0.3",
		"the answer to a submission is lost":   "lose SubmitPlatform count=1; lose ConfigureCertificate count=1; lose ValidateMachine count=1; lose ConfigureShelf count=1",
		"the answer of a whole rack is lost":   "lose ApplyFirmware count=1; lose ApplySwitchImage count=1; lose SetPower count=1; lose StartValidation count=1",
		"polls fail":                           "fail FirmwareJob p=0.5; fail SwitchImageJob p=0.5; fail CertificateJob p=0.5; fail PlatformJob p=0.3; fail ValidationJob p=0.5",
		"polls leave devices out":              "omit FirmwareJob p=0.5; omit SwitchImageJob p=0.5; omit FabricStatus p=0.5; omit PowerState p=0.5",
		"the driver panics":                    "panic InspectPlatform count=2; panic ApplyFirmware count=1; panic FabricStatus count=1; panic FetchShelf count=2",
		"the power state is a lie for a while": "lie PowerState on machine/* p=0.05; lie PowerState on power_shelf/* as off from 0s for 10m",
		"a management controller is away":      "away on machine/R01-compute-1 from 2m for 8m; away on power_shelf/* from 0s for 20m; away on switch/* from 33m for 3m",
		"an agent is silent":                   "silent on machine/R01-compute-2 from 0s for 35m",
		"a platform job fails once":            `job SubmitPlatform what=BiosProfile count=1 fails "busy"; job SubmitPlatform on *compute-1 what=BootOrder count=1 fails "busy"`,
		"everything is unreliable":             "fail PowerState p=0.2; timeout Discover p=0.2; lose ResetHost p=0.4; panic CheckSwitch p=0.6; omit FabricStatus p=0.4; fail StartValidation p=0.7",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			bad := faults(t, text)
			sim := newSim(t, config(1, store, 3, bad...))
			require.NoError(t, runWith(t.Context(), sim, nil))
			assert.NoError(t, settled(t.Context(), store, sim.hardware))
			for _, row := range historyOf(t, store) {
				assert.NotEqual(t, "Error", row.To, "%s", row.Note)
			}
			assert.NotEqual(t, calm, account(t, store), "the faults changed nothing")
			for i, f := range bad {
				if counted := !strings.HasPrefix(f.String(), "away") && !strings.HasPrefix(f.String(), "silent"); counted {
					assert.True(t, struck(t, sim)[i+1], "%s has not struck", f)
				}
			}
		})
	}
}

// lasting is trouble that needs a person.
var lasting = map[string]struct {
	text string
	// failed is the object that fails, note what its history says then.
	failed, note string
}{
	"a firmware job fails":             {`job FirmwareJob on machine/R01-compute-2 fails "bad image" count=1`, "rack/R01", "bad image"},
	"a switch image fails":             {`job SwitchImageJob on switch/R01-switch-2 fails "no space" count=1`, "rack/R01", "no space"},
	"a batch leaves a device out":      {`omit ApplyFirmware on machine/R01-compute-1 nth=1`, "rack/R01", "R01-compute-1"},
	"the fabric manager has a fault":   {`job ConfigureFabricManager on switch/R01-switch-1 fails "link down" count=1`, "rack/R01", "link down"},
	"the fabric cannot be turned off":  {`fail SetFabricState on switch/R01-switch-2 count=1 class=permanent "locked"`, "rack/R01", "locked"},
	"the rack's certificate fails":     {`job ConfigureCertificate on switch/R01-switch-1 nth=2 fails "expired"`, "rack/R01", "expired"},
	"a partition fails its validation": {`job StartValidation on machine/R01-compute-3 fails "slow link" count=1`, "rack/R01", "slow link"},
	"a machine fails its tests":        {`job ValidateMachine on machine/R01-compute-1 fails "dead fan" count=1`, "machine/R01-compute-1", "dead fan"},
	"a certificate is refused":         {`fail ConfigureCertificate on switch/R01-switch-2 count=1 class=permanent "no key"`, "switch/R01-switch-2", "no key"},
	"a switch image job never ends":    {`job ApplySwitchImage on switch/R01-switch-1 never ends count=1`, "rack/R01", "timed out after 2h"},
	"a firmware job stays pending":     {`job ApplyFirmware on machine/R01-compute-3 stays pending count=1`, "rack/R01", "timed out after 4h"},
	"a validation gives no result":     {`job StartValidation never ends count=1`, "rack/R01", "validation timed out after 24h"},
	"no validation begins":             {`lose StartValidation count=1; job StartValidation stays pending count=1`, "rack/R01", "validation timed out after 24h"},
}

func TestTroubleThatStaysIsAnErrorUntilAPersonAsksAgain(t *testing.T) {
	t.Parallel()
	for name, c := range lasting {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			sim := newSim(t, config(1, store, 3, faults(t, c.text)...))
			require.NoError(t, sim.RunUntil(t.Context(), func() bool { return hasFailed(t, store, c.failed, c.note) }, longest))
			require.NoError(t, sim.Run(t.Context(), 3*time.Hour))
			require.Contains(t, []string{"Error", "Failed"}, statesOf(sim.manager)[c.failed], "it is as it was after hours")
			require.NotEqual(t, "Ready", statesOf(sim.manager)["rack/R01"])

			require.NoError(t, runWith(t.Context(), sim, operator))
			require.NoError(t, consistent(t.Context(), store))
			for what, n := range sim.hardware.StartedByKey() {
				assert.Equal(t, 1, n, what)
			}
			if !strings.Contains(c.text, "never ends") && !strings.Contains(c.text, "stays pending") { // those run for ever beside the next
				assert.NoError(t, onceOnly(sim.hardware))
			}
		})
	}
}

func TestARackWhoseFabricCannotBeConfiguredIsNotReadyUntilItIs(t *testing.T) {
	t.Parallel()
	store, secrets := memory.New(), &fake.Credentials{}
	cfg := config(1, store, 1)
	cfg.Rack.Credentials = secrets
	sim := newSim(t, cfg)
	require.NoError(t, sim.RunUntil(t.Context(), func() bool { return statesOf(sim.manager)["rack/R01"] == "Maintenance/NVOSUpdate/WaitForComplete" }, longest))
	name := backend.NVOSCredential(backend.Ref{Kind: backend.KindSwitch, ID: "R01-switch-2"})
	secret, err := secrets.Credential(t.Context(), name)
	require.NoError(t, err)
	require.NoError(t, secrets.DeleteCredential(t.Context(), name))
	require.NoError(t, sim.Run(t.Context(), 5*time.Hour))
	require.Equal(t, "Error", statesOf(sim.manager)["rack/R01"])

	require.NoError(t, secrets.PutCredential(t.Context(), name, secret))
	require.NoError(t, runWith(t.Context(), sim, operator))
	view, _ := sim.hardware.View(backend.Ref{Kind: backend.KindSwitch, ID: "R01-switch-1"})
	assert.Equal(t, backend.FabricOK, view.Fabric.State)
}

// hasFailed reports whether an object has failed with that text in its note.
func hasFailed(t *testing.T, store backend.Store, name, note string) bool {
	t.Helper()
	for _, row := range historyOf(t, store) {
		if (row.To == "Error" || row.To == "Failed") && row.Ref.String() == name && strings.Contains(row.Note, note) {
			return true
		}
	}
	return false
}

func historyOf(t *testing.T, store backend.Store) []backend.Transition {
	t.Helper()
	history, err := store.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	return history
}

// struck says which of the faults, counted from 1, have struck.
func struck(t *testing.T, sim *Simulation) map[int]bool {
	t.Helper()
	raw, err := sim.hardware.Snapshot()
	require.NoError(t, err)
	var site struct {
		Devices []struct {
			Tallies map[int]struct{ Struck int }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &site))
	all := map[int]bool{}
	for _, d := range site.Devices {
		for number, tally := range d.Tallies {
			all[number] = all[number] || tally.Struck > 0
		}
	}
	return all
}
