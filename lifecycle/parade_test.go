package lifecycle_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// The parade has a bit of everything: lamps that fail and wait while they warm up, a frame that begins a cycle when all of them shine, requests that it
// puts on them, and the end of the cycle when they have done as they were asked. It ends in the same states however it is driven.

const paradeLamps = 5

func paradeKinds(tb testing.TB) []*lifecycle.Kind {
	tb.Helper()
	lamps := lampHandlers{
		dark: always[lamp](lifecycle.Fire(switchOn)),
		warming: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
			switch e := l.Elapsed(env.Now()); {
			case e < 3*time.Second:
				return lifecycle.Outcome{}, errShort
			case e < 20*time.Second:
				return lifecycle.Wait("heat", "cold", 7*time.Second), nil
			}
			return lifecycle.Fire(warm), nil
		},
		white: func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
			r, ok := env.Pending(paintRequest)
			if !ok {
				return lifecycle.Wait("a request", "none", 0), nil
			}
			return lifecycle.Fire(turn).By(r.Initiator).Because(r.ID), env.Begin(r.ID)
		},
		red: func(_ context.Context, l *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
			if r, ok := env.Started(paintRequest); ok {
				l.Keys = append(l.Keys, env.Key("Paint", 0))
				return lifecycle.Nothing(), env.Finish(r.ID, "red now", backend.Result{Target: l.Ref(), Status: backend.ResultOK})
			}
			return lifecycle.Nothing(), nil
		},
	}
	frames := frameHandlers{
		idle: func(_ context.Context, f *frame, env *lifecycle.Env) (lifecycle.Outcome, error) {
			if f.Cycle != "" || paradeCount(env, white) < paradeLamps {
				return lifecycle.Nothing(), nil
			}
			f.Cycle = "cycle-1"
			for _, l := range lifecycle.Members[lamp](&env.Tx, f.Rack()) {
				if _, err := env.Post(l.Ref(), lifecycle.NewRequest{
					ID: f.Cycle, Type: paintRequest, Initiator: lifecycle.RackInitiator(f.ID()), Cycle: f.Cycle, Params: paint{Colour: "red"},
				}); err != nil {
					return lifecycle.Outcome{}, err
				}
			}
			return lifecycle.Fire(begun).Because("all shine"), nil
		},
		busy: func(_ context.Context, f *frame, env *lifecycle.Env) (lifecycle.Outcome, error) {
			n := paradeCount(env, red)
			if n < paradeLamps {
				return lifecycle.Wait("red lamps", "some are not", 5*time.Second), nil
			}
			for _, l := range lifecycle.Members[lamp](&env.Tx, f.Rack()) {
				f.Members = append(f.Members, l.ID())
			}
			return lifecycle.Fire(ended), nil
		},
	}
	return []*lifecycle.Kind{lampKind(tb, lamps, asking), frameKind(tb, frames)}
}

func paradeCount(env *lifecycle.Env, state lampState) int {
	n := 0
	for _, l := range lifecycle.Members[lamp](&env.Tx, env.Self().ID) {
		if l.State() == string(state) && len(env.Requests(l.Ref())) == 0 {
			n++
		}
	}
	return n
}

// parade creates the objects.
func (s *site) parade() {
	s.tb.Helper()
	s.create(newFrame())
	for i := range paradeLamps {
		s.create(newLamp(string(rune('a' + i))))
	}
}

// paradeOver reports whether the frame has ended its cycle and every lamp has done what it was asked.
func (s *site) paradeOver() bool {
	f := s.frame()
	return f.State() == string(idle) && f.Cycle != ""
}

// ending is what must be the same however the parade was driven: where each object went, what it holds, and how its requests ended.
func (s *site) ending() map[string]any {
	s.tb.Helper()
	out := map[string]any{}
	records, err := s.store.List(s.tb.Context(), backend.Query{})
	require.NoError(s.tb, err)
	for _, r := range records {
		requests := map[string]backend.RequestState{}
		for _, q := range s.requests(r.Ref) {
			requests[q.ID] = q.State
		}
		data := map[string]any{}
		require.NoError(s.tb, json.Unmarshal(r.Data, &data))
		delete(data, "clock_start") // when it was, not what it was
		out[r.Ref.String()] = []any{s.visited(r.Ref), data, requests}
	}
	return out
}

// everything is all that a store holds, as text.
func (s *site) everything() string {
	s.tb.Helper()
	history, err := s.store.History(s.tb.Context(), backend.HistoryQuery{})
	require.NoError(s.tb, err)
	records, err := s.store.List(s.tb.Context(), backend.Query{})
	require.NoError(s.tb, err)
	requests, err := s.store.Requests(s.tb.Context(), backend.RequestQuery{})
	require.NoError(s.tb, err)
	text, err := json.MarshalIndent([]any{history, records, requests}, "", " ")
	require.NoError(s.tb, err)
	return string(text)
}

// toTheEnd lets time jump from one due object to the next until the parade is over. It returns the times at which something was due. A failure of the store is
// the death of the process: the controller is made anew.
func (s *site) toTheEnd() []time.Time {
	s.tb.Helper()
	var times []time.Time
	now := begin
	for !s.paradeOver() {
		_, next, err := s.RunUntilIdle(s.tb.Context(), now)
		if err != nil {
			require.ErrorIs(s.tb, err, errDisk)
			s.restart()
			continue
		}
		require.True(s.tb, next.Before(begin.Add(time.Hour)), "the parade does not end")
		now = next
		times = append(times, next)
	}
	return times
}
