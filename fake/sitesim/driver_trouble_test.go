package sitesim

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/rack"
)

// sick is the machine whose calls go wrong in these tests; the rack that it is in cannot become Ready without it.
const (
	sick     = "machine/R01-compute-1"
	sickRack = "rack/R01"
)

func TestADriverThatFailsOnOneDeviceKeepsNoOtherFromBecomingReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ fault, outcome string }{
		"it panics":                            {"panic InspectPlatform on " + sick, "handler panicked: injected fault: panic InspectPlatform"},
		"it hangs until its context has ended": {"hang InspectPlatform on " + sick, "deadline exceeded"},
		"it panics when it only looks":         {"panic PlatformJob on " + sick, "handler panicked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(3, memory.New(), faults(t, c.fault)...)
			h.engine.HandlerTimeout = 100 * time.Millisecond
			others := allReady(3, sick, sickRack)
			m := h.run(t, func(m *rack.Manager, seen *watch) bool {
				out, err := m.Controller().Outcome(backend.Ref{Kind: backend.KindMachine, ID: "R01-compute-1"})
				return err == nil && strings.Contains(out.Reason, c.outcome) && others(m, seen)
			})
			assert.NotEqual(t, "Ready", statesOf(m)[sick])
			explained, err := m.Controller().Explain(rack.Ref("R01"))
			require.NoError(t, err)
			assert.Contains(t, explained.String(), sick)

			require.NoError(t, h.hardware.ClearFaults())
			h.engine.HandlerTimeout = 0
			h.run(t, allReady(3))
			assert.NoError(t, settled(t.Context(), h.store, h.hardware))
		})
	}
}

// deaf is a driver that does not return on one device, not even when its context has ended.
type deaf struct {
	backend.Platform
	until <-chan struct{}
}

// InspectPlatform hangs on the sick machine.
func (d deaf) InspectPlatform(ctx context.Context, device backend.Device, kind backend.PlatformKind) (backend.PlatformStatus, error) {
	if device.Ref.String() == sick {
		<-d.until
	}
	return d.Platform.InspectPlatform(ctx, device, kind)
}

func TestADriverThatNeverReturnsCostsOneWorkerAndNotTheService(t *testing.T) {
	t.Parallel()
	h := newHall(3, memory.New())
	h.engine.HandlerTimeout = 100 * time.Millisecond
	h.engine.Workers = 1 // the one that hangs must be replaced, or nothing moves any more
	end := make(chan struct{})
	h.wrap = func(c backend.Capabilities) backend.Driver {
		c.Platform = deaf{c.Platform, end}
		return c
	}
	m := h.run(t, allReady(3, sick, sickRack))
	assert.Equal(t, "HostInit/WaitingForPlatformConfiguration", statesOf(m)[sick])
	close(end)

	h.engine.HandlerTimeout = 0
	h.run(t, allReady(3))
	assert.NoError(t, settled(t.Context(), h.store, h.hardware))
}
