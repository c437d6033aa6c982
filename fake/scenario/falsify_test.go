package scenario_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
)

// busy is a scenario in which there is something of every kind to be expected: a firmware batch of which one device fails, a refused request, a machine that goes, an
// object past its SLA.
const busy = `
- name: busy
  given:
    racks:
      - {id: r1, state: Maintenance/FirmwareUpgrade/Start, cycle: c1}
      - {id: r2, state: Discovering, since: -2h}
    machines:
      - {id: m1, rack: r1}
      - {id: m2, rack: r1, labels: {site: berlin}}
      - {id: m3, rack: r2, alerts: [{id: a1, source: operator, classifications: [PreventAllocations]}]}
    firmware: [{id: fw-2}]
    requests:
      - {id: q1, on: rack/r1, type: maintenance, initiator: alice, reference: T-1, at: -1m, accepted_at: 0s, cycle: c1, scope: {activities: [{FirmwareUpgrade: {firmware: fw-2}}]}}
    hardware:
      - {call: FirmwareJob, answer: [{jobs: {m1: running}}, {jobs: {m1: {failed: "bad image"}}}]}
  when:
    - request: {id: q2, on: rack/r1, type: maintenance, initiator: bob}
    - reconcile: rack/r1
    - advance: 15s
    - delete: machine/m3
    - run: 1m
`

