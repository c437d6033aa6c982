package lifecycle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// painter starts a paint request when it is pending, ends it at the next pass, and notes a cancellation.
func painter(end func(env *lifecycle.Env, id string) error) lifecycle.Handler[lamp] {
	return func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if r, ok := env.Started(paintRequest); ok {
			if r.CancelledBy != "" {
				return lifecycle.Nothing(), env.End(env.Self(), r.ID, backend.RequestCancelled, "one coat is on already")
			}
			return lifecycle.Nothing(), end(env, r.ID)
		}
		if r, ok := env.Pending(paintRequest); ok {
			return lifecycle.NothingFor(time.Second), env.Begin(r.ID)
		}
		return lifecycle.Nothing(), nil
	}
}

func TestARequestIsStartedAndEndedByItsObject(t *testing.T) {
	t.Parallel()
	results := []backend.Result{{Target: lampRef("a"), Activity: "Paint", Status: backend.ResultOK, From: "black", To: "red"}}
	for _, c := range []struct {
		name string
		end  func(env *lifecycle.Env, id string) error
		want backend.RequestState
	}{
		{"finished", func(env *lifecycle.Env, id string) error { return env.Finish(id, "it is dry", results...) }, backend.RequestFinished},
		{"failed", func(env *lifecycle.Env, id string) error { return env.Fail(id, "it is dry", results...) }, backend.RequestFailed},
		{"withdrawn", func(env *lifecycle.Env, id string) error {
			if err := env.SetResults(env.Self(), id, results); err != nil {
				return err
			}
			return env.End(env.Self(), id, backend.RequestWithdrawn, "it is dry")
		}, backend.RequestWithdrawn},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lampKind(t, lampHandlers{dark: painter(c.end)}, asking))
			s.create(newLamp("a"))
			s.ask(lifecycle.NewRequest{ID: "q", Type: paintRequest, Params: paint{Colour: "red"}}, lampRef("a"))
			s.settle()
			started := s.OpenRequests(lampRef("a"))
			require.Len(t, started, 1)
			assert.Equal(t, backend.RequestStarted, started[0].State)
			assert.Equal(t, begin, started[0].StartedAt)
			s.after(time.Second)
			assert.Empty(t, s.OpenRequests(lampRef("a")))
			all := s.requests(lampRef("a"))
			require.Len(t, all, 1)
			assert.Equal(t, c.want, all[0].State)
			assert.Equal(t, "it is dry", all[0].Reason)
			assert.Equal(t, begin.Add(time.Second), all[0].EndedAt)
			assert.Equal(t, results, all[0].Results)
		})
	}
}

func TestARequestEndsInAStateThatIsAnEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "q", Type: lightRequest}, lampRef("a"))
	err := s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.End(lampRef("a"), "q", backend.RequestStarted, "") })
	require.ErrorContains(t, err, "end request q of lamp/a: started is no way to end")
	for _, f := range []func(tx *lifecycle.Tx) error{
		func(tx *lifecycle.Tx) error { return tx.End(lampRef("a"), "other", backend.RequestFinished, "") },
		func(tx *lifecycle.Tx) error { return tx.Start(lampRef("a"), "other") },
		func(tx *lifecycle.Tx) error { return tx.SetResults(lampRef("ghost"), "q", nil) },
	} {
		require.ErrorIs(t, s.Apply(t.Context(), f), backend.ErrNotFound)
	}
}

func TestACancelledRequestThatWasPendingNeverStarts(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: painter(nil)}, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "q", Type: paintRequest, Params: paint{Colour: "red"}}, lampRef("a"))
	require.NoError(t, s.CancelRequest(t.Context(), lampRef("a"), "q", "ann"))
	s.settle()
	all := s.requests(lampRef("a"))
	require.Len(t, all, 1)
	assert.Equal(t, backend.RequestCancelled, all[0].State)
	assert.Equal(t, "cancelled by ann", all[0].Reason)
	assert.True(t, all[0].StartedAt.IsZero())
	require.ErrorIs(t, s.CancelRequest(t.Context(), lampRef("a"), "q", "ann"), backend.ErrNotFound, "it is not open any more")
}

