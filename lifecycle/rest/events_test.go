package rest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// client follows events as a browser does.
type client struct {
	*testing.T
	res  *http.Response
	read *bufio.Reader
	stop context.CancelFunc
	last string // the id of the last event
}

// follow opens a stream. last is the id of the last event that was seen, empty for none.
func follow(t *testing.T, s *httptest.Server, query, last string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/events"+query, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+readToken)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := s.Client().Do(req)
	require.NoError(t, err)
	c := &client{T: t, res: res, read: bufio.NewReader(res.Body), stop: cancel, last: last}
	t.Cleanup(c.close)
	return c
}

func (c *client) close() {
	c.stop()
	_ = c.res.Body.Close()
}

// event is one block of a stream. A comment has neither name nor data.
type event struct{ name, id, data string }

// next reads a block; false when the stream has ended.
func (c *client) next() (event, bool) {
	var e event
	for {
		line, err := c.read.ReadString('\n')
		if err != nil {
			return e, false
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return e, true
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id, c.last = value, value
		case "data":
			e.data = value
		}
	}
}

// rows reads n transitions.
func (c *client) rows(n int) []rest.Transition {
	c.Helper()
	var out []rest.Transition
	for len(out) < n {
		e, ok := c.next()
		require.True(c, ok, "the stream ended after %d of %d rows", len(out), n)
		if e.name == "transition" {
			var row rest.Transition
			require.NoError(c, json.Unmarshal([]byte(e.data), &row))
			require.Equal(c, e.id, strconv.FormatUint(row.Position, 10))
			out = append(out, row)
		}
	}
	return out
}

// churn makes n transitions of some crates.
func (r *rig) churn(n int) {
	r.Helper()
	for i := range n / 2 {
		id := fmt.Sprintf("c%d", i%5)
		for _, body := range []string{`{"type":"pack","params":{"jam":true}}`, `{"type":"free"}`} {
			a := r.call(http.MethodPost, "/v1/objects/crate/"+id+"/requests", writeToken, body)
			require.Equal(r, http.StatusAccepted, a.Status, "%s", a.Body)
			r.settle()
		}
	}
}

func streamRig(t *testing.T, change ...func(*rest.Config)) (*rig, *httptest.Server) {
	t.Helper()
	r := newRig(t, change...)
	r.create("R1", "c0", "c1", "c2")
	r.create("R2", "c3", "c4")
	return r, r.serve()
}

func TestAStreamThatIsResumedHasNoGapAndNoDuplicate(t *testing.T) {
	t.Parallel()
	r, s := streamRig(t)
	c := follow(t, s, "", "")
	ready, ok := c.next()
	require.True(t, ok)
	assert.Equal(t, event{name: "ready", id: "5", data: `{"position":5}`}, ready)
	assert.Equal(t, "text/event-stream", c.res.Header.Get("Content-Type"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.churn(200)
	}()
	var got []rest.Transition
	for round := 1; len(got) < 200; round++ {
		got = append(got, c.rows(min(7*round, 200-len(got)))...)
		last := c.last
		c.close() // cut off in the middle
		c = follow(t, s, "", last)
		e, ok := c.next()
		require.True(t, ok)
		assert.Equal(t, last, e.id)
	}
	<-done
	for i, row := range got {
		assert.Equal(t, uint64(6+i), row.Position)
	}
}

func TestAStreamBeginsWhereItIsToldTo(t *testing.T) {
	t.Parallel()
	r, s := streamRig(t)
	r.churn(20)
	assert.Len(t, follow(t, s, "?after=0", "").rows(25), 25)
	assert.Equal(t, uint64(11), follow(t, s, "?after=10", "").rows(1)[0].Position)
	assert.Equal(t, uint64(21), follow(t, s, "?after=10", "20").rows(1)[0].Position, "the header goes before the parameter")
	for _, bad := range []string{"26", "9223372036854775807", "9223372036854775808", "99999999999999999999", "-1", "x"} {
		a := r.call(http.MethodGet, "/v1/events", readToken, "", "Last-Event-ID", bad)
		assert.Equal(t, http.StatusUnprocessableEntity, a.Status, bad)
	}
	assert.Equal(t, rest.TypeUnknownKind, r.call(http.MethodGet, "/v1/events?kind=box", readToken, "").problem(t).Type)
	head := r.call(http.MethodHead, "/v1/events", readToken, "")
	assert.Equal(t, http.StatusOK, head.Status)
	assert.Empty(t, head.Body)
}

func TestAStreamOfOneRackTellsHowFarItHasRead(t *testing.T) {
	t.Parallel()
	r, s := streamRig(t, func(c *rest.Config) { c.Heartbeat = 30 * time.Millisecond })
	c := follow(t, s, "?rack=R2", "")
	_, ok := c.next()
	require.True(t, ok)
	r.churn(6) // all of R1
	for c.last != "11" {
		e, ok := c.next()
		require.True(t, ok)
		require.Equal(t, "", e.name, "only signs of life")
	}
	r.churn(10)
	for _, row := range c.rows(4) {
		assert.Equal(t, "R2", row.Rack)
	}
}

func TestAStreamSeesWhatAnotherProcessWrote(t *testing.T) {
	t.Parallel()
	r, _ := streamRig(t)
	kind, err := crateKind()
	require.NoError(t, err)
	// Another controller over the same store, whose feed nobody wakes.
	other, err := lifecycle.NewController(t.Context(), r.store, lifecycle.Config{Clock: r.clock, Logger: slog.New(slog.DiscardHandler)}, kind)
	require.NoError(t, err)
	h, err := rest.New(other, rest.Config{Authorizer: tokens(t), Poll: 10 * time.Millisecond})
	require.NoError(t, err)
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		_ = h.Close()
		s.Close()
	})
	c := follow(t, s, "", "")
	r.churn(4)
	assert.Len(t, c.rows(4), 4)
}

