package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/machine/service"
)

// child is the server in a process of its own.
type child struct {
	*rig
	cmd *exec.Cmd
}

var listens = regexp.MustCompile(`listens on (http://\S+),`)

func startChild(t *testing.T, db string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, "-db", db, "-addr", "127.0.0.1:0", "-speed", "60")
	cmd.Env = append(os.Environ(), childVar+"=1", readVar+"="+readToken, writeVar+"="+writeToken)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "it says nothing")
	url := listens.FindStringSubmatch(lines.Text())
	require.NotNil(t, url, lines.Text())
	go func() {
		for lines.Scan() { // so that it can go on printing
			if strings.Contains(lines.Text(), writeToken) {
				t.Error("a token that was given is printed")
			}
		}
	}()
	return &child{&rig{T: t, url: url[1], db: db}, cmd}
}

// dies ends the process as kill -9 does.
func (c *child) dies() {
	c.Helper()
	require.NoError(c, c.cmd.Process.Kill())
	_ = c.cmd.Wait()
}

func TestAServerThatIsKilledGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	db, e := filepath.Join(t.TempDir(), "racks.db"), listen(t)
	c := startChild(t, db)
	c.send(http.MethodPut, "/v1/subscribers/tickets", subscriberBody(e.url))
	c.send(http.MethodPost, "/v1/nodes", `{"id":"r2-node-1","machine":"r2-compute-1","metadata":{"owner":"ann"}}`)
	c.send(http.MethodPut, "/v1/subscribers/nobody", subscriberBody("http://127.0.0.1:1/"))
	want := []string{">in_service"}
	var tag string
	for i := range 4 {
		to := []string{"maintenance", "in_service"}[i%2]
		from := strings.Split(want[len(want)-1], ">")[1]
		tag = c.send(http.MethodPost, "/v1/nodes/r2-node-1/transitions", fmt.Sprintf(`{"to":%q,"note":"round %d"}`, to, i), "Idempotency-Key", fmt.Sprint("k", i)).Header.Get("ETag")
		want = append(want, from+">"+to)
		c.dies()
		c = startChild(t, db)

		a := c.call(http.MethodGet, "/v1/nodes/r2-node-1", readToken, "")
		d := into[service.Document](t, a)
		assert.Equal(t, want, entries(d.StateHistory))
		assert.Equal(t, map[string]string{"owner": "ann"}, d.Metadata)
		assert.Equal(t, tag, a.Header.Get("ETag"))
		again := c.send(http.MethodPost, "/v1/nodes/r2-node-1/transitions", fmt.Sprintf(`{"to":%q,"note":"round %d"}`, to, i), "Idempotency-Key", fmt.Sprint("k", i))
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), "who has lost the answer sends it again")
		all := into[struct{ Subscribers []ShownSubscriber }](t, c.call(http.MethodGet, "/v1/subscribers", readToken, "")).Subscribers
		require.Len(t, all, 2)
		assert.Equal(t, "nobody", all[0].Name)
		assert.Zero(t, all[0].Cursor)
	}
	lines := e.hears(t, 7)
	assert.Len(t, lines, 7)
	var heard []string
	for _, l := range lines {
		if strings.Contains(l, "r2-node-1") {
			heard = append(heard, strings.Split(l, "  ")[2])
		}
	}
	assert.Equal(t, []string{"(new) -> in_service", "in_service -> maintenance", "maintenance -> in_service", "in_service -> maintenance", "maintenance -> in_service"}, heard)
	var cursor uint64
	require.Eventually(t, func() bool {
		cursor = get[ShownSubscriber](c.rig, "/v1/subscribers/tickets").Cursor
		return cursor >= 7
	}, 20*time.Second, 50*time.Millisecond)
	c.dies()
	c = startChild(t, db)
	assert.GreaterOrEqual(t, get[ShownSubscriber](c.rig, "/v1/subscribers/tickets").Cursor, cursor)
	assert.Len(t, e.lines(), 7, "what was delivered is not printed again")

	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, c.cmd.Wait(), "it stops by itself when it is asked to")
	_, err := os.Stat(db + "-wal")
	assert.ErrorIs(t, err, os.ErrNotExist, "the database is closed")
}