func TestACancelledRequestThatWasStartedIsEndedByItsObject(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: painter(nil)}, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "q", Type: paintRequest, Params: paint{Colour: "red"}}, lampRef("a"))
	s.settle()
	require.NoError(t, s.CancelRequest(t.Context(), lampRef("a"), "q", ""))
	open := s.OpenRequests(lampRef("a"))
	require.Len(t, open, 1, "accepted is not done")
	assert.Equal(t, backend.RequestStarted, open[0].State)
	assert.Equal(t, "cli", open[0].CancelledBy)
	s.settle()
	assert.Equal(t, backend.RequestCancelled, s.requests(lampRef("a"))[0].State)
	assert.Equal(t, "one coat is on already", s.requests(lampRef("a"))[0].Reason)
}

// Between the look of a pass and its commit, a newer request arrives: the commit consumes the one that it saw, and only that.
func TestARequestThatArrivesBetweenLookAndCommitSurvives(t *testing.T) {
	t.Parallel()
	var consumed []string
	var s *site
	s = newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		r, ok := env.First(lightRequest)
		if !ok {
			return lifecycle.Nothing(), nil
		}
		consumed = append(consumed, r.ID)
		if len(consumed) == 1 {
			s.ask(lifecycle.NewRequest{ID: "newer", Type: lightRequest}, lampRef("a"))
		}
		return lifecycle.Nothing(), env.Finish(r.ID, "lit")
	}}, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "older", Type: lightRequest}, lampRef("a"))
	res := s.step(lampRef("a"))
	assert.True(t, res.Conflict)
	open := s.OpenRequests(lampRef("a"))
	require.Len(t, open, 2)
	s.step(lampRef("a"))
	open = s.OpenRequests(lampRef("a"))
	require.Len(t, open, 1)
	assert.Equal(t, "newer", open[0].ID)
	s.settle()
	s.after(time.Minute)
	assert.Equal(t, []string{"older", "older", "newer"}, consumed)
	for _, r := range s.requests(lampRef("a")) {
		assert.Equal(t, backend.RequestFinished, r.State)
	}
}

func TestAHandlerSeesItsOpenRequestsByTypeAndState(t *testing.T) {
	t.Parallel()
	ids := func(list []backend.Request) []string {
		out := []string{}
		for _, r := range list {
			out = append(out, r.ID)
		}
		return out
	}
	looked := false
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, _ *lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
		looked = true
		assert.Equal(t, []string{"l1", "p1", "l2"}, ids(env.Open()))
		assert.Equal(t, []string{"l1", "l2"}, ids(env.Open(lightRequest)))
		assert.Equal(t, []string{}, ids(env.Open("polish")))
		for _, c := range []struct {
			find func(string) (backend.Request, bool)
			typ  string
			want string
		}{
			{env.First, lightRequest, "l1"},
			{env.Started, lightRequest, "l1"},
			{env.Pending, lightRequest, "l2"},
			{env.First, paintRequest, "p1"},
			{env.Pending, paintRequest, "p1"},
			{env.Started, paintRequest, ""},
			{env.First, "polish", ""},
		} {
			r, ok := c.find(c.typ)
			assert.Equal(t, c.want, r.ID)
			assert.Equal(t, c.want != "", ok)
		}
		return lifecycle.Nothing(), nil
	}}, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "l1", Type: lightRequest}, lampRef("a"))
	s.ask(lifecycle.NewRequest{ID: "p1", Type: paintRequest, Params: paint{Colour: "red"}}, lampRef("a"))
	s.ask(lifecycle.NewRequest{ID: "l2", Type: lightRequest}, lampRef("a"))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Start(lampRef("a"), "l1") }))
	s.settle()
	assert.True(t, looked)
}

func TestOpenRequestsAreThereAfterARestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "x", Type: lightRequest}, lampRef("a"))
	s.ask(lifecycle.NewRequest{ID: "y", Type: lightRequest}, lampRef("a"))
	require.NoError(t, s.CancelRequest(t.Context(), lampRef("a"), "x", "ann"))
	want := s.OpenRequests(lampRef("a"))
	s.restart()
	assert.Equal(t, want, s.OpenRequests(lampRef("a")))
	assert.Empty(t, s.OpenRequests(lampRef("ghost")))
}
