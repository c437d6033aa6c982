package webhook_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/cloudevents/sdk-go/v2/event"
	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/webhook"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childVariable); job != "" {
		if err := child(job); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// newSecret makes a secret of 32 equal bytes.
func newSecret(of byte) backend.Secret {
	return backend.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{of}, 32)))
}

// loopback is what tests call.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// yard is a sender over a memory store, on a clock that stands still unless the test moves it.
type yard struct {
	*webhook.Sender
	t       *testing.T
	store   *memory.Store
	clock   *clock.Mock
	log     bytes.Buffer
	version map[backend.Ref]uint64
}

func newYard(t *testing.T, change ...func(*webhook.Config)) *yard {
	t.Helper()
	y := &yard{t: t, store: memory.New(), clock: clock.NewMock(), version: map[backend.Ref]uint64{}}
	y.clock.Set(begin)
	y.restart(change...)
	return y
}

// restart makes a new sender over the same store, as after a crash.
func (y *yard) restart(change ...func(*webhook.Config)) {
	y.t.Helper()
	cfg := webhook.Config{
		Source: "/rackstate/test", HTTP: true, Networks: loopback, Clock: y.clock,
		Logger: slog.New(slog.NewTextHandler(&y.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	y.Sender, err = webhook.New(y.store, cfg)
	require.NoError(y.t, err)
}

// subscribe adds a subscriber that is told of everything.
func (y *yard) subscribe(name, url string, change ...func(*webhook.Subscriber)) {
	y.t.Helper()
	sub := webhook.Subscriber{Name: name, URL: url, Secrets: []backend.Secret{newSecret(1)}}
	for _, c := range change {
		c(&sub)
	}
	require.NoError(y.t, y.Subscribe(y.t.Context(), sub))
}

// move commits one transition of each machine named, in rack "r".
func (y *yard) move(ids ...string) {
	y.t.Helper()
	for _, id := range ids {
		y.enter(backend.Ref{Kind: backend.KindMachine, ID: id}, "r", fmt.Sprintf("S%d", y.version[backend.Ref{Kind: backend.KindMachine, ID: id}]))
	}
}

// enter commits a transition to a state.
func (y *yard) enter(ref backend.Ref, rack, state string) {
	y.t.Helper()
	from := ""
	if old, err := y.store.Get(y.t.Context(), ref); err == nil {
		from = old.State
	}
	commit(y.t, y.store, step(ref, rack, y.version[ref], from, state))
	y.version[ref]++
}

// step is a commit of one transition.
func step(ref backend.Ref, rack string, version uint64, from, to string) backend.Commit {
	at := begin.Add(time.Duration(version) * time.Second)
	return backend.Commit{Writes: []backend.Write{{
		Record: backend.Record{Ref: ref, Rack: rack, State: to, Since: at, Transitions: version + 1},
		Expect: version,
		Transition: &backend.Transition{
			Ref: ref, Rack: rack, Seq: version + 1, From: from, To: to, At: at, Trigger: "Step", Initiator: "ann (INC-7)", Note: "why <not> & \"how\"",
		},
	}}}
}

func commit(tb testing.TB, store backend.Store, batch ...backend.Commit) {
	tb.Helper()
	results, err := store.Commit(tb.Context(), batch)
	require.NoError(tb, err)
	for _, err := range results {
		require.NoError(tb, err)
	}
}

// drain delivers to a subscriber until nothing is left.
func (y *yard) drain(name string) {
	y.t.Helper()
	for {
		n, err := y.Deliver(y.t.Context(), name)
		require.NoError(y.t, err)
		if n == 0 {
			return
		}
	}
}

// status returns the status of a subscriber.
func (y *yard) status(name string) webhook.Status {
	y.t.Helper()
	all, err := y.Status(y.t.Context())
	require.NoError(y.t, err)
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	y.t.Fatalf("no subscriber %s", name)
	return webhook.Status{}
}

// receiver is a real server that takes events over, as strictly as the public libraries are.
type receiver struct {
	*httptest.Server
	secret backend.Secret

	mu      sync.Mutex
	got     []backend.Transition
	ids     []string
	headers []http.Header
	bodies  [][]byte
	// answer is asked first, when it is set: it answers by itself if it returns true, and what it was sent is not taken over.
	answer func(w http.ResponseWriter, r *http.Request, t backend.Transition) bool
	faults []error
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{secret: newSecret(1)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		require.Empty(t, r.faults)
	})
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender died
	}
	row, id, err := verify(r.secret, req, body)
	r.mu.Lock()
	answer := r.answer
	if err != nil {
		r.faults = append(r.faults, err)
	}
	r.mu.Unlock()
	if answer != nil && answer(w, req, row) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got, r.ids, r.headers, r.bodies = append(r.got, row), append(r.ids, id), append(r.headers, req.Header.Clone()), append(r.bodies, body)
	w.WriteHeader(http.StatusNoContent)
}

// verify checks a request as a receiver does, with the public libraries of both specifications.
func verify(secret backend.Secret, req *http.Request, body []byte) (row backend.Transition, id string, err error) {
	wh, err := hooks.NewWebhook(secret.Reveal())
	if err != nil {
		return row, "", err
	}
	if err := wh.VerifyIgnoringTimestamp(body, req.Header); err != nil {
		return row, "", err
	}
	var e event.Event
	if err := json.Unmarshal(body, &e); err != nil {
		return row, "", err
	}
	if err := e.Validate(); err != nil {
		return row, "", err
	}
	id = req.Header.Get(hooks.HeaderWebhookID)
	switch {
	case req.Method != http.MethodPost:
		return row, "", fmt.Errorf("method %s", req.Method)
	case req.Header.Get("Content-Type") != "application/cloudevents+json":
		return row, "", fmt.Errorf("content type %s", req.Header.Get("Content-Type"))
	case e.ID() != id || strings.Contains(id, "."):
		return row, "", fmt.Errorf("event %s in message %s", e.ID(), id)
	}
	if err := e.DataAs(&row); err != nil {
		return row, "", err
	}
	if e.Subject() != row.Ref.String() || e.Type() != webhook.EventType || !e.Time().Equal(row.At) {
		return row, "", fmt.Errorf("envelope %s of row %+v", e, row)
	}
	return row, id, nil
}

// set changes how the receiver answers.
func (r *receiver) set(answer func(w http.ResponseWriter, r *http.Request, t backend.Transition) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// refuse answers everything with a status.
func (r *receiver) refuse(status int) {
	r.set(func(w http.ResponseWriter, _ *http.Request, _ backend.Transition) bool {
		w.WriteHeader(status)
		return true
	})
}

// steps lists what was taken over, as "id seq".
func (r *receiver) steps() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []string{}
	for _, t := range r.got {
		out = append(out, fmt.Sprintf("%s %d", t.Ref.ID, t.Seq))
	}
	return out
}

// run runs a sender until the test ends.
func run(t *testing.T, s *webhook.Sender) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	require.Eventually(t, cond, 3*time.Minute, time.Millisecond, what)
}
