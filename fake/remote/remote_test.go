package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/remote"
)

// serve has a driver served until the test ends, and returns the other side of it.
func serve(t *testing.T, driver backend.Driver) *remote.Site {
	t.Helper()
	dir, err := os.MkdirTemp("", "site") //nolint:usetesting // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background()) //nolint:usetesting // it ends after the calls of the test's clean-up
	ended := make(chan error, 1)
	go func() { ended <- remote.Serve(ctx, listener, driver, remote.NewPace(time.Unix(0, 0), 10)) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
	site, err := remote.Dial(t.Context(), socket)
	require.NoError(t, err)
	t.Cleanup(site.Close)
	return site
}

func devices(kind backend.Kind, names ...string) []backend.Device {
	all := make([]backend.Device, len(names))
	for i, name := range names {
		all[i] = backend.Device{Ref: backend.Ref{Kind: kind, ID: name}, Rack: "r1"}
	}
	return all
}

func TestADriverInAnotherProcessKeepsTheContract(t *testing.T) {
	t.Parallel()
	backendtest.TestDriver(t, func(t *testing.T) backendtest.DriverHarness {
		t.Helper()
		mock := clock.NewMock()
		hw := fake.New(mock, fake.Config{Seed: 1, Strict: true})
		h := backendtest.DriverHarness{
			Machines: devices(backend.KindMachine, "m1", "m2"), Switches: devices(backend.KindSwitch, "s1", "s2"), Shelves: devices(backend.KindPowerShelf, "p1", "p2"),
			Rack: "r1", Unknown: devices(backend.KindMachine, "nobody")[0], Advance: mock.Add, Started: hw.Started,
		}
		for _, list := range [][]backend.Device{h.Machines, h.Switches, h.Shelves} {
			for _, d := range list {
				require.NoError(t, hw.Add(d, fake.Traits{}))
			}
		}
		h.Driver = serve(t, hw.Driver())
		h.Break = func(call string, device backend.Ref, class error) {
			text := fmt.Sprintf("fail %s on %s nth=1 class=notdone", call, device)
			switch {
			case errors.Is(class, backend.ErrMaybeDone):
				text = fmt.Sprintf("lose %s on %s nth=1", call, device)
			case errors.Is(class, backend.ErrPermanent):
				text = fmt.Sprintf(`fail %s on %s nth=1 class=permanent "broken"`, call, device)
			}
			faults, err := fake.ParseFaults(text)
			require.NoError(t, err)
			require.NoError(t, hw.Inject(faults...))
		}
		return h
	})
}

// broken is a driver whose resets fail.
type broken struct {
	backend.Reset
	err error
}

func (b broken) ResetHost(context.Context, string, backend.Device) error { return b.err }

func TestAnErrorKeepsItsTextItsClassAndItsRemedy(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"not done":      backend.NotDone(errors.New("the controller is busy")),
		"maybe done":    backend.MaybeDone(context.DeadlineExceeded),
		"permanent":     backend.Permanent(errors.New("no licence"), "buy one"),
		"wrapped":       fmt.Errorf("reset: %w", backend.Permanent(backend.ErrNoJob, "ask anew")),
		"no function":   fmt.Errorf("reset: %w", backend.ErrNotSupported),
		"no device":     backend.ErrNoDevice,
		"without class": errors.New("something"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fake.New(clock.NewMock(), fake.Config{}).Capabilities()
			c.Reset = broken{err: err}
			got := serve(t, c).Capabilities().Reset.ResetHost(t.Context(), "k", devices(backend.KindMachine, "m1")[0])
			require.EqualError(t, got, err.Error())
			assert.Equal(t, backend.Classify(err), backend.Classify(got))
			for _, is := range []error{backend.ErrNoJob, backend.ErrNoDevice, context.DeadlineExceeded} {
				assert.Equal(t, errors.Is(err, is), errors.Is(got, is), "%v", is)
			}
			var want, action *backend.ActionError
			if errors.As(err, &want) {
				require.ErrorAs(t, got, &action)
				assert.Equal(t, want.Remedy, action.Remedy)
			}
		})
	}
}

func TestACallWithNobodyAtTheOtherEndWasNotDone(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		ended <- remote.Serve(ctx, listener, fake.New(clock.NewMock(), fake.Config{}).Driver(), remote.NewPace(time.Unix(0, 0), 1))
	}()
	site, err := remote.Dial(t.Context(), socket)
	require.NoError(t, err)
	stop()
	require.NoError(t, <-ended)
	site.Close()
	err = site.ResetHost(t.Context(), "k", devices(backend.KindMachine, "m1")[0])
	require.ErrorIs(t, err, backend.ErrNotDone)
	_, err = remote.Dial(t.Context(), socket)
	require.ErrorContains(t, err, socket)
}

func TestADriverThatLacksACapabilityIsNotServed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	c := fake.New(clock.NewMock(), fake.Config{}).Capabilities()
	c.Fabric = nil
	require.ErrorContains(t, remote.Serve(t.Context(), listener, c, remote.Pace{}), "lacks a capability")
}

func TestTimersOfAPacedClockFireInVirtualTime(t *testing.T) {
	t.Parallel()
	pace := remote.NewPace(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 3600)
	c := pace.Clock(t.Context())
	began, real := c.Now(), time.Now()
	<-c.After(10 * time.Minute)
	assert.GreaterOrEqual(t, c.Since(began), 9*time.Minute)
	assert.GreaterOrEqual(t, time.Since(real), pace.Real(9*time.Minute))
	assert.Less(t, time.Since(real), time.Minute)
	assert.Equal(t, time.Second, pace.Real(time.Hour))
}

// shared is a store in memory that tells nothing.
type shared struct{ *memory.Store }

func (shared) Watch(context.Context, func([]backend.Change)) error { return nil }

func TestLeasesLastInVirtualTime(t *testing.T) {
	t.Parallel()
	store, now := memory.New(), clock.NewMock()
	store.LeaseClock(now.Now)
	virtual := remote.Pace{Speed: 60}.Leases(shared{store})
	leases, err := virtual.Claim(t.Context(), "a", time.Hour, []string{"r1"})
	require.NoError(t, err)
	require.Len(t, leases, 1)
	assert.Equal(t, now.Now().Add(time.Minute).UTC(), leases[0].Expires.UTC())
	now.Add(50 * time.Second)
	tenure, err := virtual.Renew(t.Context(), "a", time.Hour)
	require.NoError(t, err)
	require.Len(t, tenure.Leases, 1)
	assert.Equal(t, now.Now().Add(time.Minute).UTC(), tenure.Leases[0].Expires.UTC())
}
