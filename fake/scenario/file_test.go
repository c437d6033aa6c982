package scenario_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
)

// file is a scenario with one part replaced; the parts that no test replaces make sense.
func file(given, when, then string) string {
	if then == "" {
		then = "  then:\n    states: {rack/r1: Ready}\n"
	}
	return "- name: a scenario\n" + given + when + then
}

const oneRack = "  given:\n    racks: [{id: r1}]\n"

func TestWhatMakesNoSenseIsRefusedWithFileAndLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"unknown key of a scenario": {"- name: a\n  givn: {}\n", []string{`x.yaml:2:`, `unknown key "givn"`, "given, when, then"}},
		"unknown key of given":      {file("  given:\n    rack: []\n", "", ""), []string{`x.yaml:3:`, `unknown key "rack"`}},
		"unknown key of a rack":     {file("  given:\n    racks:\n      - {id: r1}\n      - id: r2\n        colour: red\n", "", ""), []string{`x.yaml:6:`, `unknown key "colour"`}},
		"unknown key of settings":   {file("  given:\n    settings:\n      deadlines: {nvos: 1m}\n", "", ""), []string{`x.yaml:4:`, `unknown key "nvos"`}},
		"unknown key of an alert":   {file("  given:\n    machines:\n      - id: m1\n        alerts:\n          - {id: a, sourc: b}\n", "", ""), []string{`x.yaml:6:`, `unknown key "sourc"`}},
		"unknown key of an answer":  {file("  given:\n    hardware:\n      - call: SetPower\n        answer:\n          - ok\n          - {eror: x}\n", "", ""), []string{`x.yaml:7:`, `unknown key "eror"`}},
		"unknown key of a job state": {
			file("  given:\n    hardware:\n      - call: FirmwareJob\n        answer:\n          jobs:\n            m1: {faild: x}\n", "", ""),
			[]string{`x.yaml:7:`, `unknown key "faild"`},
		},
		"unknown key of an activity": {
			file(oneRack, "  when:\n    - request: {id: q1, on: rack/r1, type: maintenance, scope: {activities: [{FirmwareUpgrade: {firmwares: x}}]}}\n", ""),
			[]string{`x.yaml:5:`, `unknown key "firmwares"`},
		},
		"unknown step":               {file(oneRack, "  when:\n    - reconcil: rack/r1\n", ""), []string{`x.yaml:5:`, `unknown key "reconcil"`}},
		"unknown key of a step":      {file(oneRack, "  when:\n    - run: 1m\n    - label:\n        on: rack/r1\n        sett: {a: b}\n", ""), []string{`x.yaml:8:`, `unknown key "sett"`}},
		"unknown key of then":        {file(oneRack, "", "  then:\n    state: {rack/r1: Ready}\n"), []string{`x.yaml:5:`, `unknown key "state"`}},
		"unknown key of an outcome":  {file(oneRack, "", "  then:\n    outcome: {rack/r1: {knd: wait}}\n"), []string{`x.yaml:5:`, `unknown key "knd"`}},
		"unknown key of a call":      {file(oneRack, "", "  then:\n    calls:\n      - {call: SetPower, off: [r1]}\n"), []string{`x.yaml:6:`, `unknown key "off"`}},
		"unknown field":              {file(oneRack, "", "  then:\n    fields:\n      rack/r1:\n        colour: red\n"), []string{`x.yaml:7:`, `unknown field "colour"`, "topology_changed"}},
		"unknown field of a status":  {file(oneRack, "", "  then:\n    statuses:\n      switch/s1:\n        nvos_update: {stats: x}\n"), []string{`x.yaml:7:`, `unknown field "stats"`}},
		"two problems of a scenario": {file("  given:\n    racks: 7\n    machines: [{colour: red}]\n", "", ""), []string{`x.yaml:3: "a scenario": "7" is no list`, `x.yaml:4: "a scenario": unknown key "colour"`}},
		"problems of two scenarios":  {"- {name: a, x: 1}\n- {name: b, y: 1}\n", []string{`x.yaml:1: "a": unknown key "x"`, `x.yaml:2: "b": unknown key "y"`}},

		"list instead of a map":      {file("  given: []\n", "", ""), []string{`x.yaml:2:`, "a list is no map"}},
		"map instead of a list":      {file("  given:\n    racks: {id: r1}\n", "", ""), []string{`x.yaml:3:`, "a map is no list"}},
		"map instead of a word":      {file("  given:\n    racks: [{id: {a: b}}]\n", "", ""), []string{`x.yaml:3:`, "a map is no single value"}},
		"word instead of a bool":     {file("  given:\n    racks: [{id: r1, deleted: yes}]\n", "", ""), []string{`x.yaml:3:`, `"yes" is neither true nor false`}},
		"another form of true":       {file("  given:\n    racks: [{id: r1, deleted: True}]\n", "", ""), []string{`x.yaml:3:`, `"True" is neither true nor false`}},
		"quoted true":                {file("  given:\n    racks: [{id: r1, deleted: 'true'}]\n", "", ""), []string{`x.yaml:3:`, `"true" is neither true nor false`}},
		"word instead of a number":   {file("  given:\n    machines: [{id: m1, dpus: two}]\n", "", ""), []string{`x.yaml:3:`, `"two" is no whole number`}},
		"fraction instead of number": {file("  given:\n    machines: [{id: m1, dpus: 1.5}]\n", "", ""), []string{`x.yaml:3:`, `"1.5" is no whole number`}},
		"bad duration":               {file("  given:\n    racks: [{id: r1, since: 5}]\n", "", ""), []string{`x.yaml:3:`, `"5" is no duration`}},
		"bad duration in a list":     {file("  given:\n    racks: [{id: r1, since: [5m]}]\n", "", ""), []string{`x.yaml:3:`, "a list is no single value"}},
		"bad field value":            {file(oneRack, "", "  then:\n    fields: {rack/r1: {topology_changed: on}}\n"), []string{`x.yaml:5:`, `"on" is neither true nor false`}},
		"bad duration of a field":    {file(oneRack, "", "  then:\n    fields: {rack/r1: {since: now}}\n"), []string{`x.yaml:5:`, `"now" is no duration`}},
		"bad job state":              {file("  given:\n    switches:\n      - {id: s1, job: runnin}\n", "", ""), []string{`x.yaml:4:`, `"runnin" is no state of a job`}},
		"job state without a text":   {file("  given:\n    switches:\n      - {id: s1, job: {}}\n", "", ""), []string{`x.yaml:4:`, "the state of a job"}},
		"bad answer":                 {file("  given:\n    hardware: [{call: SetPower, answer: fine}]\n", "", ""), []string{`x.yaml:3:`, `"fine" is no answer`}},
		"answer of two forms":        {file("  given:\n    hardware: [{call: SetPower, answer: {error: a, lost: b}}]\n", "", ""), []string{`x.yaml:3:`, "one of error, permanent, lost, jobs and report"}},
		"activity of two names":      {file(oneRack, "  when:\n    - request: {id: q1, on: rack/r1, type: maintenance, scope: {activities: [{A: {}, B: {}}]}}\n", ""), []string{`x.yaml:5:`, "an activity is a name"}},
		"word that is no step":       {file(oneRack, "  when:\n    - stabilize\n", ""), []string{`x.yaml:5:`, `"stabilize" is no step by itself`}},
		"missing value":              {file(oneRack, "", "  then:\n    calls:\n"), []string{`x.yaml:5:`, "a value is missing"}},
		"missing value of an item":   {file("  given:\n    racks:\n      -\n", "", ""), []string{`x.yaml:4:`, "a value is missing"}},
		"anchor":                     {file("  given:\n    racks: &r [{id: r1}]\n", "", ""), []string{`x.yaml:3:`, "anchors"}},
		"merge key":                  {file("  given:\n    racks: [{<<: {id: r1}}]\n", "", ""), []string{`x.yaml:3:`, "a key is a plain word"}},
		"tag":                        {file("  given:\n    racks: [{id: !!str 3}]\n", "", ""), []string{`x.yaml:3:`, "tags"}},
		"key that is twice":          {file("  given:\n    racks: [{id: r1, id: r2}]\n", "", ""), []string{`x.yaml:3:`, "id", "already defined"}},

		"no list":              {"name: a\n", []string{`x.yaml:1:`, "a file is a list of scenarios"}},
		"item that is no map":  {"- a\n", []string{`x.yaml:1:`, `"a" is no map`}},
		"second document":      {"- name: a\n---\n- name: b\n", []string{`x.yaml:3:`, "one document"}},
		"unfinished":           {"- name: [a\n", []string{`x.yaml:1:`, "']' not found"}},
		"empty":                {"", []string{"x.yaml: it holds no scenario"}},
		"only comments":        {"# nothing\n", []string{"it holds no scenario"}},
		"empty list":           {"[]\n", []string{"it holds no scenario"}},
		"far too large":        {strings.Repeat("# 0123456789 0123456789 0123456789 0123456789\n", 1<<15), []string{"bytes"}},
		"no name":              {"- then: {states: {rack/r1: Ready}}\n  given: {racks: [{id: r1}]}\n", []string{`x.yaml:1:`, "the scenario has no name"}},
		"empty name":           {"- name: ''\n  given: {racks: [{id: r1}]}\n  then: {states: {rack/r1: Ready}}\n", []string{`x.yaml:1:`, "the scenario has no name"}},
		"name that is twice":   {file(oneRack, "", "") + file(oneRack, "", ""), []string{`x.yaml:6:`, "the name is used twice, first in line 1"}},
		"step with two keys":   {file(oneRack, "  when:\n    - run: 1m\n    - reconcile: rack/r1\n      run: 5m\n", ""), []string{`x.yaml:6:`, "a step has one key, this one has 2: reconcile, run"}},
		"step without keys":    {file(oneRack, "  when:\n    - {}\n", ""), []string{`x.yaml:5:`, "a step has one key, this one has 0"}},
		"nothing expected":     {file(oneRack, "", "  then: {}\n"), []string{`x.yaml:4:`, "nothing is expected"}},
		"nothing to reconcile": {file(oneRack, "  when:\n    - reconcile: []\n", ""), []string{`x.yaml:5:`, "no object is named"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := scenario.Parse("x.yaml", []byte(c.text))
			require.ErrorIs(t, err, scenario.ErrBadFile)
			assert.Empty(t, list)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestOnAndOffAreWordsAndNumbersStayAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	list, err := scenario.Parse("x.yaml", []byte(`
- name: on
  given:
    racks:
      - id: 12
        cause: off
        labels:
          on: yes
          off: True
          n: 1_000
          v: 2.10
          t: |
            two
            lines
    power_shelves: [{id: p1, rack: 12, power: on}]
  then:
    fields: {rack/12: {cause: off}, power_shelf/p1: {power: on}}
`))
	require.NoError(t, err)
	given := list[0].Given
	assert.Equal(t, "on", list[0].Name)
	assert.Equal(t, "12", given.Racks[0].ID)
	assert.Equal(t, "off", given.Racks[0].Cause)
	assert.Equal(t, map[string]string{"on": "yes", "off": "True", "n": "1_000", "v": "2.10", "t": "two\nlines\n"}, given.Racks[0].Labels)
	assert.Equal(t, "on", given.PowerShelves[0].Power)
	assert.Equal(t, "off", list[0].Then.Fields["rack/12"]["cause"].Value)
}

func TestADirectoryIsReadInTheOrderOfItsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "b.yaml", "- {name: third, given: {racks: [{id: r1}]}, then: {states: {rack/r1: Ready}}}\n")
	write(t, dir, "a.yaml", "- {name: first, given: {racks: [{id: r1}]}, then: {states: {rack/r1: Ready}}}\n\n- {name: second, given: {racks: [{id: r1}]}, then: {states: {rack/r1: Ready}}}\n")
	write(t, dir, "README.md", "not a scenario")
	list, err := scenario.Read(dir)
	require.NoError(t, err)
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"first", "second", "third"}, names)
	assert.Equal(t, "a.yaml", list[1].File)
	assert.Equal(t, 3, list[1].Line)
}

func TestADirectoryThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	_, err := scenario.Read(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "missing")

	empty := t.TempDir()
	_, err = scenario.Read(empty)
	require.ErrorIs(t, err, scenario.ErrBadFile)
	require.ErrorContains(t, err, empty+" holds no *.yaml")

	bad := t.TempDir()
	write(t, bad, "a.yaml", "- {name: a, x: 1}\n")
	write(t, bad, "b.yaml", "- {name: b, y: 1}\n")
	write(t, bad, "c.yml", "- {name: c}\n")
	require.NoError(t, os.Symlink(filepath.Join(bad, "nowhere"), filepath.Join(bad, "d.yaml")))
	_, err = scenario.Read(bad)
	for _, want := range []string{`a.yaml:1: "a": unknown key "x"`, `b.yaml:1: "b": unknown key "y"`, "c.yml: it would not be read", "d.yaml"} {
		require.ErrorContains(t, err, want)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}

func TestAScenarioThatIsMadeByHandIsLookedAtBeforeItRuns(t *testing.T) {
	t.Parallel()
	s := scenario.Scenario{Name: "by hand", Given: scenario.Given{Racks: []scenario.Rack{{ID: "r1"}}}, Then: scenario.Then{States: map[string]string{"rack/r1": "Ready"}}}
	_, err := scenario.Run(t.Context(), s, memory.New())
	require.NoError(t, err)

	s.Then.States = map[string]string{"rack/r2": "Ready"}
	s.Then.Fields = scenario.ObjectFields{"rack/r1": {"cause": {Value: 7}, "colour": {Value: "red"}}}
	_, err = scenario.Run(t.Context(), s, memory.New())
	require.ErrorIs(t, err, scenario.ErrBadFile)
	for _, want := range []string{`"by hand"`, "then.states.rack/r2: rack/r2 is no object of the scenario; it has rack/r1", "then.fields.rack/r1.cause: a value of type int is expected, the field has string", `unknown field "colour"`} {
		require.ErrorContains(t, err, want)
	}
}
