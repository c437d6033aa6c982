package webhook_test

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/webhook"
)

func TestAFailingSubscriberIsSeenDyingAndComingBack(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	y.subscribe("s", r.URL)
	assert.Equal(t, webhook.Status{Name: "s", Target: r.URL, State: webhook.Current}, y.status("s"))
	y.move("m", "m", "m")
	assert.Equal(t, webhook.Behind, y.status("s").State)
	r.refuse(http.StatusBadGateway)
	tries := []time.Time{}
	for y.status("s").State != webhook.Dead {
		_, err := y.Deliver(t.Context(), "s")
		require.Error(t, err)
		st := y.status("s")
		tries = append(tries, st.NextTry)
		assert.Contains(t, []webhook.State{webhook.Failing, webhook.Dead}, st.State)
		assert.Equal(t, []any{len(tries), begin, begin, uint64(3), uint64(0)}, []any{st.Failures, st.Since.UTC(), st.Waiting, st.Lag, st.Cursor})
		assert.Contains(t, st.LastError, "transition 1 (msg_")
		assert.Contains(t, st.LastError, "answered 502 Bad Gateway")
		y.clock.Set(st.NextTry)
	}
	assert.False(t, y.clock.Now().Before(begin.Add(time.Hour)))
	assert.Greater(t, len(tries), 10, "it was tried on the way")
	last := tries[len(tries)-1].Sub(tries[len(tries)-2])
	assert.InDelta(t, 10*time.Minute, last, float64(time.Minute), "ever more seldom, and not more seldom than that")
	r.set(nil)
	y.drain("s")
	assert.Equal(t, webhook.Status{Name: "s", Target: r.URL, State: webhook.Current, Cursor: 3}, y.status("s"))
}

func TestAReceiverThatIsGoneIsShownDeadAtOnceAndAskedSeldom(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	y.subscribe("s", r.URL)
	y.move("m")
	r.refuse(http.StatusGone)
	_, err := y.Deliver(t.Context(), "s")
	require.Error(t, err)
	st := y.status("s")
	assert.Equal(t, webhook.Dead, st.State)
	assert.InDelta(t, 10*time.Minute, st.NextTry.Sub(begin), float64(time.Minute))
}

func TestAReceiverIsLeftAloneForAsLongAsItAsks(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "7200": 10 * time.Minute, "0": time.Second, "-5": time.Second, "soon": time.Second, "99999999999999999999": time.Second,
		begin.Add(3 * time.Minute).Format(http.TimeFormat): 3 * time.Minute, begin.Add(-time.Hour).Format(http.TimeFormat): time.Second,
	} {
		y, r := newYard(t), newReceiver(t)
		r.set(func(w http.ResponseWriter, _ *http.Request, _ backend.Transition) bool {
			w.Header().Set("Retry-After", asked)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		})
		y.subscribe("s", r.URL)
		y.move("m")
		_, err := y.Deliver(t.Context(), "s")
		require.Error(t, err)
		assert.InDelta(t, want, y.status("s").NextTry.Sub(begin), float64(want)/10, asked)
	}
}

