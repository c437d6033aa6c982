package rack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/benbjohnson/clock"
	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

// diary is a store and a credential store that note in which order they are written.
type diary struct {
	backend.Store
	mu      sync.Mutex
	secrets map[string]backend.Credential
	entries []string
	sealed  error
}

func (d *diary) note(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, text)
}

func (d *diary) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	for _, c := range batch {
		text := "commit"
		for _, w := range c.Writes {
			text += " " + w.Record.Ref.String()
		}
		d.note(text)
	}
	return d.Store.Commit(ctx, batch)
}

func (d *diary) Credential(_ context.Context, name string) (backend.Credential, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sealed != nil {
		return backend.Credential{}, d.sealed
	}
	c, ok := d.secrets[name]
	if !ok {
		return c, fmt.Errorf("credential %s: %w", name, backend.ErrNotFound)
	}
	return c, nil
}

func (d *diary) PutCredential(_ context.Context, name string, c backend.Credential) error {
	d.note("put " + name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[name] = c
	return nil
}

func (d *diary) DeleteCredential(context.Context, string) error { return nil }

// newManager makes a manager of a site with the racks A and B. Profile P wants one device of each kind.
func newManager(t *testing.T) (*Manager, *diary) {
	t.Helper()
	dev := func(id, rack, mac string) ExpectedDevice {
		return ExpectedDevice{ID: id, RackID: rack, BMCMAC: mac, BMC: backend.Credential{User: "root", Password: backend.NewSecret("factory")}, Labels: map[string]string{"row": "7"}}
	}
	site := &Site{
		Profiles: map[string]Profile{"P": {ID: "P", HardwareType: "gb200", Compute: Capability{Count: 1}, Switch: Capability{Count: 1}, PowerShelf: Capability{Count: 1}}},
		Racks: []ExpectedRack{
			{ID: "A", ProfileID: "P", Name: "alpha", Description: "first row", Labels: map[string]string{"location.room": "4"}},
			{ID: "B", ProfileID: "P"},
		},
		Machines: []ExpectedMachine{{ExpectedDevice: dev("m1", "A", "94:6D:AE:01:00:01")}},
		Switches: []ExpectedSwitch{{
			ExpectedDevice: dev("s1", "A", "94:6D:AE:02:00:01"), NVOSMACs: []string{"94:6D:AE:02:01:01"},
			NVOS: backend.Credential{User: "admin", Password: backend.NewSecret("factory-nvos")},
		}},
		PowerShelves: []ExpectedPowerShelf{{ExpectedDevice: dev("p1", "A", "94:6D:AE:03:00:01")}},
	}
	d := &diary{Store: memory.New(), secrets: map[string]backend.Credential{}}
	mock := clock.NewMock()
	mock.Set(epoch)
	m, err := NewManager(t.Context(), d, Config{
		Driver: backend.Capabilities{}, Site: site, Credentials: d,
		Lifecycle: lifecycle.Config{Clock: mock, Logger: slog.New(slog.DiscardHandler), Observer: newWatch(t.Context())},
	})
	require.NoError(t, err)
	return m, d
}

func at(kind backend.Kind, id, rack, mac string) Discovery {
	return Discovery{Kind: kind, ID: id, Rack: rack, Endpoint: backend.Endpoint{BMCMAC: mac, BMCAddress: "10.0.0.1"}}
}

func TestTheFirstDeviceOfAnExpectedRackCreatesTheRack(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t)
	_, err := m.Rack("A")
	require.ErrorIs(t, err, backend.ErrNotFound)
	require.NoError(t, m.Discover(t.Context(), at(backend.KindMachine, "m1", "A", "94:6D:AE:01:00:01")))

	k, err := m.Rack("A")
	require.NoError(t, err)
	assert.Equal(t, []string{string(Created), "P", "alpha", "first row", "4"}, []string{k.State(), k.ProfileID, k.Name, k.Description, k.Labels["location.room"]})
	dev, err := m.Machine("m1")
	require.NoError(t, err)
	assert.Equal(t, []string{"Created", "A", "10.0.0.1", "7"}, []string{dev.State(), dev.Rack(), dev.Endpoint.BMCAddress, dev.Labels["row"]})
	rows, err := m.Controller().History(t.Context(), Ref("A"))
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, []string{"discovery", "Discovered", "first device machine/m1"}, []string{rows[0].Initiator, rows[0].Trigger, rows[0].Note})
	_, err = m.Rack("B")
	require.ErrorIs(t, err, backend.ErrNotFound, "nothing of rack B was found")
}

