package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/rackstate/rackstate/rack"
)

const (
	readToken  = "the-token-for-reading"
	writeToken = "the-token-for-writing"
	secret     = "whsec_bm90IGEgc2VjcmV0IGJ1dCAzMiBieXRlcyBsb25nISE="
)

// childVar makes the test binary the program itself, so that it can be killed.
const childVar = "RACKSTATE_TEST_INVENTORY"

func TestMain(m *testing.M) {
	if os.Getenv(childVar) == "" {
		os.Exit(m.Run())
	}
	main()
}

// rig is a server whose virtual time moves only when the test says so.
type rig struct {
	*testing.T
	*inventory
	url string
	log *lockedWriter
	db  string
}

func newRig(t *testing.T, change ...func(*options)) *rig {
	t.Helper()
	o := options{
		db: filepath.Join(t.TempDir(), "racks.db"), read: readToken, write: writeToken, seed: 1,
		networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	for _, c := range change {
		c(&o)
	}
	var log bytes.Buffer
	r := &rig{T: t, log: &lockedWriter{out: &log}, db: o.db}
	var err error
	r.inventory, err = open(t.Context(), o, io.Discard, slog.New(slog.NewTextHandler(r.log, nil)))
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.url = "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.work(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
		assert.NoError(t, r.close())
		for _, s := range []string{readToken, writeToken, secret} {
			assert.NotContains(t, log.String(), s, "the log")
		}
	})
	return r
}

// pass lets virtual time pass until done.
func (r *rig) pass(step time.Duration, done func() bool) {
	r.Helper()
	for range 5000 {
		if done() {
			return
		}
		require.NoError(r, r.advance(r.Context(), step))
	}
	r.Fatal("what was awaited has not come")
}

// allReady reports whether both racks are Ready.
func (r *rig) allReady() bool {
	all := r.sim.Racks()
	for _, one := range all {
		if one.State() != string(rack.Ready) {
			return false
		}
	}
	return len(all) == 2
}

// answer is what the server said.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// call makes a request. Further texts are names and values of headers.
func (r *rig) call(method, path, token, body string, header ...string) answer {
	r.Helper()
	return call(r.T, r.url, method, path, token, body, header...)
}

func call(t *testing.T, url, method, path, token, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	for _, s := range []string{readToken, writeToken, secret} {
		require.NotContains(t, string(raw), s, "no answer holds a secret")
	}
	return answer{resp.StatusCode, resp.Header, raw}
}

// get reads something that must be there.
func get[T any](r *rig, path string) T {
	r.Helper()
	return into[T](r.T, r.call(http.MethodGet, path, readToken, ""))
}

func into[T any](t *testing.T, a answer) T {
	t.Helper()
	require.Less(t, a.Status, 300, "%s", a.Body)
	var out T
	require.NoError(t, json.Unmarshal(a.Body, &out), "%s", a.Body)
	return out
}

// send makes a request that must succeed.
func (r *rig) send(method, path, body string, header ...string) answer {
	r.Helper()
	a := r.call(method, path, writeToken, body, header...)
	require.Less(r, a.Status, 300, "%s %s: %s", method, path, a.Body)
	return a
}

// refusal makes a request that must be refused, and returns why.
func (r *rig) refusal(status int, method, path, body string, header ...string) rest.Problem {
	r.Helper()
	a := r.call(method, path, writeToken, body, header...)
	require.Equal(r, status, a.Status, "%s %s: %s", method, path, a.Body)
	require.Equal(r, "application/problem+json", a.Header.Get("Content-Type"))
	var p rest.Problem
	require.NoError(r, json.Unmarshal(a.Body, &p))
	return p
}

// move moves a node.
func (r *rig) move(node, to, note string) {
	r.Helper()
	r.send(http.MethodPost, "/v1/nodes/"+node+"/transitions", fmt.Sprintf(`{"to":%q,"note":%q}`, to, note))
}

// state returns the state of a node.
func (r *rig) state(node string) string {
	r.Helper()
	d, err := r.nodes.Get(r.Context(), node)
	require.NoError(r, err)
	return d.CurrentState
}

// pages reads all pages of a list of nodes.
func (r *rig) pages(path string) (ids []string) {
	r.Helper()
	for next := ""; ; {
		page := get[NodePage](r, path+next)
		for _, n := range page.Nodes {
			ids = append(ids, n.ID)
		}
		if page.Next == "" {
			return ids
		}
		next = "&cursor=" + page.Next
	}
}

// entries are the moves of a history, as from>to.
func entries(list []service.Entry) (out []string) {
	for _, e := range list {
		out = append(out, e.From+">"+e.To)
	}
	return out
}
