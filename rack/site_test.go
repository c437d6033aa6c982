package rack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

const password = "pass-of-nobody"

func expected(id, rackID, mac string, slot int) rack.ExpectedDevice {
	return rack.ExpectedDevice{
		ID: id, Name: id, RackID: rackID, BMCMAC: mac, Slot: slot,
		BMC: backend.Credential{User: "root", Password: backend.NewSecret(password)},
	}
}

// smallSite has two racks of room for two machines, one switch and one shelf each. It is valid.
func smallSite() *rack.Site {
	profile := rack.Profile{
		ID: "P", HardwareType: "gb200", Class: rack.ClassProd,
		Compute: rack.Capability{Count: 2, SlotIDs: []int{1, 2}}, Switch: rack.Capability{Count: 1}, PowerShelf: rack.Capability{Count: 1},
	}
	return &rack.Site{
		Profiles: map[string]rack.Profile{"P": profile},
		Racks:    []rack.ExpectedRack{{ID: "A", ProfileID: "P"}, {ID: "B", ProfileID: "P"}},
		Machines: []rack.ExpectedMachine{
			{ExpectedDevice: expected("m2", "A", "94:6D:AE:01:00:02", 2)},
			{ExpectedDevice: expected("m1", "A", "94:6D:AE:01:00:01", 1)},
			{ExpectedDevice: expected("m3", "B", "94:6D:AE:01:00:03", 0)},
		},
		Switches: []rack.ExpectedSwitch{{
			ExpectedDevice: expected("s1", "A", "B0:CF:0E:01:00:01", 1),
			NVOSMACs:       []string{"B0:CF:0E:01:00:02", "B0:CF:0E:01:00:03"},
			NVOS:           backend.Credential{User: "admin", Password: backend.NewSecret(password)},
		}},
		PowerShelves: []rack.ExpectedPowerShelf{{ExpectedDevice: expected("p1", "A", "00:18:85:01:00:01", 0)}},
	}
}

func TestASiteThatMakesSenseIsValid(t *testing.T) {
	t.Parallel()
	assert.NoError(t, smallSite().Validate())
	assert.NoError(t, (&rack.Site{}).Validate(), "an empty site expects nothing")
}