func TestTheDevicesOfOneRackAreOneCommit(t *testing.T) {
	t.Parallel()
	m, d := newManager(t)
	s1 := at(backend.KindSwitch, "s1", "A", "94:6D:AE:02:00:01")
	s1.SeenMACs, s1.FoundPart = []string{"94-6d-ae-02-01-01"}, "920-9K36F"
	require.NoError(t, m.Discover(t.Context(), at(backend.KindMachine, "m1", "A", "94:6D:AE:01:00:01"), s1,
		at(backend.KindMachine, "m2", "B", ""), at(backend.KindPowerShelf, "p1", "A", "94:6D:AE:03:00:01")))
	assert.Equal(t, []string{
		"put bmc/machine/m1", "put bmc/switch/s1", "put nvos/switch/s1", "put bmc/power_shelf/p1", "commit rack/A machine/m1 switch/s1 power_shelf/p1",
		"commit rack/B machine/m2",
	}, d.entries, "credentials come before the commit")
	assert.Equal(t, "factory-nvos", d.secrets["nvos/switch/s1"].Password.Reveal())
	s, err := m.Switch("s1")
	require.NoError(t, err)
	assert.True(t, s.Expected)
	assert.Equal(t, []string{"94:6D:AE:02:01:01"}, s.ExpectedMACs)
	assert.Equal(t, []string{"94:6D:AE:02:01:01"}, s.SeenMACs)
	assert.Equal(t, "920-9K36F", s.FoundPart)
	p, err := m.PowerShelf("p1")
	require.NoError(t, err)
	assert.Equal(t, "Initializing", p.State())
}

func TestReportingAKnownDeviceAgainUpdatesItsEndpointAndNothingElse(t *testing.T) {
	t.Parallel()
	m, d := newManager(t)
	found := []Discovery{
		at(backend.KindMachine, "m1", "A", "94:6D:AE:01:00:01"), at(backend.KindSwitch, "s1", "A", "94:6D:AE:02:00:01"), at(backend.KindPowerShelf, "p1", "A", "94:6D:AE:03:00:01"),
	}
	require.NoError(t, m.Discover(t.Context(), found...))
	d.secrets["bmc/machine/m1"] = backend.Credential{User: "root", Password: backend.NewSecret("rotated")}
	d.entries = nil
	require.NoError(t, m.Discover(t.Context(), found...))
	assert.Empty(t, d.entries, "the same again writes nothing")
	assert.Equal(t, "rotated", d.secrets["bmc/machine/m1"].Password.Reveal(), "a rotated credential stays")

	for i := range found {
		found[i].Endpoint.BMCAddress = "10.0.0.9"
	}
	require.NoError(t, m.Discover(t.Context(), found...))
	assert.Equal(t, []string{"commit machine/m1 switch/s1 power_shelf/p1"}, d.entries)
	dev, err := m.Machine("m1")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.9", dev.Endpoint.BMCAddress)
	assert.Equal(t, uint64(1), dev.Transitions())
	s, err := m.Switch("s1")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.9", s.Endpoint.BMCAddress)
	assert.True(t, s.Expected)
	p, err := m.PowerShelf("p1")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.9", p.Endpoint.BMCAddress)
}

func TestADeviceThatIsReportedTwiceInOneCallIsOneDevice(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t)
	first, again := at(backend.KindMachine, "m1", "A", ""), at(backend.KindMachine, "m1", "A", "")
	again.Endpoint.BMCAddress = "10.0.0.9"
	require.NoError(t, m.Discover(t.Context(), first, again))
	dev, err := m.Machine("m1")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.9", dev.Endpoint.BMCAddress)
}

func TestADeviceInARackThatNobodyExpectsIsRefusedAndBothAreNamed(t *testing.T) {
	t.Parallel()
	m, d := newManager(t)
	err := m.Discover(t.Context(), at(backend.KindMachine, "m7", "ghost-r9", ""))
	require.ErrorIs(t, err, ErrUnexpectedRack)
	var refused *DiscoveryError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, backend.Ref{Kind: backend.KindMachine, ID: "m7"}, refused.Device)
	assert.Equal(t, "ghost-r9", refused.Rack)
	mentions(t, err.Error(), "m7", "ghost-r9")
	assert.Empty(t, d.entries)
	_, err = m.Machine("m7")
	require.ErrorIs(t, err, backend.ErrNotFound)
}

func TestRefusedDevicesAreReportedTogetherAndKeepNoOtherOut(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t)
	err := m.Discover(t.Context(), at(backend.KindMachine, "m7", "ghost-r9", ""), at(backend.KindMachine, "m1", "A", ""), at(backend.KindRack, "A", "A", ""),
		at(backend.KindSwitch, "s 1", "A", ""), at(backend.KindMachine, "m2", "B", ""))
	var many *multierror.Error
	require.ErrorAs(t, err, &many)
	require.Len(t, many.Errors, 3)
	for i, want := range []struct {
		is    error
		words []string
	}{{ErrUnexpectedRack, []string{"m7", "ghost-r9"}}, {ErrMalformed, []string{"rack/A"}}, {ErrMalformed, []string{"s 1"}}} {
		require.ErrorIs(t, many.Errors[i], want.is)
		mentions(t, many.Errors[i].Error(), want.words...)
	}
	for _, id := range []string{"m1", "m2"} {
		_, err := m.Machine(id)
		require.NoError(t, err, id)
	}
}

