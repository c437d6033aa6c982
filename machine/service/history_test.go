package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/machine/service"
)

func TestTheHistoryIsPagedAndFilteredByTimeAndInitiator(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).open(service.Default()).create("n1").create("n2")
		for i := range 300 { // more than is read from the store at a time, with another node's rows in between
			r.clock.Add(time.Minute)
			to := []string{"maintenance", "in_service"}[i%2]
			r.move(to, fmt.Sprintf("temporal:W%d", i%3), fmt.Sprint(i))
			if i%10 == 0 {
				_, err := r.Transition(t.Context(), "n2", to, service.Move{Initiator: "x", Note: fmt.Sprint(i)})
				require.NoError(t, err)
			}
			if i%10 == 1 {
				_, err := r.Transition(t.Context(), "n2", "in_service", service.Move{Initiator: "x"})
				require.NoError(t, err)
			}
		}
		all := r.doc().StateHistory
		require.Len(t, all, 301)
		for i := 1; i < len(all); i++ {
			require.Equal(t, all[i-1].To, all[i].From, "an unbroken chain, from which the life of the node can be rebuilt")
		}
		f := service.HistoryFilter{Limit: 7, Initiators: []string{"temporal:W?"}, Since: epoch.Add(10 * time.Minute), Until: epoch.Add(290 * time.Minute)}
		var got []service.Entry
		pages := 0
		for {
			page, err := r.History(t.Context(), "n1", f)
			require.NoError(t, err)
			got = append(got, page.Entries...)
			pages++
			if page.Next == 0 {
				break
			}
			require.Len(t, page.Entries, 7)
			f.After = page.Next
		}
		assert.Equal(t, all[10:290], got)
		assert.Equal(t, 40, pages)
		one, err := r.History(t.Context(), "n1", service.HistoryFilter{Initiators: []string{"*W1", "ann"}})
		require.NoError(t, err)
		assert.Len(t, one.Entries, 101)
		_, err = r.History(t.Context(), "nobody", service.HistoryFilter{})
		require.ErrorIs(t, err, service.ErrUnknownNode)
	})
}

func TestPermittedShowsEveryMoveAndWhatKeepsItBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).with("wipe", instant())
	r.open(parse(t, `
name: n
initial: up
states: [up, down, spare, {name: gone, sla: 1d}]
transitions:
  - {from: up, to: down, require: [note], initiators: [ops], doc: take it out}
  - {from: up, to: spare, guard: labels.spare == "yes", after: 3d}
  - {from: up, to: gone, action: wipe}
  - {from: [down, spare, gone], to: up}
`)).create("n1")
	got, err := r.Permitted(t.Context(), "n1", "ann")
	require.NoError(t, err)
	assert.Equal(t, []service.PermittedMove{
		{To: "down", Doc: "take it out", Why: []string{"the initiator is not allowed: ann is none of ops"}, RequireNote: true, Initiators: []string{"ops"}},
		{To: "spare", Why: []string{`the guard is false: labels.spare == "yes"`}, AutomaticAt: epoch.Add(3 * day)},
		{To: "gone", Possible: true, Action: "wipe"},
	}, got)
	got, err = r.Permitted(t.Context(), "n1", "")
	require.NoError(t, err)
	assert.True(t, got[0].Possible, "nobody is asked who they are")
	_, err = r.Permitted(t.Context(), "nobody", "")
	require.ErrorIs(t, err, service.ErrUnknownNode)
}

func TestNodesAreListedByStateMetadataAndRackInPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default())
	for i := range 6 {
		_, err := r.Create(t.Context(), service.NewNode{
			ID: fmt.Sprintf("n%d", i), Rack: []string{"r1", "r2"}[i%2], Metadata: map[string]string{"gpu": fmt.Sprint(i % 3)}, Initiator: "ann",
		})
		require.NoError(t, err)
	}
	r.move("maintenance", "ann", "")
	ids := func(f service.Filter) []string {
		out := []string{}
		for _, d := range r.List(f) {
			out = append(out, d.ID)
			assert.Nil(t, d.StateHistory)
		}
		return out
	}
	assert.Equal(t, []string{"n0", "n1", "n2", "n3", "n4", "n5"}, ids(service.Filter{}))
	assert.Equal(t, []string{"n1"}, ids(service.Filter{States: []string{"maintenance", "rma"}}))
	assert.Equal(t, []string{"n1", "n4"}, ids(service.Filter{Metadata: map[string]string{"gpu": "1"}}))
	assert.Equal(t, []string{"n3", "n5"}, ids(service.Filter{Rack: "r2", After: "n1"}))
	assert.Equal(t, []string{"n2", "n3"}, ids(service.Filter{After: "n1", Limit: 2}))
	assert.Empty(t, ids(service.Filter{Metadata: map[string]string{"cpu": ""}}))
}

func TestMetadataIsWrittenByWhoHasReadTheNewestVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default()).create("n1")
	d, err := r.SetMetadata(t.Context(), "n1", 1, map[string]string{"a": "1", "b": "2"})
	require.NoError(t, err)
	assert.Equal(t, uint64(2), d.Version)
	_, err = r.SetMetadata(t.Context(), "n1", 1, map[string]string{"a": "lost update"})
	require.ErrorIs(t, err, service.ErrVersion)
	require.EqualError(t, err, "node n1 cannot be changed: the node has another version: it is at 2, expected is 1")
	d, err = r.SetMetadata(t.Context(), "n1", 2, nil, "b")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "1"}, d.Metadata)
	d, err = r.SetMetadata(t.Context(), "n1", 0, map[string]string{"a": "1"})
	require.NoError(t, err)
	assert.Equal(t, uint64(3), d.Version, "what changes nothing is no version")

	r.setLabel("a", "past the service")
	assert.Equal(t, uint64(4), r.doc().Version, "that counts too")
	_, err = r.SetMetadata(t.Context(), "n1", 3, map[string]string{"a": "lost update"})
	require.ErrorIs(t, err, service.ErrVersion)
	r.settle()
	assert.Equal(t, uint64(4), r.doc().Version, "once")
	r.refused("maintenance", service.Move{Initiator: "ann", ExpectVersion: 3}, service.ErrVersion)
	_, err = r.SetMetadata(t.Context(), "nobody", 0, nil)
	require.ErrorIs(t, err, service.ErrUnknownNode)
}

func TestANodeIsCreatedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.Default()).create("n1")
	_, err := r.Create(t.Context(), service.NewNode{ID: "n1"})
	require.ErrorIs(t, err, backend.ErrExists)
	_, err = r.Create(t.Context(), service.NewNode{ID: "a/b"})
	require.ErrorIs(t, err, backend.ErrBadRef)
	_, err = r.Create(t.Context(), service.NewNode{ID: "n2", Machine: "a b"})
	require.ErrorIs(t, err, backend.ErrBadRef)
	assert.Equal(t, service.Unracked, r.doc().Rack)
}
