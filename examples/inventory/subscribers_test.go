package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// ear is a receiver that a test listens with.
type ear struct {
	url string
	mu  sync.Mutex
	out bytes.Buffer
}

// Write keeps what the receiver prints.
func (e *ear) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out.Write(p)
}

func (e *ear) lines() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Split(strings.TrimSpace(e.out.String()), "\n")
}

// listen runs the receiver of the example.
func listen(t *testing.T) *ear {
	t.Helper()
	e := &ear{}
	r, err := newReceiver(secret, e)
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e.url = "http://" + listener.Addr().String() + "/"
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.serve(ctx, listener) }()
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
	return e
}

// hears waits until the receiver has printed so many lines.
func (e *ear) hears(t *testing.T, n int) []string {
	t.Helper()
	require.Eventually(t, func() bool { return len(e.lines()) >= n }, 20*time.Second, 10*time.Millisecond, "%q", e.lines())
	return e.lines()
}

func subscriberBody(url string) string {
	return fmt.Sprintf(`{"url":%q,"secrets":[%q],"kinds":["node"]}`, url, secret)
}

func TestASubscriberIsToldOfEveryMoveOnceAndInOrder(t *testing.T) {
	t.Parallel()
	r, e := newRig(t), listen(t)
	a := r.send(http.MethodPut, "/v1/subscribers/tickets", subscriberBody(e.url))
	assert.Equal(t, 201, a.Status)
	r.move("r1-node-1", "maintenance", "fan 3")
	lines := e.hears(t, 3)
	assert.Equal(t, []string{
		"2026-01-01T00:00:00Z  node/r1-node-1  (new) -> in_service  by inventory  (first start)",
		"2026-01-01T00:00:00Z  node/r1-node-2  (new) -> in_service  by inventory  (first start)",
		"2026-01-01T00:00:00Z  node/r1-node-1  in_service -> maintenance  by operator  (fan 3)",
	}, lines)

	r.send(http.MethodPost, "/v1/subscribers/tickets/replay", `{"after":0}`)
	r.move("r1-node-1", "rma", "case 1")
	assert.Contains(t, e.hears(t, 4)[3], "maintenance -> rma", "what was seen before is dropped")
	p := r.refusal(422, http.MethodPost, "/v1/subscribers/tickets/replay", `{"after":1000}`)
	assert.Contains(t, p.Errors[0].Message, "ends at position 4")

	require.Eventually(t, func() bool {
		return get[ShownSubscriber](r, "/v1/subscribers/tickets").State == "current"
	}, 20*time.Second, 10*time.Millisecond)
	all := r.call(http.MethodGet, "/v1/subscribers", readToken, "")
	assert.Contains(t, string(all.Body), `"kinds":["node"]`)
	assert.Equal(t, 200, r.send(http.MethodPut, "/v1/subscribers/tickets", fmt.Sprintf(`{"url":%q,"racks":["r2"]}`, e.url)).Status, "it keeps its secret")
	r.send(http.MethodPost, "/v1/subscribers/tickets/retry", "")
	r.send(http.MethodDelete, "/v1/subscribers/tickets", "")
	p = r.refusal(404, http.MethodDelete, "/v1/subscribers/tickets", "")
	assert.Empty(t, p.Known)
}

func TestASubscriberThatCannotBeServedIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const path = "/v1/subscribers/s"
	for _, c := range []struct{ body, want string }{
		{`{"url":"http://127.0.0.1:1/"}`, "needs a secret"},
		{subscriberBody("http://10.1.2.3/"), "not public"},
		{subscriberBody("http://169.254.169.254/latest"), "not public"},
		{subscriberBody("ftp://example.com/"), "https"},
		{`{"url":"http://127.0.0.1:1/","secrets":["whsec_c2hvcnQ="]}`, "24 to 64"},
		{`{"url":"http://127.0.0.1:1/","secrets":["whsec_c2hvcnQ="],"entered":["a/"]}`, "without a slash"},
	} {
		p := r.refusal(422, http.MethodPut, path, c.body)
		assert.Contains(t, fmt.Sprint(p.Errors), c.want)
		assert.NotContains(t, fmt.Sprint(p), "c2hvcnQ", "nor is a secret repeated")
	}
	p := r.refusal(422, http.MethodPut, path, `{"url":"http://127.0.0.1:1/","kinds":["nodes"]}`)
	assert.Contains(t, p.Known, "node")
	r.refusal(404, http.MethodGet, path, "")
	r.refusal(404, http.MethodPost, path+"/retry", "")
	r.refusal(404, http.MethodPost, path+"/replay", `{"after":0}`)
	assert.NoFileExists(t, r.db+".subscribers")
}

