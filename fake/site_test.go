package fake_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// handClock is a clock that a test moves.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start is when every test begins.
func start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// site is hardware with what a test needs around it.
type site struct {
	*fake.Hardware
	*handClock
	can backend.Capabilities
	ctx context.Context
}

// newSite makes a site that begins at start.
func newSite(tb testing.TB, config fake.Config) *site {
	tb.Helper()
	clk := &handClock{now: start()}
	return wrap(tb, fake.New(clk, config), clk)
}

func wrap(tb testing.TB, hw *fake.Hardware, clk *handClock) *site {
	tb.Helper()
	return &site{Hardware: hw, can: hw.Capabilities(), handClock: clk, ctx: tb.Context()}
}

// exact makes every delay a fixed one, so that a test can say when things happen.
func exact() fake.Delays {
	at := func(d time.Duration) fake.Range { return fake.Range{Min: d, Max: d} }
	return fake.Delays{
		Power: at(5 * time.Second), Boot: at(4 * time.Minute), Discovery: at(30 * time.Second), BMCReset: at(90 * time.Second), Queue: at(2 * time.Second),
		Firmware: at(15 * time.Minute), SwitchImage: at(10 * time.Minute), Certificate: at(30 * time.Second), Platform: at(2 * time.Minute),
		MachineValidation: at(5 * time.Minute), FabricManager: at(time.Minute), RackTestStart: at(10 * time.Second), RackTestRun: at(20 * time.Minute),
		Upload: at(6 * time.Minute), Cleanup: at(5 * time.Minute), Attestation: at(20 * time.Second), DPUBoot: at(3 * time.Minute), DPUAgent: at(20 * time.Second),
		DPUNetwork: at(15 * time.Second), DPUOSInstall: at(6 * time.Minute),
	}
}

func machine(id string) backend.Device    { return device(backend.KindMachine, id) }
func nvswitch(id string) backend.Device   { return device(backend.KindSwitch, id) }
func powerShelf(id string) backend.Device { return device(backend.KindPowerShelf, id) }

func device(kind backend.Kind, id string) backend.Device {
	return backend.Device{Ref: backend.Ref{Kind: kind, ID: id}, Rack: "r1"}
}

func list(devices ...backend.Device) []backend.Device { return devices }

// power is the power state that the driver reports.
func (s *site) power(tb testing.TB, dev backend.Device) backend.PowerState {
	tb.Helper()
	states, err := s.can.Power.PowerState(s.ctx, list(dev))
	require.NoError(tb, err)
	return states[dev.Ref]
}

// view is what the device really is like.
func (s *site) view(tb testing.TB, dev backend.Device) fake.View {
	tb.Helper()
	v, there := s.View(dev.Ref)
	require.True(tb, there, "%s is in the site", dev.Ref)
	return v
}
