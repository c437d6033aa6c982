package witness

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

// step is a commit that takes machines to a state, with a request on each.
func step(expect uint64, state string, ids ...string) backend.Commit {
	var c backend.Commit
	at := time.Date(2026, 3, 29, 1, 0, int(expect), 123_000, time.UTC)
	for _, id := range ids {
		ref := backend.Ref{Kind: backend.KindMachine, ID: id}
		row := &backend.Transition{Ref: ref, Rack: "A1", Seq: expect + 1, To: state, At: at, Trigger: "Step"}
		if expect > 0 {
			row.From = "S"
		}
		c.Writes = append(c.Writes, backend.Write{
			Record: backend.Record{Ref: ref, Rack: "A1", State: state, Since: at, Transitions: expect + 1, Data: []byte(`{"n":1}`)}, Expect: expect, Transition: row,
		})
		c.Post = append(c.Post, backend.Request{ID: state + string(rune('0'+expect)), On: ref, Rack: "A1", Type: "t", State: backend.RequestPending, Params: json.RawMessage(`{"a":1}`)})
	}
	return c
}

// pair is a store that is watched, and the account of it. Events pass through JSON, as between processes.
func pair(t *testing.T) (*Store, *memory.Store, *Account) {
	t.Helper()
	account, store := NewAccount(), memory.New()
	return Watch(store, func(e Event) error {
		text, err := json.Marshal(e)
		require.NoError(t, err)
		var read Event
		require.NoError(t, json.Unmarshal(text, &read))
		return account.Told(t.Context(), read)
	}), store, account
}

func commit(t *testing.T, store backend.Store, batch ...backend.Commit) []error {
	t.Helper()
	results, err := store.Commit(t.Context(), batch)
	require.NoError(t, err)
	return results
}

func TestAnAccountAgreesWithTheStoreThatItWasToldOf(t *testing.T) {
	t.Parallel()
	watched, store, account := pair(t)
	commit(t, watched, step(0, "S", "a", "b"), step(0, "S", "c"))
	require.ErrorIs(t, commit(t, watched, step(7, "S", "a"))[0], backend.ErrConflict)
	commit(t, watched, step(1, "S", "a"), step(1, "", "c"))
	require.NoError(t, watched.SetCursor(t.Context(), "reader", 0, 3))
	require.ErrorIs(t, watched.SetCursor(t.Context(), "reader", 0, 3), backend.ErrConflict)
	assert.Equal(t, 5, account.Calls())

	landed, err := account.Settle(t.Context(), store)
	require.NoError(t, err)
	assert.False(t, landed)
	mine, err := account.Print(t.Context())
	require.NoError(t, err)
	its, err := account.PrintOf(t.Context(), store)
	require.NoError(t, err)
	assert.Equal(t, mine, its)
}

func TestACallThatWasGoingOnIsThereOrNot(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]Event{
		"a commit":        {Batch: []backend.Commit{step(0, "S", "x", "y")}},
		"the first move":  {Move: &Move{"reader", 0, 1}},
		"another request": {Batch: []backend.Commit{step(1, "S", "a")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watched, store, account := pair(t)
			commit(t, watched, step(0, "S", "a"))
			require.NoError(t, account.Told(t.Context(), call))

			landed, err := account.Fork().Settle(t.Context(), store)
			require.NoError(t, err)
			assert.False(t, landed)

			do(t, store, call)
			landed, err = account.Settle(t.Context(), store)
			require.NoError(t, err)
			assert.True(t, landed)
			landed, err = account.Settle(t.Context(), store)
			require.NoError(t, err, "it was taken into the account")
			assert.False(t, landed)
		})
	}
}

// do makes a call.
func do(t *testing.T, store backend.CursorStore, call Event) {
	t.Helper()
	if call.Move != nil {
		require.NoError(t, store.SetCursor(t.Context(), call.Move.Name, call.Move.From, call.Move.To))
		return
	}
	commit(t, store, call.Batch...)
}

