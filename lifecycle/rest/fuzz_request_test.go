package rest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// fuzzRig is one rig for many inputs: to make one takes longer than to ask it a hundred times.
type fuzzRig struct {
	*rig
	left int
}

// ready returns the rig for one input, with all crates in it.
func (f *fuzzRig) ready(t *testing.T) *rig {
	t.Helper()
	if f.left == 0 { // its history has become long
		f.rig, f.left = newRig(t, func(c *rest.Config) { c.Planner, c.MaxBody = planner{}, 16<<10 }), 2000
	}
	f.T = t
	f.left--
	if f.left%10 == 0 {
		f.pass(60_000_000_000)
	}
	for _, id := range []string{"a", "b", "c", "a-b.c~d"} {
		if _, err := f.ctl.Explain(crateRef(id)); err != nil {
			f.create("R1", id)
		}
	}
	return f.rig
}

// versions are those of all objects: whatever is written of an object, and whatever it is asked for, makes its version another one.
func (r *rig) versions() map[string]uint64 {
	r.Helper()
	records, err := r.store.List(r.Context(), backend.Query{})
	require.NoError(r, err)
	out := map[string]uint64{}
	for _, rec := range records {
		out[rec.Ref.String()] = rec.Version
	}
	return out
}

// asRequest makes a request of what a client may send; nil if the server of net/http would not let it through.
func asRequest(t *testing.T, method, target, header string, body []byte) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil || u.Host != "" || !strings.HasPrefix(target, "/") || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil
	}
	if method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || method == http.MethodConnect {
		return nil
	}
	if u.Path == "/v1/events" && method == http.MethodGet { // a stream would not end
		method = http.MethodHead
	}
	req := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(string(body)))
	req.URL, req.RequestURI = u, target
	req.Header.Set("Authorization", "Bearer "+adminToken)
	for line := range strings.SplitSeq(header, "\n") {
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz-") != "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			return nil
		}
		req.Header.Set(name, strings.TrimSpace(value))
	}
	return req
}

// FuzzRequest: whatever is asked, the answer is one that the document knows, a refusal is a problem and has changed nothing, and nothing is a fault of the server.
func FuzzRequest(f *testing.F) {
	const kind = "Content-Type: application/json"
	for _, seed := range []struct{ method, target, header, body string }{
		{"GET", "/v1/objects?limit=2&kind=crate&label=a%3Db", "Accept: */*", ""},
		{"GET", "/v1/objects/crate/a", "Accept: x", ""},
		{"GET", "/v1/objects/crate/a-b.c~d/explain", "Accept: */*", ""},
		{"DELETE", "/v1/objects/crate/b?force=true", `If-Match: "1"`, ""},
		{"GET", "/v1/objects/crate/a/history?order=newest&since=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z", "Accept: */*", ""},
		{"GET", "/v1/objects/crate/a/permitted", "Accept: */*", ""},
		{"GET", "/v1/objects/crate/a/requests?open=true", "Accept: */*", ""},
		{"GET", "/v1/requests?type=pack", "Accept: */*", ""},
		{"POST", "/v1/objects/crate/a/requests", kind + "\nIdempotency-Key: k1", `{"type":"pack","reference":"T-1","initiator":"ann","params":{"jam":true,"label":"x"}}`},
		{"POST", "/v1/objects/crate/a/requests?plan=true", kind, `{"type":"pack","params":{}}`},
		{"POST", "/v1/requests", kind, `{"on":["crate/a","crate/b"],"type":"pack"}`},
		{"POST", "/v1/requests", kind + "\nIdempotency-Key: k1", `{"on":["crate/a","crate/a","crate/zz"],"type":"free"}`},
		{"GET", "/v1/requests/key-0", "Accept: */*", ""},
		{"PATCH", "/v1/objects/crate/c/labels", "Content-Type: application/merge-patch+json\nIf-Match: *", `{"a":"b","c":null,"":"\u0000"}`},
		{"PUT", "/v1/objects/crate/c/holds/look/walt", kind, `{"reason":"because","expires":"2026-01-02T00:00:00Z"}`},
		{"DELETE", "/v1/objects/crate/c/holds/look/walt", "Accept: */*", ""},
		{"PUT", "/v1/objects/crate/a/health/fan?override=true", kind, `{"alerts":[{"id":"hot","target":"f1","message":"m","classifications":["PreventAllocations"]}]}`},
		{"DELETE", "/v1/objects/crate/a/health/fan", "Accept: */*", ""},
		{"GET", "/v1/kinds", "Accept: */*", ""},
		{"GET", "/v1/kinds/crate/diagram", "Accept: */*", ""},
		{"GET", "/v1/kinds/crate/table", "Accept: */*", ""},
		{"GET", "/v1/history?after=3&limit=1&initiator=test", "Accept: */*", ""},
		{"HEAD", "/v1/events?after=1", "Last-Event-ID: 7", ""},
		{"DELETE", "/v1/objects/crate/a/requests/key-0", "Accept: */*", ""},
		{"GET", "/healthz", "Accept: */*", ""},
		{"GET", "/readyz", "Accept: */*", ""},
		{"GET", "/openapi.json", "Accept: */*", ""},
		{"GET", "/", "Accept: text/html", ""},
		{"POST", "/v1/objects/crate/a%2Fb/requests", kind, `[`},
		{"GET", "/v1/objects//a", "Accept: */*", ""},
		{"GET", "/v1/objects/%2e%2e/a", "Accept: */*", ""},
		{"OPTIONS", "/v1/objects", "Origin: http://x", ""},
		{"GET", "/v1/objects?cursor=eyJmIjoieCIsImwiOjF9&limit=99999999999", "Accept: */*", ""},
		{"PUT", "/v1/objects/crate/a/health/x", kind, `{"alerts":null}`},
		{"GET", "/v1/objects?%zz", "Accept: */*", ""},
		{"PUT", "/v1/objects/crate/a/holds/%00/walt", kind, `{"reason":" ","expires":"9999-12-31T23:59:59Z"}`},
		{"PATCH", "/v1/objects/crate/a/labels", kind, `null`},
	} {
		f.Add(seed.method, seed.target, seed.header, []byte(seed.body))
	}
	shared := &fuzzRig{}
	f.Fuzz(func(t *testing.T, method, target, header string, body []byte) {
		req := asRequest(t, method, target, header, body)
		if req == nil {
			t.Skip("net/http does not let it through")
		}
		r := shared.ready(t)
		before := r.versions()
		a := r.send(req)
		require.True(t, a.Status < 500 || a.Status == http.StatusNotImplemented, "%d %s", a.Status, a.Body)
		reads := req.Method == http.MethodGet || req.Method == http.MethodHead
		if reads || a.Status >= 400 {
			require.Equal(t, before, r.versions(), "%d %s: nothing was changed", a.Status, a.Body)
		}
		if a.Status >= 400 && req.Method != http.MethodHead {
			require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			p := a.problem(t)
			require.Equal(t, a.Status, p.Status)
			require.True(t, strings.HasPrefix(string(p.Type), "urn:rackstate:problem:"), "%s", a.Body)
			require.NotEmpty(t, p.Detail)
		}
		if a.Status == http.StatusAccepted && req.Method == http.MethodPost {
			r.allAsked(a)
		}
		require.NotContains(t, r.log.String(), "panicked")
		r.log.reset()
	})
}

