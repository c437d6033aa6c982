package machine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhatAHostBootsFromTheNetworkInEveryState(t *testing.T) {
	t.Parallel()
	other := map[State]Image{AssignedReady: ImageTenant, Deleting: ImageNone, ForceDeletion: ImageNone}
	r := newRig(t)
	for _, info := range states {
		want, named := other[info.State]
		switch {
		case named:
		case strings.HasPrefix(string(info.State), "Assigned/HostReprovision/"):
			want = ImageTenant
		default:
			want = ImageAgent
		}
		r.seed(Ref(string(info.State)), string(info.State), 0, &Machine{})
		other[info.State] = want
	}
	r.start()
	for state, want := range other {
		assert.Equal(t, want, BootImage(r.machineOf(string(state))), state)
	}
	assert.Equal(t, ImageNone, BootImage(&Machine{}), "a machine that nobody has reported")
}

func TestAMachineThatFailedForItsTenantBootsWhatItDidBefore(t *testing.T) {
	t.Parallel()
	for returnTo, want := range map[State]Image{"": ImageAgent, AssignedProvisioning: ImageAgent, AssignedReleasing: ImageAgent, AssignedCheckingFirmwareRepeat: ImageTenant} {
		assert.Equal(t, want, BootImage(newRig(t).machine(AssignedFailed, 0, Machine{ReturnTo: returnTo}).start().get()), returnTo)
	}
}