func TestWhatIsMissingOrTooMuchOrHalfIsReported(t *testing.T) {
	t.Parallel()
	first, second := step(0, "S", "a", "b"), step(1, "S", "a", "b")
	half := step(1, "S", "a", "b")
	half.Writes, half.Post = half.Writes[:1], half.Post[:1]
	late := step(1, "S", "a", "b")
	late.Post = late.Post[:1]
	other := step(0, "S", "a", "b")
	other.Writes[0].Record.Data = []byte(`{"n":2}`)
	broken := step(0, "S", "a", "b")
	broken.Writes[0].Transition.Seq = 2
	moved := step(0, "S", "a", "b")
	moved.Writes[0].Record.State = "T"
	for name, c := range map[string]struct {
		told  []backend.Commit
		begun *backend.Commit
		found []backend.Commit
		want  string
	}{
		"a lost commit":                      {told: []backend.Commit{first, second}, found: []backend.Commit{first}, want: `missing: row`},
		"a lost commit, and one that began":  {told: []backend.Commit{first}, begun: &second, want: `missing: row`},
		"half a commit":                      {told: []backend.Commit{first}, begun: &second, found: []backend.Commit{first, half}, want: "nor as after it"},
		"a commit without one of its orders": {told: []backend.Commit{first}, begun: &second, found: []backend.Commit{first, late}, want: "missing: request"},
		"a commit that never was":            {told: []backend.Commit{first}, found: []backend.Commit{first, second}, want: "too much: row"},
		"other data":                         {told: []backend.Commit{first}, found: []backend.Commit{other}, want: "missing: record"},
		"a chain with a gap":                 {told: []backend.Commit{first}, found: []backend.Commit{broken}, want: "is broken"},
		"a history that ends elsewhere":      {told: []backend.Commit{first}, found: []backend.Commit{moved}, want: "its history ends with"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watched, _, account := pair(t)
			for _, one := range c.told {
				commit(t, watched, one)
			}
			if c.begun != nil {
				require.NoError(t, account.Told(t.Context(), Event{Batch: []backend.Commit{*c.begun}}))
			}
			found := memory.New()
			for _, one := range c.found {
				commit(t, found, one)
			}
			_, err := account.Settle(t.Context(), found)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAStoreThatAnswersAgainstTheContractIsReported(t *testing.T) {
	t.Parallel()
	account := NewAccount()
	tell := func(e Event) error { return account.Told(t.Context(), e) }
	require.ErrorContains(t, tell(Event{Ended: true}), "never began")
	call := Event{Batch: []backend.Commit{step(3, "S", "a")}}
	require.NoError(t, tell(call))
	require.ErrorContains(t, tell(call), "before the one before it ended")
	require.ErrorContains(t, tell(Event{Ended: true, Applied: []bool{true}}), "by the contract it is [false]")
	require.NoError(t, tell(call))
	require.ErrorContains(t, tell(Event{Ended: true, Failed: "disk"}), "a call has failed: disk")
}

// deaf is a store whose calls fail.
type deaf struct{ backend.CursorStore }

func (deaf) Commit(context.Context, []backend.Commit) ([]error, error) {
	return nil, backend.ErrNotCommitted
}

func (deaf) SetCursor(context.Context, string, uint64, uint64) error { return backend.ErrClosed }

func TestTheAnswerOfTheStoreIsPassedOn(t *testing.T) {
	t.Parallel()
	var heard []Event
	s := Watch(deaf{memory.New()}, func(e Event) error {
		heard = append(heard, e)
		return nil
	})
	_, err := s.Commit(t.Context(), []backend.Commit{step(0, "S", "a")})
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.ErrorIs(t, s.SetCursor(t.Context(), "reader", 0, 1), backend.ErrClosed)
	require.Len(t, heard, 4)
	assert.NotEmpty(t, heard[1].Failed)
	assert.NotEmpty(t, heard[3].Failed)
}
