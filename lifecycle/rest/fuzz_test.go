package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

// fuzzRequests is how many requests one run sends.
const fuzzRequests = 4000

// TestRequestsMadeOfTheDocumentFindNoServerError sends requests that are made of the document alone, valid ones and such as are wrong in one place or in many. Every answer must
// have a status and a body that the document knows, and none may be a server error.
func TestRequestsMadeOfTheDocumentFindNoServerError(t *testing.T) {
	t.Parallel()
	seed := uint64(1)
	if s := os.Getenv("RACKSTATE_FUZZ_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("seed %d; replay with: RACKSTATE_FUZZ_SEED=%d go test ./lifecycle/rest -run %s -v", seed, seed, t.Name())
	r := newRig(t, func(c *rest.Config) {
		c.Planner, c.MaxBody = planner{}, 16<<10
		c.Register = nil
	})
	r.create("R1", "a", "b", "c")
	r.create("R2", "d", "a-b.c~d")
	f := &fuzzer{Rand: rand.New(rand.NewPCG(seed, 0)), rig: r, statuses: map[string]map[int]int{}}
	operations := r.doc.operations()
	made := 0
	try := func(o operation) {
		req, cancel := f.request(o)
		a := r.send(req)
		cancel()
		f.learn(a)
		if f.statuses[o.id()] == nil {
			f.statuses[o.id()] = map[int]int{}
		}
		f.statuses[o.id()][a.Status]++
		if a.Status >= 500 && a.Status != http.StatusNotImplemented {
			t.Errorf("request %d: %s %s: %d %s", made, req.Method, req.URL, a.Status, a.Body)
		}
		if t.Failed() {
			t.Fatalf("request %d of seed %d: %s %s with %s", made, seed, req.Method, req.URL, f.sent)
		}
		if made%20 == 0 {
			r.pass(60_000_000_000)
			f.revive()
		}
		made++
	}
	for range fuzzRequests {
		try(operations[f.IntN(len(operations))])
	}
	for _, o := range operations { // what happened to have no success needs something to be done before: a request to cancel
		for tries := 0; !f.succeeded(o.id()) && tries < fuzzRequests; tries++ {
			try(operations[f.IntN(len(operations))])
			try(o)
		}
	}
	for _, o := range operations {
		t.Logf("%-22s %v", o.id(), f.statuses[o.id()])
		assert.True(t, f.succeeded(o.id()), "%s was never called with success: the generator is too wild", o.id())
		if o.spec["parameters"] != nil {
			assert.Greater(t, len(f.statuses[o.id()]), 1, "%s was never called with something wrong", o.id())
		}
	}
}

// fuzzer makes requests of the document.
type fuzzer struct {
	*rand.Rand
	rig      *rig
	statuses map[string]map[int]int
	// cursors, etags, requests and positions are what answers have shown, as a client would use them.
	cursors, etags, requests, positions []string
	sent                                string
}

// request makes a request for an operation.
// succeeded reports whether an operation was ever called with success.
func (f *fuzzer) succeeded(id string) bool {
	for status := range f.statuses[id] {
		if status < 300 {
			return true
		}
	}
	return false
}

func (f *fuzzer) request(o operation) (*http.Request, context.CancelFunc) {
	path, query, header := o.path, url.Values{}, http.Header{}
	wild := f.IntN(4) // 0, 1: all is valid; 2: something is wrong; 3: much is
	for _, p := range list(o.spec, "parameters") {
		p := p.(map[string]any)
		name, in := text(p, "name"), text(p, "in")
		if p["required"] != true && f.IntN(3) > 0 {
			continue
		}
		value := f.parameter(o, name, p["schema"].(map[string]any), wild)
		switch in {
		case "path":
			if value == "" || value == "." || value == ".." {
				value = "x"
			}
			path = strings.Replace(path, "{"+name+"}", url.PathEscape(value), 1)
		case "query":
			query.Add(name, value)
			if wild == 3 && f.IntN(10) == 0 {
				query.Add(name, value)
			}
		default:
			header.Set(name, value)
		}
	}
	if wild == 3 && f.IntN(4) == 0 {
		query.Set(f.word(), f.word())
	}
	f.sent = ""
	if body := object(o.spec, "requestBody", "content"); body != nil {
		for contentType, media := range body {
			f.sent = f.body(object(media.(map[string]any), "schema"), wild)
			header.Set("Content-Type", contentType)
		}
		if wild == 3 && f.IntN(6) == 0 {
			header.Set("Content-Type", []string{"text/plain", "application/xml", "application/json;", "x", "+", "application/problem+json"}[f.IntN(6)])
		}
	}
	ctx, cancel := context.WithCancel(f.rig.Context())
	method := o.method
	if o.path == "/v1/events" { // a stream would not end
		method = http.MethodHead
	}
	req := httptest.NewRequestWithContext(ctx, method, path+"?"+query.Encode(), strings.NewReader(f.sent))
	req.Header = header
	token := adminToken
	if wild == 3 {
		token = []string{adminToken, adminToken, adminToken, readToken, writeToken, noScope, badToken, ""}[f.IntN(8)]
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, cancel
}

// parameter makes a value of a parameter. Names that objects have are taken from what is there, or nothing would ever be found.
func (f *fuzzer) parameter(o operation, name string, schema map[string]any, wild int) string {
	if wild >= 2 && f.IntN(3) == 0 {
		return f.mess(schema)
	}
	known := map[string][]string{
		"kind": {"crate", "crate", "crate", "box"}, "id": {"a", "b", "c", "d", "a-b.c~d", "zz"}, "rack": {"R1", "R2"}, "state": {"Idle", "Packing", "Stuck"},
		"cursor": f.cursors, "If-Match": f.etags, "request": f.requests, "Last-Event-ID": f.positions, "after": f.positions, "owner": {"gateway", "walt"}, "type": {"pack", "look"},
	}
	if values := known[name]; len(values) > 0 {
		return values[f.IntN(len(values))]
	}
	v := f.valid(schema, 0)
	if s, ok := v.(string); ok {
		return s
	}
	if l, ok := v.([]any); ok {
		return fmt.Sprint(append(l, "x")[0])
	}
	return fmt.Sprint(v)
}

// learn keeps what a client would use in its next requests.
func (f *fuzzer) learn(a answer) {
	keep := func(list *[]string, v string) {
		if v != "" && !slices.Contains(*list, v) {
			*list = append(*list, v)[max(0, len(*list)-30):]
		}
	}
	var body struct {
		Next     string         `json:"next"`
		Requests []rest.Request `json:"requests"`
		Request  *rest.Request  `json:"request"`
		Rows     []struct {
			Position uint64 `json:"position"`
		} `json:"transitions"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return
	}
	keep(&f.cursors, body.Next)
	keep(&f.etags, a.Header.Get("ETag"))
	if body.Request != nil {
		keep(&f.requests, body.Request.ID)
	}
	for _, r := range body.Requests {
		keep(&f.requests, r.ID)
	}
	for _, row := range body.Rows {
		keep(&f.positions, strconv.FormatUint(row.Position, 10))
	}
}

// revive creates again what was deleted.
func (f *fuzzer) revive() {
	for rack, ids := range map[string][]string{"R1": {"a", "b", "c"}, "R2": {"d", "a-b.c~d"}} {
		for _, id := range ids {
			if _, err := f.rig.ctl.Explain(crateRef(id)); err != nil {
				f.rig.create(rack, id)
			}
		}
	}
}
