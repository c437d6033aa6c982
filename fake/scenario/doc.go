// Package scenario runs given / when / then files: what objects, their relatives and the hardware look like, what happens, and what must be true
// then. Users write them to test their sites and drivers; the module's own tests run hundreds. docs/scenarios.md describes the format.
//
// One line of test runs a directory, each scenario a subtest:
//
//	func TestScenarios(t *testing.T) {
//		scenario.RunDir(t, "testdata/scenarios", func(*testing.T) backend.Store { return memory.New() })
//	}
//
// The hardware is scripted: what is not scripted answers that all is well, at once. The state machines, the engine and the store are the real
// ones. A check that fails prints what was expected and what was found, and the history and hardware calls of the run.
package scenario