func TestADeviceThatIsKnownInAnotherRackIsRefusedAndCreatesNoRack(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t)
	require.NoError(t, m.Discover(t.Context(), at(backend.KindMachine, "m1", "A", "")))
	err := m.Discover(t.Context(), at(backend.KindMachine, "m1", "B", ""))
	require.ErrorIs(t, err, ErrUnexpectedRack)
	mentions(t, err.Error(), "machine/m1", `"B"`, "known in rack A")
	_, err = m.Rack("B")
	require.ErrorIs(t, err, backend.ErrNotFound, "no device of rack B was found")

	err = m.Discover(t.Context(), at(backend.KindMachine, "m1", "B", ""), at(backend.KindMachine, "m2", "B", ""))
	require.ErrorIs(t, err, ErrUnexpectedRack)
	dev, err := m.Machine("m2")
	require.NoError(t, err, "the other one is taken")
	assert.Equal(t, "B", dev.Rack())
	rows, err := m.Controller().History(t.Context(), Ref("B"))
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, "first device machine/m2", rows[0].Note)
}

func TestCredentialsThatCannotBeStoredKeepTheDeviceOutAndHideNoOtherProblem(t *testing.T) {
	t.Parallel()
	m, d := newManager(t)
	d.sealed = errors.New("vault is sealed")
	err := m.Discover(t.Context(), at(backend.KindMachine, "m7", "ghost-r9", ""), at(backend.KindMachine, "m1", "A", "94:6D:AE:01:00:01"))
	require.ErrorIs(t, err, d.sealed)
	mentions(t, err.Error(), "machine/m1", "m7", "ghost-r9")
	assert.NotContains(t, err.Error(), "factory")
	assert.Empty(t, d.entries, "nothing is written")
}

func TestADeviceThatTheSiteDoesNotListIsTakenWithoutCredentials(t *testing.T) {
	t.Parallel()
	m, d := newManager(t)
	require.NoError(t, m.Discover(t.Context(), at(backend.KindSwitch, "s7", "A", "94:6D:AE:09:09:09")))
	assert.Equal(t, []string{"commit rack/A switch/s7"}, d.entries)
	s, err := m.Switch("s7")
	require.NoError(t, err)
	assert.False(t, s.Expected)
}

func TestARackThatIsGoneIsCreatedAnewByItsNextDevice(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t)
	require.NoError(t, m.Discover(t.Context(), at(backend.KindMachine, "m1", "A", "")))
	require.NoError(t, m.Controller().Delete(t.Context(), Ref("A"), "alice", false))
	_, _, err := m.RunUntilIdle(t.Context(), epoch)
	require.NoError(t, err)
	_, err = m.Rack("A")
	require.ErrorIs(t, err, backend.ErrNotFound)
	_, err = m.Machine("m1")
	require.ErrorIs(t, err, backend.ErrNotFound)
	require.NoError(t, m.Discover(t.Context(), at(backend.KindMachine, "m1", "A", "")))
	rows, err := m.Controller().History(t.Context(), Ref("A"))
	require.NoError(t, err)
	require.Len(t, rows, 4)
	for i, row := range rows {
		assert.Equal(t, uint64(i+1), row.Seq)
	}
	assert.Equal(t, []string{"", string(Created)}, []string{rows[3].From, rows[3].To})
}

func TestAManagerNeedsADriverAndASiteThatMakesSense(t *testing.T) {
	t.Parallel()
	site := &Site{Profiles: map[string]Profile{"P": {ID: "P"}}}
	for name, c := range map[string]struct {
		cfg  Config
		word string
	}{
		"no site":     {Config{Driver: backend.Capabilities{}}, "Site is missing"},
		"no driver":   {Config{Site: site}, "Driver is missing"},
		"a wrong one": {Config{Driver: backend.Capabilities{}, Site: &Site{Racks: []ExpectedRack{{ID: "A", ProfileID: "P9"}}}}, "P9"},
	} {
		_, err := NewManager(t.Context(), memory.New(), c.cfg)
		require.Error(t, err, name)
		mentions(t, err.Error(), c.word)
	}
	_, err := New(KindConfig{Driver: backend.Capabilities{}})
	require.ErrorContains(t, err, "Profile is missing")
}
