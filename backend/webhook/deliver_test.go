package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/webhook"
)

func TestAReceiverGetsWhatTheDocumentationSays(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	y.subscribe("s", r.URL+"/hooks?of=site")
	y.move("m1.a")
	y.clock.Add(90 * time.Second)
	y.drain("s")
	require.Len(t, r.bodies, 1)
	h := r.headers[0]
	assert.Equal(t, strconv.FormatInt(begin.Add(90*time.Second).Unix(), 10), h.Get("webhook-timestamp"))
	assert.Regexp(t, `^msg_[a-z2-7]{26}$`, h.Get("webhook-id"))
	assert.Regexp(t, `^v1,[A-Za-z0-9+/]{43}=$`, h.Get("webhook-signature"))
	assert.Equal(t, "rackstate-webhook/1", h.Get("User-Agent"))
	assert.JSONEq(t, fmt.Sprintf(`{
		"specversion": "1.0", "id": %q, "source": "/rackstate/test", "type": "com.github.rackstate.transition", "subject": "machine/m1.a", "time": "2026-01-01T00:00:00Z",
		"rack": "r", "partitionkey": "machine/m1.a", "sequence": "00000000000000000001", "datacontenttype": "application/json",
		"data": {"position": 1, "ref": "machine/m1.a", "rack": "r", "seq": 1, "from": "", "to": "S0", "timestamp": "2026-01-01T00:00:00Z",
			"trigger": "Step", "initiator": "ann (INC-7)", "note": "why <not> & \"how\""}
	}`, h.Get("webhook-id")), string(r.bodies[0]))
}

