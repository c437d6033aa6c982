package rackstate_test

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// arrow says what the packages of one room may import of this module.
type arrow struct {
	room     string   // folder below the module's root; "x/*" is every folder below x without a row of its own
	may      []string // rooms that its packages may import, each with a row above
	testsNot []string // rooms that not even its tests may import; the others are open to them
	fix      string   // what to do instead of importing another room
}

// What stands below the rooms that drive objects.
var (
	engine = []string{"backend", "internal/*", "lifecycle"}
	kinds  = slices.Concat(engine, []string{"machine", "switch", "powershelf"})
	racks  = []string{"rack", "rack/sitefile"}
)

const fixChild = "only rack knows several kinds, and a child never imports its parent: read what it needs of a " +
	"relative as data through lifecycle.Env, move the shared type down into lifecycle or backend, or move the " +
	"decision up into rack"

// arrows is the picture in docs/architecture.md ("The rooms") as a table, from the lowest room to
// the highest; the two change together.
var arrows = []arrow{
	{
		room: ".",
		fix:  "the root package only documents the module: move the code into the room that it is about",
	},
	{
		room:     "backend",
		testsNot: racks,
		fix: "every adapter is written against backend alone: move the type that crosses the wall into backend, " +
			"or the code that needs the other room up into lifecycle or a kind",
	},
	{
		room: "internal/golden",
		fix:  "golden is a helper of tests: pass the text in from the test",
	},
	{
		room: "internal/*",
		may:  []string{"backend"},
		fix: "internal stands below the rooms that share it: pass the value in, or move the code into the one room " +
			"that needs it",
	},
	{
		room:     "backend/*",
		may:      []string{"backend", "internal/*"},
		testsNot: racks,
		fix: "an adapter knows and is tested against the contract alone: move the shared type down into backend, " +
			"the rule that it proves into backend/backendtest, or let the caller pass the value in",
	},
	{
		room: "lifecycle",
		may:  []string{"backend", "internal/*"},
		fix: "the engine knows no kind and no adapter: move what it needs into the kind's definition as data, " +
			"or into an interface of backend",
	},
	{
		room: "lifecycle/rest",
		may:  engine,
		fix: "rest serves every kind alike: move the declaration of a kind's requests into the kind, " +
			"or what rest reads of it into lifecycle",
	},
	{room: "machine", may: engine, fix: fixChild},
	{room: "machine/service", may: slices.Concat(engine, []string{"machine"}), fix: fixChild},
	{room: "switch", may: engine, fix: fixChild},
	{room: "powershelf", may: engine, fix: fixChild},
	{
		room: "rack",
		may:  kinds,
		fix: "rack knows its children and the engine, but no adapter and no file format: take a backend interface " +
			"or plain data as a parameter, or move the wiring into examples",
	},
	{
		room: "rack/sitefile",
		may:  slices.Concat(kinds, []string{"rack"}),
		fix: "a site file describes racks, not the adapters that serve them: return plain data, " +
			"or move the wiring into examples",
	},
	{
		room: "fake",
		may:  []string{"backend", "internal/*"},
		fix: "simulated hardware is a driver and knows only the contract: move what drives a lifecycle into " +
			"fake/scenario, or the shared type down into backend",
	},
	{
		room: "fake/remote",
		may:  []string{"backend", "fake"},
		fix: "the bridge passes on the calls of drivers, whatever they are called for: take a backend.Driver or a store " +
			"as a parameter, or move what drives a lifecycle into fake/chaos or examples",
	},
	{
		room: "fake/sitesim",
		may:  slices.Concat(kinds, racks, []string{"fake"}),
		fix: "a simulated site runs on the store that its caller opens: take a backend.Store as a parameter, " +
			"or move the wiring into examples",
	},
	{
		room: "fake/verify",
		may:  slices.Concat(kinds, []string{"rack"}),
		fix: "the rules look at records, commits and calls, wherever they come from: take a store or a call as a parameter, " +
			"or move what makes things happen into fake/explore or fake/metamorphic",
	},
	{
		room: "fake/scenario",
		may:  slices.Concat(kinds, racks, []string{"fake", "fake/sitesim", "fake/verify"}),
		fix: "a scenario runs on the store that its caller opens: take a backend.Store as a parameter, " +
			"or move the wiring into examples",
	},
	{
		room: "fake/explore",
		may:  slices.Concat(kinds, racks, []string{"backend/*", "fake/scenario", "fake/verify"}),
		fix:  "an explorer moves worlds of fake/scenario: move what a world needs into fake/scenario, and what must hold into fake/verify",
	},
	{
		room: "fake/explore/*",
		may:  []string{"fake/scenario", "fake/explore"},
		fix:  "the command reads flags and prints: move what explores into fake/explore",
	},
	{
		room: "fake/metamorphic",
		may:  slices.Concat(kinds, racks, []string{"backend/*", "fake", "fake/sitesim", "fake/scenario", "fake/verify"}),
		fix:  "a plan is a scenario: move what a world needs into fake/scenario, and what must hold into fake/verify",
	},
	{
		room: "fake/crash/*",
		may:  slices.Concat(kinds, racks, []string{"backend/*", "fake", "fake/sitesim"}),
		fix:  "what is below crash is the site that its tests kill, and their witness: move what others need into fake/sitesim",
	},
	{
		room: "fake/crash",
		fix:  "crash holds tests only: move what others need into fake/sitesim",
	},
	{
		room: "fake/chaos",
		fix:  "chaos holds tests only: move what others need into fake/remote or fake/sitesim",
	},
	{
		room: "examples/*",
		may: []string{
			"backend", "backend/*", "lifecycle", "lifecycle/rest", "machine", "machine/service", "switch",
			"powershelf", "rack", "rack/sitefile", "fake", "fake/remote", "fake/scenario", "fake/sitesim",
		},
		fix: "a user copies an example and cannot import internal or another example: move what it needs into a " +
			"public room, or repeat the few lines",
	},
}

