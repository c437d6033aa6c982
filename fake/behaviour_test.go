package fake_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

func TestAFirmwareJobGoesThroughItsStatesAndChangesVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{Delays: exact(), Bundles: map[string]map[string]string{"fw-2": {"BMC": "2.1.0"}}})
	m1, m2 := machine("m1"), machine("m2")
	ids, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", backend.FirmwareOrder{Firmware: "fw-2", Components: []string{"BMC", "CPLD"}}, list(m1, m2))
	require.NoError(t, err)
	require.Len(t, ids, 2)
	states := func() []backend.JobState {
		jobs, err := s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: m1.Ref, ID: ids[m1.Ref]}, {Device: m2.Ref, ID: ids[m2.Ref]}})
		require.NoError(t, err)
		return []backend.JobState{jobs[m1.Ref].State, jobs[m2.Ref].State}
	}
	assert.Equal(t, []backend.JobState{backend.JobPending, backend.JobPending}, states())
	s.add(2 * time.Second)
	assert.Equal(t, []backend.JobState{backend.JobRunning, backend.JobRunning}, states())
	s.add(15 * time.Minute)
	assert.Equal(t, []backend.JobState{backend.JobCompleted, backend.JobCompleted}, states())
	versions, err := s.can.Inventory.FirmwareInventory(s.ctx, m1)
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(map[string]string{"BMC": "2.1.0", "CPLD": "fw-2", "BIOS": "1.0.0"}, versions))

	again, err := s.can.Firmware.ApplyFirmware(s.ctx, "k2", backend.FirmwareOrder{Firmware: "fw-2", Components: []string{"BMC"}}, list(m1))
	require.NoError(t, err)
	s.add(2 * time.Second)
	jobs, err := s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: m1.Ref, ID: again[m1.Ref]}})
	require.NoError(t, err)
	assert.Equal(t, backend.JobCompleted, jobs[m1.Ref].State, "there is nothing to install")
}

func TestTheFabricManagerRunsOnThePrimarySwitchAndTheOthersStandBy(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{Delays: exact()})
	switches := list(nvswitch("s1"), nvswitch("s2"))
	status := func() map[backend.Ref]backend.FabricReport {
		reports, err := s.can.Fabric.FabricStatus(s.ctx, switches)
		require.NoError(t, err)
		return reports
	}
	assert.Empty(t, status(), "nobody touched the fabric")
	require.NoError(t, s.can.Fabric.SetFabricState(s.ctx, "k1", false, switches))
	assert.Equal(t, "disabled", status()[switches[0].Ref].Reason)
	require.NoError(t, s.can.Fabric.SetFabricState(s.ctx, "k1b", true, switches))
	assert.Equal(t, "not configured", status()[switches[0].Ref].Reason)
	require.NoError(t, s.can.Fabric.ConfigureFabricManager(s.ctx, "k2", backend.FabricOrder{Topology: "t", Primary: switches[1], Switches: switches}))
	assert.Equal(t, map[backend.Ref]backend.FabricReport{
		switches[0].Ref: {State: backend.FabricNotOK, Reason: "standby"},
		switches[1].Ref: {State: backend.FabricNotOK, Reason: "starting"},
	}, status())
	s.add(time.Minute)
	assert.Equal(t, backend.FabricReport{State: backend.FabricOK}, status()[switches[1].Ref])
}

func TestASwitchWithoutPowerHasNoOperatingSystem(t *testing.T) {
	t.Parallel()
	s, sw := newSite(t, fake.Config{Delays: exact()}), nvswitch("s1")
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k1", backend.ActionPowerOff, list(sw)))
	s.add(5 * time.Second)
	_, err := s.can.Certificates.ConfigureCertificate(s.ctx, "k2", sw, "r1")
	require.ErrorIs(t, err, backend.ErrNotDone)
	require.NoError(t, s.can.Power.SetPower(s.ctx, "k3", backend.ActionPowerOn, list(sw)))
	s.add(5*time.Second + 4*time.Minute)
	id, err := s.can.Certificates.ConfigureCertificate(s.ctx, "k2", sw, "r1")
	require.NoError(t, err)
	s.add(32 * time.Second)
	status, err := s.can.Certificates.CertificateJob(s.ctx, backend.Job{Device: sw.Ref, ID: id})
	require.NoError(t, err)
	assert.Equal(t, backend.JobCompleted, status.State)
	assert.Equal(t, "r1", s.view(t, sw).Domain)
}

func TestPlacementFollowsTraitsThenSlotThenOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{})
	slotted, traits := nvswitch("slotted"), nvswitch("traits")
	slotted.Endpoint.Slot = 14
	require.NoError(t, s.Add(traits, fake.Traits{Tray: 8}))
	places, err := s.can.Inventory.Placement(s.ctx, list(nvswitch("first"), slotted, traits, nvswitch("second")))
	require.NoError(t, err)
	assert.Equal(t, map[backend.Ref]backend.Placement{
		nvswitch("first").Ref: {Slot: 1, Tray: 1}, nvswitch("second").Ref: {Slot: 2, Tray: 2}, slotted.Ref: {Slot: 14, Tray: 14}, traits.Ref: {Slot: 8, Tray: 8},
	}, places)
}

