package lifecycle_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

const (
	paintRequest = "paint"
	lightRequest = "light"
)

type paint struct {
	Colour string `json:"colour"`
	Coats  int    `json:"coats"`
}

// asking adds the requests that lamps understand: paint is checked and supersedes an older one that was not started, light is taken as it is.
func asking(d *lampDefinition) {
	d.Requests = []lifecycle.RequestType[lamp]{
		{Type: paintRequest, Doc: "another colour", Accept: func(tx *lifecycle.Tx, l *lamp, req *backend.Request) error {
			p, err := lifecycle.Params[paint](req)
			if err != nil {
				return err
			}
			var problems *multierror.Error
			if p.Colour == "" {
				problems = multierror.Append(problems, errors.New("no colour is given"))
			}
			if p.Coats < 0 {
				problems = multierror.Append(problems, fmt.Errorf("%d coats are too few", p.Coats))
			}
			if err := problems.ErrorOrNil(); err != nil {
				return err
			}
			for _, old := range tx.Requests(l.Ref(), paintRequest) {
				if old.State == backend.RequestPending {
					if err := tx.End(l.Ref(), old.ID, backend.RequestSuperseded, "a newer colour: "+req.ID); err != nil {
						return err
					}
				}
			}
			return nil
		}},
		{Type: lightRequest, Doc: "on"},
		{Type: lifecycle.ForceDelete, Doc: "gone, now"},
	}
}

func (s *site) ask(n lifecycle.NewRequest, on ...backend.Ref) []backend.Request {
	s.tb.Helper()
	posted, err := s.Request(s.tb.Context(), n, on...)
	require.NoError(s.tb, err)
	return posted
}

func TestAPostedRequestIsPendingAndMakesItsObjectDue(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	s.settle()
	s.clock.Add(time.Second)
	got := s.ask(lifecycle.NewRequest{ID: "q", Type: paintRequest, Initiator: "ann", Reference: "T-1", Cycle: "c", Params: paint{Colour: "red", Coats: 2}}, lampRef("a"))
	want := []backend.Request{{
		ID: "q", On: lampRef("a"), Rack: "r", Type: "paint", State: backend.RequestPending, Initiator: "ann", Reference: "T-1", Cycle: "c",
		At: begin.Add(time.Second), Params: []byte(`{"colour":"red","coats":2}`),
	}}
	assert.Equal(t, want, got)
	assert.Equal(t, want, s.OpenRequests(lampRef("a")))
	assert.Equal(t, want, s.requests(lampRef("a")))
	steps, _ := s.settle()
	assert.Equal(t, 1, steps, "the object looks at once")
}

func TestAnInitiatorIsAlwaysOnRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, reference, want string }{
		{"ann", "T-1", "ann (T-1)"}, {"ann", "", "ann"}, {"", "T-1", "T-1"}, {"", "", "cli"},
	} {
		assert.Equal(t, c.want, lifecycle.InitiatorText(c.user, c.reference))
	}
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	assert.Equal(t, "cli", s.ask(lifecycle.NewRequest{Type: lightRequest}, lampRef("a"))[0].Initiator)
	assert.Equal(t, "T-1", s.ask(lifecycle.NewRequest{Type: lightRequest, Reference: "T-1"}, lampRef("a"))[0].Initiator)
}

func TestARefusedRequestSaysAllThatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	before := len(s.store.committed())
	_, err := s.Request(t.Context(), lifecycle.NewRequest{Type: paintRequest, Params: paint{Coats: -1}}, lampRef("a"))
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	require.ErrorContains(t, err, "paint of lamp/a rejected")
	require.ErrorContains(t, err, "no colour is given")
	require.ErrorContains(t, err, "-1 coats are too few")
	var re *lifecycle.RejectedError
	require.ErrorAs(t, err, &re)
	assert.Equal(t, lampRef("a"), re.Ref)
	assert.Equal(t, "paint", re.Type)
	assert.Len(t, s.store.committed(), before)
	assert.Empty(t, s.OpenRequests(lampRef("a")))
}

func TestARequestThatCannotBeUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"), newLamp("leaving"))
	require.NoError(t, s.Delete(t.Context(), lampRef("leaving"), "ann", false))
	for _, c := range []struct {
		name string
		n    lifecycle.NewRequest
		on   []backend.Ref
		want string
	}{
		{"an unknown type", lifecycle.NewRequest{Type: "polish"}, []backend.Ref{lampRef("a")}, "a lamp has no such request; it has [paint light force_delete]"},
		{"an unknown object", lifecycle.NewRequest{Type: lightRequest}, []backend.Ref{lampRef("ghost")}, "lamp/ghost: not found"},
		{"no object", lifecycle.NewRequest{Type: lightRequest}, nil, "no object is named"},
		{"an object twice", lifecycle.NewRequest{Type: lightRequest}, []backend.Ref{lampRef("a"), lampRef("a")}, "lamp/a is named twice"},
		{"a deleted object", lifecycle.NewRequest{Type: lightRequest}, []backend.Ref{lampRef("leaving")}, "lamp/leaving is marked deleted"},
		{"parameters that JSON cannot hold", lifecycle.NewRequest{Type: lightRequest, Params: func() {}}, []backend.Ref{lampRef("a")}, "parameters: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := s.Request(t.Context(), c.n, c.on...)
			require.ErrorIs(t, err, lifecycle.ErrRejected)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := s.Request(t.Context(), lifecycle.NewRequest{Type: lightRequest}, lampRef("ghost"))
	require.ErrorIs(t, err, backend.ErrNotFound)
	s.ask(lifecycle.NewRequest{Type: lifecycle.ForceDelete}, lampRef("leaving"))
}

func TestARequestIsOfferedInTheStatesThatItNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, toWhite(), asking, func(d *lampDefinition) { d.Requests[0].In = []string{"Glowing", "Burnt"} }))
	s.create(newLamp("a"))
	offered := func() []string {
		x, err := s.Explain(lampRef("a"))
		require.NoError(t, err)
		return x.Accepts
	}
	assert.Equal(t, []string{"light", "force_delete"}, offered())
	s.settle()
	assert.Equal(t, []string{"paint", "light", "force_delete"}, offered())
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "ann", false))
	assert.Equal(t, []string{"force_delete"}, offered(), "one that is marked deleted is asked for nothing else")
}

func TestARequestToManyIsTakenByAllOrByNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"), newLamp("b"), newLamp("c"))
	before := len(s.store.committed())
	_, err := s.Request(t.Context(), lifecycle.NewRequest{Type: lightRequest}, lampRef("a"), lampRef("ghost"), lampRef("b"), lampRef("spook"))
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	require.ErrorContains(t, err, "lamp/ghost")
	require.ErrorContains(t, err, "lamp/spook")
	assert.Len(t, s.store.committed(), before)
	posted := s.ask(lifecycle.NewRequest{Type: lightRequest}, lampRef("a"), lampRef("b"), lampRef("c"))
	require.Len(t, posted, 3)
	assert.Len(t, s.store.committed(), before+1, "one commit")
	for i, id := range []string{"a", "b", "c"} {
		assert.Equal(t, posted[0].ID, posted[i].ID, "one id")
		assert.Equal(t, lampRef(id), posted[i].On)
		assert.Equal(t, posted[i:i+1], s.OpenRequests(lampRef(id)))
	}
}

func TestACallThatIsMadeTwiceIsRecognised(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"), newLamp("b"))
	s.ask(lifecycle.NewRequest{ID: "once", Type: lightRequest}, lampRef("a"))
	_, err := s.Request(t.Context(), lifecycle.NewRequest{ID: "once", Type: lightRequest}, lampRef("b"), lampRef("a"))
	require.ErrorIs(t, err, backend.ErrExists)
	assert.Empty(t, s.OpenRequests(lampRef("b")))
	require.NoError(t, s.CancelRequest(t.Context(), lampRef("a"), "once", "ann"))
	_, err = s.Request(t.Context(), lifecycle.NewRequest{ID: "once", Type: lightRequest}, lampRef("a"))
	require.ErrorIs(t, err, backend.ErrExists, "also when the first one has ended")
	s.ask(lifecycle.NewRequest{ID: "once", Type: lightRequest}, lampRef("b"))
}

func TestRequestsWithoutAnIDPostedAtTheSameTimeAreBothTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	s.store.onCommit(once(func() error {
		s.ask(lifecycle.NewRequest{Type: lightRequest, Initiator: "first"}, lampRef("a"))
		return nil
	}), nil)
	s.ask(lifecycle.NewRequest{Type: lightRequest, Initiator: "second"}, lampRef("a"))
	open := s.OpenRequests(lampRef("a"))
	require.Len(t, open, 2)
	assert.NotEqual(t, open[0].ID, open[1].ID)
	assert.Equal(t, []string{"first", "second"}, []string{open[0].Initiator, open[1].Initiator}, "oldest first")
}

func TestRequestsWithoutAnIDNeverShareOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		for range 3 {
			if _, err := tx.Post(lampRef("a"), lifecycle.NewRequest{Type: lightRequest}); err != nil {
				return err
			}
		}
		return nil
	}))
	for range 3 {
		s.ask(lifecycle.NewRequest{Type: lightRequest}, lampRef("a"))
	}
	ids := map[string]bool{}
	for _, r := range s.OpenRequests(lampRef("a")) {
		ids[r.ID] = true
	}
	assert.Len(t, ids, 6)
}

func TestANewerRequestSupersedesOneThatWasNotStarted(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, asking))
	s.create(newLamp("a"))
	s.ask(lifecycle.NewRequest{ID: "old", Type: paintRequest, Params: paint{Colour: "red"}}, lampRef("a"))
	s.clock.Add(time.Second)
	s.ask(lifecycle.NewRequest{ID: "new", Type: paintRequest, Params: paint{Colour: "blue"}}, lampRef("a"))
	all := s.requests(lampRef("a"))
	require.Len(t, all, 2)
	assert.Equal(t, backend.RequestSuperseded, all[0].State)
	assert.Equal(t, "a newer colour: new", all[0].Reason)
	assert.Equal(t, begin.Add(time.Second), all[0].EndedAt)
	assert.Equal(t, backend.RequestPending, all[1].State)
	assert.Len(t, s.OpenRequests(lampRef("a")), 1)
}
