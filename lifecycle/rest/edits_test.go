package rest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

func TestConcurrentWritersWithIfMatchLoseNoUpdate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	const writers, rounds = 8, 25
	var group sync.WaitGroup
	lost := make([]int, writers)
	for w := range writers {
		group.Add(1)
		go func() {
			defer group.Done()
			for done := 0; done < rounds; {
				now := r.call(http.MethodGet, "/v1/objects/crate/a", readToken, "")
				var o rest.Object
				if !assert.NoError(t, jsonInto(now.Body, &o)) {
					return
				}
				count, _ := strconv.Atoi(o.Labels["count"])
				a := r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, fmt.Sprintf(`{"count":"%d"}`, count+1), "If-Match", now.Header.Get("ETag"))
				switch a.Status {
				case http.StatusOK:
					done++
				case http.StatusPreconditionFailed:
					lost[w]++
				default:
					t.Errorf("status %d: %s", a.Status, a.Body)
					return
				}
			}
		}()
	}
	group.Wait()
	assert.Equal(t, strconv.Itoa(writers*rounds), get[rest.Object](r, "/v1/objects/crate/a").Labels["count"])
	t.Logf("races lost and tried again: %v", lost)
}

func TestIfMatchIsComparedAsTheStandardSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		want   int
	}{
		{"", 200}, {"*", 200}, {`"2"`, 200}, {`"1", "2"`, 200}, {`"1"`, 412}, {`W/"2"`, 412}, {`2`, 412}, {`"1","3"`, 412}, {"nonsense", 412},
	} {
		t.Run(c.header, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodPatch, http.MethodDelete} {
				r := newRig(t)
				r.create("A1", "a")
				path, body, want := "/v1/objects/crate/a/labels", `{"x":"1"}`, c.want
				if method == http.MethodDelete {
					path, body = "/v1/objects/crate/a", ""
					if want == 200 {
						want = 202
					}
				}
				var headers []string
				if c.header != "" {
					headers = []string{"If-Match", c.header}
				}
				a := r.call(method, path, writeToken, body, headers...)
				assert.Equal(t, want, a.Status, "%s: %s", method, a.Body)
				if want == 412 {
					assert.Equal(t, `"2"`, a.Header.Get("ETag"), "the answer says which version it is")
					assert.Equal(t, rest.TypePrecondition, a.problem(t).Type)
					assert.Equal(t, uint64(2), get[rest.Object](r, "/v1/objects/crate/a").Version)
				}
			}
		})
	}
}

func TestLabelsAreMerged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	a := r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, `{"a":"1","b":"2"}`, "Content-Type", "application/merge-patch+json")
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	assert.Equal(t, `"3"`, a.Header.Get("ETag"))
	a = r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, `{"a":null,"c":"","none":null}`)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	assert.Equal(t, map[string]string{"b": "2", "c": ""}, get[rest.Object](r, "/v1/objects/crate/a").Labels)
	before := get[rest.Object](r, "/v1/objects/crate/a")
	r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, `{}`)
	assert.Equal(t, before, get[rest.Object](r, "/v1/objects/crate/a"), "an empty patch writes nothing")
	assert.Equal(t, http.StatusUnprocessableEntity, r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, `{"":"x"}`).Status)
	assert.Equal(t, http.StatusUnprocessableEntity, r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, `{"x":1}`).Status)
}

