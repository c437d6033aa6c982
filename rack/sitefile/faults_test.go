package sitefile_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

func TestAllFaultsOfAYAMLFileAreReportedTogetherWithTheirLines(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/faults.yaml")
	require.NoError(t, err)
	var want []string
	for i, line := range strings.Split(string(data), "\n") {
		if _, kind, marked := strings.Cut(line, "# fault: "); marked {
			want = append(want, fmt.Sprintf("%d %s", i+1, kind))
		}
	}
	require.Greater(t, len(want), 20)

	site, err := sitefile.Parse("faults.yaml", data)

	assert.Nil(t, site)
	var got []string
	for _, p := range rack.SiteErrors(err) {
		got = append(got, fmt.Sprintf("%d %v", p.Line, p.Kind))
	}
	assert.Empty(t, cmp.Diff(want, got), "%v", err)
}

func TestAllFaultsOfAJSONFileAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := sitefile.Read("testdata/faults.json")
	require.Error(t, err)
	const file = "testdata/faults.json:"
	want := []string{
		"4:47: $.rack_profiles.NVL4.rack_capabilities.compute.count: a whole number is wanted, in decimal and without leading zeros",
		"9:15: $.expected_racks[1].rack_id: text is wanted, found a number; put it in quotes",
		`9:38: $.expected_racks[1].rack_profile_id: profile "NVL36" is not defined; profiles are NVL4`,
		"14:20: $.expected_machines[0].bmc_password: text is wanted, found a mapping",
		"15:22: $.expected_machines[0].rack_id: the field is there twice",
		`16:25: $.expected_machines[0].metadata.name: malformed reference: id "a b" holds ' '; slashes, spaces and control characters are not allowed`,
		"18:23: $.expected_machines[1].bmc_mac_address: MAC 94:6D:AE:01:00:01 already belongs to machine/a b",
		`18:55: $.expected_machines[1].rack_id: rack "Z9" is not expected; expected racks are 13, A12`,
		`18:61: $.expected_machines[1]: unknown field "serial_number"; ` +
			"allowed are bmc_mac_address, bmc_password, bmc_username, chassis_serial_number, metadata, rack_id",
		"19:93: $.expected_machines[2].metadata.labels.slot: text is wanted, found a number; put it in quotes",
		"22:66: $.expected_switches[0].nvos_mac_addresses: the switch needs the MAC of at least one interface of its operating system",
		"23:3: $.expected_switches[1]: rack A12 has room for 1 devices of kind switch (profile NVL4), but 2 are expected; this is the first too many",
		`23:67: $.expected_switches[1].nvos_mac_addresses[0]: malformed MAC "B0:CF:0E": want six bytes such as 94:6D:AE:01:00:01`,
		"25:29: $.expected_power_shelves[0]: a mapping is wanted, found nothing",
	}
	assert.Empty(t, cmp.Diff(want, strings.Split(strings.ReplaceAll(err.Error(), file, ""), "\n")))
	assert.Equal(t, len(want), strings.Count(err.Error(), file), "each line names the file")
}

// oneFault is a valid site in YAML with one rack and one machine; a test replaces a line of it.
const oneFault = `rack_profiles:
  P:
    rack_hardware_class: prod
    rack_capabilities: {compute: {count: 1}, switch: {count: 1}}
    default_firmware: {gb200: fw-1}
    power_sequence: false
expected_racks:
  - rack_id: A12
    rack_profile_id: P
expected_machines:
  - bmc_mac_address: 94:6D:AE:01:00:01
    bmc_password: p4ss-of-nobody
    chassis_serial_number: SN1
    rack_id: A12
    metadata: {name: m1, labels: {slot: "1"}}
`

