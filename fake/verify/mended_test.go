package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// maintainsAShelfBesideTenants has a rack maintained of which every machine has a tenant and a switch has failed, neither in scope.
func maintainsAShelfBesideTenants(h *hall) {
	h.t.Helper()
	h.run(4 * time.Hour)
	ask := func(ref backend.Ref, typ string, params any) {
		_, err := h.Controller().Request(h.t.Context(), lifecycle.NewRequest{Type: typ, Initiator: "ann", Params: params}, ref)
		require.NoError(h.t, err)
	}
	for n := range 3 {
		ask(machine.Ref(fmt.Sprintf("R01-compute-%d", n+1)), machine.TypeAssign, machine.Assign{Tenant: "bob"})
	}
	ask(nvswitch.Ref("R01-switch-2"), lifecycle.TypeMaintenance, nvswitch.Maintenance{Operation: nvswitch.OpReconfigureCertificate})
	h.run(time.Hour)
	ask(rack.Ref("R01"), lifecycle.TypeMaintenance, rack.Maintenance{Scope: rack.Scope{
		PowerShelves: []string{"R01-shelf-1"}, Activities: []rack.Activity{{Name: rack.PowerSequence, Power: rack.SequenceOn}},
	}})
}

func TestWhatWasWrongOnceIsRight(t *testing.T) {
	t.Parallel()
	r, held := rack.Ref("R01"), machine.Ref("R01-compute-3")
	trouble := map[string]string{
		"a host that could not be reset was power-cycled under the same key":      "fail ResetHost class=unsupported",
		"a batch of which nobody knew was repeated for fewer devices":             "lose ApplyFirmware count=6",
		"a validation run was started on no machine while a switch was not ready": `job ConfigureCertificate on switch/R01-switch-2 nth=2 count=1 fails "expired"`,
	}
	for name, play := range map[string]func(h *hall){
		"a host that could not be reset was power-cycled under the same key": func(*hall) {},
		"a batch of which nobody knew was repeated for fewer devices": func(h *hall) {
			h.until(func() bool { return h.state(r) == string(rack.FirmwareStart) })
			require.NoError(h.t, h.Controller().Delete(h.t.Context(), machine.Ref("R01-compute-1"), "ann", true))
		},
		"a validation run was started on no machine while a switch was not ready": maintainsAShelfBesideTenants,
		"a validation run was started on a held machine": func(h *hall) {
			h.until(func() bool { return h.state(r) == string(rack.Completed) && h.state(held) == "Ready" })
			require.NoError(h.t, h.Controller().PlaceHold(h.t.Context(), held, lifecycle.Hold{Type: "manual", Owner: "ann", Reason: "to look at it"}))
		},
		"a validation run was started on no machine when all were deleted": func(h *hall) {
			h.until(func() bool { return h.state(r) == string(rack.Completed) })
			for n := range 3 {
				require.NoError(h.t, h.Controller().Delete(h.t.Context(), machine.Ref(fmt.Sprintf("R01-compute-%d", n+1)), "ann", true))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, memory.New(), 1, 1, trouble[name])
			play(h)
			h.run(2 * time.Hour)
			h.well(t.Context())
		})
	}
}