func TestValidateReportsEachProblemWithItsPathAndKind(t *testing.T) {
	t.Parallel()
	const slotOf1 = "$.expected_machines[1].metadata.labels.slot"
	for name, c := range map[string]struct {
		spoil   func(s *rack.Site)
		path    string
		kind    error
		mention string
	}{
		"rack twice":                {func(s *rack.Site) { s.Racks[1].ID = "A"; s.Machines[2].RackID = "A"; s.Machines = s.Machines[1:] }, "$.expected_racks[1].rack_id", rack.ErrDuplicate, `"A"`},
		"rack without id":           {func(s *rack.Site) { s.Racks = append(s.Racks, rack.ExpectedRack{ProfileID: "P"}) }, "$.expected_racks[2].rack_id", rack.ErrMissing, "id"},
		"rack id with a slash":      {func(s *rack.Site) { s.Racks = append(s.Racks, rack.ExpectedRack{ID: "a/b", ProfileID: "P"}) }, "$.expected_racks[2].rack_id", rack.ErrMalformed, "a/b"},
		"rack without profile":      {func(s *rack.Site) { s.Racks[1].ProfileID = "" }, "$.expected_racks[1].rack_profile_id", rack.ErrMissing, "profiles are P"},
		"unknown profile":           {func(s *rack.Site) { s.Racks[1].ProfileID = "Q" }, "$.expected_racks[1].rack_profile_id", rack.ErrUnknownProfile, `profile "Q" is not defined; profiles are P`},
		"profile under a wrong key": {func(s *rack.Site) { s.Profiles["R"] = rack.Profile{ID: "r"} }, "$.rack_profiles.R", rack.ErrMalformed, `"r"`},
		"profile without id":        {func(s *rack.Site) { s.Profiles[""] = rack.Profile{} }, `$.rack_profiles[""]`, rack.ErrMissing, "id"},
		"hardware class":            {func(s *rack.Site) { s.Profiles["R.1"] = rack.Profile{ID: "R.1", Class: "test"} }, `$.rack_profiles["R.1"].rack_hardware_class`, rack.ErrMalformed, "dev or prod"},
		"empty default firmware": {func(s *rack.Site) {
			s.Profiles["R"] = rack.Profile{ID: "R", DefaultFirmware: map[string]string{"gb200": ""}}
		}, "$.rack_profiles.R.default_firmware.gb200", rack.ErrMissing, "id"},
		"default image of no type": {func(s *rack.Site) {
			s.Profiles["R"] = rack.Profile{ID: "R", DefaultSwitchImage: map[string]string{"": "os"}}
		}, `$.rack_profiles.R.default_switch_image[""]`, rack.ErrMissing, "type"},
		"negative count": {func(s *rack.Site) { s.Profiles["R"] = rack.Profile{ID: "R", Switch: rack.Capability{Count: -2}} }, "$.rack_profiles.R.rack_capabilities.switch.count", rack.ErrMalformed, "-2"},
		"too few slots": {func(s *rack.Site) {
			s.Profiles["R"] = rack.Profile{ID: "R", Switch: rack.Capability{Count: 2, SlotIDs: []int{1}}}
		}, "$.rack_profiles.R.rack_capabilities.switch.slot_ids", rack.ErrDoesNotFit, "count of 2"},
		"slot id twice": {func(s *rack.Site) {
			s.Profiles["R"] = rack.Profile{ID: "R", Compute: rack.Capability{SlotIDs: []int{7, 7}}}
		}, "$.rack_profiles.R.rack_capabilities.compute.slot_ids[1]", rack.ErrDuplicate, "slot 7"},
		"slot id 0": {func(s *rack.Site) {
			s.Profiles["R"] = rack.Profile{ID: "R", PowerShelf: rack.Capability{SlotIDs: []int{0}}}
		}, "$.rack_profiles.R.rack_capabilities.power_shelf.slot_ids[0]", rack.ErrMalformed, "from 1"},
		"device without rack":     {func(s *rack.Site) { s.Machines[1].RackID = "" }, "$.expected_machines[1].rack_id", rack.ErrMissing, "expected racks are A, B"},
		"unexpected rack":         {func(s *rack.Site) { s.Switches[0].RackID = "Z9" }, "$.expected_switches[0].rack_id", rack.ErrUnexpectedRack, `rack "Z9" is not expected; expected racks are A, B`},
		"device without MAC":      {func(s *rack.Site) { s.PowerShelves[0].BMCMAC = "" }, "$.expected_power_shelves[0].bmc_mac_address", rack.ErrMissing, "MAC"},
		"no MAC and no name":      {func(s *rack.Site) { s.Machines[1].ExpectedDevice = rack.ExpectedDevice{RackID: "A"} }, "$.expected_machines[1].bmc_mac_address", rack.ErrMissing, "MAC"},
		"malformed MAC":           {func(s *rack.Site) { s.Machines[1].BMCMAC = "94:6D" }, "$.expected_machines[1].bmc_mac_address", rack.ErrMalformed, `"94:6D"`},
		"MAC in another form":     {func(s *rack.Site) { s.Machines[1].BMCMAC = "94-6d-ae-01-00-01" }, "$.expected_machines[1].bmc_mac_address", rack.ErrMalformed, "want 94:6D:AE:01:00:01"},
		"MAC of two kinds":        {func(s *rack.Site) { s.PowerShelves[0].BMCMAC = "94:6D:AE:01:00:03" }, "$.expected_power_shelves[0].bmc_mac_address", rack.ErrDuplicate, "machine/m3"},
		"NVOS MAC is a BMC's":     {func(s *rack.Site) { s.Switches[0].NVOSMACs[1] = "94:6D:AE:01:00:02" }, "$.expected_switches[0].nvos_mac_addresses[1]", rack.ErrDuplicate, "machine/m2"},
		"NVOS MAC is its own BMC": {func(s *rack.Site) { s.Switches[0].NVOSMACs[0] = "B0:CF:0E:01:00:01" }, "$.expected_switches[0].nvos_mac_addresses[0]", rack.ErrDuplicate, "switch/s1"},
		"switch without NVOS MAC": {func(s *rack.Site) { s.Switches[0].NVOSMACs = nil }, "$.expected_switches[0].nvos_mac_addresses", rack.ErrMissing, "operating system"},
		"id twice":                {func(s *rack.Site) { s.Machines[1].ID = "m3"; s.Machines[1].Name = "m3" }, "$.expected_machines[2].metadata.name", rack.ErrDuplicate, "machine/m3"},
		"id with a space":         {func(s *rack.Site) { s.Machines[1].ID = "m 1" }, "$.expected_machines[1].metadata.name", rack.ErrMalformed, `"m 1"`},
		"MAC twice without names": {func(s *rack.Site) {
			for i := 1; i < 3; i++ {
				s.Machines[i].Name, s.Machines[i].BMCMAC, s.Machines[i].ID = "", "94:6D:AE:01:00:09", "946dae010009"
			}
		}, "$.expected_machines[2].bmc_mac_address", rack.ErrDuplicate, "94:6D:AE:01:00:09"},
		"negative slot":        {func(s *rack.Site) { s.Machines[1].Slot = -1 }, slotOf1, rack.ErrMalformed, "from 1"},
		"slot taken":           {func(s *rack.Site) { s.Machines[1].Slot = 2 }, slotOf1, rack.ErrDuplicate, "machine/m2"},
		"slot of no machine":   {func(s *rack.Site) { s.Machines[1].Slot = 11 }, slotOf1, rack.ErrDoesNotFit, "no slot 11"},
		"one machine too many": {func(s *rack.Site) { s.Machines[2].RackID = "A" }, "$.expected_machines[2]", rack.ErrDoesNotFit, "room for 2 devices of kind machine (profile P), but 3 are expected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smallSite()
			c.spoil(s)

			err := s.Validate()

			problems := rack.SiteErrors(err)
			require.Len(t, problems, 1, "%v", err)
			assert.Equal(t, c.path, problems[0].Path)
			assert.ErrorIs(t, err, c.kind)
			assert.Contains(t, problems[0].Problem, c.mention)
			assert.NotContains(t, err.Error(), password)
		})
	}
}