// lies has for every key of then an expectation that is true of busy and others that are not, with what was expected and what was found.
var lies = []struct {
	key, truth string
	lies       []lie
}{
	{"states", "{rack/r1: Error, machine/m1: HostReprovision/FailedFirmwareUpgrade}", []lie{
		{"{rack/r1: Ready}", "state of rack/r1: expected Ready, found Error"},
		{"{machine/m3: Ready}", "state of machine/m3: expected Ready, found it is gone"},
	}},
	{"gone", "[machine/m3]", []lie{{"[machine/m3, machine/m1]", "machine/m1: expected it is gone, found state HostReprovision/FailedFirmwareUpgrade"}}},
	{"outcome", "{rack/r1: {kind: wait, mentions: [m1, FAILED]}, machine/m3: {kind: deleted}}", []lie{
		{"{rack/r1: {kind: nothing}}", "outcome of rack/r1: expected nothing, found wait"},
		{"{rack/r1: {mentions: [m1, s1]}}", `outcome of rack/r1: expected a mention of "s1", found "`},
		{"{machine/m3: {kind: wait}}", "outcome of machine/m3: expected wait, found deleted"},
	}},
	{"requests", "{q1: failed, q2: rejected}", []lie{
		{"{q1: finished}", "request q1 on rack/r1: expected finished, found failed (firmware upgrade failed"},
		{"{q1: pending}", "expected pending, found failed"},
		{"{q1: rejected}", "expected rejected, found failed"},
		{"{q2: pending}", "request q2: expected pending, found no such request"},
		{"{q2: consumed}", "request q2: expected consumed, found no such request"},
	}},
	{"results", "{q1: {m1: failed, m2: ok}}", []lie{
		{"{q1: {m1: ok}}", "result of request q1 for m1: expected ok, found failed"},
		{"{q1: {m2: skipped}}", "result of request q1 for m2: expected skipped, found ok"},
		{"{q1: {m3: ok}}", "result of request q1 for m3: expected ok, found none"},
		{"{q2: {m1: ok}}", "result of request q2 for m1: expected ok, found none"},
	}},
	{"initiators", "{q1: alice (T-1)}", []lie{
		{"{q1: alice}", "initiator of request q1: expected alice, found alice (T-1)"},
		{"{q2: bob}", "initiator of request q2: expected bob, found no such request"},
	}},
	{"rejected", "[{mentions: [q1, Maintenance]}]", []lie{
		{"[]", "rejections: expected 0, found 1 ["},
		{"[{}, {}]", "rejections: expected 2, found 1 ["},
		{"[{mentions: [q1, Ready, tenants]}]", `rejection 1: expected a mention of "tenants", found "maintenance of rack/r1 rejected`},
	}},
	{"flags", "{rack/r2: {topology_changed: false, deleted: false}}", []lie{
		{"{rack/r2: {topology_changed: true}}", "topology_changed of rack/r2: expected true, found false"},
		{"{machine/m3: {deleted: true}}", "machine/m3: expected an object with fields, found machine/m3: not found"},
	}},
	{"fields", "{rack/r1: {origin: maintenance, cause: {mentions: [BAD IMAGE]}, since: 15s}, machine/m2: {labels: {site: berlin}}}", []lie{
		{"{rack/r1: {origin: component}}", "origin of rack/r1: expected component, found maintenance"},
		{"{rack/r1: {cause: {mentions: [good]}}}", `cause of rack/r1: expected a mention of "good", found "firmware upgrade failed`},
		{"{rack/r1: {since: 16s}}", "since of rack/r1: expected 16s, found 15s"},
		{"{machine/m2: {labels: {site: paris}}}", "labels of machine/m2: expected map[site:paris], found map[site:berlin]"},
		{"{machine/m2: {labels: {}}}", "labels of machine/m2: expected map[], found map[site:berlin]"},
		{"{machine/m1: {firmware: {BMC: '1.0'}}}", "firmware of machine/m1: expected map[BMC:1.0], found map[]"},
		{"{machine/m3: {since: 0s}}", "found machine/m3: not found"},
	}},
	{"statuses", "{machine/m1: {firmware_upgrade: {status: failed, cause: {mentions: [image]}, started: 0s, ended: 15s, cycle: c1}}}", []lie{
		{"{machine/m1: {firmware_upgrade: {status: completed}}}", "status of firmware_upgrade of machine/m1: expected completed, found failed"},
		{"{machine/m1: {firmware_upgrade: {cause: {mentions: [disk]}}}}", `cause of firmware_upgrade of machine/m1: expected a mention of "disk", found "bad image"`},
		{"{machine/m1: {firmware_upgrade: {ended: 1m}}}", "ended of firmware_upgrade of machine/m1: expected 1m0s, found 15s"},
		{"{machine/m3: {firmware_upgrade: {status: failed}}}", "statuses of machine/m3: expected an object with statuses, found machine/m3: not found"},
	}},
	{"alerts", "{machine/m1: [rack-maintenance], machine/m2: []}", []lie{
		{"{machine/m1: []}", "alerts of machine/m1: expected [], found [rack-maintenance]"},
		{"{machine/m2: [rack-maintenance]}", "alerts of machine/m2: expected [rack-maintenance], found []"},
		{"{machine/m1: [rack-maintenance, operator]}", "expected [operator rack-maintenance], found [rack-maintenance]"},
		{"{machine/m3: []}", "alerts of machine/m3: expected [], found no such object"},
	}},
	{"posted", "[{on: machine/m2, type: reprovision, initiator: rack-r1}, {on: machine/m1, type: reprovision}]", []lie{
		{"[]", "posted requests: expected [], found [{reprovision on machine/m1 by rack-r1 await []} {reprovision on machine/m2 by rack-r1 await []}]"},
		{"[{on: machine/m1}]", "posted requests: expected [{"},
		{"[{on: machine/m1}, {on: machine/m1}]", "posted requests: expected [{"},
		{"[{on: machine/m1}, {on: machine/m2, initiator: alice}]", "posted requests: expected [{"},
		{"[{on: machine/m1}, {on: machine/m2, type: validate}]", "posted requests: expected [{"},
		{"[{on: machine/m1}, {on: machine/m2, await: [firmware]}]", "posted requests: expected [{"},
	}},
	{"over_sla", "[rack/r1, rack/r2]", []lie{
		{"[]", "objects over their SLA: expected [], found [rack/r1 rack/r2]"},
		{"[rack/r2]", "objects over their SLA: expected [rack/r2], found [rack/r1 rack/r2]"},
		{"[rack/r2, rack/r1, machine/m1]", "found [rack/r1 rack/r2]"},
	}},
	{"calls", "[{call: ApplyFirmware, on: [m2, m1]}, {call: FirmwareJob, on: [m1, m2]}, {call: InspectPlatform, on: [m2]}, {call: FirmwareJob}, {call: InspectPlatform, on: [m1]}]", []lie{
		{"[]", "hardware calls: expected [], found [ApplyFirmware[m1 m2] FirmwareJob[m1 m2] InspectPlatform[m2] FirmwareJob[m1] InspectPlatform[m1]]"},
		{"[{call: ApplyFirmware}, {call: FirmwareJob}, {call: FirmwareJob}]", "hardware calls: expected [ApplyFirmware[] FirmwareJob[] FirmwareJob[]], found ["},
		{"[{call: FirmwareJob}, {call: ApplyFirmware}, {call: InspectPlatform}, {call: FirmwareJob}, {call: InspectPlatform}]", "hardware calls: expected [FirmwareJob[]"},
		{"[{call: ApplyFirmware, on: [m1]}, {call: FirmwareJob}, {call: InspectPlatform}, {call: FirmwareJob}, {call: InspectPlatform}]", "hardware calls: expected [ApplyFirmware[m1]"},
	}},
	{"calls_include", "[{call: ApplyFirmware, on: [m1, m2]}, {call: FirmwareJob, on: [m1]}]", []lie{
		{"[{call: FirmwareJob}, {call: ApplyFirmware}]", "hardware calls: expected ApplyFirmware[] in this place, found ["},
		{"[{call: ApplyFirmware, on: [m3]}]", "hardware calls: expected ApplyFirmware[m3] in this place"},
		{"[{call: ApplyFirmware}, {call: ApplyFirmware}]", "hardware calls: expected ApplyFirmware[] in this place"},
		{"[{call: SetPower}]", "hardware calls: expected SetPower[] in this place"},
	}},
	{"calls_exclude", "[SetPower, ResetHost]", []lie{{"[SetPower, FirmwareJob]", "hardware calls: expected no FirmwareJob, found [ApplyFirmware["}}},
	{"started", "{ApplyFirmware: 1, SetPower: 0}", []lie{
		{"{ApplyFirmware: 2}", "work begun by ApplyFirmware: expected 2, found 1"},
		{"{SetPower: 1}", "work begun by SetPower: expected 1, found 0"},
	}},
	{"history", "{rack/r1: [Maintenance/FirmwareUpgrade/Start, Maintenance/FirmwareUpgrade/WaitForComplete, Error], machine/m3: [Ready, Deleting]}", []lie{
		{"{rack/r1: [Maintenance/FirmwareUpgrade/Start, Error]}", "history of rack/r1: expected [Maintenance/FirmwareUpgrade/Start Error], found [Maintenance/FirmwareUpgrade/Start Maintenance/FirmwareUpgrade/WaitForComplete Error]"},
		{"{rack/r1: [Maintenance/FirmwareUpgrade/WaitForComplete, Error]}", "history of rack/r1: expected [Maintenance/FirmwareUpgrade/WaitForComplete Error], found ["},
		{"{machine/m3: [Ready]}", "history of machine/m3: expected [Ready], found [Ready Deleting]"},
	}},
}