// allAsked requires that everything that an accepted post says stands in the store, on each of the objects.
func (r *rig) allAsked(a answer) {
	r.Helper()
	var body struct {
		Request  *rest.Request  `json:"request"`
		Requests []rest.Request `json:"requests"`
	}
	a.into(r.T, &body)
	if body.Request != nil {
		body.Requests = append(body.Requests, *body.Request)
	}
	require.NotEmpty(r, body.Requests)
	for _, one := range body.Requests {
		ref, err := backend.ParseRef(one.On)
		require.NoError(r, err)
		stored, err := r.store.Requests(r.Context(), backend.RequestQuery{ID: one.ID, On: ref})
		require.NoError(r, err)
		require.Len(r, stored, 1, "%s on %s", one.ID, one.On)
	}
}

// reset forgets what was logged, after a look for secrets.
func (b *safeBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

// FuzzCursor: a cursor of any text, or one of this server that says another place, is refused or continues the list, which comes to an end.
func FuzzCursor(f *testing.F) {
	for list := range uint8(5) {
		f.Add(list, "", `7`)
		f.Add(list, "", `{"r":"R1","k":"crate","i":"a"}`)
		f.Add(list, "", `{"o":{"r":"R1","k":"crate","i":"a"},"a":"2026-01-01T00:00:00Z","i":"q"}`)
		for _, last := range []string{"-1", "9223372036854775807", "18446744073709551615", "1e3", "null", "{}", `"x"`, `[]`, `{"x":1}`} {
			f.Add(list, "", last)
		}
		f.Add(list, "eyJmIjoieCIsImwiOjF9", "")
		f.Add(list, "!", "")
	}
	shared := &fuzzRig{}
	f.Fuzz(func(t *testing.T, list uint8, raw, last string) {
		r := shared.ready(t)
		defer r.log.reset()
		if len(r.ctl.OpenRequests(crateRef("a"))) == 0 { // something to list
			_, err := r.ctl.Request(t.Context(), lifecycle.NewRequest{Type: "free", Initiator: "ann"}, crateRef("a"))
			require.NoError(t, err)
			_, err = r.ctl.Request(t.Context(), lifecycle.NewRequest{Type: "free", Initiator: "bob"}, crateRef("a"))
			require.NoError(t, err)
		}
		path := []string{
			"/v1/objects?limit=1", "/v1/history?limit=1", "/v1/objects/crate/a/history?limit=1", "/v1/objects/crate/a/history?limit=1&order=newest", "/v1/objects/crate/a/requests?limit=1",
		}[list%5]
		text := raw
		if text == "" {
			text = forged(r, path, last)
		}
		seen, bound := map[string]bool{}, 5000
		for text != "" {
			require.False(t, seen[text], "the list goes in a circle")
			require.Positive(t, bound, "the list has no end")
			seen[text], bound = true, bound-1
			a := r.call(http.MethodGet, path+"&cursor="+url.QueryEscape(text), readToken, "")
			if a.Status != http.StatusOK {
				require.Equal(t, http.StatusUnprocessableEntity, a.Status, "%s", a.Body)
				require.Equal(t, rest.TypeInvalid, a.problem(t).Type)
				require.Len(t, seen, 1, "a cursor of this server is taken")
				return
			}
			var page struct {
				Next string `json:"next"`
			}
			a.into(t, &page)
			text = page.Next
			if bound < 4950 { // it goes on; the rest is as what was read
				return
			}
		}
	})
}

// forged is a cursor of a list that says another place.
func forged(r *rig, path, last string) string {
	r.Helper()
	var page struct {
		Next string `json:"next"`
	}
	r.call(http.MethodGet, path, readToken, "").into(r.T, &page)
	filter := "x"
	if page.Next != "" {
		plain, err := base64.RawURLEncoding.DecodeString(page.Next)
		require.NoError(r, err)
		var c struct {
			F string          `json:"f"`
			L json.RawMessage `json:"l"`
		}
		require.NoError(r, json.Unmarshal(plain, &c))
		filter = c.F
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"f":%q,"l":%s}`, filter, last))
}