func TestAKindWithOwnSlotNumbersMayRepeatThoseOfAnother(t *testing.T) {
	t.Parallel()
	s := smallSite()
	require.Equal(t, s.Machines[1].Slot, s.Switches[0].Slot)
	assert.NoError(t, s.Validate())
}

func TestTheIndexFindsWhatIsExpected(t *testing.T) {
	t.Parallel()
	x := smallSite().Index()

	r, found := x.Rack("B")
	assert.True(t, found)
	assert.Equal(t, "P", r.ProfileID)
	p, found := x.ProfileOf("A")
	assert.True(t, found)
	assert.Equal(t, "gb200", p.HardwareType)
	d, found := x.Device(backend.Ref{Kind: backend.KindMachine, ID: "m3"})
	assert.True(t, found)
	assert.Equal(t, "B", d.RackID)
	w, found := x.SwitchByBMC("b0-cf-0e-01-00-01")
	assert.True(t, found, "a MAC may be in any form")
	assert.Equal(t, "s1", w.ID)
	assert.Len(t, w.NVOSMACs, 2)
	d, found = x.DeviceByMAC("B0:CF:0E:01:00:03")
	assert.True(t, found, "an interface of the operating system leads to its switch")
	assert.Equal(t, "switch/s1", d.Ref().String())
	d, found = x.DeviceByBMC(backend.KindMachine, "94:6d:ae:01:00:02")
	assert.True(t, found)
	assert.Equal(t, "m2", d.ID)
}

func TestTheIndexFindsNothingElse(t *testing.T) {
	t.Parallel()
	x := smallSite().Index()
	for name, look := range map[string]func() bool{
		"rack":                  func() bool { _, found := x.Rack("C"); return found },
		"profile":               func() bool { _, found := x.Profile("Q"); return found },
		"profile of a rack":     func() bool { _, found := x.ProfileOf("C"); return found },
		"device":                func() bool { _, found := x.Device(backend.Ref{Kind: backend.KindSwitch, ID: "m1"}); return found },
		"MAC":                   func() bool { _, found := x.DeviceByMAC("94:6D:AE:01:00:77"); return found },
		"malformed MAC":         func() bool { _, found := x.DeviceByMAC("94:6D"); return found },
		"malformed BMC":         func() bool { _, found := x.SwitchByBMC(""); return found },
		"switch by NVOS MAC":    func() bool { _, found := x.SwitchByBMC("B0:CF:0E:01:00:02"); return found },
		"switch by machine MAC": func() bool { _, found := x.SwitchByBMC("94:6D:AE:01:00:01"); return found },
	} {
		assert.False(t, look(), name)
	}
	assert.Empty(t, x.Devices("C"))
}

func TestDevicesOfARackAreListedByKindAndSlot(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, d := range smallSite().Index().Devices("A") {
		ids = append(ids, d.Ref().String())
	}
	assert.Equal(t, []string{"machine/m1", "machine/m2", "switch/s1", "power_shelf/p1"}, ids)
}

func TestAMACIsStoredInOneForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"94:6D:AE:01:00:0A", "94:6d:ae:01:00:0a", "94-6d-AE-01-00-0a", "946d.ae01.000a"} {
		got, err := rack.NormalizeMAC(text)
		require.NoError(t, err, text)
		assert.Equal(t, "94:6D:AE:01:00:0A", got)
	}
	for _, text := range []string{"", "94:6D:AE:01:00", "94:6D:AE:01:00:0G", "94:6D:AE:01:00:0A:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", strings.Repeat("9", 5000)} {
		_, err := rack.NormalizeMAC(text)
		require.ErrorIs(t, err, rack.ErrMalformed, text)
		assert.Less(t, len(err.Error()), 200)
	}
}

