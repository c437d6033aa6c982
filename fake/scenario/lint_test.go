package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/scenario"
)

// site is a scenario of one rack with one device of each kind; given, when and then are added to it.
const site = `
- name: a scenario
  given:
    racks: [{id: r1}]
    machines: [{id: m1, rack: r1}]
    switches: [{id: s1, rack: r1}]
    power_shelves: [{id: p1, rack: r1}]
`

// A mistyped name would be a fact that nobody looks at, or an expectation that cannot fail.
func TestAMistypedNameIsRefused(t *testing.T) {
	t.Parallel()
	const right = "  then: {states: {rack/r1: Ready}}\n"
	for name, c := range map[string]struct{ given, when, then, want string }{
		"word of validation":        {given: "    settings: {validation: on}", want: `given.settings.validation: "on" is not known; use enabled, disabled`},
		"how of firmware":           {given: "    settings: {machine_firmware: [{component: BMC, version: 2, how: uplaod}]}", want: `"uplaod" is not known`},
		"origin of a rack":          {given: "    expected: [{id: r1}]", want: `the id "r1" is used twice, here for a rack and before for a rack`},
		"id of a device and a rack": {given: "    expected: [{id: s1}]", want: `the id "s1" is used twice`},
		"id that is none":           {given: "    expected: [{id: a/b}]", want: `given.expected[0].id: malformed reference`},
		"object of a request":       {given: "    requests: [{id: q1, on: machine/m2, type: reprovision}]", want: `machine/m2 is no object of the scenario; it has machine/m1, power_shelf/p1, rack/r1, switch/s1`},
		"kind of an object":         {given: "    requests: [{id: q1, on: machin/m1, type: reprovision}]", want: `machin/m1 is no object of the scenario`},
		"type of a request":         {given: "    requests: [{id: q1, on: machine/m1, type: reprovison}]", want: `given.requests[0].type: a machine has no request "reprovison"; it has assign`},
		"request without an id":     {given: "    requests: [{on: machine/m1, type: reprovision}]", want: `a request needs an id`},
		"request on nothing":        {given: "    requests: [{id: q1, type: reprovision}]", want: `a request needs an object`},
		"request on two kinds":      {given: "    requests: [{id: q1, on: [machine/m1, switch/s1], type: reprovision}]", want: `objects of one kind`},
		"request that is twice":     {given: "    requests: [{id: q1, on: machine/m1, type: validate}, {id: q1, on: machine/m1, type: validate}]", want: `request q1 is on machine/m1 twice`},
		"parameter of another type": {given: "    requests: [{id: q1, on: rack/r1, type: maintenance, operation: PowerOn}]", want: `a request maintenance of a rack takes no operation`},
		"scope of a switch":         {given: "    requests: [{id: q1, on: switch/s1, type: maintenance, operation: Reset, scope: {machines: [m1]}}]", want: `takes no scope`},
		"operation":                 {given: "    requests: [{id: q1, on: switch/s1, type: maintenance, operation: Powerof}]", want: `"Powerof" is not known`},
		"awaited step":              {given: "    requests: [{id: q1, on: switch/s1, type: reprovision, await: [nvoss]}]", want: `given.requests[0].await[0]: "nvoss" is not known; use firmware, nvos, nmxc`},
		"activity":                  {given: "    requests: [{id: q1, on: rack/r1, type: maintenance, scope: {activities: [NVOSUpdate]}}]", want: `"NVOSUpdate" is not known`},
		"mode of power":             {given: "    requests: [{id: q1, on: rack/r1, type: maintenance, scope: {activities: [{PowerSequence: {power: of}}]}}]", want: `"of" is not known; use on, off, reset`},
		"status":                    {given: "    statuses: [{on: machine/m1, firmware_upgrade: {status: done}}]", want: `"done" is not known; use started, in_progress, completed, failed`},
		"status of a fabric":        {given: "    statuses: [{on: switch/s1, fabric_manager: {status: completed}}]", want: `"completed" is not known; use ok, not_ok, unknown`},
		"status without a status":   {given: "    statuses: [{on: switch/s1, nvos_update: {cycle: c1}}]", want: `it has no status`},
		"status of nothing":         {given: "    statuses: [{on: switch/s1}]", want: `a status names one of`},
		"status of another kind":    {given: "    statuses: [{on: machine/m1, nvos_update: {status: failed}}]", want: `"nvos_update" is not known; use firmware_upgrade`},
		"reason of firmware":        {given: "    statuses: [{on: machine/m1, firmware_upgrade: {status: failed, reason: x}}]", want: `"reason" is not known; use status, cause`},
		"status on a rack":          {given: "    statuses: [{on: rack/r1, firmware_upgrade: {status: failed}}]", want: `rack/r1 does not belong here`},
		"jobs of a machine":         {given: "    jobs: [{on: machine/m1, activity: FirmwareUpgrade, devices: {m1: running}}]", want: `machine/m1 does not belong here`},
		"activity of jobs":          {given: "    jobs: [{on: rack/r1, activity: PowerSequence, devices: {m1: running}}]", want: `activity "PowerSequence" has no jobs`},
		"jobs without an activity":  {given: "    jobs: [{on: rack/r1, devices: {m1: running}}]", want: `jobs need the activity`},
		"device of jobs":            {given: "    jobs: [{on: rack/r1, activity: FirmwareUpgrade, devices: {m2: running}}]", want: `no object of the scenario has the id "m2"`},
		"jobs without devices":      {given: "    jobs: [{on: rack/r1, activity: FirmwareUpgrade}]", want: `jobs name their devices`},
		"object of a hold":          {given: "    holds: [{on: machine/m2, type: a, owner: b, reason: c}]", want: `machine/m2 is no object`},
		"firmware that is twice":    {given: "    firmware: [{id: fw-1}, {id: fw-1}]", want: `firmware needs an id of its own`},
		"call":                      {given: "    hardware: [{call: SetPwer, answer: ok}]", want: `given.hardware[0].call: the call "SetPwer" is not known; calls are ApplyFirmware,`},
		"device of a call":          {given: "    hardware: [{call: SetPower, on: m2, answer: ok}]", want: `no object of the scenario has the id "m2"`},
		"call without an answer":    {given: "    hardware: [{call: SetPower}]", want: `there is no answer`},
		"call that is twice":        {given: "    hardware: [{call: SetPower, answer: ok}, {call: SetPower, answer: ok}]", want: `SetPower is answered twice here`},
		"jobs of a call without":    {given: "    hardware: [{call: SetPower, answer: {jobs: {m1: running}}}]", want: `SetPower begins and polls no jobs`},
		"data of a call without":    {given: "    hardware: [{call: SetPower, answer: {report: {m1: on}}}]", want: `SetPower reports no data`},
		"device of a job":           {given: "    hardware: [{call: FirmwareJob, answer: [ok, {jobs: {m2: running}}]}]", want: `given.hardware[0].answer[1].jobs.m2: no object`},
		"device of a report":        {given: "    hardware: [{call: PowerState, answer: {report: {m2: on}}}]", want: `given.hardware[0].answer.report.m2: no object`},
		"power state":               {given: "    hardware: [{call: PowerState, answer: {report: {m1: onn}}}]", want: `"onn" is not known; use on, off`},
		"power state that is a map": {given: "    hardware: [{call: PowerState, answer: {report: {m1: {a: b}}}}]", want: `PowerState reports on or off`},
		"tray":                      {given: "    hardware: [{call: Placement, answer: {report: {s1: first}}}]", want: `"first" is no number`},
		"state of a fabric":         {given: "    hardware: [{call: FabricStatus, answer: {report: {s1: {status: okay}}}}]", want: `"okay" is not known`},
		"key of a fabric":           {given: "    hardware: [{call: FabricStatus, answer: {report: {s1: {status: ok, cause: x}}}}]", want: `"cause" is not known; use status, reason, error`},
		"step of a clean-up":        {given: "    hardware: [{call: CleanupJob, answer: {report: {m1: {tmp: missing}}}}]", want: `"tmp" is not known; use state, cause, nvme`},
		"state of a clean-up":       {given: "    hardware: [{call: CleanupJob, answer: {report: {m1: {state: complete}}}}]", want: `"complete" is not known; use pending, running, completed`},
		"clean-up that is a word":   {given: "    hardware: [{call: CleanupJob, answer: {report: {m1: completed}}}]", want: `CleanupJob reports {state, cause, step`},
		"key of a proof":            {given: "    hardware: [{call: Attestation, answer: {report: {m1: {sate: passed}}}}]", want: `"sate" is not known; use attestor, state`},
		"state of a proof":          {given: "    hardware: [{call: Attestation, answer: {report: {m1: {state: good}}}}]", want: `"good" is not known; use waiting, pending, passed`},
		"attestor of a proof":       {given: "    settings: {attestors: [a]}\n    hardware: [{call: Attestation, answer: {report: {m1: {attestor: b}}}}]", want: `"b" is not known; use a`},
		"parts of a proof":          {given: "    hardware: [{call: Attestation, answer: {report: {m1: {measured: all}}}}]", want: `"all" is no whole number`},
		"time of a proof":           {given: "    hardware: [{call: Attestation, answer: {report: {m1: {measured_at: soon}}}}]", want: `"soon" is no duration`},
		"unit of a host":            {given: "    hardware: [{call: DPUs, answer: {report: {m1: {dpu0: down}}}}]", want: `given.hardware[0].answer.report.m1.dpu0: "dpu0" is not known`},
		"units that are a word":     {given: "    hardware: [{call: DPUs, answer: {report: {m1: down}}}]", want: `DPUs reports {unit: state}`},
		"key of a SKU":              {given: "    hardware: [{call: MatchSKU, answer: {report: {m1: {SKU: a}}}}]", want: `"SKU" is not known; use sku, missing, differences`},
		"SKU that is a word":        {given: "    hardware: [{call: MatchSKU, answer: {report: {m1: gb200}}}]", want: `MatchSKU reports {sku, missing, differences}`},
		"reset of firmware":         {given: "    settings: {machine_firmware: [{component: BMC, version: 2, reset: bcm}]}", want: `"bcm" is not known; use host, bmc, drain, none`},
		"machine of a report":       {when: "    - report: {on: switch/s1}", want: `switch/s1 does not belong here`},
		"machine of a SKU":          {when: "    - sku: {on: machine/m2}", want: `machine/m2 is no object`},
		"versions":                  {given: "    hardware: [{call: FirmwareInventory, answer: {report: {m1: '2.0'}}}]", want: `FirmwareInventory reports {component: version}`},
		"report of an agent":        {given: "    hardware: [{call: Discover, answer: {report: {m1: now}}}]", want: `Discover reports no data of a device`},

		"object of a step":       {when: "    - reconcile: [rack/r1, machine/m2]", want: `when[0].reconcile: machine/m2 is no object`},
		"stabilize":              {when: "    - stabilize: rack/r1", want: `"rack/r1" is not known; use all`},
		"time that goes back":    {when: "    - advance: -1m", want: `time does not go back`},
		"run that goes back":     {when: "    - run: -1m", want: `time does not go back`},
		"begin of a request":     {when: "    - request: {id: q1, on: machine/m1, type: validate, accepted_at: -1m}", want: `accepted_at belongs into given`},
		"parameter of a request": {when: "    - request: {id: q1, on: power_shelf/p1, type: force_delete, operation: PowerOn}", want: `a request force_delete of a power_shelf takes no operation`},
		"cancel of nothing":      {when: "    - cancel: {initiator: bob}", want: `it names neither the id of a request nor the object`},
		"cancel of nobody's":     {when: "    - cancel: {id: q7}", want: `no request "q7" is made here`},
		"cancel on nothing":      {when: "    - cancel: {on: rack/r7}", want: `rack/r7 is no object`},
		"approve":                {when: "    - approve: {on: machine/m2}", want: `machine/m2 is no object`},
		"label":                  {when: "    - label: {on: machine/m2, remove: [a]}", want: `machine/m2 is no object`},
		"label of nothing":       {when: "    - label: {on: machine/m1}", want: `no label is set or removed`},
		"hardware of nothing":    {when: "    - hardware: []", want: `no call is named`},
		"hardware of a step":     {when: "    - hardware: [{call: X, answer: ok}]", want: `when[0].hardware[0].call: the call "X" is not known`},
		"jobs of a step":         {when: "    - jobs: {on: rack/r1, devices: {m2: running}}", want: `when[0].jobs.devices.m2: no object`},
		"status of a step":       {when: "    - status: {on: machine/m1, firmware_upgrade: {status: done}}", want: `when[0].status.firmware_upgrade.status: "done" is not known`},
		"kind of a discovery":    {when: "    - discover: {kind: swich, id: s2, rack: r1}", want: `"swich" is no kind of device`},
		"id of a discovery":      {when: "    - discover: {kind: switch, id: m1, rack: r1}", want: `the id "m1" belongs to machine/m1`},
		"no id of a discovery":   {when: "    - discover: {kind: switch, rack: r1}", want: `empty id`},
		"delete":                 {when: "    - delete: machine/m2", want: `machine/m2 is no object`},
		"purge":                  {when: "    - purge: m1", want: `malformed reference "m1"`},
		"crash":                  {when: "    - crash: now", want: `use the word crash alone, crash: after-call CALL, or`},
		"call of a crash":        {when: "    - crash: after-call SetPwer", want: `the call "SetPwer" is not known`},

		"object of states":         {then: "    states: {rack/r2: Ready}", want: `then.states.rack/r2: rack/r2 is no object`},
		"state":                    {then: "    states: {rack/r1: Redy}", want: `"Redy" is no state of a rack; its states are Created,`},
		"state above others":       {then: "    states: {rack/r1: Maintenance}", want: `"Maintenance" is no state of a rack`},
		"object that is gone":      {then: "    gone: [machine/m2]", want: `then.gone[0]: machine/m2 is no object`},
		"object of an outcome":     {then: "    outcome: {rack/r2: {kind: wait}}", want: `rack/r2 is no object`},
		"outcome":                  {then: "    outcome: {rack/r1: {kind: waits}}", want: `"waits" is not known`},
		"outcome of nothing":       {then: "    outcome: {rack/r1: {}}", want: `nothing is expected of it`},
		"mentions of nothing":      {then: "    outcome: {rack/r1: {mentions: []}}", want: `mentions needs texts`},
		"mention that is empty":    {then: `    outcome: {rack/r1: {mentions: [""]}}`, want: `mentions needs texts`},
		"id of a request":          {then: "    requests: {q7: pending}", want: `then.requests.q7: no request "q7" is made here`},
		"id of results":            {then: "    results: {q7: {m1: ok}}", want: `no request "q7" is made here`},
		"id of an initiator":       {then: "    initiators: {q7: alice}", want: `no request "q7" is made here`},
		"rejection of nothing":     {then: `    rejected: [{mentions: [a, ""]}]`, want: `then.rejected[0]: mentions needs texts`},
		"object of flags":          {then: "    flags: {rack/r2: {deleted: true}}", want: `rack/r2 is no object`},
		"flag":                     {then: "    flags: {rack/r1: {topology_change: true}}", want: `a rack has no flag "topology_change"`},
		"flag that is none":        {then: "    flags: {rack/r1: {cause: true}}", want: `a rack has no flag "cause"`},
		"flag of another kind":     {then: "    flags: {machine/m1: {topology_changed: true}}", want: `a machine has no flag "topology_changed"`},
		"object of fields":         {then: "    fields: {rack/r2: {cause: x}}", want: `rack/r2 is no object`},
		"object that is malformed": {then: "    fields: {r1: {cause: x}}", want: `"r1" names no object`},
		"fields of nothing":        {then: "    fields: {rack/r1: {}}", want: `nothing is expected of it`},
		"field of another kind":    {then: "    fields: {rack/r1: {retry_count: 1}}", want: `unknown field "retry_count"`},
		"mention of a field":       {then: "    fields: {rack/r1: {cause: {mentions: []}}}", want: `mentions needs texts`},
		"object of statuses":       {then: "    statuses: {switch/s2: {nvos_update: {status: failed}}}", want: `switch/s2 is no object`},
		"name of a status":         {then: "    statuses: {switch/s1: {nvos_updates: {status: failed}}}", want: `"nvos_updates" is not known; use firmware_upgrade, nvos_update, fabric_manager`},
		"word of a status":         {then: "    statuses: {switch/s1: {nvos_update: {status: done}}}", want: `"done" is not known`},
		"word of a fabric status":  {then: "    statuses: {switch/s1: {fabric_manager: {status: failed}}}", want: `"failed" is not known; use ok`},
		"key of another status":    {then: "    statuses: {switch/s1: {nvos_update: {reason: x}}}", want: `unknown field "reason"; known are status, cause`},
		"statuses of nothing":      {then: "    statuses: {switch/s1: {nvos_update: {}}}", want: `nothing is expected of it`},
		"object of alerts":         {then: "    alerts: {machine/m2: []}", want: `machine/m2 is no object`},
		"object of a post":         {then: "    posted: [{on: machine/m2, type: reprovision}]", want: `machine/m2 is no object`},
		"type of a post":           {then: "    posted: [{on: machine/m1, type: reprovison}]", want: `"reprovison" is not known`},
		"step of a post":           {then: "    posted: [{on: switch/s1, await: [nvoss]}]", want: `"nvoss" is not known`},
		"object over its SLA":      {then: "    over_sla: [machine/m2]", want: `machine/m2 is no object`},
		"exact call":               {then: "    calls: [{call: SetPwer}]", want: `then.calls[0].call: the call "SetPwer" is not known`},
		"device of an exact call":  {then: "    calls: [{call: SetPower, on: [m2]}]", want: `then.calls[0].on: no object`},
		"included call":            {then: "    calls_include: [{call: SetPwer}]", want: `the call "SetPwer" is not known`},
		"excluded call":            {then: "    calls_exclude: [SetPwer]", want: `then.calls_exclude[0]: the call "SetPwer" is not known`},
		"call that begins work":    {then: "    started: {SetPwer: 0}", want: `the call "SetPwer" is not known`},
		"call that begins nothing": {then: "    started: {PowerState: 0}", want: `PowerState only looks and begins no work`},
		"object of a history":      {then: "    history: {rack/r2: [Ready]}", want: `rack/r2 is no object`},
		"state of a history":       {then: "    history: {rack/r1: [Ready, Eror]}", want: `"Eror" is no state of a rack`},
		"history of nothing":       {then: "    history: {rack/r1: []}", want: `a history has the given state at least`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := site
			if c.given != "" {
				text += c.given + "\n"
			}
			if c.when != "" {
				text += "  when:\n" + c.when + "\n"
			}
			if c.then != "" {
				text += "  then:\n" + c.then + "\n"
			} else {
				text += right
			}
			_, err := scenario.Parse("x.yaml", []byte(text))
			require.ErrorIs(t, err, scenario.ErrBadFile)
			require.ErrorContains(t, err, c.want)
			require.Regexp(t, `x\.yaml:[1-9]`, err.Error())
		})
	}
	_, err := scenario.Parse("x.yaml", []byte(site+right))
	require.NoError(t, err, "without a mistake it is taken")
}