func TestAShelfTellsWhatItIs(t *testing.T) {
	t.Parallel()
	s, p := newSite(t, fake.Config{}), powerShelf("p1")
	require.NoError(t, s.Add(p, fake.Traits{Off: true, Vendor: "V", Model: "M", Serial: "S"}))
	data, err := s.can.Shelf.FetchShelf(s.ctx, p)
	require.NoError(t, err)
	assert.Equal(t, backend.ShelfData{Vendor: "V", Model: "M", Serial: "S", Firmware: "1.0.0", Power: backend.PowerOff}, data)
	require.NoError(t, s.can.Shelf.ConfigureShelf(s.ctx, "k1", p))
	assert.True(t, s.view(t, p).Configured)
}

func TestPartsAreComparedWithTheSKU(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{SKUs: map[string]map[string]string{"b": {"gpu0": "X"}, "a": {"gpu0": "X"}, "c": {"gpu0": "Y", "nic0": "N"}}}), machine("m1")
	match := func(assigned string, parts map[string]string) backend.SKUMatch {
		found, err := s.can.SKU.MatchSKU(s.ctx, m, assigned, parts)
		require.NoError(t, err)
		return found
	}
	have := map[string]string{"gpu0": "X"}
	assert.Equal(t, backend.SKUMatch{SKU: "a"}, match("", have))
	assert.Equal(t, backend.SKUMatch{}, match("", map[string]string{"gpu0": "Z"}))
	assert.Equal(t, backend.SKUMatch{SKU: "b"}, match("b", have))
	assert.Equal(t, backend.SKUMatch{SKU: "d", Missing: true}, match("d", have))
	assert.Equal(t, []string{"gpu0: want Y, found X", "nic0: want N, found nothing"}, match("c", have).Differences)
	assert.Equal(t, []string{"gpu1: want nothing, found X"}, match("a", map[string]string{"gpu0": "X", "gpu1": "X"}).Differences)
}

func TestADeviceThatWasTakenOutIsGone(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Strict: true, Instant: true}), machine("m1")
	require.NoError(t, s.Add(m, fake.Traits{}))
	ids, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", backend.FirmwareOrder{Firmware: "fw-2"}, list(m))
	require.NoError(t, err)
	require.NoError(t, s.Remove(m.Ref))
	_, err = s.can.Agent.Discover(s.ctx, m)
	require.ErrorIs(t, err, backend.ErrNoDevice)
	require.NoError(t, s.Add(m, fake.Traits{}))
	assert.Equal(t, "1.0.0", s.view(t, m).Firmware["BMC"], "a new tray has its own firmware")
	_, err = s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: m.Ref, ID: ids[m.Ref]}})
	require.ErrorIs(t, err, backend.ErrNoJob)
}

func TestAMissingCredentialIsPermanentAndNamed(t *testing.T) {
	t.Parallel()
	store := &fake.Credentials{}
	s, m := newSite(t, fake.Config{Credentials: store}), machine("m1")
	err := s.can.Reset.ResetHost(s.ctx, "k1", m)
	require.ErrorIs(t, err, backend.ErrPermanent)
	assert.Contains(t, err.Error(), "bmc/machine/m1")
	require.NoError(t, store.PutCredential(s.ctx, backend.BMCCredential(m.Ref), backend.Credential{User: "root", Password: backend.NewSecret("x")}))
	require.NoError(t, s.can.Reset.ResetHost(s.ctx, "k1", m))
	require.NoError(t, store.DeleteCredential(s.ctx, backend.BMCCredential(m.Ref)))
	_, err = store.Credential(s.ctx, backend.BMCCredential(m.Ref))
	require.ErrorIs(t, err, backend.ErrNotFound)
}

func TestWhatHardwareCannotDoIsNotSupported(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{}), machine("m1")
	err := s.can.Power.SetPower(s.ctx, "k1", "Explode", list(m))
	failed, _ := backend.SplitDeviceErrors(err)
	require.ErrorIs(t, failed[m.Ref], backend.ErrNotSupported)
	_, err = s.can.Platform.InspectPlatform(s.ctx, m, "Overclock")
	require.ErrorIs(t, err, backend.ErrNotSupported)
	_, err = s.can.Agent.Discover(s.ctx, backend.Device{})
	require.ErrorIs(t, err, backend.ErrNoDevice)
	_, err = s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: machine("nobody").Ref, ID: "fw-1"}})
	require.ErrorIs(t, err, backend.ErrNoJob, "a job of a device that this site never saw")
	_, there := s.View(machine("nobody").Ref)
	assert.False(t, there)
}

func TestADeviceKeepsTheFirmwareAndPartsOfItsTraits(t *testing.T) {
	t.Parallel()
	s, m := newSite(t, fake.Config{Instant: true}), machine("m1")
	require.NoError(t, s.Add(m, fake.Traits{Firmware: map[string]string{"BMC": "7"}, Parts: map[string]string{"gpu0": "Z"}}))
	_, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", backend.FirmwareOrder{Firmware: "fw-8"}, list(m))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"BMC": "fw-8"}, s.view(t, m).Firmware)
	report, err := s.can.Agent.Discover(s.ctx, m)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"gpu0": "Z"}, report.Parts)
}