func TestADeviceIsNamedByItsNameOrItsMAC(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a12-compute-01", rack.DeviceID("a12-compute-01", "94:6D:AE:01:00:01"))
	assert.Equal(t, "946dae010001", rack.DeviceID("", "94:6D:AE:01:00:01"))
}

func TestAProfileKnowsItsDefaultsAndWhatFitsIt(t *testing.T) {
	t.Parallel()
	p := rack.Profile{
		HardwareType:       "gb200",
		DefaultFirmware:    map[string]string{"gb200": "fw-1", rack.AnyHardware: "fw-any", "gb300": "fw-3"},
		DefaultSwitchImage: map[string]string{rack.AnyHardware: "os-any"},
	}
	assert.Equal(t, "fw-1", p.Firmware())
	assert.Equal(t, "os-any", p.SwitchImage())
	assert.Empty(t, rack.Profile{HardwareType: "gb200", DefaultFirmware: map[string]string{"gb300": "fw-3"}}.Firmware())

	assert.True(t, p.Accepts("gb200"))
	assert.True(t, p.Accepts(rack.AnyHardware))
	assert.False(t, p.Accepts("gb300"))
	assert.True(t, rack.Profile{HardwareType: rack.AnyHardware}.Accepts("gb300"))

	assert.Equal(t, 9, rack.Capability{Count: 8, SlotIDs: make([]int, 9)}.Room())
	_, isDevice := p.Capability(backend.KindRack)
	assert.False(t, isDevice)
}

func TestASiteErrorSaysWhereTheProblemIs(t *testing.T) {
	t.Parallel()
	at := &rack.SiteError{File: "site.json", Line: 12, Column: 5, Path: "$.x", Kind: rack.ErrMissing, Problem: "it is gone"}
	assert.EqualError(t, at, "site.json:12:5: $.x: it is gone")
	assert.EqualError(t, &rack.SiteError{Path: "$.x", Problem: "it is gone"}, "$.x: it is gone")
	assert.EqualError(t, &rack.SiteError{File: "site.json", Problem: "it is gone"}, "site.json: it is gone")
	assert.ErrorIs(t, at, rack.ErrMissing)
	assert.Equal(t, rack.SitePath(`$.racks[3]["a.b"]`), rack.SiteRoot.Key("racks").Index(3).Key("a.b"))
}

func TestProblemsCanBeTakenOutOfAnError(t *testing.T) {
	t.Parallel()
	one, two := &rack.SiteError{Problem: "one"}, &rack.SiteError{Problem: "two"}
	joined := fmt.Errorf("load: %w", rack.JoinSiteErrors([]*rack.SiteError{one, two}))
	assert.Empty(t, cmp.Diff([]*rack.SiteError{one, two}, rack.SiteErrors(joined)))
	assert.Equal(t, []*rack.SiteError{one}, rack.SiteErrors(fmt.Errorf("load: %w", one)))
	assert.Empty(t, rack.SiteErrors(errors.New("disk on fire")))
	assert.Empty(t, rack.SiteErrors(nil))
	assert.NoError(t, rack.JoinSiteErrors(nil))
	assert.EqualError(t, joined, "load: one\ntwo")
}

func TestTheTextOfVeryManyProblemsEndsWithTheirNumber(t *testing.T) {
	t.Parallel()
	many := make([]*rack.SiteError, 1234)
	for i := range many {
		many[i] = &rack.SiteError{Problem: "again"}
	}
	err := rack.JoinSiteErrors(many)
	assert.True(t, strings.HasSuffix(err.Error(), "\nand 1034 more problems"))
	assert.Len(t, rack.SiteErrors(err), 1234)
}

func TestASiteNeverPrintsAPassword(t *testing.T) {
	t.Parallel()
	s := smallSite()
	encoded, err := json.Marshal(s)
	require.NoError(t, err)
	for _, printed := range []string{
		string(encoded), fmt.Sprint(s), fmt.Sprintf("%+v", *s), fmt.Sprintf("%#v", *s),
		fmt.Sprintf("%v %+v %#v %s", s.Index(), s.Index(), s.Index(), s.Index()), fmt.Sprintf("%+v", s.Index().Devices("A")),
	} {
		assert.NotEmpty(t, printed)
		assert.NotContains(t, printed, password)
	}
	assert.Equal(t, password, s.Index().Devices("A")[0].BMC.Password.Reveal(), "the index keeps it")
}
