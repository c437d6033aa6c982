package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/webhook"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// FuzzRoute: whatever is asked of nodes and subscribers, a refusal is a problem and has changed nothing, and nothing is a fault of the server.
func FuzzRoute(f *testing.F) {
	for _, seed := range [][4]string{
		{"GET", "/v1/nodes?limit=1&state=in_service", "", ""},
		{"GET", "/v1/nodes/r1-node-1", "", ""},
		{"GET", "/v1/nodes/r1-node-1/moves?initiator=ann", "", ""},
		{"GET", "/v1/nodes/r1-node-1/history?cursor=1&limit=1&initiator=a%2A&since=2026-01-01T00:00:00Z", "", ""},
		{"GET", "/v1/nodes/r1-node-1/history?cursor=-1", "", ""},
		{"POST", "/v1/nodes", "", `{"id":"n:1","machine":"r2-compute-2","rack":"r2","metadata":{"a":"b"},"note":"x","initiator":"ann"}`},
		{"POST", "/v1/nodes", "", `{"id":"a\u0000b"}`},
		{"POST", "/v1/nodes/r1-node-1/transitions", `"1"`, `{"to":"maintenance","note":"n","initiator":"ann"}`},
		{"POST", "/v1/nodes/r1-node-1/transitions", `W/"1"`, `{"to":"rma"}`},
		{"POST", "/v1/transitions", "", `{"nodes":["r1-node-1","nobody","r1-node-1"],"to":"maintenance","note":"n"}`},
		{"PATCH", "/v1/nodes/r1-node-1/metadata", "*", `{"a":"b","c":null}`},
		{"PUT", "/v1/subscribers/s", "", `{"url":"http://127.0.0.1:1/x","secrets":["` + secret + `"],"kinds":["node"],"entered":["maintenance"],"from_now":true}`},
		{"PUT", "/v1/subscribers/s", "", `{"url":"https://10.0.0.1/","secrets":["whsec_"]}`},
		{"GET", "/v1/subscribers", "", ""},
		{"DELETE", "/v1/subscribers/s", "", ""},
		{"POST", "/v1/subscribers/s/replay", "", `{"after":18446744073709551615}`},
		{"POST", "/v1/subscribers/s/retry", "", ""},
		{"GET", "/v1/service-definition", "", ""},
		{"GET", "/v1/service-definition/diagram", "", ""},
		{"POST", "/v1/objects/rack/r1/requests?plan=true", "", `{"type":"maintenance","params":{"scope":{"machines":[]}}}`},
		{"POST", "/v1/objects/rack/r1/requests", "", `{"type":"maintenance","params":{"scope":{"activities":[{"name":"PowerSequence"}]},"disturb_tenants":true}}`},
		{"POST", "/v1/objects/rack/r1/requests", "", `{"type":"power","params":{"mode":"off"}}`},
		{"POST", "/v1/nodes/%2e%2e/transitions", "", `{}`},
		{"GET", "/v1/nodes/a%2Fb", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], []byte(seed[3]))
	}
	inv, err := open(f.Context(), options{
		db: filepath.Join(f.TempDir(), "racks.db"), read: readToken, write: writeToken, seed: 1, networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, io.Discard, slog.New(slog.DiscardHandler))
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, inv.close()) })
	f.Fuzz(func(t *testing.T, method, target, match string, body []byte) {
		u, err := url.ParseRequestURI(target)
		refused := func(r rune) bool { return r <= ' ' || r >= 0x7f }
		if err != nil || u.Host != "" || !strings.HasPrefix(target, "/v1/") || u.Path == "/v1/events" || strings.ContainsFunc(target+match, refused) || method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			t.Skip("net/http does not let it through, or it is a stream")
		}
		req := httptest.NewRequestWithContext(t.Context(), method, "/", bytes.NewReader(body))
		req.URL, req.RequestURI = u, target
		req.Header.Set("Authorization", "Bearer "+writeToken)
		req.Header.Set("Content-Type", "application/json")
		if match != "" {
			req.Header.Set("If-Match", match)
		}
		before := everything(t, inv)
		w := httptest.NewRecorder()
		inv.handler.ServeHTTP(w, req)
		require.True(t, w.Code < 500 || w.Code == http.StatusNotImplemented, "%d %s", w.Code, w.Body)
		require.NotContains(t, w.Body.String(), secret)
		if w.Code >= 400 || method == http.MethodGet {
			require.Equal(t, before, everything(t, inv), "%d %s: nothing was changed", w.Code, w.Body)
		}
		if w.Code >= 400 && method != http.MethodHead {
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			var p rest.Problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.Equal(t, w.Code, p.Status)
			require.NotEmpty(t, p.Detail)
		}
	})
}

