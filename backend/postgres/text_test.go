package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// garbage is what PostgreSQL cannot hold, with how it is stored.
var garbage = map[string]string{
	"zero\x00byte": "zero\ufffdbyte", "broken \xff\xfe": "broken \ufffd", "\xc3": "\ufffd", "good ä": "good ä",
}

func TestGarbageInTextsForPeopleIsReplaced(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema())
	shut(t, s)
	version := uint64(0)
	for text, want := range garbage {
		c := step("m1", version, "Ready")
		version++
		w := &c.Writes[0]
		w.Record.Outcome.Reason, w.Transition.Note, w.Transition.Initiator, w.Transition.Trigger = text, text, text, text
		c.Post = []backend.Request{{
			ID: want, On: machine("m1"), State: backend.RequestPending, Initiator: text, Reference: text, Reason: text, CancelledBy: text, Cycle: text,
		}}
		apply(t, s, c)
		r, err := s.Get(t.Context(), machine("m1"))
		require.NoError(t, err)
		assert.Equal(t, want, r.Outcome.Reason)
		rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: machine("m1")})
		require.NoError(t, err)
		row := rows[len(rows)-1]
		assert.Equal(t, [3]string{want, want, want}, [3]string{row.Note, row.Initiator, row.Trigger})
		requests, err := s.Requests(t.Context(), backend.RequestQuery{ID: want})
		require.NoError(t, err)
		require.Len(t, requests, 1)
		q := requests[0]
		assert.Equal(t, [5]string{want, want, want, want, want}, [5]string{q.Initiator, q.Reference, q.Reason, q.CancelledBy, q.Cycle})
	}
}

func TestACommitThatPostgreSQLCannotHoldIsRefusedAlone(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema())
	shut(t, s)
	const bad = "a\x00b"
	change := map[string]func(c *backend.Commit){
		"id":      func(c *backend.Commit) { c.Writes[0].Record.Ref.ID = bad },
		"kind":    func(c *backend.Commit) { c.Writes[0].Record.Ref.Kind = "\xff" },
		"rack":    func(c *backend.Commit) { c.Writes[0].Record.Rack = bad },
		"state":   func(c *backend.Commit) { c.Writes[0].Record.State = bad },
		"from":    func(c *backend.Commit) { c.Writes[0].Transition.From = bad },
		"since":   func(c *backend.Commit) { c.Writes[0].Record.Since = time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"at":      func(c *backend.Commit) { c.Writes[0].Transition.At = time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"request": func(c *backend.Commit) { c.Post = []backend.Request{{ID: bad, On: machine("m1")}} },
		"ended": func(c *backend.Commit) {
			c.Update = []backend.Request{{ID: "r", EndedAt: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)}}
		},
		"twice": func(c *backend.Commit) { c.Writes = append(c.Writes, write("m1", 1, "Ready")) },
	}
	version := uint64(0)
	for name, spoil := range change {
		spoiled := step("m1", 0, "Ready")
		spoil(&spoiled)
		results, err := s.Commit(t.Context(), []backend.Commit{step("before", version, "Ready"), spoiled, step("after", version, "Ready")})
		require.NoError(t, err, name)
		require.NoError(t, results[0], name)
		require.ErrorIs(t, results[1], backend.ErrNotCommitted, name)
		require.NoError(t, results[2], name)
		version++
	}
	_, err := s.Get(t.Context(), machine("m1"))
	require.ErrorIs(t, err, backend.ErrNotFound)
}

func TestNamesThatCannotBeStoredAreNotFound(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema())
	shut(t, s)
	apply(t, s, step("m1", 0, "Ready"))
	_, err := s.Get(t.Context(), machine("m1\x00"))
	require.ErrorIs(t, err, backend.ErrNotFound)
	records, err := s.List(t.Context(), backend.Query{Rack: "A1\xff"})
	require.NoError(t, err)
	assert.Empty(t, records)
	requests, err := s.Requests(t.Context(), backend.RequestQuery{ID: "\x00"})
	require.NoError(t, err)
	assert.Empty(t, requests)
	rows, err := s.History(t.Context(), backend.HistoryQuery{Ref: machine("\xff")})
	require.NoError(t, err)
	assert.Empty(t, rows)
}
