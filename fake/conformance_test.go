package fake_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/fake"
)

// password is in the credential store of every site of the conformance tests and must be seen nowhere else.
const password = "hunter2-hunter2"

// rackOf makes devices of a rack: machines m1.., switches s1.., power shelves p1...
func rackOf(machines, switches, shelves int) (all [3][]backend.Device) {
	for i, part := range []struct {
		kind   backend.Kind
		letter string
		count  int
	}{{backend.KindMachine, "m", machines}, {backend.KindSwitch, "s", switches}, {backend.KindPowerShelf, "p", shelves}} {
		for n := range part.count {
			ref := backend.Ref{Kind: part.kind, ID: fmt.Sprint(part.letter, n+1)}
			all[i] = append(all[i], backend.Device{Ref: ref, Rack: "r1"})
		}
	}
	return all
}

// harness makes a site with devices for the conformance suite.
func harness(t *testing.T, config fake.Config) backendtest.DriverHarness {
	t.Helper()
	config.Strict, config.Attestation = true, true
	credentials := &fake.Credentials{}
	config.Credentials = credentials
	mock := clock.NewMock()
	hw := fake.New(mock, config)
	devices := rackOf(2, 2, 2)
	for _, kind := range devices {
		for _, dev := range kind {
			require.NoError(t, hw.Add(dev, fake.Traits{DPUs: 2}))
			secret := backend.Credential{User: "root", Password: backend.NewSecret(password)}
			require.NoError(t, credentials.PutCredential(t.Context(), backend.BMCCredential(dev.Ref), secret))
			require.NoError(t, credentials.PutCredential(t.Context(), backend.NVOSCredential(dev.Ref), secret))
		}
	}
	return backendtest.DriverHarness{
		Driver: hw.Driver(), Machines: devices[0], Switches: devices[1], Shelves: devices[2], Rack: "r1",
		Unknown: backend.Device{Ref: backend.Ref{Kind: backend.KindMachine, ID: "nobody"}, Rack: "r1"},
		Advance: mock.Add, Started: hw.Started, Secrets: []string{password},
		Break: func(call string, device backend.Ref, class error) {
			text := fmt.Sprintf("fail %s on %s nth=1 class=notdone", call, device)
			switch {
			case errors.Is(class, backend.ErrMaybeDone):
				text = fmt.Sprintf("lose %s on %s nth=1", call, device)
			case errors.Is(class, backend.ErrPermanent):
				text = fmt.Sprintf(`fail %s on %s nth=1 class=permanent "broken"`, call, device)
			}
			require.NoError(t, hw.Inject(faults(t, text)...))
		},
	}
}

// faults reads faults that must be well-formed.
func faults(tb testing.TB, text string) []fake.Fault {
	tb.Helper()
	all, err := fake.ParseFaults(text)
	require.NoError(tb, err)
	return all
}

func TestASimulatedDriverKeepsTheContractWithRealisticDelays(t *testing.T) {
	t.Parallel()
	backendtest.TestDriver(t, func(t *testing.T) backendtest.DriverHarness {
		t.Helper()
		return harness(t, fake.Config{Seed: 1})
	})
}

func TestASimulatedDriverKeepsTheContractWithoutDelays(t *testing.T) {
	t.Parallel()
	backendtest.TestDriver(t, func(t *testing.T) backendtest.DriverHarness {
		t.Helper()
		return harness(t, fake.Config{Seed: 1, Instant: true})
	})
}

func TestASimulatedDriverKeepsTheContractWhenItRemembersLittle(t *testing.T) {
	t.Parallel()
	backendtest.TestDriver(t, func(t *testing.T) backendtest.DriverHarness {
		t.Helper()
		return harness(t, fake.Config{Seed: 2, Remember: 4, Delays: fake.Delays{Boot: fake.Range{Max: time.Second}}})
	})
}