func TestEveryAttemptOfATransitionHasTheSameIDAndANewTimestamp(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	seen := [][2]string{}
	r.set(func(w http.ResponseWriter, req *http.Request, _ backend.Transition) bool {
		seen = append(seen, [2]string{req.Header.Get(hooks.HeaderWebhookID), req.Header.Get(hooks.HeaderWebhookTimestamp)})
		if len(seen) == 3 || len(seen) >= 5 {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	y.subscribe("s", r.URL)
	y.move("m1")
	for range 2 {
		_, err := y.Deliver(t.Context(), "s")
		require.Error(t, err)
		y.clock.Add(time.Minute)
	}
	y.drain("s")
	y.restart()
	y.subscribe("s", r.URL)
	require.NoError(t, y.Replay(t.Context(), "s", 0))
	_, err := y.Deliver(t.Context(), "s")
	require.Error(t, err)
	y.drain("s")
	require.Len(t, seen, 5, "two failures, a success, and a failure and a success again")
	for i, s := range seen {
		assert.Equal(t, seen[0][0], s[0], "also after a restart and a replay")
		assert.Equal(t, strconv.FormatInt(begin.Add(time.Duration(min(i, 2))*time.Minute).Unix(), 10), s[1])
	}
	y.move("m1", "m2")
	y.drain("s")
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]bool{}
	for _, id := range r.ids {
		ids[id] = true
	}
	assert.Len(t, ids, 3, "others have others")
}

func TestASecretIsChangedWithoutAGap(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	secrets := func(of ...byte) func(*webhook.Subscriber) {
		return func(s *webhook.Subscriber) {
			s.Secrets = nil
			for _, b := range of {
				s.Secrets = append(s.Secrets, newSecret(b))
			}
		}
	}
	y.subscribe("s", r.URL, secrets(1))
	y.move("m")
	y.drain("s")
	y.subscribe("s", r.URL, secrets(2, 1))
	y.move("m")
	y.drain("s")
	assert.Len(t, strings.Split(r.headers[1].Get("webhook-signature"), " "), 2)
	r.secret = newSecret(2)
	y.move("m")
	y.drain("s")
	y.subscribe("s", r.URL, secrets(2))
	y.move("m")
	y.drain("s")
	assert.Equal(t, []string{"m 1", "m 2", "m 3", "m 4"}, r.steps(), "the receiver has verified each with the secret that it knew; none came twice")
}

func TestWhatIsNotTakenOverHoldsBackWhatComesLaterAndNothingElse(t *testing.T) {
	t.Parallel()
	y, r, other := newYard(t), newReceiver(t), newReceiver(t)
	y.subscribe("s", r.URL)
	y.subscribe("other", other.URL)
	r.set(func(w http.ResponseWriter, _ *http.Request, row backend.Transition) bool {
		if row.Ref.ID == "b" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	y.move("a", "b", "a", "b", "c")
	n, err := y.Deliver(t.Context(), "s")
	require.Error(t, err)
	assert.Equal(t, 1, n)
	y.drain("other")
	assert.Equal(t, []string{"a 1"}, r.steps())
	assert.Equal(t, []string{"a 1", "b 1", "a 2", "b 2", "c 1"}, other.steps())
	r.set(nil)
	y.drain("s")
	assert.Equal(t, other.steps(), r.steps())

	r.refuse(http.StatusBadRequest)
	y.move("b", "c")
	_, err = y.Deliver(t.Context(), "s")
	require.Error(t, err)
	r.set(nil)
	require.NoError(t, y.Replay(t.Context(), "s", 6))
	y.drain("s")
	assert.Equal(t, []string{"c 2"}, r.steps()[5:], "a person has left one out")
	require.ErrorIs(t, y.Replay(t.Context(), "nobody", 0), backend.ErrNotFound)
	require.ErrorIs(t, y.Retry("nobody"), backend.ErrNotFound)
}

func TestOnlyAnAnswerOf2xxTakesATransitionOver(t *testing.T) {
	t.Parallel()
	var trapped atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	defer trap.Close()
	for _, status := range []int{200, 201, 202, 204, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 409, 410, 418, 429, 500, 502, 503, 504} {
		y, r := newYard(t), newReceiver(t)
		r.set(func(w http.ResponseWriter, _ *http.Request, _ backend.Transition) bool {
			w.Header().Set("Location", trap.URL+"/tok-en")
			w.WriteHeader(status)
			return true
		})
		y.subscribe("s", r.URL+"/tok-en")
		y.move("m")
		_, err := y.Deliver(t.Context(), "s")
		if status < 300 {
			require.NoError(t, err, "%d", status)
			continue
		}
		var failure *webhook.DeliveryError
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, status, failure.Status)
		assert.Equal(t, uint64(1), failure.Position)
		require.ErrorContains(t, err, fmt.Sprintf("%s answered %d", r.URL, status))
		assert.NotContains(t, err.Error()+y.log.String(), "tok-en", "neither the address nor where it leads is shown")
		if status < 400 {
			require.ErrorContains(t, err, "redirects are not followed")
		}
	}
	assert.Zero(t, trapped.Load())
}

func TestAReceiverThatCannotBeReachedIsAFailureThatHidesItsAddress(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	y.subscribe("s", r.URL+"/tok-en?key=tok-en")
	y.move("m")
	r.Close()
	_, err := y.Deliver(t.Context(), "s")
	var failure *webhook.DeliveryError
	require.ErrorAs(t, err, &failure)
	assert.Zero(t, failure.Status)
	require.ErrorContains(t, err, "connection refused")
	all, err := json.Marshal(y.status("s"))
	require.NoError(t, err)
	for _, text := range []string{failure.Error(), y.log.String(), string(all)} {
		assert.NotContains(t, text, "tok-en")
		assert.NotContains(t, text, strings.TrimPrefix(newSecret(1).Reveal(), "whsec_"))
		assert.Contains(t, text, r.URL)
	}

	y = newYard(t, func(c *webhook.Config) { c.Networks = nil })
	y.subscribe("inside", strings.Replace(r.URL, "127.0.0.1", "localhost", 1))
	y.move("m")
	_, err = y.Deliver(t.Context(), "inside")
	require.ErrorIs(t, err, webhook.ErrForbidden)
}

func TestAReceiverThatHangsIsGivenUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	arrived := make(chan struct{})
	r.set(func(_ http.ResponseWriter, req *http.Request, _ backend.Transition) bool {
		close(arrived)
		<-req.Context().Done()
		return true
	})
	y.subscribe("s", r.URL)
	y.move("m")
	go func() {
		<-arrived
		y.clock.Add(15 * time.Second)
	}()
	_, err := y.Deliver(t.Context(), "s")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 1, y.status("s").Failures)
}

func TestAnAnswerIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	var sent atomic.Int64
	r.set(func(w http.ResponseWriter, req *http.Request, row backend.Transition) bool {
		switch row.Seq {
		case 1: // says how long it is, and is long
			w.Header().Set("Content-Length", strconv.Itoa(1<<40))
		case 3: // a header as long as a book
			w.Header().Set("X-Book", strings.Repeat("x", 100<<10))
			return true
		}
		for req.Context().Err() == nil {
			n, err := io.WriteString(w, strings.Repeat("x", 4096))
			sent.Add(int64(n))
			if err != nil {
				break
			}
		}
		return true
	})
	y.subscribe("s", r.URL)
	y.move("m", "m")
	n, err := y.Deliver(t.Context(), "s")
	require.NoError(t, err, "the status has said that it was taken over")
	assert.Equal(t, 2, n)
	r.Close() // waits for the handlers
	assert.Less(t, sent.Load(), int64(64<<20), "no more than what the system buffers")

	y, r = newYard(t), newReceiver(t)
	r.set(func(w http.ResponseWriter, _ *http.Request, _ backend.Transition) bool {
		w.Header().Set("X-Book", strings.Repeat("x", 100<<10))
		return true
	})
	y.subscribe("s", r.URL)
	y.move("m")
	_, err = y.Deliver(t.Context(), "s")
	require.ErrorContains(t, err, "server response headers exceeded 16384 bytes")
}

func TestASlowReceiverMovesItsCursorBeforeTheBatchIsOver(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	r.set(func(http.ResponseWriter, *http.Request, backend.Transition) bool {
		y.clock.Add(400 * time.Millisecond)
		return false
	})
	y.subscribe("s", r.URL)
	for range 10 {
		y.move("m")
	}
	n, err := y.Deliver(t.Context(), "s")
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	y.drain("s")
	assert.Len(t, r.steps(), 10)
}

func TestASubscriberBeginsWithTheHistoryOrWithWhatComes(t *testing.T) {
	t.Parallel()
	y, old, fresh := newYard(t), newReceiver(t), newReceiver(t)
	y.move("m", "m")
	fromNow := func(s *webhook.Subscriber) { s.FromNow = true }
	y.subscribe("old", old.URL)
	y.subscribe("fresh", fresh.URL, fromNow)
	y.move("m")
	y.restart()
	y.subscribe("old", old.URL)
	y.subscribe("fresh", fresh.URL, fromNow)
	y.drain("old")
	y.drain("fresh")
	assert.Equal(t, []string{"m 1", "m 2", "m 3"}, old.steps())
	assert.Equal(t, []string{"m 3"}, fresh.steps())
}