func TestTheLineOfAMistypedNameIsThatOfTheName(t *testing.T) {
	t.Parallel()
	_, err := scenario.Parse("x.yaml", []byte(site+`    requests:
      - id: q1
        on: machine/m1
        type: reprovison
  when:
    - run: 1m
    - reconcile: rack/r1
    - delete: machine/m2
  then:
    states:
      rack/r1: Ready
      rack/r2: Ready
    calls_include:
      - call: SetPower
        on: [m1, m3]
`))
	for _, want := range []string{`x.yaml:11: "a scenario": given.requests[0].type:`, `x.yaml:15: "a scenario": when[2].delete:`, `x.yaml:19: "a scenario": then.states.rack/r2:`, `x.yaml:22: "a scenario": then.calls_include[0].on:`} {
		require.ErrorContains(t, err, want)
	}
}

// A state that the table does not know is what an older or newer version may have left in the store.
func TestAStateThatNobodyKnowsCanBeGiven(t *testing.T) {
	t.Parallel()
	run(t, `
- name: a state that nobody knows is reported and left alone
  given:
    racks: [{id: r1, state: Maintenance/Polishing}]
  when:
    - reconcile: rack/r1
  then:
    states: {rack/r1: Maintenance/Polishing}
    history: {rack/r1: [Maintenance/Polishing]}
    outcome: {rack/r1: {kind: error, mentions: [rack/r1, Polishing]}}
`)
}
