// Package backendtest proves that an adapter keeps the contracts of package backend: TestStore and TestReopen a store, TestDriver a driver. An
// adapter passes it with three lines of test.
package backendtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// DriverHarness is a driver under test, and what TestDriver must know of its world. Only Driver is needed; a device that is not given and a function
// that is nil leave the rules untested that need them, and TestDriver logs which.
type DriverHarness struct {
	// Driver is what is tested.
	Driver backend.Driver
	// Machines, Switches and Shelves are devices that exist and may be restarted, updated and erased. Two of each let calls for many be tested. They are switched on.
	Machines, Switches, Shelves []backend.Device
	// Rack is the id of their rack.
	Rack string
	// Unknown is a device that does not exist.
	Unknown backend.Device
	// Firmware, Image and Topology may be installed. Defaults are "firmware-2", "image-2" and "gb200_nvl72r1_c2g4_topology".
	Firmware, Image, Topology string
	// Artifact is an image that may be sent to the machines. Default: the only image of version "firmware-2" of the component "BIOS".
	Artifact backend.Artifact
	// CleanupSteps may be taken on the machines. Default: all that the module knows.
	CleanupSteps []backend.CleanupStep
	// Advance moves the driver's time on. When it is nil, TestDriver waits.
	Advance func(d time.Duration)
	// Limit is how long work may take in the driver's time. Default 1 h, and 1 min when Advance is nil.
	Limit time.Duration
	// Started counts how many actions of a call, for example "ApplyFirmware", the hardware really began.
	Started func(call string) int
	// Break makes the next call of that name fail on that device, and only that one, with an error of that class. For backend.ErrMaybeDone it should do the work
	// and lose the answer.
	Break func(call string, device backend.Ref, class error)
	// Secrets are passwords that the driver was made with.
	Secrets []string
}

// TestDriver proves that a driver keeps every rule that is written on [backend.Driver] and on its capabilities. The function open returns a
// harness around a new driver each time. A failure names the rule that was broken and where the rule is tested. A capability that the driver lacks, and
// what the harness cannot do, is named in one line of the log.
func TestDriver(t *testing.T, open func(t *testing.T) DriverHarness) {
	first := open(t)
	ran := 0
	for _, c := range driverCases() {
		for _, call := range c.callsOf(newDriverCheck(t.Context(), first)) {
			ran++
			t.Run(strings.TrimSuffix(c.name+"/"+call.name, "/"), func(t *testing.T) {
				check := newDriverCheck(t.Context(), open(t))
				if err := c.try(check, call.name); err != nil {
					t.Error(err)
				}
				for _, note := range check.notes {
					t.Log(note)
				}
			})
		}
	}
	t.Logf("ran %d cases; %s", ran, first.gaps())
}

// gaps says what was not tested for lack of a capability or of help.
func (h DriverHarness) gaps() string {
	var absent, lacking []string
	c := h.Driver.Capabilities()
	for _, one := range capabilityList(c) {
		if one.absent {
			absent = append(absent, one.name)
		}
	}
	for name, there := range map[string]bool{
		"Machines": len(h.Machines) > 1, "Switches": len(h.Switches) > 1, "Shelves": len(h.Shelves) > 1,
		"Unknown": !h.Unknown.Ref.IsZero(), "Started": h.Started != nil, "Break": h.Break != nil, "Secrets": len(h.Secrets) > 0,
	} {
		if !there {
			lacking = append(lacking, name)
		}
	}
	return "absent capabilities: " + listOrNone(absent) + "; the harness lacks: " + listOrNone(lacking)
}

// driverCase is one rule of the contract with the code that tries to break it.
type driverCase struct {
	name string
	// rule is the sentence of the contract.
	rule string
	// at is the source position of the case.
	at string
	// applies says for which calls the case is run, each with a new driver. It is nil for a case that is about a capability as a whole.
	applies func(c *driverCheck, call driverCall) bool
	// needs says whether the driver and its harness have what such a case needs.
	needs func(c *driverCheck) bool
	run   func(c *driverCheck, call driverCall)
}

// callRule makes a case that is run for every call to which it applies, and notes where it stands.
func callRule(name, rule string, applies func(c *driverCheck, call driverCall) bool, run func(c *driverCheck, call driverCall)) driverCase {
	return driverCase{name: name, rule: rule, at: callerPosition(), applies: applies, run: run}
}

// driverRule makes a case that is run once, and notes where it stands.
func driverRule(name, rule string, needs func(c *driverCheck) bool, run func(c *driverCheck)) driverCase {
	return driverCase{name: name, rule: rule, at: callerPosition(), needs: needs, run: func(c *driverCheck, _ driverCall) { run(c) }}
}

// callerPosition is where the caller of its caller stands.
func callerPosition() string {
	_, file, line, _ := runtime.Caller(2)
	return fmt.Sprintf("backend/backendtest/%s:%d", filepath.Base(file), line)
}

// driverCases returns all cases.
func driverCases() []driverCase {
	var all []driverCase
	for _, group := range [][]driverCase{keyCases(), deviceCases(), jobCases(), failureCases(), contextCases(), capabilityCases(), uploadCases(), hostCases()} {
		all = append(all, group...)
	}
	return all
}

// callsOf returns the calls for which the case is run, one without a name when it is run once.
func (dc driverCase) callsOf(c *driverCheck) []driverCall {
	if dc.applies == nil {
		if dc.needs(c) {
			return []driverCall{{}}
		}
		return nil
	}
	var calls []driverCall
	for _, call := range c.calls() {
		if dc.applies(c, call) {
			calls = append(calls, call)
		}
	}
	return calls
}

// try runs the case for the call of that name and returns what is wrong, with the rule and its place.
func (dc driverCase) try(c *driverCheck, name string) error {
	call := driverCall{}
	for _, one := range c.calls() {
		if one.name == name {
			call = one
		}
	}
	dc.run(c, call)
	if len(c.failures) == 0 {
		return nil
	}
	return fmt.Errorf("%w\nrule: %s\nat:   %s", errors.Join(c.failures...), dc.rule, dc.at)
}

// newDriverCheck prepares a check.
func newDriverCheck(ctx context.Context, h DriverHarness) *driverCheck {
	for _, d := range []struct {
		field *string
		value string
	}{{&h.Firmware, "firmware-2"}, {&h.Image, "image-2"}, {&h.Topology, "gb200_nvl72r1_c2g4_topology"}, {&h.Rack, "R1"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if h.Artifact.Component == "" {
		h.Artifact = backend.Artifact{Component: "BIOS", Version: "firmware-2", Number: 1, Of: 1}
	}
	if h.CleanupSteps == nil {
		h.CleanupSteps = []backend.CleanupStep{backend.CleanupNVMe, backend.CleanupHDD, backend.CleanupMemory, backend.CleanupTPM, backend.CleanupInfiniBand}
	}
	switch {
	case h.Limit > 0:
	case h.Advance == nil:
		h.Limit = time.Minute
	default:
		h.Limit = time.Hour
	}
	return &driverCheck{ctx: ctx, h: h, can: h.Driver.Capabilities(), patience: 5 * time.Second}
}