func TestAStreamFarBehindReadsWhatTheOthersHaveLongForgotten(t *testing.T) {
	t.Parallel()
	r, s := streamRig(t)
	ahead := follow(t, s, "", "")
	_, ok := ahead.next()
	require.True(t, ok)
	for batch := range 6 {
		ids := make([]string, 1000)
		for i := range ids {
			ids[i] = fmt.Sprintf("m%d-%d", batch, i)
		}
		r.create("R3", ids...)
		ahead.rows(len(ids))
	}
	for _, after := range []int{0, 100, 1905, 1906, 6004} {
		for i, row := range follow(t, s, "?after="+strconv.Itoa(after), "").rows(6005 - after) {
			require.Equal(t, uint64(after+1+i), row.Position)
		}
	}
}

func TestASlowClientIsDisconnectedAndResumes(t *testing.T) {
	t.Parallel()
	r, s := streamRig(t, func(c *rest.Config) { c.WriteTimeout, c.MaxStreams = 500*time.Millisecond, 1 })
	slow := follow(t, s, "?after=0", "")
	note := strings.Repeat("n", 120_000) // the sockets take some megabytes before a write blocks
	rows := 5
	for range 120 {
		a := r.call(http.MethodPost, "/v1/objects/crate/c0/requests", writeToken, `{"type":"pack","params":{"label":"`+note+`"}}`)
		require.Equal(t, http.StatusAccepted, a.Status)
		r.pass(3 * time.Minute)
		rows += 3
	}
	// Its place is free again as soon as it is cut off.
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/events", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+readToken)
		res, err := s.Client().Do(req)
		require.NoError(t, err)
		return assert.NoError(t, res.Body.Close()) && res.StatusCode == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond)
	seen := 0
	for {
		e, ok := slow.next()
		if !ok {
			break
		}
		if e.name == "transition" && json.Valid([]byte(e.data)) {
			seen++
			assert.Equal(t, strconv.Itoa(seen), e.id)
			slow.last = e.id
		}
	}
	require.Less(t, seen, rows, "it was cut off")
	for seen < rows { // it may be cut off again
		again := follow(t, s, "", strconv.Itoa(seen))
		for seen < rows {
			e, ok := again.next()
			if !ok {
				break
			}
			if e.name == "transition" {
				seen++
				require.Equal(t, strconv.Itoa(seen), e.id)
			}
		}
		again.close()
	}
}

func TestTooManyClientsAreToldToComeAgain(t *testing.T) {
	t.Parallel()
	r, s := streamRig(t, func(c *rest.Config) { c.MaxStreams = 1 })
	c := follow(t, s, "", "")
	_, ok := c.next()
	require.True(t, ok)
	a := r.call(http.MethodGet, "/v1/events", readToken, "")
	assert.Equal(t, http.StatusServiceUnavailable, a.Status)
	assert.Equal(t, "10", a.Header.Get("Retry-After"))
}

func TestShutdownEndsTheStreams(t *testing.T) {
	t.Parallel()
	r, s := streamRig(t)
	c := follow(t, s, "", "")
	_, ok := c.next()
	require.True(t, ok)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, s.Config.Shutdown(ctx))
	_, ok = c.next()
	assert.False(t, ok)
	require.NoError(t, r.h.Close(), "closing twice is allowed")
}

// counted notes what a Feed passes on.
type counted struct {
	lifecycle.NoObserver
	passes chan string
}

func (c counted) OverSLA(_ refType, state string, _ time.Duration) { c.passes <- state }

func TestAFeedPassesEverythingOn(t *testing.T) {
	t.Parallel()
	next := counted{passes: make(chan string, 1)}
	var observer lifecycle.Observer = rest.NewFeed(next)
	observer.OverSLA(crateRef("a"), "Stuck", time.Minute)
	assert.Equal(t, "Stuck", <-next.passes)
}

func TestFollowersCostNoGoroutineForEachObject(t *testing.T) {
	// Not parallel: it counts goroutines.
	r, s := streamRig(t)
	var ids []string
	for i := range 300 {
		ids = append(ids, fmt.Sprintf("more%d", i))
	}
	before := runtime.NumGoroutine()
	c := follow(t, s, "", "")
	_, ok := c.next()
	require.True(t, ok)
	r.create("R3", ids...)
	c.rows(300)
	assert.Less(t, runtime.NumGoroutine(), before+20)
}
