package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

const packA = "/v1/objects/crate/a/requests"

func posted(t *testing.T, a answer) rest.Request {
	t.Helper()
	var p rest.Posted
	a.into(t, &p)
	require.NotNil(t, p.Request)
	return *p.Request
}

func TestAcceptedIsNotDone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	a := r.call(http.MethodPost, packA, writeToken, `{"type":"pack","reference":"T-1","params":{"label":"fragile"}}`)
	require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
	q := posted(t, a)
	assert.Equal(t, "pending", q.State)
	assert.JSONEq(t, `{"label":"fragile"}`, string(q.Params))
	where := a.Header.Get("Location")
	states := []string{"pending"}
	for range 20 {
		if s := get[rest.Request](r, where).State; s != states[len(states)-1] {
			states = append(states, s)
		}
		r.pass(30_000_000_000)
	}
	assert.Equal(t, []string{"pending", "started", "finished"}, states)
	assert.Equal(t, "fragile", get[rest.HistoryPage](r, "/v1/objects/crate/a/history").Transitions[1].Note)
}

func TestARefusalSaysWhyAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a", "b")
	r.call(http.MethodPost, packA, writeToken, `{"type":"pack","params":{"jam":true}}`)
	r.settle()
	a := r.call(http.MethodPost, packA, writeToken, `{"type":"pack"}`)
	require.Equal(t, http.StatusConflict, a.Status)
	assert.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	p := a.problem(t)
	assert.Equal(t, rest.TypeRejected, p.Type)
	assert.Equal(t, "Stuck", p.State)
	assert.Equal(t, []string{"crate a is in Stuck"}, p.Reasons)
	assert.Equal(t, []string{"free"}, p.Accepts)
	assert.Equal(t, []string{"Freed", "Scrap"}, p.Permitted)

	a = r.call(http.MethodPost, "/v1/requests", writeToken, `{"on":["crate/b","crate/a"],"type":"pack"}`)
	assert.Equal(t, http.StatusConflict, a.Status)
	assert.Empty(t, get[rest.RequestPage](r, "/v1/requests").Requests, "all are asked, or none is")
	a = r.call(http.MethodPost, "/v1/requests", writeToken, `{"on":["crate/b","crate/b"],"type":"pack"}`)
	assert.Equal(t, rest.TypeRejected, a.problem(t).Type)
	a = r.call(http.MethodPost, "/v1/requests", writeToken, `{"on":["crate/a","crate/b","crate/b"],"type":"pack"}`)
	assert.Equal(t, []rest.Refusal{{Ref: "crate/a", Reasons: []string{"crate a is in Stuck"}}, {Ref: "crate/b", Reasons: []string{"crate/b is named twice"}}}, a.problem(t).Objects)

	permitted := get[rest.Permitted](r, "/v1/objects/crate/a/permitted")
	assert.Equal(t, []rest.PermittedTrigger{{Trigger: "Freed", To: "Idle"}, {Trigger: "Scrap", To: "Leaving"}}, permitted.Triggers)
	assert.True(t, permitted.Requests[0].Accepted)
	assert.False(t, permitted.Requests[1].Accepted)
}