func TestAListOfSubscribersThatCannotBeWrittenChangesNothing(t *testing.T) {
	t.Parallel()
	r, e := newRig(t), listen(t)
	require.NoError(t, os.MkdirAll(r.db+".subscribers/in the way", 0o700))
	assert.Equal(t, 500, r.call(http.MethodPut, "/v1/subscribers/s", writeToken, subscriberBody(e.url)).Status)
	r.refusal(404, http.MethodGet, "/v1/subscribers/s", "")
	left, err := os.ReadDir(strings.TrimSuffix(r.db, "racks.db"))
	require.NoError(t, err)
	for _, f := range left {
		assert.NotContains(t, f.Name(), ".subscribers.", "no half-written file stays")
	}
}

func TestTheListOfSubscribersIsForNobodyElse(t *testing.T) {
	t.Parallel()
	r, e := newRig(t), listen(t)
	r.send(http.MethodPut, "/v1/subscribers/s", subscriberBody(e.url))
	info, err := os.Stat(r.db + ".subscribers")
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// envelope makes the event of a transition.
func envelope(t *testing.T, id string) []byte {
	t.Helper()
	e := event.New()
	e.SetID(id)
	e.SetSource("/test")
	e.SetType("test")
	row := backend.Transition{Ref: backend.Ref{Kind: backend.KindNode, ID: "n"}, From: "a", To: "b", Initiator: "ann"}
	require.NoError(t, e.SetData(event.ApplicationJSON, row))
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	return raw
}

func TestAReceiverTakesOnlyWhatIsSignedAndPrintsItOnce(t *testing.T) {
	t.Parallel()
	e := &ear{}
	r, err := newReceiver(secret, e)
	require.NoError(t, err)
	signer, err := hooks.NewWebhook(secret)
	require.NoError(t, err)
	other, err := hooks.NewWebhookRaw([]byte("another key of at least 24 bytes"))
	require.NoError(t, err)
	deliver := func(with *hooks.Webhook, id string, at time.Time, body []byte) int {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
		if with != nil {
			signature, err := with.Sign(id, at, body)
			require.NoError(t, err)
			req.Header.Set(hooks.HeaderWebhookID, id)
			req.Header.Set(hooks.HeaderWebhookTimestamp, fmt.Sprint(at.Unix()))
			req.Header.Set(hooks.HeaderWebhookSignature, signature)
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		return w.Code
	}
	now := time.Now()
	assert.Equal(t, 401, deliver(nil, "", now, envelope(t, "1")))
	assert.Equal(t, 401, deliver(other, "1", now, envelope(t, "1")))
	assert.Equal(t, 401, deliver(signer, "1", now.Add(-time.Hour), envelope(t, "1")), "an old one is played again")
	assert.Equal(t, 413, deliver(signer, "1", now, bytes.Repeat([]byte(" "), maxEvent+1)))
	assert.Equal(t, 422, deliver(signer, "1", now, []byte(`{"id":1}`)))
	assert.Equal(t, 204, deliver(signer, "1", now, envelope(t, "1")))
	assert.Equal(t, 204, deliver(signer, "1", now, envelope(t, "1")), "a repetition is taken over too")
	assert.Equal(t, 204, deliver(signer, "2", now, envelope(t, "2")))
	assert.Equal(t, []string{"0001-01-01T00:00:00Z  node/n  a -> b  by ann", "0001-01-01T00:00:00Z  node/n  a -> b  by ann"}, e.lines())

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	assert.Equal(t, 405, w.Code)
	for i := range remembered + 10 {
		require.NoError(t, r.take(fmt.Sprint("x", i), envelope(t, "x")))
	}
	assert.Len(t, r.seen, remembered)
	_, err = newReceiver("whsec_not base64", e)
	require.Error(t, err)
}
