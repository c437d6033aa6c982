package verify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// scenarios are those of fake/scenario.
const scenarios = "../scenario/testdata"

// limits are the limits that a scenario drives its objects with.
func limits(t *testing.T, s scenario.Settings) []verify.Option {
	t.Helper()
	retries := 0
	if s.FirmwareRetryLimit != nil {
		retries = max(*s.FirmwareRetryLimit, 0)
		if retries == 0 {
			retries = -1
		}
	}
	machines, err := machine.New(machine.Config{Driver: backend.Capabilities{}, FirmwareRetryLimit: retries, FirmwareRetryInterval: time.Duration(s.FirmwareRetryInterval)})
	require.NoError(t, err)
	d := s.Deadlines
	return []verify.Option{
		verify.Seeded(given),
		verify.Kinds(machines),
		verify.Settings(rack.Settings{
			MaxInMaintenance: s.MaxRacksInMaintenance,
			Deadlines: rack.Deadlines{
				FirmwareUpgrade: time.Duration(d.FirmwareUpgrade), NVOSUpdate: time.Duration(d.NVOSUpdate), ConfigureNmxCluster: time.Duration(d.ConfigureNmxCluster),
				PowerSequence: time.Duration(d.PowerSequence), Completed: time.Duration(d.Completed), Validating: time.Duration(d.Validating),
			},
		}),
	}
}

func TestNoScenarioBreaksARule(t *testing.T) {
	t.Parallel()
	list, err := scenario.Read(scenarios)
	require.NoError(t, err)
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			inner := memory.New()
			checker := verify.NewChecker(limits(t, s.Given.Settings)...)
			_, err := scenario.Run(t.Context(), s, verify.Wrap(inner, checker))
			require.NoError(t, err)
			for _, problem := range checker.Problems() {
				assert.NoError(t, problem)
			}
			assert.NoError(t, checker.Audit(t.Context(), inner))
		})
	}
}
