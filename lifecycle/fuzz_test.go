package lifecycle_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// painting are handlers that lead a lamp to white, and have one that is burnt or glows do what it is asked.
func painting() lampHandlers {
	all := toWhite()
	work := func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		q, ok := env.Pending(paintRequest)
		if !ok {
			return lifecycle.Nothing(), nil
		}
		p, err := lifecycle.Params[paint](&q)
		if err != nil {
			return lifecycle.Outcome{}, err
		}
		l.Sockets = append(l.Sockets, p.Colour)
		return lifecycle.Nothing(), env.Finish(q.ID, "painted")
	}
	all[burnt], all[red] = work, work
	return all
}

// FuzzRecord: whatever a store holds of an object, the engine loads it, works on it or reports it by its name, leaves what it does not understand as it is, and carries on with
// the others.
func FuzzRecord(f *testing.F) {
	now := begin.Format(time.RFC3339)
	for _, data := range []string{
		"", "null", "{}", "[]", "7", `{"lumen":`, `{"lumen":7,"watts":1e308,"sockets":["a",null],"keys":null}`, `{"lumen":"many"}`, `{"lumen":1e99}`, "{\"labels\":{\"\\u0000\":\"\xff\"}}",
		`{"holds":[{"type":"t","owner":"o","reason":"r","at":"` + now + `"}]}`, `{"holds":[{"expires":"` + now + `"},{}]}`, `{"deletion":{"at":"` + now + `","initiator":"x","force":true}}`,
		`{"deletion":{}}`, `{"clock_start":"9999-12-31T23:59:59Z","paused":-9223372036854775808}`, `{"paused_since":"0001-01-01T00:00:00Z","paused_before":9223372036854775807}`,
		`{"alerts":[{"id":"a","source":"s","classifications":["PreventAllocations"]}],"replacing":{"source":"x","alerts":null}}`, `{"replacing":{}}`, `{"LUMEN":1,"lumen":2}`,
	} {
		f.Add("Dark", []byte(data), uint8(1), "wait", "why", "paint", "pending", `{"p":1}`)
	}
	f.Add("Glowing/White", []byte("{}"), uint8(200), "error", "", "", "started", "")
	f.Add("Floating", []byte("{}"), uint8(0), "odd", "\xff", "paint", "finished", "null")
	f.Add("Burnt", []byte(nil), uint8(3), "", "", "", "odd", "{")
	f.Add("Scrapping", []byte("{}"), uint8(255), "deleted", "", "force_delete", "pending", "7")
	f.Fuzz(func(t *testing.T, state string, data []byte, hours uint8, outcome, reason, request, stands, params string) {
		if state == "" {
			state = "Dark" // an empty one is a tombstone, which nobody lists
		}
		store := newTap()
		sick := lampRef("sick")
		w := backend.Write{Record: backend.Record{
			Ref: sick, Rack: "r", State: state, Since: begin.Add(time.Duration(hours-100) * time.Hour), Transitions: 1, Data: data,
			Outcome: backend.Outcome{Kind: backend.OutcomeKind(outcome), Reason: reason, At: begin, OverSLA: hours%2 == 0},
		}, Transition: &backend.Transition{Ref: sick, Rack: "r", Seq: 1, To: state, At: begin, Trigger: "Built", Initiator: "tester"}}
		q := backend.Request{ID: "q", On: sick, Rack: "r", Type: request, State: backend.RequestState(stands), Initiator: "ann", At: begin, Params: []byte(params)}
		results, err := store.Store.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{w}, Post: []backend.Request{q}}})
		require.NoError(t, errors.Join(append(results, err)...))
		writeRecord(t, store, backend.Record{Ref: lampRef("well"), Rack: "r", State: "Dark", Data: []byte("{}")})

		s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, painting(), asking))
		s.settle()
		require.Equal(t, []string{"Dark", "Warming", "Glowing/White"}, s.visited(lampRef("well")), "the others carry on")
		s.after(3 * time.Hour)

		x, err := s.Explain(sick)
		if errors.Is(err, backend.ErrNotFound) {
			require.Empty(t, store.record(t, sick).State, "an object that is there is explained")
			s.chain(sick)
			return
		}
		require.NoError(t, err)
		require.NotEmpty(t, x.String())
		require.NotErrorIs(t, x.Broken, lifecycle.ErrHandlerPanic)
		rec := store.record(t, sick)
		if x.Broken == nil {
			require.NotContains(t, rec.Outcome.Reason, "panicked")
			l := s.lamp("sick")
			again, err := json.Marshal(l)
			require.NoError(t, err)
			var decoded lamp
			require.NoError(t, json.Unmarshal(again, &decoded), "what is written can be read")
			s.chain(sick)
			return
		}
		require.True(t, errors.Is(x.Broken, backend.ErrCorrupt) || errors.Is(x.Broken, lifecycle.ErrUnknownState), "%v", x.Broken)
		require.Equal(t, backend.OutcomeError, rec.Outcome.Kind)
		require.Contains(t, rec.Outcome.Reason, sick.String())
		require.Equal(t, state, rec.State)
		require.Equal(t, string(data), string(rec.Data), "what nobody understands is not overwritten")
		_, err = s.Request(t.Context(), lifecycle.NewRequest{Type: "paint"}, sick)
		require.ErrorIs(t, err, lifecycle.ErrRejected)
	})
}
