package rest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

func TestBodiesThatCannotBeReadAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	const limit = 4096
	padded := func(n int) string {
		const frame = `{"type":"pack","params":{"label":""}}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", n-len(frame))+`"`, 1)
	}
	for _, c := range []struct {
		name, body, contentType string
		status                  int
		typ                     rest.ProblemType
	}{
		{"nothing", "", "application/json", 400, rest.TypeMalformed},
		{"one byte too many", padded(limit + 1), "application/json", 413, rest.TypeTooLarge},
		{"no JSON", "type=pack", "application/json", 400, rest.TypeMalformed},
		{"cut off", `{"type":"pack"`, "application/json", 400, rest.TypeMalformed},
		{"two values", `{"type":"pack"}{}`, "application/json", 400, rest.TypeMalformed},
		{"other type of body", `<type>pack</type>`, "application/xml", 415, rest.TypeMediaType},
		{"a form", `type=pack`, "application/x-www-form-urlencoded", 415, rest.TypeMediaType},
		{"nonsense for a type", `{"type":"pack"}`, ";;+", 415, rest.TypeMediaType},
		{"a list", `[]`, "application/json", 422, rest.TypeInvalid},
		{"null", `null`, "application/json", 422, rest.TypeInvalid},
		{"no type", `{}`, "application/json", 422, rest.TypeInvalid},
		{"type of another type", `{"type":7}`, "application/json", 422, rest.TypeInvalid},
		{"unknown member", `{"type":"pack","param":{}}`, "application/json", 422, rest.TypeInvalid},
		{"deep", `{"type":"pack","params":` + strings.Repeat(`{"a":`, 600) + "1" + strings.Repeat("}", 600) + `}`, "application/json", 422, rest.TypeInvalid},
		{"bytes that are no text", "{\"type\":\"pack\xff\"}", "application/json", 422, rest.TypeUnknownRequest},
		{"exactly the limit", padded(limit), "application/json", 202, ""},
		{"no type given", `{"type":"pack"}`, "", 202, ""},
		{"with a charset", `{"type":"pack"}`, "application/json; charset=utf-8", 202, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(cfg *rest.Config) { cfg.MaxBody = limit })
			r.create("A1", "a")
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, packA, strings.NewReader(c.body))
			req.Header.Set("Authorization", "Bearer "+writeToken)
			if c.contentType != "" {
				req.Header.Set("Content-Type", c.contentType)
			}
			a := r.send(req)
			require.Equal(t, c.status, a.Status, "%s", a.Body)
			if c.status < 400 {
				return
			}
			assert.Equal(t, c.typ, a.problem(t).Type)
			assert.Empty(t, get[rest.RequestPage](r, packA).Requests)
			assert.NotContains(t, string(a.Body), "<type>", "the body may be secret and is not repeated")
		})
	}
}

// serve starts a real server for the handler of a rig.
func (r *rig) serve() *httptest.Server {
	r.Helper()
	s := httptest.NewUnstartedServer(r.h)
	s.Config = rest.NewServer("", r.h)
	s.Start()
	r.Cleanup(func() {
		_ = r.h.Close()
		s.Close()
	})
	return s
}

// rawCall writes bytes to a server and reads the answer.
func rawCall(t *testing.T, s *httptest.Server, text string, afterwards func(net.Conn)) *http.Response {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	if afterwards != nil {
		afterwards(conn)
	}
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func TestABodyThatDoesNotArriveIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	hasty := newRig(t, func(c *rest.Config) { c.BodyTimeout = 50 * time.Millisecond })
	hasty.create("A1", "a")
	r := newRig(t)
	r.create("A1", "a")
	s := r.serve()
	head := "POST " + packA + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + writeToken + "\r\n"
	slow := rawCall(t, hasty.serve(), head+"Content-Length: 100\r\n\r\n{\"type\":", nil)
	assert.Equal(t, http.StatusRequestTimeout, slow.StatusCode)
	chunked := rawCall(t, s, head+"Transfer-Encoding: chunked\r\n\r\nnot a chunk\r\n", nil)
	assert.Equal(t, http.StatusBadRequest, chunked.StatusCode)
	cut := rawCall(t, s, head+"Content-Length: 100\r\n\r\n{\"type\":", func(c net.Conn) { require.NoError(t, c.(*net.TCPConn).CloseWrite()) })
	assert.Equal(t, http.StatusBadRequest, cut.StatusCode)
	large := rawCall(t, s, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, 10<<20, strings.Repeat("x", 1<<20+1)), nil)
	assert.Equal(t, http.StatusRequestEntityTooLarge, large.StatusCode)
	assert.True(t, large.Close, "the rest of it is not read")
	assert.Empty(t, get[rest.RequestPage](r, packA).Requests)
	assert.Empty(t, get[rest.RequestPage](hasty, packA).Requests)
}

func TestTheServerHasLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := rest.NewServer("127.0.0.1:0", r.h)
	assert.Positive(t, s.ReadHeaderTimeout)
	assert.Positive(t, s.ReadTimeout)
	assert.Positive(t, s.WriteTimeout)
	assert.Positive(t, s.IdleTimeout)
	long := rawCall(t, r.serve(), "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("y", 64<<10)+"\r\n\r\n", nil)
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, long.StatusCode)
}
