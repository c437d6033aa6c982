package service_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/internal/golden"
	"github.com/rackstate/rackstate/machine/service"
)

func TestTheExampleOfTheDesignPageLoadsUnchanged(t *testing.T) {
	t.Parallel()
	d := load(t, "service-example.yaml")
	def := service.Default()
	require.NotNil(t, def)
	assert.Empty(t, def.Warnings())
	assert.Equal(t, def.StateNames(), d.StateNames(), "the default has the same states")
	assert.Equal(t, def.Initial, d.Initial)
	for _, from := range d.StateNames() {
		for _, to := range d.StateNames() {
			assert.Equal(t, d.Find(from, to) != nil, def.Find(from, to) != nil, "%s to %s", from, to)
		}
	}
	for name, hold := range map[string]bool{"in_service": false, "maintenance": true, "firmware_update": false, "rma": true} {
		s, ok := def.State(name)
		require.True(t, ok)
		assert.Equal(t, hold, s.Hold, name)
	}
	with := service.DefaultWithReprovision()
	require.NotNil(t, with)
	assert.Empty(t, with.Warnings())
	assert.Equal(t, &service.ActionRule{Name: "host_reprovision", OnSuccess: "in_service", OnFailure: "maintenance"}, with.Find("maintenance", "firmware_update").Action)
}

func TestEveryDefinitionIsDrawnByTheEngine(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*service.Definition{
		"default": service.Default(), "reprovision": service.DefaultWithReprovision(), "national-lab": load(t, "national-lab.yaml"),
		"vendor-rma": load(t, "vendor-rma.yaml"), "hpc-components": load(t, "hpc-components.yaml"),
	} {
		golden.File(t, "testdata/drawn/"+name+".md", "# "+d.Name+"\n\n```mermaid\n"+d.Mermaid()+"```\n\n"+d.Markdown())
	}
}

func TestANationalLabDrainsRepairsAndBurnsIn(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		drained := false
		drain := &scripted{}
		drain.start = func(service.Run) (service.Progress, error) {
			if drained {
				return service.Succeeded("no jobs left"), nil
			}
			return service.Running("2 jobs run", time.Minute), nil
		}
		drain.check = drain.start
		r := newRig(t, store).withMachines().with("drain", drain).open(load(t, "national-lab.yaml")).report().bound()
		r.pass(2 * day)
		require.Equal(t, "production", r.node().State(), "two days of burn-in, and the tests were good")

		r.refused("draining", service.Move{Initiator: "user/joe", Note: "please"}, service.ErrInitiator)
		r.refused("draining", service.Move{Initiator: "ops/ann"}, service.ErrNoteMissing)
		r.refused("maintenance", service.Move{Initiator: "ops/lead", Note: "now"}, service.ErrNotInTable)
		r.move("draining", "ops/ann", "fan 3 is loud")
		r.pass(time.Hour)
		require.Equal(t, "draining", r.node().State())
		drained = true
		r.pass(time.Minute)
		require.Equal(t, "maintenance", r.node().State())
		assert.Equal(t, "drain succeeded: no jobs left", r.last().Note)
		require.Len(t, r.machine().Holds, 1)

		r.move("firmware", "ops/ann", "")
		r.pass(time.Hour)
		require.Equal(t, "burn_in", r.node().State(), "the machine was reprovisioned")
		r.setLabel("failures", "3")
		r.pass(4 * day)
		require.Equal(t, "maintenance", r.node().State(), "the tests were not good for three days")
		r.refused("retired", service.Move{Initiator: "ops/ann", Note: "old"}, service.ErrInitiator)
		r.move("quarantine", "security/kim", "strange traffic")
		e := r.refusal("maintenance", service.Move{Initiator: "ops/lead"}, service.ErrInitiator)
		assert.Empty(t, e.Possible)
		r.move("maintenance", "security/kim", "")
		r.move("retired", "ops/lead", "twelve years old")
		r.refused("quarantine", service.Move{Initiator: "security/kim", Note: "x"}, service.ErrNotInTable)
	})
}