func TestArrowsBetweenRoomsPointOneWay(t *testing.T) {
	t.Parallel()
	files, err := goFiles(os.DirFS("."))
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(files, func(f goFile) bool { return f.folder() == "backend" }),
		"the test does not see the module's packages: it runs in the wrong folder")

	for _, problem := range wrongArrows(files) {
		t.Error(problem)
	}
}

func TestEveryArrowPointsToARoomAbove(t *testing.T) {
	t.Parallel()
	var above []string
	for _, row := range arrows {
		assert.Subset(t, above, row.may, "room %s may only import rooms of the rows above it, or there is a cycle", row.room)
		assert.NotEmpty(t, row.fix, "room %s does not say what to do instead", row.room)
		above = append(above, row.room)
	}
	for _, row := range arrows {
		assert.Subset(t, above, row.testsNot, "room %s: its tests may not import a room that is not in the table", row.room)
	}
}

func TestAWrongArrowIsReportedWithItsFix(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string
		imports string
		want    string // part of the only report; empty when the arrow is right
	}{
		"child imports parent":        {"machine/handler.go", "rack", "package machine imports rack: only rack knows"},
		"child imports sibling":       {"switch/handler.go", "powershelf", "package switch imports powershelf: only rack knows"},
		"kind imports adapter":        {"rack/rack.go", "backend/sqlite", "package rack imports backend/sqlite: rack knows"},
		"rack imports file format":    {"rack/rack.go", "rack/sitefile", "package rack imports rack/sitefile: rack knows"},
		"contract imports engine":     {"backend/store.go", "lifecycle", "package backend imports lifecycle: every adapter"},
		"adapter imports engine":      {"backend/sqlite/store.go", "lifecycle", "package backend/sqlite imports lifecycle: an adapter"},
		"adapter imports adapter":     {"backend/sqlite/store.go", "backend/memory", "package backend/sqlite imports backend/memory: an adapter"},
		"engine imports kind":         {"lifecycle/engine.go", "machine", "package lifecycle imports machine: the engine"},
		"rest imports kind":           {"lifecycle/rest/handler.go", "rack", "package lifecycle/rest imports rack: rest serves"},
		"fake imports engine":         {"fake/driver.go", "lifecycle", "package fake imports lifecycle: simulated hardware"},
		"library imports test helper": {"rack/diagram.go", "internal/golden", "package rack imports internal/golden: rack knows"},
		"internal carries an arrow":   {"internal/clip/clip.go", "machine", "package internal/clip imports machine: internal stands"},
		"example imports internal":    {"examples/tour/main.go", "internal/clip", "package examples/tour imports internal/clip: a user"},
		"anything imports examples":   {"fake/scenario/run.go", "examples/tour", "package fake/scenario imports examples/tour: a scenario"},
		"root imports a room":         {"doc.go", "rack", "package . imports rack: the root package"},
		"anything imports root":       {"rack/rack.go", "", "package rack imports .: rack knows"},
		"adapter's test needs a rack": {"backend/sqlite/store_test.go", "rack", "package backend/sqlite imports rack: an adapter"},
		"contract's test does too":    {"backend/store_test.go", "rack/sitefile", "package backend imports rack/sitefile: every adapter"},
		"room without a row":          {"gateway/gateway.go", "backend", "gateway/gateway.go: folder gateway has no row"},
		"import without a row":        {"examples/tour/main.go", "gateway", "examples/tour/main.go: folder gateway has no row"},

		"rack imports child":             {"rack/rack.go", "machine", ""},
		"rack imports contract":          {"rack/rack.go", "backend", ""},
		"scenario reads a site":          {"fake/scenario/run.go", "rack/sitefile", ""},
		"example opens a store":          {"examples/tour/main.go", "backend/sqlite", ""},
		"kind's test imports an adapter": {"machine/handler_test.go", "backend/memory", ""},
		"kind's test compares a diagram": {"machine/diagram_test.go", "internal/golden", ""},
		"adapter's test imports fake":    {"backend/sqlite/store_test.go", "fake", ""},
		"package imports its own folder": {"backend/sqlite/store.go", "backend/sqlite/schema", ""},
		"folder of test data":            {"machine/testdata/wrong.go", "rack", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := fmt.Sprintf("package p\n\nimport alias %q\n", path.Join(module, c.imports))
			files, err := goFiles(fstest.MapFS{c.file: {Data: []byte(source)}})
			require.NoError(t, err)

			got := wrongArrows(files)

			if c.want == "" {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.True(t, strings.HasPrefix(got[0], c.file+":"), "the report names the file: %s", got[0])
			assert.Contains(t, got[0], c.want)
			assert.Regexp(t, `\b(move|pass|add)\b`, got[0], "the report says what to do")
		})
	}
}

func TestANestedModuleHasArrowsOfItsOwn(t *testing.T) {
	t.Parallel()
	files, err := goFiles(fstest.MapFS{
		"backend/temporal/go.mod": {Data: []byte("module " + module + "/backend/temporal\n")},
		"backend/temporal/run.go": {Data: []byte("package temporal\n\nimport \"" + module + "/lifecycle\"\n")},
		"backend/doc.go":          {Data: []byte("package backend\n")},
	})

	require.NoError(t, err)
	require.Len(t, files, 1)
	assert.Equal(t, "backend", files[0].folder())
}

func TestAFileThatDoesNotParseIsReportedByName(t *testing.T) {
	t.Parallel()
	_, err := goFiles(fstest.MapFS{"rack/rack.go": {Data: []byte("packag rack\n")}})
	require.ErrorContains(t, err, "rack/rack.go")
}
