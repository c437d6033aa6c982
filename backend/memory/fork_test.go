package memory_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/backendtest"
	"github.com/rackstate/rackstate/backend/memory"
)

var (
	forkRack = backend.Ref{Kind: backend.KindRack, ID: "r1"}
	forkTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// move commits the rack's n-th transition with the request that goes with it.
func move(t *testing.T, s *memory.Store, seq uint64, from, to, request string) {
	t.Helper()
	c := backend.Commit{
		Writes: []backend.Write{{
			Record: backend.Record{Ref: forkRack, Rack: "r1", State: to, Since: forkTime, Transitions: seq, Data: []byte(`{"to":"` + to + `"}`)}, Expect: seq - 1,
			Transition: &backend.Transition{Ref: forkRack, Rack: "r1", Seq: seq, From: from, To: to, At: forkTime, Trigger: "T", Initiator: "test"},
		}},
		Post: []backend.Request{{ID: request, On: forkRack, Rack: "r1", Type: "t", State: backend.RequestPending, At: forkTime}},
	}
	results, err := s.Commit(t.Context(), []backend.Commit{c})
	require.NoError(t, err)
	require.NoError(t, results[0])
}

// dump is all that a store holds.
func dump(t *testing.T, s *memory.Store) (records []backend.Record, requests []backend.Request, history []backend.Transition) {
	t.Helper()
	records, err := s.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	requests, err = s.Requests(t.Context(), backend.RequestQuery{})
	require.NoError(t, err)
	history, err = s.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	return records, requests, history
}

func TestAForkHoldsTheSameAndGoesItsOwnWay(t *testing.T) {
	t.Parallel()
	s := memory.New()
	move(t, s, 1, "", "A", "q1")
	f := s.Fork()
	wantRecords, wantRequests, wantHistory := dump(t, s)
	gotRecords, gotRequests, gotHistory := dump(t, f)
	assert.Equal(t, wantRecords, gotRecords)
	assert.Equal(t, wantRequests, gotRequests)
	assert.Equal(t, wantHistory, gotHistory)

	move(t, s, 2, "A", "B", "q2")
	move(t, f, 2, "A", "C", "q3")
	records, requests, history := dump(t, s)
	assert.Equal(t, "B", records[0].State)
	assert.Equal(t, "q2", requests[1].ID)
	assert.Equal(t, "B", history[1].To)
	records, requests, history = dump(t, f)
	assert.Equal(t, "C", records[0].State)
	assert.Equal(t, "q3", requests[1].ID)
	assert.Equal(t, "C", history[1].To)
}

func TestAForkedStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	backendtest.TestStore(t, func(*testing.T) backend.Store { return memory.New().Fork() })
}