// everything is what a request could have changed: the version of each object, and who is told.
func everything(t *testing.T, inv *inventory) map[string]uint64 {
	t.Helper()
	records, err := inv.store.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	out := map[string]uint64{}
	for _, r := range records {
		out[r.Ref.String()] = r.Version
	}
	told, err := inv.sender.Status(t.Context())
	require.NoError(t, err)
	for _, s := range told {
		out["subscriber "+s.Name+" "+s.Target] = s.Cursor
	}
	return out
}

// FuzzReceive: the receiver of the example takes over what is signed and a transition, once, and refuses the rest.
func FuzzReceive(f *testing.F) {
	f.Add("POST", "msg_1", []byte(`{"specversion":"1.0","id":"msg_1","source":"/x","type":"t","datacontenttype":"application/json","data":{"ref":"rack/r1","to":"Ready","timestamp":"2026-01-01T00:00:00Z"}}`), true)
	f.Add("POST", "msg_1", []byte(`{"specversion":"1.0","id":"m","source":"/x","type":"t","data":7}`), true)
	f.Add("POST", "", []byte(`{"specversion":"1.0","id":"m","source":"/x","type":"t","data_base64":"!"}`), true)
	f.Add("POST", "x", []byte("null"), true)
	f.Add("GET", "x", []byte(nil), false)
	f.Fuzz(func(t *testing.T, method, id string, body []byte, signed bool) {
		if method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			t.Skip("net/http does not let it through")
		}
		var out bytes.Buffer
		r, err := newReceiver(secret, &out)
		require.NoError(t, err)
		var codes [2]int
		for i := range codes {
			req := httptest.NewRequestWithContext(t.Context(), method, "/", bytes.NewReader(body))
			now := time.Now()
			if signed {
				signature, err := r.verify.Sign(id, now, body)
				require.NoError(t, err)
				req.Header.Set(hooks.HeaderWebhookID, id)
				req.Header.Set(hooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
				req.Header.Set(hooks.HeaderWebhookSignature, signature)
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			codes[i] = w.Code
			require.Contains(t, []int{204, 400, 401, 405, 413, 422}, w.Code)
			require.True(t, signed || w.Code != http.StatusNoContent)
		}
		require.Equal(t, codes[0], codes[1])
		if codes[0] != http.StatusNoContent {
			require.Empty(t, out.String(), "what is refused leaves no trace")
		} else {
			require.Len(t, r.ids, 1, "it was taken over once")
		}
	})
}

// FuzzSubscribersFile: a list of subscribers of any bytes is refused by the name of its file, or is kept as it is through the next start.
func FuzzSubscribersFile(f *testing.F) {
	f.Add([]byte(`[{"name":"s","url":"https://hooks.example/x","secrets":["` + secret + `"],"kinds":["rack"],"entered":["Ready"]}]`))
	f.Add([]byte(`[{"name":"s","url":"https://hooks.example/x","secrets":["` + secret + `"]},{"name":"s","url":"https://other.example/","secrets":["` + secret + `"]}]`))
	for _, text := range []string{"", "null", "[]", "[null]", "{}", "[{}]", `[{"name":7}]`, "[", "[] []"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "subscribers")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		read := func() (*subscribers, error) {
			sender, err := webhook.New(memory.New(), webhook.Config{Source: "/x"})
			require.NoError(t, err)
			return openSubscribers(t.Context(), path, sender)
		}
		s, err := read()
		if err != nil {
			require.ErrorContains(t, err, path)
			require.NotContains(t, err.Error(), secret)
			return
		}
		all, err := s.sender.Status(t.Context())
		require.NoError(t, err)
		require.Len(t, all, len(s.known))
		_, err = s.put(t.Context(), subscription{Name: "fuzz", URL: "https://hooks.example/x", Secrets: []string{secret}}, true)
		require.NoError(t, err)
		again, err := read()
		require.NoError(t, err)
		require.Equal(t, s.known, again.known)
	})
}
