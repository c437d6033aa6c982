package scenario_test

import (
	"testing"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
)

func TestScenarios(t *testing.T) {
	t.Parallel()
	scenario.RunDir(t, "testdata", func(*testing.T) backend.Store { return memory.New() })
}
