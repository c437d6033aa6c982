package main

// module is the import path of the module that is mutated.
const (
	module        = "github.com/rackstate/rackstate"
	switchPackage = module + "/internal/mutate/mutant"
	engineFolder  = "lifecycle"
	engineTable   = engineFolder + "/table.go"
)

// What notices a mutant. A table that is compared with a drawing of itself has not been tested: so the tests of one kind run only when those of the kind before have let a mutant
// live.
const (
	// byBehaviour: a test drove objects and saw them do something else.
	byBehaviour = "behaviour"
	// byShape: lifecycle.Check found a mistake of design in the table.
	byShape = "shape"
	// byDocuments: a generated text is no longer what is committed.
	byDocuments = "documents"
)

var notices = []string{byBehaviour, byShape, byDocuments}

// kind is a package whose rules are mutated.
type kind struct {
	name   string
	folder string
	// suites may notice its mutants.
	suites []suite
}

// suite is a set of tests in one test binary.
type suite struct {
	folder string
	by     string
	// run and skip choose the tests. Empty: all, none.
	run, skip string
	// rows says that only mutants of rows can be noticed by it.
	rows bool
	// long says that it runs in the long version only.
	long bool
}

// shape are the tests that look at a table without driving anything.
const shape = "HasNoMistakeOfDesign|TheTableIsSound"

// wholeSites are simulated sites in memory, without a server or many workers.
const wholeSites = "^Test(GuestsComeAndGo|TroubleThat|ARackWhoseFabric|ADriverThatFailsOnOneDevice|ACrashAnywhereInAnOverhaul)"

func (s suite) String() string {
	if s.run == "" || s.run == shape {
		return s.folder
	}
	return s.folder + " " + s.run
}

// The suites of every kind: the fast ones of the kind itself, then what drives whole racks, then what looks at texts.
var (
	scenarios = suite{folder: "fake/scenario", by: byBehaviour, run: "^TestScenarios$"}
	rackwide  = []suite{
		scenarios,
		{folder: "fake/sitesim", by: byBehaviour, long: true, run: wholeSites},
		{folder: "lifecycle/rest", by: byBehaviour, long: true, skip: "ThePage"}, // needs no browser
	}
	texts = []suite{
		{folder: ".", by: byDocuments, run: "^TestDiagramsAndTablesInDocsAreCurrent$", rows: true, long: true},
		{folder: "fake/scenario", by: byDocuments, run: "^TestEveryRowIsTakenByAScenario$", rows: true, long: true},
		{folder: "examples/maintenance", by: byDocuments, long: true},
		{folder: "examples/inventory", by: byDocuments, long: true},
	}
)

func stateMachine(name string, more ...suite) kind {
	own := suite{folder: name, by: byBehaviour, skip: shape}
	check := suite{folder: name, by: byShape, run: shape, rows: true}
	list := append([]suite{own}, more...)
	list = append(list, rackwide...)
	return kind{name: name, folder: name, suites: append(append(list, check), texts...)}
}

// allKinds are the packages that are mutated, and the tests that may notice.
func allKinds() []kind {
	var engine []suite
	for _, folder := range []string{"lifecycle", "powershelf", "switch", "rack", "machine"} {
		engine = append(engine, suite{folder: folder, by: byBehaviour, skip: shape, long: folder == "machine"})
	}
	return []kind{
		stateMachine("rack"),
		stateMachine("machine"),
		stateMachine("switch", suite{folder: "rack", by: byBehaviour, skip: shape, long: true}),
		stateMachine("powershelf", suite{folder: "rack", by: byBehaviour, skip: shape, long: true}),
		{name: "lifecycle", folder: "lifecycle", suites: append(engine, rackwide...)},
		{name: "service", folder: "machine/service", suites: []suite{{folder: "machine/service", by: byBehaviour}}},
	}
}