func TestWhatIsNotThereIsNotFoundByName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	for _, c := range []struct {
		method, path, body string
		status             int
		typ                rest.ProblemType
	}{
		{http.MethodGet, "/v1/objects/crate/x", "", 404, rest.TypeNotFound},
		{http.MethodGet, "/v1/objects/box/a", "", 404, rest.TypeUnknownKind},
		{http.MethodGet, "/v1/kinds/box", "", 404, rest.TypeUnknownKind},
		{http.MethodGet, "/v1/objects/crate/a%20b", "", 422, rest.TypeInvalid},
		{http.MethodGet, "/v1/objects/crate/%2e%2e", "", 404, rest.TypeNotFound},
		{http.MethodGet, "/v1/objects/crate/..", "", 404, rest.TypeNoRoute},
		{http.MethodGet, "/v1/objects/crate/a/requests/x", "", 404, rest.TypeNotFound},
		{http.MethodDelete, "/v1/objects/crate/a/requests/x", "", 404, rest.TypeNotFound},
		{http.MethodGet, "/v1/objects/crate/x/requests", "", 404, rest.TypeNotFound},
		{http.MethodPost, "/v1/objects/crate/x/requests", `{"type":"pack"}`, 404, rest.TypeNotFound},
		{http.MethodPost, "/v1/requests", `{"type":"pack","on":["crate/a","crate/x"]}`, 404, rest.TypeNotFound},
		{http.MethodPost, "/v1/requests", `{"type":"pack","on":["box/a"]}`, 404, rest.TypeUnknownKind},
		{http.MethodPost, "/v1/requests", `{"type":"pack","on":["a"]}`, 422, rest.TypeInvalid},
		{http.MethodPost, packA, `{"type":"unpack"}`, 422, rest.TypeUnknownRequest},
		{http.MethodPost, packA, `{"type":"pack","params":{"jim":true}}`, 422, rest.TypeInvalid},
		{http.MethodPost, packA, `{"type":"pack","params":[]}`, 422, rest.TypeInvalid},
		{http.MethodGet, "/v2/objects", "", 404, rest.TypeNoRoute},
		{http.MethodGet, "/v1//objects", "", 404, rest.TypeNoRoute},
		{http.MethodGet, "/v1/objects/", "", 404, rest.TypeNoRoute},
		{http.MethodPut, "/v1/objects", "", 405, rest.TypeMethod},
		{http.MethodOptions, "/v1/objects", "", 405, rest.TypeMethod},
	} {
		a := r.call(c.method, c.path, writeToken, c.body)
		assert.Equal(t, c.status, a.Status, "%s %s %s: %s", c.method, c.path, c.body, a.Body)
		assert.Equal(t, c.typ, a.problem(t).Type, "%s %s %s: %s", c.method, c.path, c.body, a.Body)
	}
	assert.Equal(t, "GET, HEAD", r.call(http.MethodPut, "/v1/objects", writeToken, "").Header.Get("Allow"))
	assert.Equal(t, []string{"free", "pack"}, r.call(http.MethodPost, packA, writeToken, `{"type":"unpack"}`).problem(t).Known)
}

func TestTheSamePostWithTheSameKeyHappensOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a", "b")
	const key = "Idempotency-Key"
	first := r.call(http.MethodPost, packA, writeToken, `{"type":"pack","params":{"label":"x","jam":false}}`, key, "k1")
	require.Equal(t, http.StatusAccepted, first.Status, "%s", first.Body)
	assert.Empty(t, first.Header.Get("Idempotent-Replayed"))
	again := r.call(http.MethodPost, packA, writeToken, `{"params":{"jam":false, "label":"x"}, "type":"pack"}`, key, "k1")
	require.Equal(t, http.StatusOK, again.Status, "%s", again.Body)
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, posted(t, first), posted(t, again))
	for name, c := range map[string]struct{ path, body string }{
		"other params":    {packA, `{"type":"pack","params":{"label":"y"}}`},
		"no params":       {packA, `{"type":"pack"}`},
		"other type":      {packA, `{"type":"free"}`},
		"other reference": {packA, `{"type":"pack","reference":"T","params":{"label":"x","jam":false}}`},
		"other object":    {"/v1/objects/crate/b/requests", `{"type":"pack","params":{"label":"x","jam":false}}`},
		"more objects":    {"/v1/requests", `{"on":["crate/a","crate/b"],"type":"pack","params":{"label":"x","jam":false}}`},
	} {
		a := r.call(http.MethodPost, c.path, writeToken, c.body, key, "k1")
		assert.Equal(t, http.StatusUnprocessableEntity, a.Status, name)
		assert.Equal(t, rest.TypeKeyReused, a.problem(t).Type, name)
	}
	other := r.call(http.MethodPost, "/v1/objects/crate/b/requests", adminToken, `{"type":"pack"}`, key, "k1")
	assert.Equal(t, http.StatusAccepted, other.Status, "somebody else's key is another one")

	r.pass(5 * 60_000_000_000)
	late := r.call(http.MethodPost, packA, writeToken, `{"type":"pack","params":{"label":"x","jam":false}}`, key, "k1")
	require.Equal(t, http.StatusOK, late.Status)
	assert.Equal(t, "finished", posted(t, late).State, "it is not done again")
	r.call(http.MethodDelete, "/v1/objects/crate/a", writeToken, "")
	r.settle()
	gone := r.call(http.MethodPost, packA, writeToken, `{"type":"pack","params":{"label":"x","jam":false}}`, key, "k1")
	assert.Equal(t, http.StatusOK, gone.Status, "even after the object is gone: %s", gone.Body)
	for _, bad := range []string{"with space", "umlaut-ü"} {
		assert.Equal(t, http.StatusUnprocessableEntity, r.call(http.MethodPost, packA, writeToken, `{"type":"pack"}`, key, bad).Status, bad)
	}
}

func TestARefusedPostLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	r.call(http.MethodPost, packA, writeToken, `{"type":"pack","params":{"jam":true}}`)
	r.settle()
	assert.Equal(t, http.StatusConflict, r.call(http.MethodPost, packA, writeToken, `{"type":"pack"}`, "Idempotency-Key", "k").Status)
	r.call(http.MethodPost, packA, writeToken, `{"type":"free"}`)
	r.settle()
	assert.Equal(t, http.StatusAccepted, r.call(http.MethodPost, packA, writeToken, `{"type":"pack"}`, "Idempotency-Key", "k").Status)
}

func TestPostsWithOneKeyAtTheSameTimeMakeOneRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for round := range 20 {
		id := fmt.Sprintf("c%d", round)
		r.create("A1", id)
		const clients = 8
		ids, statuses := make([]string, clients), make([]int, clients)
		var group sync.WaitGroup
		for i := range clients {
			group.Add(1)
			go func() {
				defer group.Done()
				a := r.call(http.MethodPost, "/v1/objects/crate/"+id+"/requests", writeToken, `{"type":"pack"}`, "Idempotency-Key", "k"+id)
				var p rest.Posted
				if assert.NoError(t, json.Unmarshal(a.Body, &p)) && assert.NotNil(t, p.Request, "%s", a.Body) {
					ids[i], statuses[i] = p.Request.ID, a.Status
				}
			}()
		}
		group.Wait()
		accepted := 0
		for i := range clients {
			assert.Equal(t, ids[0], ids[i])
			if statuses[i] == http.StatusAccepted {
				accepted++
			}
		}
		assert.Equal(t, 1, accepted, "statuses %v", statuses)
	}
}

// ponderingStore lets others go first after it was asked for a request.
type ponderingStore struct{ *memory.Store }

func (s ponderingStore) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	list, err := s.Store.Requests(ctx, q)
	for range 200 {
		runtime.Gosched()
	}
	return list, err
}

func TestPostsWithOneKeyOnDifferentObjectsAtTheSameTimeAreOnePost(t *testing.T) {
	t.Parallel()
	r := newRigOn(t, ponderingStore{memory.New()})
	const clients = 8
	for round := range 20 {
		var statuses [clients]int
		var group sync.WaitGroup
		start := make(chan struct{})
		for i := range clients {
			r.create("A1", fmt.Sprintf("c%d-%d", round, i))
		}
		for i := range clients {
			group.Add(1)
			go func() {
				defer group.Done()
				<-start
				statuses[i] = r.call(http.MethodPost, fmt.Sprintf("/v1/objects/crate/c%d-%d/requests", round, i), writeToken, `{"type":"pack"}`, "Idempotency-Key", fmt.Sprint("k", round)).Status
			}()
		}
		close(start)
		group.Wait()
		counts := map[int]int{}
		for _, s := range statuses {
			counts[s]++
		}
		assert.Equal(t, map[int]int{http.StatusAccepted: 1, http.StatusUnprocessableEntity: clients - 1}, counts)
	}
}

