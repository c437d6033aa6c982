package service_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
)

func TestAMoveIsOneCommitOfStateAndHistory(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).open(service.Default()).create("n1")
		res := r.move("maintenance", "ann", "fan 3 is loud")
		want := service.Entry{From: "in_service", To: "maintenance", Timestamp: epoch, Initiator: "ann", Note: "fan 3 is loud"}
		assert.Equal(t, service.Result{Node: "n1", Entry: want, State: "maintenance", Version: 2}, res)
		rec, err := store.Get(t.Context(), service.Ref("n1"))
		require.NoError(t, err)
		assert.Equal(t, "maintenance", rec.State)
		assert.Equal(t, uint64(2), rec.Transitions)
		d := r.doc()
		assert.Equal(t, "maintenance", d.CurrentState)
		if diff := cmp.Diff([]service.Entry{{To: "in_service", Timestamp: epoch, Initiator: "ann"}, want}, d.StateHistory); diff != "" {
			t.Error(diff)
		}
	})
}

// exampleEntry stands in the design page in exactly this form, apart from spaces and the end of a line.
const exampleEntry = `{"from": "maintenance", "to": "firmware_update", "timestamp": "2025-06-18T16:44:00Z",
 "initiator": "temporal:ReturnToServiceWorkflow", "note": "Automated firmware validation triggered"}`

func TestAHistoryEntryHasExactlyTheFormOfTheDesignPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default()).create("n1")
	r.move("maintenance", "ann", "")
	r.move("firmware_update", "temporal:ReturnToServiceWorkflow", "Automated firmware validation triggered")
	page, err := r.History(t.Context(), "n1", service.HistoryFilter{Initiators: []string{"temporal:*"}})
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	got, err := json.Marshal(page.Entries[0])
	require.NoError(t, err)
	assert.Equal(t, strings.NewReplacer(`": "`, `":"`, ", \"", ",\"", ",\n \"", ",\"").Replace(exampleEntry), string(got))
}

func TestANodeHasExactlyTheFieldsOfTheDesignPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default())
	r.clock.Set(epoch.Add(1500 * time.Millisecond))
	_, err := r.Create(t.Context(), service.NewNode{ID: "n1", Initiator: "ann", Metadata: map[string]string{"gpu": "gb200"}})
	require.NoError(t, err)
	got, err := json.Marshal(r.doc())
	require.NoError(t, err)
	assert.Equal(t, `{"id":"n1","metadata":{"gpu":"gb200"},"current_state":"in_service","state_history":[`+
		`{"from":"","to":"in_service","timestamp":"2025-06-18T16:44:01.5Z","initiator":"ann","note":""}]}`, string(got))
}

// strict has one transition for every rule.
const strict = `
name: strict
initial: up
states: [up, down, gone, spare]
transitions:
  - {from: up, to: down, require: [note], initiators: [ops, "temporal:*"], guard: labels.drained == "yes"}
  - {from: up, to: spare}
  - {from: down, to: up}
  - {from: spare, to: up}
  - {from: down, to: gone, guard: int(labels.age) > 3}
  - {from: gone, to: up}
`

func TestARefusalSaysFromToWhyAndWhatIsPossibleNow(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, strict)).create("n1")
	e := r.refusal("down", service.Move{Initiator: "bob", Note: " "}, service.ErrInitiator, service.ErrNoteMissing, service.ErrGuard)
	assert.Equal(t, "up", e.From)
	assert.Equal(t, "down", e.To)
	assert.Equal(t, []string{"spare"}, e.Possible)
	require.EqualError(t, e, `node n1 cannot move from up to down: the initiator is not allowed: bob is none of ops, temporal:*; a note is required; `+
		`the guard is false: labels.drained == "yes" (possible now: spare)`)
	require.ErrorIs(t, e, lifecycle.ErrRejected)

	e = r.refusal("gone", service.Move{Initiator: "ops"}, service.ErrNotInTable)
	require.EqualError(t, e, "node n1 cannot move from up to gone: the definition has no such transition (possible now: spare)")
	require.ErrorIs(t, e, lifecycle.ErrNotPermitted)

	e = r.refusal("spar", service.Move{Initiator: "ops"}, service.ErrUnknownState)
	require.EqualError(t, e, `node n1 cannot move from up to spar: the definition has no such state (did you mean "spare"?): states are up, down, gone, spare (possible now: spare)`)

	e = r.refusal("spare", service.Move{}, service.ErrInitiator)
	require.ErrorContains(t, e, "none is named")

	e = r.refusal("spare", service.Move{Initiator: "ops", ExpectVersion: 7}, service.ErrVersion)
	require.ErrorIs(t, e, backend.ErrConflict)
	require.ErrorContains(t, e, "it is at 1, expected is 7")

	_, err := r.Transition(t.Context(), "nobody", "down", service.Move{Initiator: "ops"})
	require.ErrorIs(t, err, service.ErrUnknownNode)
	require.ErrorIs(t, err, backend.ErrNotFound)
	require.EqualError(t, err, "node nobody cannot move to down: there is no such node")
}

func TestEachRuleLetsThroughWhoKeepsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, strict)).create("n1")
	r.setLabel("drained", "yes")
	r.move("down", "temporal:Drain", "because")
	e := r.refusal("gone", service.Move{Initiator: "ops"}, service.ErrGuard)
	require.ErrorContains(t, e, "cannot be told", "a label that is no number")
	assert.Equal(t, []string{"up"}, e.Possible)
	r.setLabel("age", "4")
	r.move("gone", "anybody", "")
	assert.Equal(t, []string{"up", "down", "gone"}, r.way())
}

func TestANodeThatIsBeingRemovedMovesNoMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default()).create("n1")
	require.NoError(t, r.Controller().Delete(t.Context(), service.Ref("n1"), "ann", false))
	r.refused("maintenance", service.Move{Initiator: "ann"}, service.ErrDeleted)
	_, err := r.SetMetadata(t.Context(), "n1", 0, map[string]string{"a": "b"})
	require.ErrorIs(t, err, service.ErrDeleted)
	r.settle()
	_, err = r.Get(t.Context(), "n1")
	require.ErrorIs(t, err, service.ErrUnknownNode)
	assert.Equal(t, []string{"in_service", "deleting", ""}, r.way(), "the history stays")
	page, err := r.History(t.Context(), "n1", service.HistoryFilter{})
	require.NoError(t, err)
	assert.Len(t, page.Entries, 3)
	r.create("n1")
	assert.Len(t, r.doc().StateHistory, 4, "a node of the same name goes on with it")
}

func TestAnEngineThatLooksDoesNotChangeTheVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default()).create("n1")
	r.settle()
	r.pass(time.Hour)
	assert.Equal(t, uint64(1), r.doc().Version)
	_, err := r.Transition(t.Context(), "n1", "maintenance", service.Move{Initiator: "ann", ExpectVersion: 1})
	require.NoError(t, err)
}

func TestBulkMovesEveryNodeForItself(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).open(service.Default())
		var names []string
		for i := range 40 {
			id := fmt.Sprintf("n%02d", i)
			names = append(names, id)
			r.create(id)
		}
		names = append(names, "nobody", names[0])
		got, err := r.TransitionAll(t.Context(), names, "maintenance", service.Move{Initiator: "ann", Note: "power work", IdempotencyKey: "k1"})
		require.NoError(t, err)
		require.Len(t, got, 42)
		applied := 0
		for i, res := range got {
			assert.Equal(t, names[i], res.Node)
			if names[i] == "nobody" {
				require.ErrorIs(t, res.Err, service.ErrUnknownNode)
				continue
			}
			require.NoError(t, res.Err)
			assert.Equal(t, "maintenance", res.State)
			if !res.AlreadyApplied {
				applied++
			}
		}
		assert.Equal(t, 40, applied, "a node that is named twice moves once")
		got, err = r.TransitionAll(t.Context(), names[:2], "maintenance", service.Move{Initiator: "ann", Note: "power work", IdempotencyKey: "k1"})
		require.NoError(t, err)
		assert.True(t, got[0].AlreadyApplied && got[1].AlreadyApplied, "the whole call can be repeated")
		_, err = r.TransitionAll(t.Context(), nil, "maintenance", service.Move{Initiator: "ann"})
		require.ErrorIs(t, err, service.ErrNoNodes)
	})
}
