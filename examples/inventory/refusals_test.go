package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

func TestEveryRefusalNamesWhatIsAllowed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.move("r1-node-2", "maintenance", "")
	const one, two = "/v1/nodes/r1-node-1/transitions", "/v1/nodes/r1-node-2/transitions"
	out := []string{"firmware_update", "in_service", "rma"}

	p := r.refusal(409, http.MethodPost, one, `{"to":"rma","note":"x"}`)
	assert.Equal(t, rest.TypeNotPermitted, p.Type)
	assert.Equal(t, "in_service", p.State)
	assert.Equal(t, []string{"maintenance"}, p.Permitted)
	assert.Contains(t, p.Detail, "from in_service to rma")

	p = r.refusal(409, http.MethodPost, two, `{"to":"rma","note":" "}`)
	assert.Equal(t, rest.TypeRejected, p.Type)
	assert.Equal(t, []string{"a note is required"}, p.Reasons)
	assert.Equal(t, out, p.Permitted)

	p = r.refusal(422, http.MethodPost, two, `{"to":"broken"}`)
	assert.Equal(t, rest.TypeInvalid, p.Type)
	assert.Equal(t, []string{"in_service", "maintenance", "firmware_update", "rma"}, p.Known)
	assert.Equal(t, out, p.Permitted)

	p = r.refusal(412, http.MethodPost, two, `{"to":"rma","note":"x"}`, "If-Match", `"7"`)
	assert.Equal(t, rest.TypePrecondition, p.Type)
	assert.Equal(t, out, p.Permitted)
	assert.Contains(t, p.Detail, "it is at 2, expected is 7")

	r.send(http.MethodPut, "/v1/objects/node/r1-node-2/health/operator", `{"alerts":[{"id":"FanFailure","classifications":["PreventAllocations"]}]}`)
	p = r.refusal(409, http.MethodPost, two, `{"to":"in_service"}`)
	assert.Equal(t, []string{"firmware_update", "rma"}, p.Permitted)
	assert.Contains(t, p.Reasons[0], "health.ok")
	p = r.refusal(409, http.MethodPost, two, `{"to":"maintenance","note":"again"}`)
	assert.Contains(t, p.Detail, "not now in_service: the guard is false: health.ok", "also why the others are not possible")
	moves := get[NodeMoves](r, "/v1/nodes/r1-node-2/moves?initiator=ann").Moves
	require.Len(t, moves, 3)
	assert.False(t, moves[1].Possible)
	assert.NotEmpty(t, moves[1].Why)
	assert.True(t, moves[2].RequireNote)

	assert.Equal(t, rest.TypeNotFound, r.refusal(404, http.MethodPost, "/v1/nodes/nobody/transitions", `{"to":"rma"}`).Type)
	assert.Equal(t, rest.TypeNotFound, r.refusal(404, http.MethodGet, "/v1/nodes/nobody/moves", "").Type)
	assert.Equal(t, rest.TypePrecondition, r.refusal(412, http.MethodPatch, "/v1/nodes/r1-node-1/metadata", `{"a":"b"}`, "If-Match", `"9"`).Type)
	for _, tag := range []string{`3`, `W/"1"`, `"1", "2"`, `"x"`, `"0"`} {
		r.refusal(412, http.MethodPatch, "/v1/nodes/r1-node-1/metadata", `{"a":"b"}`, "If-Match", tag)
	}
}

func TestANodeIsCreatedOnHardwareThatTheSiteHasAndNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	free := []string{"r2-compute-1", "r2-compute-2"}
	assert.Equal(t, free, r.refusal(422, http.MethodPost, "/v1/nodes", `{"id":"n","machine":"r2-compute-l"}`).Known)
	assert.Equal(t, free, r.refusal(409, http.MethodPost, "/v1/nodes", `{"id":"n","machine":"r1-compute-1"}`).Known)
	assert.Equal(t, []string{"r1", "r2"}, r.refusal(422, http.MethodPost, "/v1/nodes", `{"id":"n","rack":"r3"}`).Known)
	assert.Equal(t, []string{"r2"}, r.refusal(422, http.MethodPost, "/v1/nodes", `{"id":"n","rack":"r1","machine":"r2-compute-1"}`).Known)
	assert.Equal(t, rest.TypeExists, r.refusal(409, http.MethodPost, "/v1/nodes", `{"id":"r1-node-1"}`).Type)
	r.refusal(422, http.MethodPost, "/v1/nodes", `{"id":"a\u0000b"}`)
	a := r.send(http.MethodPost, "/v1/nodes", `{"id":"n:1","machine":"r2-compute-2","initiator":"ann","note":"new"}`)
	assert.Equal(t, 201, a.Status)
	assert.Equal(t, `"1"`, a.Header.Get("ETag"))
	b := r.call(http.MethodGet, a.Header.Get("Location"), readToken, "")
	assert.JSONEq(t, string(a.Body), string(b.Body))
}

func TestBodiesThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	big := `{"to":"rma","note":"` + strings.Repeat("x", 2<<20) + `"}`
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPost, "/v1/nodes/r1-node-1/transitions", big, 413},
		{http.MethodPost, "/v1/nodes/r1-node-1/transitions", `{"to":`, 400},
		{http.MethodPost, "/v1/nodes/r1-node-1/transitions", `[]`, 422},
		{http.MethodPost, "/v1/nodes/r1-node-1/transitions", ``, 400},
		{http.MethodPost, "/v1/nodes/r1-node-1/transitions", `{"to":"maintenance","when":"now"}`, 422},
		{http.MethodPost, "/v1/nodes/r1-node-1/transitions", `{"to":7}`, 422},
		{http.MethodPost, "/v1/nodes/r1-node-1/transitions", `{"to":"maintenance","note":"` + strings.Repeat("x", 1025) + `"}`, 422},
		{http.MethodPost, "/v1/nodes", `{}`, 422},
		{http.MethodPost, "/v1/nodes", `{"id":"n","metadata":{"a":1}}`, 422},
		{http.MethodPost, "/v1/transitions", `{"nodes":[],"to":"maintenance"}`, 422},
		{http.MethodPost, "/v1/transitions", `{"to":"maintenance"}`, 422},
		{http.MethodPatch, "/v1/nodes/r1-node-1/metadata", `{"":"x"}`, 422},
		{http.MethodPatch, "/v1/nodes/r1-node-1/metadata", `{"a":{"b":"c"}}`, 422},
		{http.MethodPatch, "/v1/nodes/r1-node-1/metadata", `{"a":"` + strings.Repeat("x", 4097) + `"}`, 422},
		{http.MethodPut, "/v1/subscribers/s", `{"url":1}`, 422},
		{http.MethodPost, "/v1/subscribers/s/replay", `{"after":-1}`, 422},
	} {
		p := r.refusal(c.status, c.method, c.path, c.body)
		assert.NotEmpty(t, p.Type)
		assert.Less(t, len(p.Detail), 500)
	}
	assert.Equal(t, 415, r.call(http.MethodPost, "/v1/nodes", writeToken, `id=n`, "Content-Type", "application/x-www-form-urlencoded").Status)
	assert.Equal(t, "in_service", r.state("r1-node-1"))
}

func TestReadersReadAndWritersWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for route, body := range map[string]string{
		"POST /v1/nodes": `{"id":"n"}`, "PATCH /v1/nodes/r1-node-1/metadata": `{}`, "POST /v1/nodes/r1-node-1/transitions": `{"to":"maintenance"}`,
		"POST /v1/transitions": `{"nodes":["r1-node-1"],"to":"maintenance"}`, "PUT /v1/subscribers/s": `{"url":"http://127.0.0.1:1/"}`,
		"DELETE /v1/subscribers/s": "", "POST /v1/subscribers/s/replay": `{"after":0}`, "POST /v1/subscribers/s/retry": "",
	} {
		method, path, _ := strings.Cut(route, " ")
		assert.Equal(t, 401, r.call(method, path, "", body).Status, route)
		assert.Equal(t, 401, r.call(method, path, "something-else-123", body).Status, route)
		assert.Equal(t, 403, r.call(method, path, readToken, body).Status, route)
	}
	for _, path := range []string{"/v1/nodes", "/v1/nodes/r1-node-1", "/v1/nodes/r1-node-1/history", "/v1/nodes/r1-node-1/moves", "/v1/service-definition", "/v1/service-definition/diagram", "/v1/subscribers"} {
		assert.Equal(t, 401, r.call(http.MethodGet, path, "", "").Status, path)
		assert.Equal(t, 200, r.call(http.MethodGet, path, readToken, "").Status, path)
	}
	assert.Equal(t, 200, r.call(http.MethodGet, "/", "", "").Status, "the page")
}

func TestTheDocumentHasTheRoutesOfNodesAndSubscribers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var doc struct {
		Paths map[string]map[string]struct {
			Tags      []string
			Security  []map[string][]string
			Responses map[string]struct {
				Content map[string]struct{ Schema map[string]any }
			}
		}
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, json.Unmarshal(r.call(http.MethodGet, "/openapi.json", "", "").Body, &doc))
	n := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if len(op.Tags) != 1 || op.Tags[0] != tagNodes && op.Tags[0] != tagSubscribers {
				continue
			}
			n++
			want := "write"
			if method == "get" {
				want = "read"
			}
			assert.Equal(t, []map[string][]string{{"bearer": {want}}}, op.Security, path)
			assert.Contains(t, op.Responses["401"].Content, "application/problem+json", path)
			if strings.Contains(path, "{id}") {
				assert.Contains(t, op.Responses, "404", path)
			}
		}
	}
	assert.Equal(t, 16, n)
	names := strings.Join(slices.Sorted(maps.Keys(doc.Components.Schemas)), " ")
	for _, name := range []string{"ServiceDocument", "NodePage", "NewTransition", "ShownSubscriber"} {
		assert.Contains(t, names, name)
	}
}