func TestJobsThatDoNotEndAreEndedAfterADay(t *testing.T) {
	t.Parallel()
	drain := &scripted{start: func(service.Run) (service.Progress, error) { return service.Running("1 job runs", time.Hour), nil }}
	drain.check = drain.start
	r := newRig(t, memory.New()).with("drain", drain).open(load(t, "national-lab.yaml")).create("n1")
	r.pass(2 * day)
	r.move("draining", "temporal:Patch", "kernel")
	r.pass(day)
	assert.Equal(t, "maintenance", r.node().State())
	assert.Equal(t, epoch.Add(3*day), r.last().At)
	assert.Len(t, drain.cancelled, 1)
}

func TestAVendorTakesWeeksAndIsReminded(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		good := service.Failed("memory errors")
		burnIn := &scripted{start: func(service.Run) (service.Progress, error) { return good, nil }}
		diagnose := &scripted{start: func(service.Run) (service.Progress, error) { return service.Succeeded("DIMM 7"), nil }}
		r := newRig(t, store).with("diagnose", diagnose).with("burn_in", burnIn).open(load(t, "vendor-rma.yaml")).create("n1")
		r.move("diagnosing", "temporal:ReturnToService", "ECC errors")
		r.settle()
		require.Equal(t, "case_open", r.node().State())
		r.refused("awaiting_parts", service.Move{Initiator: "vendor:acme"}, service.ErrGuard)
		r.pass(8 * day)
		require.Equal(t, "escalated", r.node().State(), "no answer in a week")
		assert.Equal(t, epoch.Add(7*day), r.last().At)
		r.move("case_open", "ops", "they called back")
		_, err := r.SetMetadata(t.Context(), "n1", 0, map[string]string{"rma_number": "RMA-4711"})
		require.NoError(t, err)
		r.move("awaiting_parts", "vendor:acme", "shipped")
		start := r.clock.Now()
		r.pass(41 * day)
		r.open(load(t, "vendor-rma.yaml")) // weeks see more than one process
		r.pass(12 * time.Hour)
		require.Equal(t, "awaiting_parts", r.node().State())
		permitted, err := r.Permitted(t.Context(), "n1", "logistics")
		require.NoError(t, err)
		assert.Equal(t, start.Add(42*day), permitted[1].AutomaticAt)
		r.pass(day)
		require.Equal(t, "escalated", r.node().State(), "no parts in six weeks")
		assert.Equal(t, start.Add(42*day), r.last().At)
		r.move("repairing", "ops", "the parts are here")
		r.move("validating", "ops", "")
		r.settle()
		assert.Equal(t, []string{"diagnosing", "case_open"}, r.way()[len(r.way())-2:], "it burnt in badly and is diagnosed anew")
		good = service.Succeeded("")
		for _, to := range []string{"awaiting_parts", "repairing", "validating"} {
			r.move(to, "ops", "")
		}
		r.settle()
		assert.Equal(t, "in_service", r.node().State())
	})
}

// startStates are, for each state, those from which software may report it. Those that are not here are set by the manager, or by force.
var startStates = map[string][]string{
	"Off":     {"Off", "On", "Standby", "Halt", "Ready"},
	"On":      {"On", "Off", "Standby", "Halt"},
	"Standby": {"Standby", "Ready"},
	"Halt":    {"Halt", "Ready"},
	"Ready":   {"Ready", "On", "Off", "Standby", "Halt"},
}

func TestComponentStatesKeepTheirStartStateRules(t *testing.T) {
	t.Parallel()
	d := load(t, "hpc-components.yaml")
	for _, from := range d.StateNames() {
		for _, to := range d.StateNames() {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, memory.New()).open(d).create("n1")
				if from != "Unknown" {
					r.move(from, "hsm", "")
				}
				_, soft := r.Transition(t.Context(), "n1", to, service.Move{Initiator: "redfish"})
				allowed := false
				for _, s := range startStates[to] {
					allowed = allowed || s == from
				}
				assert.Equal(t, allowed, soft == nil, "%v", soft)
				if !allowed && from != to {
					r.move(to, "force:ann", "I know better")
				}
			})
		}
	}
}
