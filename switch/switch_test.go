package nvswitch

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// full is a switch with every field set.
func full() *Switch {
	s := NewSwitch("s1", "r1", Discovered{
		Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:0B:01", BMCAddress: "10.0.0.1", NVOSAddress: "10.0.1.1"},
		Expected: true, NVOSMACs: []string{"02:00:00:00:00:0a"}, ExpectedPart: "A", FoundPart: "B",
	})
	s.ReportSeen("02:00:00:00:00:0a")
	s.AssociatedMACs = []string{"02:00:00:00:00:0A"}
	s.Slot, s.Tray, s.TrayKnown, s.Primary, s.Power, s.Cause = 12, 3, true, true, backend.PowerOn, "c"
	s.FirmwareUpgrade = &lifecycle.CycleStatus{Status: lifecycle.ProgressFailed}
	s.NVOSUpdate = &lifecycle.CycleStatus{Status: lifecycle.ProgressStarted}
	s.Fabric = &lifecycle.FabricStatus{Status: backend.FabricOK}
	s.Certificate = &CertificateJob{ID: "job-7", StartedAt: begin, Clock: time.Second}
	return s
}

var engine = cmpopts.IgnoreUnexported(lifecycle.Object{})

func TestTheRecordOfASwitchKeepsItsFieldsUnderFrozenNames(t *testing.T) {
	t.Parallel()
	raw, err := json.MarshalIndent(full(), "", " ")
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"endpoint": {"bmc_mac": "02:00:00:00:0B:01", "bmc_address": "10.0.0.1", "nvos_address": "10.0.1.1"},
		"expected": true, "nvos_macs": ["02:00:00:00:00:0A"], "seen_macs": ["02:00:00:00:00:0A"], "associated_macs": ["02:00:00:00:00:0A"],
		"expected_part": "A", "found_part": "B", "slot": 12, "tray": 3, "tray_known": true, "power": "on", "primary": true,
		"firmware_upgrade_status": {"status": "failed"}, "nvos_update_status": {"status": "started"}, "fabric_manager_status": {"status": "ok"},
		"certificate": {"id": "job-7", "started_at": "2026-01-01T00:00:00Z", "clock": 1000000000}, "cause": "c"
	}`, string(raw))
	var back Switch
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.Empty(t, cmp.Diff(*full(), back, engine))
}

func TestAnEditOfACloneDoesNotReachTheOriginal(t *testing.T) {
	t.Parallel()
	s := full()
	c := clone(s)
	require.Empty(t, cmp.Diff(*s, *c, engine))
	c.ExpectedMACs[0], c.SeenMACs[0], c.AssociatedMACs[0] = "x", "x", "x"
	c.FirmwareUpgrade.Cause, c.NVOSUpdate.Cause, c.Fabric.Reason, c.Certificate.ID = "x", "x", "x", "x"
	assert.Empty(t, cmp.Diff(*full(), *s, engine))
	assert.Nil(t, clone(&Switch{}).Fabric)
}

func TestReportingAKnownSwitchAgainChangesNothingButWhatIsNew(t *testing.T) {
	t.Parallel()
	d := Discovered{Endpoint: backend.Endpoint{BMCAddress: "10.0.0.1"}, Expected: true, NVOSMACs: []string{"02:00:00:00:00:0a"}, FoundPart: "B"}
	s := NewSwitch("s1", "r1", d)
	s.ReportSeen("02:00:00:00:00:0a")
	before := clone(s)
	s.Report(d)
	assert.Empty(t, cmp.Diff(*before, *s, engine))
	d.Endpoint.BMCAddress = "10.0.0.2"
	s.Report(d)
	assert.Equal(t, "10.0.0.2", s.Endpoint.BMCAddress)
	assert.Equal(t, []string{"02:00:00:00:00:0A"}, s.SeenMACs)
	assert.Equal(t, backend.Device{Ref: Ref("s1"), Rack: "r1", Endpoint: d.Endpoint}, s.Device())
}

func TestMACsAreComparedWhateverTheirSpelling(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"02:00:00:00:00:0A", "02:00:00:00:00:0B"},
		associated([]string{"02-00-00-00-00-0a", "02:00:00:00:00:0B", "02:00:00:00:00:0C"}, []string{"0200.0000.000b", "02:00:00:00:00:0A"}))
	assert.Equal(t, InterfaceName("02:00:00:00:00:0a"), InterfaceName("02-00-00-00-00-0A"))
	assert.Equal(t, "NOT-A-MAC", normalMAC("not-a-mac"))
}

func TestOnlyAssociatedInterfacesOfAStandingSwitchAreItsNames(t *testing.T) {
	t.Parallel()
	s := full()
	s.ExpectedMACs = append(s.ExpectedMACs, "02:00:00:00:00:0B")
	assert.Equal(t, []string{"nvos-mac:02:00:00:00:00:0A"}, names(s))
	s.Deletion = &lifecycle.Deletion{}
	assert.Empty(t, names(s))
}
