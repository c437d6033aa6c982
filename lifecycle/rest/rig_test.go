package rest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// TestMain fails the run when a stream leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tokens of the tests. None may ever be seen in an answer or a log.
const (
	readToken  = "read-7f2c9a1d44e0"
	writeToken = "write-0b6d3e5c9911"
	adminToken = "admin-c4a8f1e27730"
	noScope    = "none-55aa0f3b21c7"
	badToken   = "bad-ffffffffffff"
)

func tokens(t *testing.T) *rest.StaticTokens {
	t.Helper()
	s, err := rest.NewStaticTokens(nil,
		rest.Token{Name: "rita", SHA256: rest.DigestToken(readToken), Scopes: []rest.Scope{rest.Read}},
		rest.Token{Name: "walt", SHA256: rest.DigestToken(writeToken), Scopes: []rest.Scope{rest.Write}},
		rest.Token{Name: "gateway", SHA256: rest.DigestToken(adminToken), Scopes: []rest.Scope{rest.Read, rest.Write, rest.ActAs}},
		rest.Token{Name: "nobody", SHA256: rest.DigestToken(noScope), Scopes: []rest.Scope{rest.ActAs}})
	require.NoError(t, err)
	return s
}

// safeBuffer is a log that many goroutines write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// rig is a handler over a real controller of crates, in virtual time.
type rig struct {
	*testing.T
	store backend.Store
	clock *sitesim.Clock
	ctl   *lifecycle.Controller
	h     *rest.Handler
	log   *safeBuffer
	doc   *document
}

func newRig(t *testing.T, change ...func(*rest.Config)) *rig {
	t.Helper()
	return newRigOn(t, memory.New(), change...)
}

func newRigOn(t *testing.T, store backend.Store, change ...func(*rest.Config)) *rig {
	t.Helper()
	kind, err := crateKind()
	require.NoError(t, err)
	r := &rig{T: t, store: store, clock: sitesim.NewClock(sitesim.Start), log: &safeBuffer{}}
	logger := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	feed := rest.NewFeed(nil)
	r.ctl, err = lifecycle.NewController(t.Context(), store, lifecycle.Config{Clock: r.clock, Logger: logger, Observer: feed}, kind)
	require.NoError(t, err)
	cfg := rest.Config{Authorizer: tokens(t), Feed: feed, Logger: logger, Params: []rest.Params{{Kind: kindCrate, Type: "pack", Value: packParams{}}}}
	for _, c := range change {
		c(&cfg)
	}
	r.h, err = rest.New(r.ctl, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = r.h.Close()
		r.noSecretIn("the log", r.log.String())
	})
	r.doc = parseDocument(t, r.h.Document())
	return r
}

// create adds crates to a rack.
func (r *rig) create(rack string, ids ...string) {
	r.Helper()
	err := r.ctl.Apply(r.Context(), func(tx *lifecycle.Tx) error {
		for _, id := range ids {
			if err := tx.Create(&crate{Object: lifecycle.NewObject(crateRef(id), rack), Key: sealed{backend.NewSecret(secretKey)}}, "test", ""); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(r, err)
	r.settle()
}

// settle reconciles what is due now.
func (r *rig) settle() {
	r.Helper()
	_, _, err := r.ctl.RunUntilIdle(r.Context(), r.clock.Now())
	require.NoError(r, err)
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	r.Helper()
	for end := r.clock.Now().Add(d); r.clock.Now().Before(end); r.settle() {
		r.clock.Set(r.clock.Now().Add(min(end.Sub(r.clock.Now()), 30*time.Second)))
	}
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// into decodes the body.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.Body, v), "%s", a.Body)
}

// problem decodes the body of an error.
func (a answer) problem(t *testing.T) rest.Problem {
	t.Helper()
	var p rest.Problem
	a.into(t, &p)
	return p
}

// call sends a request and checks that the answer is as the document says. headers are names and values.
func (r *rig) call(method, path, token, body string, headers ...string) answer {
	r.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(r.Context(), method, path, in)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return r.send(req)
}

func (r *rig) send(req *http.Request) answer {
	r.Helper()
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req)
	a := answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
	r.check(req, a)
	return a
}

// check holds for every answer of every test.
func (r *rig) check(req *http.Request, a answer) {
	r.Helper()
	what := req.Method + " " + req.URL.String()
	r.noSecretIn(what, string(a.Body))
	for name, values := range a.Header {
		r.noSecretIn(what+" header "+name, strings.Join(values, "\n"))
		assert.False(r, strings.HasPrefix(name, "Access-Control-"), "%s: %s", what, name)
	}
	assert.Equal(r, "nosniff", a.Header.Get("X-Content-Type-Options"), what)
	assert.NotEmpty(r, a.Header.Get("Content-Security-Policy"), what)
	if err := r.doc.conforms(req.Method, req.URL.EscapedPath(), a); err != nil {
		assert.NoError(r, err, "%s: %d %s", what, a.Status, a.Body)
	}
}

func (r *rig) noSecretIn(where, text string) {
	r.Helper()
	for _, s := range []string{secretKey, readToken, writeToken, adminToken, noScope, badToken, sitePassword} {
		assert.NotContains(r, text, s, "%s shows a secret", where)
	}
}

// get fails unless the answer is 200, and decodes it.
func get[V any](r *rig, path string) V {
	r.Helper()
	a := r.call(http.MethodGet, path, readToken, "")
	require.Equal(r, http.StatusOK, a.Status, "%s: %s", path, a.Body)
	var v V
	a.into(r.T, &v)
	return v
}

// jsonInto decodes without failing the test, for other goroutines.
func jsonInto(raw []byte, v any) error { return json.Unmarshal(raw, v) }

// historyOf selects the history of a crate, of everything without an id.
func historyOf(id string) backend.HistoryQuery {
	if id == "" {
		return backend.HistoryQuery{}
	}
	return backend.HistoryQuery{Ref: crateRef(id)}
}
