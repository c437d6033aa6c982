package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
)

const (
	oldNames = `
name: old
initial: up
states: [up, {name: broken, hold: true}, vendor]
transitions:
  - {from: up, to: broken}
  - {from: broken, to: vendor}
  - {from: vendor, to: up, after: 30d}
`
	newNames = `
name: new
initial: up
states: [up, repair, {name: rma, hold: true}]
transitions:
  - {from: up, to: repair}
  - {from: repair, to: rma}
  - {from: rma, to: up, after: 30d}
`
	renaming = newNames + "renamed: {broken: repair, vendor: rma}\n"
)

func TestADefinitionThatLeavesNodesWithoutAPlaceIsRefusedByTheirNames(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).open(parse(t, oldNames)).create("n1").create("n2").create("n3")
		r.move("broken", "ann", "")
		_, err := r.Transition(t.Context(), "n3", "broken", service.Move{Initiator: "ann"})
		require.NoError(t, err)
		_, err = r.Transition(t.Context(), "n3", "vendor", service.Move{Initiator: "ann"})
		require.NoError(t, err)

		err = r.tryOpen(parse(t, newNames))
		require.ErrorIs(t, err, service.ErrStranded)
		require.EqualError(t, err, "definition new: nodes are in states that the definition does not have: n1 in broken, n3 in vendor; add the states, or map each to another one under renamed")
		var stranded *service.StrandedError
		require.ErrorAs(t, err, &stranded)
		assert.Equal(t, []service.Stranded{{Node: "n1", State: "broken"}, {Node: "n3", State: "vendor"}}, stranded.Nodes)
		assert.Equal(t, []string{"up", "broken"}, r.way(), "nothing is written")

		require.Error(t, r.tryOpen(parse(t, newNames+"renamed: {broken: repair}\n")), "n3 has no place still")
		assert.Equal(t, []string{"up", "broken"}, r.way(), "all nodes move, or none does")

		r.open(parse(t, oldNames))
		assert.Equal(t, "broken", r.node().State(), "the old definition goes on")
	})
}

func TestARenamedStateIsAMoveInTheHistory(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).withMachines().open(parse(t, oldNames)).report().bound().inReady()
		r.move("broken", "ann", "")
		require.Len(t, r.machine().Holds, 1)
		r.open(parse(t, renaming))
		assert.Equal(t, "repair", r.node().State(), "before anybody sees the old one")
		last := r.last()
		assert.Equal(t, "broken", last.From)
		assert.Equal(t, service.TriggerRenamed, last.Trigger)
		assert.Equal(t, "controller", last.Initiator)
		assert.Equal(t, "broken is called repair in definition new", last.Note)
		assert.Empty(t, r.machine().Holds, "repair does not hold the machine")
		assert.Equal(t, uint64(3), r.doc().Version)
		r.move("rma", "ann", "")
		assert.Len(t, r.machine().Holds, 1)
	})
}

func TestATimeGoesOnThroughARenaming(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, oldNames)).create("n1")
	r.move("broken", "ann", "")
	r.move("vendor", "ann", "")
	r.pass(20 * day)
	r.open(parse(t, renaming))
	r.pass(11 * day)
	assert.Equal(t, []string{"up", "broken", "vendor", "rma", "up"}, r.way())
	assert.Equal(t, epoch.Add(30*day), r.last().At)
}

func TestARunningActionGoesOnThroughARenaming(t *testing.T) {
	t.Parallel()
	const before = `
name: old
initial: up
states: [up, {name: flashing, sla: 1h}, broken]
transitions:
  - {from: up, to: flashing, action: {name: flash, on_success: up, on_failure: broken}}
  - {from: flashing, to: [up, broken]}
  - {from: broken, to: up}
`
	const after = `
name: new
initial: up
states: [up, {name: update, sla: 1h}, repair]
transitions:
  - {from: up, to: update, action: {name: flash, on_success: up, on_failure: repair}}
  - {from: update, to: [up, repair]}
  - {from: repair, to: up}
renamed: {flashing: update, broken: repair}
`
	ended := service.Running("", time.Minute)
	a := &scripted{start: func(service.Run) (service.Progress, error) { return ended, nil }}
	a.check = a.start
	r := newRig(t, memory.New()).with("flash", a).open(parse(t, before)).create("n1")
	r.move("flashing", "ann", "")
	r.settle()
	r.open(parse(t, after))
	ended = service.Failed("no power")
	r.pass(time.Hour)
	assert.Equal(t, []string{"up", "flashing", "update", "repair"}, r.way())
	assert.Empty(t, a.cancelled)
	for _, k := range a.keys {
		assert.Equal(t, "node/n1#2/flash", k)
	}
}

func TestOnlyTheFirstStrandedNodesAreNamedInTheMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, oldNames))
	for i := range 25 {
		id := fmt.Sprintf("n%02d", i)
		r.create(id)
		_, err := r.Transition(t.Context(), id, "broken", service.Move{Initiator: "ann"})
		require.NoError(t, err)
	}
	err := r.tryOpen(parse(t, newNames))
	require.ErrorContains(t, err, "n19 in broken, and 5 more; add")
	var stranded *service.StrandedError
	require.ErrorAs(t, err, &stranded)
	assert.Len(t, stranded.Nodes, 25)
}

func TestAServiceWantsAControllerThatWasMadeWithItsKind(t *testing.T) {
	t.Parallel()
	kind, err := service.NewKind(service.Default(), service.Config{})
	require.NoError(t, err)
	other, err := service.NewKind(service.Default(), service.Config{})
	require.NoError(t, err)
	ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{}, other.Kind)
	require.NoError(t, err)
	_, err = service.New(t.Context(), ctl, kind)
	require.ErrorIs(t, err, lifecycle.ErrUnknownKind)
}
