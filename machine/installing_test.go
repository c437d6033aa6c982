package machine

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsInstalledWouldBeLostWithoutPower(t *testing.T) {
	t.Parallel()
	installing := []string{
		"DpuInit/InstallDpuOs", "DpuReprovision/InstallDpuOs", "WaitingForCleanup/SecureErase",
		"HostReprovision/CheckingFirmware", "HostReprovision/CheckingFirmwareRepeat", "HostReprovision/InitialReset", "HostReprovision/WaitingForManualUpgrade",
		"HostReprovision/WaitingForScript", "HostReprovision/WaitingForUpload", "HostReprovision/WaitingForFirmwareUpgrade", "HostReprovision/ResetForNewFirmware",
	}
	kind, err := New(Config{Driver: newHardware().caps()})
	require.NoError(t, err)
	for _, s := range kind.States() {
		r := newRig(t).machine(State(s.State), 0, Machine{}).start()
		assert.Equal(t, slices.Contains(installing, strings.TrimPrefix(s.State, "Assigned/")), r.get().Installing(), s.State)
	}
}