func TestAHoldStopsTheClockUntilItIsReleased(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	r.pass(10 * time.Second)
	const path = "/v1/objects/crate/a/holds/look/walt"
	a := r.call(http.MethodPut, path, writeToken, `{"reason":"what is inside?","expires":"2026-01-01T12:00:00+01:00"}`)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	r.pass(time.Minute)
	o := get[rest.Object](r, "/v1/objects/crate/a")
	require.Len(t, o.Holds, 1)
	assert.Equal(t, "walt", o.Holds[0].Owner)
	assert.Equal(t, "2026-01-01T11:00:00Z", o.Holds[0].Expires.Format(time.RFC3339))
	assert.Nil(t, o.Clock.StartedAt)
	require.NotNil(t, o.Clock.Stopped)
	assert.InDelta(t, 10, *o.Clock.Stopped, 0)
	x := get[rest.Explanation](r, "/v1/objects/crate/a/explain")
	assert.Contains(t, x.Text, "what is inside?")
	assert.InDelta(t, 10, x.ElapsedSeconds, 0)

	require.Equal(t, http.StatusOK, r.call(http.MethodDelete, path, writeToken, "").Status)
	r.pass(5 * time.Second)
	o = get[rest.Object](r, "/v1/objects/crate/a")
	assert.Empty(t, o.Holds)
	require.NotNil(t, o.Clock.StartedAt)
	assert.Equal(t, 15*time.Second, r.clock.Now().Sub(*o.Clock.StartedAt), "the time under the hold does not count")
	gone := r.call(http.MethodDelete, path, writeToken, "")
	assert.Equal(t, http.StatusNotFound, gone.Status)
	past := r.call(http.MethodPut, path, writeToken, `{"reason":"late","expires":"2020-01-01T00:00:00Z"}`)
	assert.Equal(t, http.StatusConflict, past.Status)
	assert.Equal(t, rest.TypeRejected, past.problem(t).Type)
}

func TestHealthIsWhatTheSourcesSay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	const path = "/v1/objects/crate/a/health/walt"
	a := r.call(http.MethodPut, path, writeToken, `{"alerts":[{"id":"hot","target":"lid","message":"70 C","classifications":["PreventAllocations"]},{"id":"hot","target":"floor"}]}`)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	r.call(http.MethodPut, "/v1/objects/crate/a/health/other", adminToken, `{"alerts":[{"id":"cold"}]}`)
	o := get[rest.Object](r, "/v1/objects/crate/a")
	assert.Equal(t, []rest.Alert{
		{ID: "hot", Source: "walt", Target: "lid", Message: "70 C", Classifications: []string{"PreventAllocations"}}, {ID: "hot", Source: "walt", Target: "floor"}, {ID: "cold", Source: "other"},
	}, o.Alerts)

	r.call(http.MethodPut, path+"?override=true", writeToken, `{"alerts":[]}`)
	o = get[rest.Object](r, "/v1/objects/crate/a")
	assert.Empty(t, o.Alerts, "the override says that it is healthy")
	require.NotNil(t, o.Override)
	assert.Equal(t, "walt", o.Override.Source)
	assert.Len(t, o.Override.Overridden, 3)

	require.Equal(t, http.StatusOK, r.call(http.MethodDelete, path, writeToken, "").Status)
	o = get[rest.Object](r, "/v1/objects/crate/a")
	assert.Nil(t, o.Override)
	assert.Equal(t, []rest.Alert{{ID: "cold", Source: "other"}}, o.Alerts)
	for name, body := range map[string]string{
		"the same alert twice": `{"alerts":[{"id":"x"},{"id":"x"}]}`, "another source": `{"alerts":[{"id":"x","source":"other"}]}`, "no id": `{"alerts":[{}]}`, "no list": `{}`,
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, r.call(http.MethodPut, path, writeToken, body).Status, name)
	}
}

func TestDeletionIsRefusedOrWaitsOrIsForced(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	r.call(http.MethodPost, "/v1/objects/crate/a/requests", writeToken, `{"type":"pack"}`)
	r.settle()
	a := r.call(http.MethodDelete, "/v1/objects/crate/a", writeToken, "")
	require.Equal(t, http.StatusConflict, a.Status)
	p := a.problem(t)
	assert.Equal(t, rest.TypeRejected, p.Type)
	assert.Equal(t, []string{"it is being packed"}, p.Reasons)
	assert.Equal(t, "Packing/Filling", p.State)
	a = r.call(http.MethodDelete, "/v1/objects/crate/a?force=true", writeToken, "")
	require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
	var o rest.Object
	a.into(t, &o)
	require.NotNil(t, o.Deletion)
	assert.Equal(t, rest.Deletion{At: r.clock.Now(), Initiator: "walt", Force: true}, *o.Deletion)
	r.settle()
	assert.Equal(t, http.StatusNotFound, r.call(http.MethodGet, "/v1/objects/crate/a", readToken, "").Status)
	rows := get[rest.HistoryPage](r, "/v1/objects/crate/a/history?order=newest").Transitions
	assert.Equal(t, "", rows[0].To, "its history stays")
	assert.Len(t, get[rest.RequestPage](r, "/v1/objects/crate/a/requests").Requests, 1, "and so do its requests")
}
