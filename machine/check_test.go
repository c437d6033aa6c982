package machine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestTheTableOfAMachineHasNoMistakeOfDesign(t *testing.T) {
	t.Parallel()
	kind, err := New(Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	require.NoError(t, lifecycle.Check(kind))
}
