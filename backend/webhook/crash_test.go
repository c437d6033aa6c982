package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// ledger is a receiver that a sender which is killed cannot trick: it checks every request as it comes and keeps no more than how far each object has come.
type ledger struct {
	t      *testing.T
	name   string
	secret backend.Secret
	random func() int // 0 to 99
	trap   string
	awake  chan struct{} // closed when those that hang may end

	mu       sync.Mutex
	seen     map[backend.Ref]uint64
	ids      map[string]string // id -> object and seq
	total    int               // different transitions
	repeated int
	lost     int // taken over, and the answer was lost
	requests int
}

func newLedger(t *testing.T, name string) *ledger {
	rnd := rand.New(rand.NewPCG(7, uint64(name[0])))
	return &ledger{
		t: t, name: name, secret: secretOf(name), seen: map[backend.Ref]uint64{}, ids: map[string]string{}, awake: make(chan struct{}),
		random: func() int { return rnd.IntN(100) },
	}
}

// ServeHTTP takes over what it is sent, or behaves as its name says.
func (l *ledger) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed
	}
	row, id, err := verify(l.secret, req, body)
	if !assert.NoError(l.t, err, l.name) {
		return
	}
	l.mu.Lock()
	l.requests++
	requests, dice := l.requests, l.random()
	l.mu.Unlock()
	switch {
	case l.name == "fails" && dice < 5:
		w.WriteHeader(500 + dice%4)
		return
	case l.name == "fails" && dice < 8:
		panic(http.ErrAbortHandler) // the connection breaks before it is taken over
	case l.name == "hangs" && requests%700 == 0:
		select {
		case <-req.Context().Done():
		case <-l.awake:
		}
		return
	case l.name == "redirects" && (requests < 20 || dice == 0):
		w.Header().Set("Location", l.trap)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	l.take(row, id)
	if l.name == "fails" && dice < 11 {
		l.mu.Lock()
		l.lost++
		l.mu.Unlock()
		panic(http.ErrAbortHandler) // and here after it was
	}
	w.WriteHeader(http.StatusAccepted)
}

// take notes a transition. A gap, or a name that means two things, fails the test.
func (l *ledger) take(row backend.Transition, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what := fmt.Sprintf("%s %d", row.Ref, row.Seq)
	if old, known := l.ids[id]; known && old != what {
		l.t.Errorf("%s: id %s is %s and %s", l.name, id, old, what)
	} else if known {
		l.repeated++
		return
	}
	if row.Seq != l.seen[row.Ref]+1 {
		l.t.Errorf("%s: %s comes although %d was the last", l.name, what, l.seen[row.Ref])
	}
	l.ids[id] = what
	l.seen[row.Ref] = row.Seq
	l.total++
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// serve serves a ledger on an address, and returns the address and how to stop. An empty one means any.
func serve(t *testing.T, l http.Handler, address string) (string, func()) {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	server := &http.Server{Handler: l, ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // it returns an error always
	}()
	return listener.Addr().String(), func() {
		require.NoError(t, server.Close())
		<-ended
	}
}

// start starts the child.
func (j job) start(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(j)
	require.NoError(t, err)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	require.NoError(t, cmd.Start())
	return cmd
}

func TestNothingIsLostWhenSenderAndReceiversDieFailHangRestartAndRedirect(t *testing.T) {
	t.Parallel()
	const kills = 8
	j := job{Folder: t.TempDir(), URLs: map[string]string{}, Total: 10_000, Objects: 40, Racks: 4, Batch: 50}
	if testing.Short() {
		j.Total = 1_000
	}
	var trapped atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	defer trap.Close()

	ledgers, stops, addresses := map[string]*ledger{}, map[string]func(){}, map[string]string{}
	for _, name := range []string{"works", "fails", "hangs", "restarts", "redirects"} {
		ledgers[name] = newLedger(t, name)
		ledgers[name].trap = trap.URL
		addresses[name], stops[name] = serve(t, ledgers[name], "")
		j.URLs[name] = "http://" + addresses[name] + "/hook"
	}
	defer func() {
		close(ledgers["hangs"].awake)
		for _, stop := range stops {
			stop()
		}
	}()
	total := func(name string) int {
		if len(filterOf(name).Racks) > 0 {
			return j.Total / j.Racks
		}
		return j.Total
	}
	least := func() int { // how far the slowest receiver has come, in parts of the total
		n := j.Total
		for name, l := range ledgers {
			n = min(n, l.count()*j.Total/total(name))
		}
		return n
	}

	for kill := range kills {
		cmd := j.start(t)
		want := least() + j.Total/(kills+2)
		eventually(t, "the slowest receiver gets on", func() bool { return least() >= min(want, j.Total) })
		if kill%2 == 0 { // a receiver restarts while its sender lives, and once while it does not
			stops["restarts"]()
			_, stops["restarts"] = serve(t, ledgers["restarts"], addresses["restarts"])
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait(), "it was killed")
		if kill%2 == 1 {
			stops["restarts"]()
			_, stops["restarts"] = serve(t, ledgers["restarts"], addresses["restarts"])
		}
	}
	require.Less(t, least(), j.Total, "the sender was killed with work before it")
	require.NoError(t, j.start(t).Wait())

	assert.Zero(t, trapped.Load(), "no redirect was followed")
	for name, l := range ledgers {
		l.mu.Lock()
		defer l.mu.Unlock()
		assert.Equal(t, total(name), l.total, name)
		allowed := kills*(j.Batch+1) + l.lost
		if name == "restarts" {
			allowed += kills // an answer may be lost at each restart
		}
		assert.LessOrEqual(t, l.repeated, allowed, "%s: repetitions beyond a batch at each kill", name)
		t.Logf("%s: %d requests, %d transitions, %d repeated", name, l.requests, l.total, l.repeated)
	}
	assert.GreaterOrEqual(t, ledgers["fails"].lost, j.Total/100)
}