type lie struct{ then, message string }

func TestEveryKindOfExpectationIsNoticedWhenItIsNotMet(t *testing.T) {
	t.Parallel()
	for _, c := range lies {
		t.Run(c.key, func(t *testing.T) {
			t.Parallel()
			report, err := runOne(t, busy+"  then:\n    "+c.key+": "+c.truth+"\n")
			require.NoError(t, err, "the truth")
			for _, lie := range c.lies {
				_, err := runOne(t, busy+"  then:\n    "+c.key+": "+lie.then+"\n")
				require.Error(t, err, lie.then)
				assert.ErrorContains(t, err, lie.message)
				assert.ErrorContains(t, err, report.Trace, "the message ends with the run")
			}
			for _, part := range []string{
				"history:\n", "given rack/r1          Maintenance/FirmwareUpgrade/Start\n", "Maintenance/FirmwareUpgrade/WaitForComplete -> Error on MaintenanceFailed by alice (T-1)  firmware upgrade failed: 1/2",
				"outcomes:\n", "requests:\n", "rejections:\n  q2 ", "hardware calls:\n  ApplyFirmware [m1 m2]\n  FirmwareJob [m1 m2]\n",
			} {
				assert.Contains(t, report.Trace, part)
			}
		})
	}
}

func TestEveryKeyOfThenIsAmongTheExpectationsThatAreFalsified(t *testing.T) {
	t.Parallel()
	var want, got []string
	for i := range reflect.TypeFor[scenario.Then]().NumField() {
		want = append(want, reflect.TypeFor[scenario.Then]().Field(i).Tag.Get("yaml"))
	}
	for _, c := range lies {
		got = append(got, c.key)
	}
	assert.ElementsMatch(t, want, got)
}

func TestAllUnmetExpectationsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := runOne(t, busy+"  then:\n    states: {rack/r1: Ready, rack/r2: Ready}\n    started: {ApplyFirmware: 7}\n")
	for _, want := range []string{"state of rack/r1", "state of rack/r2", "work begun by ApplyFirmware"} {
		assert.ErrorContains(t, err, want)
	}
}

// runOne parses the text of one scenario and runs it.
func runOne(t *testing.T, text string) (*scenario.Report, error) {
	t.Helper()
	list, err := scenario.Parse("x.yaml", []byte(text))
	require.NoError(t, err)
	require.Len(t, list, 1)
	return scenario.Run(t.Context(), list[0], memory.New())
}

// run runs one scenario that must hold.
func run(t *testing.T, text string) *scenario.Report {
	t.Helper()
	report, err := runOne(t, text)
	require.NoError(t, err)
	return report
}