func TestARunningSenderBacksOffByItsClockAndIsWokenWithoutPolling(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	var asked atomic.Int32
	r.set(func(w http.ResponseWriter, _ *http.Request, _ backend.Transition) bool {
		asked.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	y.subscribe("s", r.URL)
	stop := run(t, y.Sender)
	defer stop()
	y.move("m")
	require.NoError(t, y.Notify(t.Context(), nil), "what stands in the history is taken over")
	eventually(t, "the first attempt", func() bool { return y.status("s").Failures == 1 })
	for range 100 {
		y.Wake()
	}
	for range 1000 {
		runtime.Gosched()
	}
	assert.Equal(t, int32(1), asked.Load(), "no attempt before its time")
	for y.status("s").Failures == 1 {
		y.clock.Add(100 * time.Millisecond)
	}
	r.set(nil)
	for len(r.steps()) == 0 {
		y.clock.Add(100 * time.Millisecond)
	}
	y.move("m")
	y.Wake()
	eventually(t, "the next one comes at once", func() bool { return len(r.steps()) == 2 })
}

func TestOneDeadSubscriberStopsNobodyAndGrowsNothing(t *testing.T) {
	t.Parallel()
	store := &counting{Store: memory.New()}
	y, r := newYard(t), newReceiver(t)
	y.store = store.Store
	sender, err := webhook.New(store, webhook.Config{Source: "/x", HTTP: true, Networks: loopback, Clock: y.clock})
	require.NoError(t, err)
	y.Sender = sender
	y.subscribe("live", r.URL)
	y.subscribe("dead", "http://127.0.0.1:1/")
	stop := run(t, y.Sender)
	defer stop()
	y.move("m")
	y.Wake()
	eventually(t, "the dead one has failed", func() bool { return y.status("dead").Failures == 1 })
	goroutines := runtime.NumGoroutine()
	for range 500 {
		y.move("m")
		y.Wake()
	}
	eventually(t, "the live one has everything", func() bool { return len(r.steps()) == 501 })
	assert.Less(t, runtime.NumGoroutine(), goroutines+250, "one for each of the 500 would be more, whatever the tests beside this one do")
	assert.LessOrEqual(t, store.largest.Load(), int64(50), "a batch is all that is ever held")
	st := y.status("dead")
	assert.Equal(t, []any{uint64(0), uint64(501), 1}, []any{st.Cursor, st.Lag, st.Failures}, "what waits stays in the store")
}

// counting is a store that notes how much of its history was asked for at once.
type counting struct {
	*memory.Store
	largest atomic.Int64
}

func (c *counting) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	if n := int64(q.Limit); n == 0 || n > c.largest.Load() {
		c.largest.Store(max(n, int64(1<<40)*(1-min(n, 1))))
	}
	return c.Store.History(ctx, q)
}

func TestSubscribersComeGoAndChangeWhileTheSenderRuns(t *testing.T) {
	t.Parallel()
	y, a, b := newYard(t), newReceiver(t), newReceiver(t)
	stop := run(t, y.Sender)
	y.subscribe("s", a.URL)
	y.move("m", "m")
	y.Wake()
	told := func(cursor uint64) func() bool { // and has the answers, so that nothing is repeated
		return func() bool { return y.status("s").Cursor == cursor }
	}
	eventually(t, "the first address", told(2))
	require.ErrorContains(t, y.Run(t.Context()), "running already")
	y.subscribe("s", b.URL)
	y.move("m")
	y.Wake()
	eventually(t, "the second address", told(3))
	assert.Equal(t, []string{"m 3"}, b.steps(), "it goes on where the first one was")
	assert.True(t, y.Unsubscribe("s"))
	assert.False(t, y.Unsubscribe("s"))
	y.move("m")
	y.Wake()
	y.subscribe("s", a.URL)
	eventually(t, "back again", told(4))
	assert.Equal(t, []string{"m 1", "m 2", "m 4"}, a.steps())
	stop()
	y.move("m")
	defer run(t, y.Sender)()
	eventually(t, "it can run again", told(5))
}

func TestStoppingBreaksOffWhatHangsAndIsNobodysFailure(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	arrived := make(chan struct{}, 1)
	r.set(func(_ http.ResponseWriter, req *http.Request, row backend.Transition) bool {
		if row.Seq < 3 {
			return false
		}
		arrived <- struct{}{}
		<-req.Context().Done()
		return true
	})
	y.subscribe("s", r.URL)
	y.move("m", "m", "m")
	stop := run(t, y.Sender)
	<-arrived
	stop()
	st := y.status("s")
	assert.Equal(t, []any{uint64(2), 0}, []any{st.Cursor, st.Failures}, "what was taken over is noted")
	r.set(nil)
	y.restart()
	y.subscribe("s", r.URL)
	y.drain("s")
	assert.Equal(t, []string{"m 1", "m 2", "m 3"}, r.steps())
}

func TestTheStatusIsInTheOrderOfNamesAndSaysWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for _, name := range []string{"c", "a", "b"} {
		y.subscribe(name, "http://127.0.0.1:1/")
	}
	all, err := y.Status(t.Context())
	require.NoError(t, err)
	assert.True(t, slices.IsSortedFunc(all, func(a, b webhook.Status) int { return int(a.Name[0]) - int(b.Name[0]) }))
	require.NoError(t, y.store.Close())
	_, err = y.Status(t.Context())
	require.ErrorIs(t, err, backend.ErrClosed)
	require.ErrorIs(t, y.Subscribe(t.Context(), webhook.Subscriber{Name: "d", URL: "http://127.0.0.1:1/", Secrets: []backend.Secret{newSecret(1)}}), backend.ErrClosed)
	_, err = webhook.New(struct{ backend.Store }{y.store}, webhook.Config{Source: "/x"})
	require.ErrorIs(t, err, backend.ErrNotSupported)
}