func TestEachFaultIsReportedOnceAtItsPlace(t *testing.T) {
	t.Parallel()
	_, err := sitefile.Parse("site.yaml", []byte(oneFault))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		old, new string
		want     string // the problem without the name of the file
		kind     error
	}{
		"unknown field at the top":    {"rack_profiles:", "cells: []\nrack_profiles:", `1:1: $: unknown field "cells"; allowed are expected_machines,`, rack.ErrUnknownField},
		"unknown field of a profile":  {"power_sequence:", "power_sequences:", `6:5: $.rack_profiles.P: unknown field "power_sequences"; allowed are default_firmware,`, rack.ErrUnknownField},
		"unknown field in metadata":   {"name: m1", "nmae: m1", `15:16: $.expected_machines[0].metadata: unknown field "nmae"; allowed are description, labels, name`, rack.ErrUnknownField},
		"field in another case":       {"    rack_hardware_class", "    Rack_hardware_class", `3:5: $.rack_profiles.P: unknown field "Rack_hardware_class"`, rack.ErrUnknownField},
		"name of a field holds more":  {"bmc_password: p4ss", "? bmc_password:p4ss", "12:5: $.expected_machines[0]: unknown field (not a plain word)", rack.ErrUnknownField},
		"number as serial":            {"SN1", "1825094976746", "13:28: $.expected_machines[0].chassis_serial_number: text is wanted, found a number; put it in quotes", rack.ErrMalformed},
		"huge number as serial":       {"SN1", "18250949767461825094976746182509497674618250949767461825094976746", "13:28: $.expected_machines[0].chassis_serial_number: text is wanted, found a number", rack.ErrMalformed},
		"exponent as serial":          {"SN1", "1E5", "13:28: $.expected_machines[0].chassis_serial_number: text is wanted, found a number", rack.ErrMalformed},
		"boolean as serial":           {"SN1", "True", "13:28: $.expected_machines[0].chassis_serial_number: text is wanted, found true or false", rack.ErrMalformed},
		"list as serial":              {"SN1", "[SN1]", "13:28: $.expected_machines[0].chassis_serial_number: text is wanted, found a list", rack.ErrMalformed},
		"word as boolean":             {"power_sequence: false", "power_sequence: no", "6:21: $.rack_profiles.P.power_sequence: true or false is wanted, found text", rack.ErrMalformed},
		"quoted boolean":              {"power_sequence: false", "power_sequence: 'false'", "6:21: $.rack_profiles.P.power_sequence: true or false is wanted, found text", rack.ErrMalformed},
		"quoted number":               {"compute: {count: 1}", "compute: {count: '1'}", "4:42: $.rack_profiles.P.rack_capabilities.compute.count: a number is wanted, found text", rack.ErrMalformed},
		"number too large":            {"compute: {count: 1}", "compute: {count: 3000000000}", "4:42: $.rack_profiles.P.rack_capabilities.compute.count: the number is out of range", rack.ErrMalformed},
		"number beyond 64 bits":       {"compute: {count: 1}", "compute: {count: 99999999999999999999999}", "4:42: $.rack_profiles.P.rack_capabilities.compute.count: the number is out of range", rack.ErrMalformed},
		"octal or decimal":            {"compute: {count: 1}", "compute: {count: 01}", "4:42: $.rack_profiles.P.rack_capabilities.compute.count: a whole number is wanted", rack.ErrMalformed},
		"hexadecimal":                 {"compute: {count: 1}", "compute: {count: 0x1}", "4:42: $.rack_profiles.P.rack_capabilities.compute.count: a whole number is wanted", rack.ErrMalformed},
		"infinity":                    {"compute: {count: 1}", "compute: {count: .inf}", "4:42: $.rack_profiles.P.rack_capabilities.compute.count: a whole number is wanted", rack.ErrMalformed},
		"null as count":               {"compute: {count: 1}", "compute: {count: null}", "4:34: $.rack_profiles.P.rack_capabilities.compute.count: the field is required", rack.ErrMissing},
		"negative count":              {"compute: {count: 1}", "compute: {count: -1}", "4:42: $.rack_profiles.P.rack_capabilities.compute.count: count -1 is negative", rack.ErrMalformed},
		"slots that are text":         {"compute: {count: 1}", "compute: {count: 1, slot_ids: [1, x]}", "4:59: $.rack_profiles.P.rack_capabilities.compute.slot_ids[1]: a number is wanted, found text", rack.ErrMalformed},
		"capabilities are no mapping": {"{compute: {count: 1}, switch: {count: 1}}", "none", "4:24: $.rack_profiles.P.rack_capabilities: a mapping is wanted, found text", rack.ErrMalformed},
		"capability left out":         {"compute: {count: 1}, ", "", "11:5: $.expected_machines[0]: rack A12 has room for 0 devices of kind machine", rack.ErrDoesNotFit},
		"profiles are no mapping":     {"rack_profiles:\n  P:", "rack_profiles:\n  - P:", "2:3: $.rack_profiles: a mapping is wanted, found a list", rack.ErrMalformed},
		"profile is null":             {"  P:\n", "  Q:\n  P:\n", "2:5: $.rack_profiles.Q: a mapping is wanted, found nothing", rack.ErrMalformed},
		"key twice in defaults":       {"{gb200: fw-1}", "{gb200: fw-1, gb200: fw-2}", "5:37: $.rack_profiles.P.default_firmware.gb200: the key is there twice", rack.ErrDuplicate},
		"empty key":                   {"{gb200: fw-1}", "{'': fw-1}", "5:24: $.rack_profiles.P.default_firmware: a key must be a text", rack.ErrMalformed},
		"racks are null":              {"expected_racks:\n  - rack_id: A12\n    rack_profile_id: P", "expected_racks:", `12:14: $.expected_machines[0].rack_id: rack "A12" is not expected; expected racks are none`, rack.ErrUnexpectedRack},
		"racks are no list":           {"  - rack_id: A12\n    rack_profile_id: P", "  rack_id: A12\n  rack_profile_id: P", "8:3: $.expected_racks: a list is wanted, found a mapping", rack.ErrMalformed},
		"slot is no number":           {`slot: "1"`, `slot: "left"`, "15:41: $.expected_machines[0].metadata.labels.slot: the label slot must be a whole number from 1", rack.ErrMalformed},
		"slot 0":                      {`slot: "1"`, `slot: "0"`, "15:41: $.expected_machines[0].metadata.labels.slot: the label slot must be a whole number from 1", rack.ErrMalformed},
		"label is null":               {`slot: "1"`, "place:", "15:41: $.expected_machines[0].metadata.labels.place: text is wanted, found nothing", rack.ErrMalformed},
		"unquoted alias":              {"p4ss-of-nobody", "*p4ss-of-nobody", "12:19: $.expected_machines[0].bmc_password: it refers to an anchor that is not defined before it", rack.ErrMalformed},
		"unquoted tag":                {"p4ss-of-nobody", "!p4ss-of-nobody x", "12:19: $.expected_machines[0].bmc_password: tags are not read here", rack.ErrMalformed},
		"merge of a text":             {"{name: m1,", "{<<: m0, name: m1,", "15:20: $.expected_machines[0].metadata: a merge key takes mappings only", rack.ErrMalformed},
		"merge of texts":              {"{name: m1,", "{<<: [m0], name: m1,", "15:21: $.expected_machines[0].metadata: a merge key takes mappings only", rack.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, oneFault, c.old)
			text := strings.Replace(oneFault, c.old, c.new, 1)

			_, err := sitefile.Parse("site.yaml", []byte(text))

			require.Error(t, err)
			assert.Len(t, rack.SiteErrors(err), 1, "%v", err)
			assert.True(t, strings.HasPrefix(err.Error(), "site.yaml:"+c.want), "%v\nwant %s", err, c.want)
			assert.ErrorIs(t, err, c.kind)
			assert.NotContains(t, err.Error(), "p4ss")
		})
	}
}