func TestARequestIsCancelledWhileItIsOpen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	q := posted(t, r.call(http.MethodPost, packA, writeToken, `{"type":"pack"}`))
	a := r.call(http.MethodDelete, packA+"/"+q.ID, writeToken, "")
	require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
	ended := get[rest.Request](r, packA+"/"+q.ID)
	assert.Equal(t, "cancelled", ended.State)
	assert.Equal(t, "cancelled by walt", ended.Reason)
	a = r.call(http.MethodDelete, packA+"/"+q.ID, writeToken, "")
	assert.Equal(t, http.StatusConflict, a.Status)
	assert.Equal(t, []string{"it is cancelled"}, a.problem(t).Reasons)
	r.settle()
	assert.Equal(t, "Idle", get[rest.Object](r, "/v1/objects/crate/a").State)

	q = posted(t, r.call(http.MethodPost, packA, writeToken, `{"type":"pack"}`))
	r.settle()
	r.call(http.MethodDelete, packA+"/"+q.ID, writeToken, "")
	assert.Equal(t, "walt", get[rest.Request](r, packA+"/"+q.ID).CancelledBy, "the object must end a started one itself")
	assert.Len(t, get[rest.RequestPage](r, packA+"?open=true").Requests, 1)
	assert.Len(t, get[rest.RequestPage](r, packA).Requests, 2)
}

// planner makes plans of packing, and of nothing else.
type planner struct{}

func (planner) Plan(_ context.Context, on backend.Ref, typ string, params json.RawMessage) (*rest.Plan, error) {
	if typ != "pack" {
		return nil, fmt.Errorf("%s: %w", typ, rest.ErrNoPlan)
	}
	var p packParams
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, &lifecycle.RejectedError{Ref: on, Type: typ, Err: err}
	}
	return &rest.Plan{Steps: []rest.PlanStep{{Name: "Filling", Devices: []string{on.String()}}, {Name: "Taping", Skip: "no tape"}}, Warnings: []string{"heavy: " + p.Label}}, nil
}

func TestAPlanPostsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *rest.Config) { c.Planner, c.Params = planner{}, nil })
	r.create("A1", "a")
	a := r.call(http.MethodPost, packA+"?plan=true", writeToken, `{"type":"pack","params":{"label":"iron"}}`)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	assert.JSONEq(t, `{"plan":{"steps":[{"name":"Filling","devices":["crate/a"],"left_out":[]},{"name":"Taping","devices":[],"left_out":[],"skip":"no tape"}],"refused":[],"warnings":["heavy: iron"]}}`, string(a.Body))
	assert.Empty(t, get[rest.RequestPage](r, packA).Requests)
	assert.Equal(t, rest.TypeNotImplemented, r.call(http.MethodPost, packA+"?plan=true", writeToken, `{"type":"free"}`).problem(t).Type)
	assert.Equal(t, rest.TypeRejected, r.call(http.MethodPost, packA+"?plan=true", writeToken, `{"type":"pack","params":{"label":1}}`).problem(t).Type)
	assert.Equal(t, rest.TypeNotFound, r.call(http.MethodPost, "/v1/objects/crate/x/requests?plan=true", writeToken, `{"type":"pack"}`).problem(t).Type)
	assert.Equal(t, rest.TypeUnknownRequest, r.call(http.MethodPost, packA+"?plan=true", writeToken, `{"type":"x"}`).problem(t).Type)

	without := newRig(t)
	without.create("A1", "a")
	assert.Equal(t, http.StatusNotImplemented, without.call(http.MethodPost, packA+"?plan=true", writeToken, `{"type":"pack"}`).Status)
	assert.Empty(t, get[rest.RequestPage](without, packA).Requests)
}
