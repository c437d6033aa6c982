package rest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

// pages collects all pages of a list.
func pages[P, E any](r *rig, path string, parts func(P) ([]E, string), between func(page int)) []E {
	r.Helper()
	var all []E
	for n, cursor := 0, ""; ; n++ {
		require.Less(r, n, 1000, "the list does not end")
		next := path
		if cursor != "" {
			next += "&cursor=" + url.QueryEscape(cursor)
		}
		var entries []E
		entries, cursor = parts(get[P](r, next))
		all = append(all, entries...)
		if cursor == "" {
			return all
		}
		if between != nil {
			between(n)
		}
	}
}

func objectParts(p rest.ObjectPage) ([]rest.Object, string) { return p.Objects, p.Next }

func rowParts(p rest.HistoryPage) ([]rest.Transition, string) { return p.Transitions, p.Next }

func requestParts(p rest.RequestPage) ([]rest.Request, string) { return p.Requests, p.Next }

func refsOf(objects []rest.Object) []string {
	var out []string
	for _, o := range objects {
		out = append(out, o.Rack+" "+o.Ref)
	}
	return out
}

func TestPagesAreCompleteAndInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var want []string
	for rack := range 5 {
		for i := range 9 {
			id := fmt.Sprintf("c%d-%d", rack, i)
			r.create(fmt.Sprintf("R%d", rack), id)
			want = append(want, fmt.Sprintf("R%d crate/%s", rack, id))
		}
	}
	for _, limit := range []int{1, 2, 7, 44, 45, 46, 1000} {
		got := refsOf(pages(r, fmt.Sprintf("/v1/objects?limit=%d", limit), objectParts, nil))
		assert.Equal(t, want, got, "limit %d", limit)
		assert.True(t, slices.IsSorted(got))
	}
}

func TestPagesAreStableWhileObjectsComeAndGo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var ids, stay []string
	for i := range 60 {
		ids = append(ids, fmt.Sprintf("c%02d", i))
	}
	r.create("R1", ids...)
	rng := rand.New(rand.NewPCG(1, 1))
	for i, id := range ids {
		if i%3 != 0 {
			stay = append(stay, "R1 crate/"+id)
		}
	}
	got := refsOf(pages(r, "/v1/objects?limit=7", objectParts, func(page int) {
		gone := ids[3*rng.IntN(20)]
		r.call(http.MethodDelete, "/v1/objects/crate/"+gone, writeToken, "")
		r.create([]string{"R0", "R1", "R2"}[rng.IntN(3)], fmt.Sprintf("d%02d", page))
	}))
	assert.Len(t, slices.Compact(slices.Clone(got)), len(got), "nothing is seen twice")
	for _, ref := range stay {
		assert.Contains(t, got, ref, "it was there all the time")
	}
}

func TestObjectsAreFoundByKindRackStateAndLabel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("R1", "a", "b", "c")
	r.create("R2", "d")
	r.call(http.MethodPost, "/v1/requests", writeToken, `{"on":["crate/a","crate/d"],"type":"pack"}`)
	r.settle()
	r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, `{"site":"ber","row":"1"}`)
	r.call(http.MethodPatch, "/v1/objects/crate/b/labels", writeToken, `{"site":"ber","row":"2","odd":"a=b"}`)
	for query, want := range map[string][]string{
		"":                           {"R1 crate/a", "R1 crate/b", "R1 crate/c", "R2 crate/d"},
		"kind=crate&rack=R2":         {"R2 crate/d"},
		"state=Packing":              {"R1 crate/a", "R2 crate/d"},
		"state=Packing/Filling":      {"R1 crate/a", "R2 crate/d"},
		"state=Pack":                 nil,
		"state=Idle":                 {"R1 crate/b", "R1 crate/c"},
		"label=site":                 {"R1 crate/a", "R1 crate/b"},
		"label=site%3Dber&label=row": {"R1 crate/a", "R1 crate/b"},
		"label=site=ber&label=row=2": {"R1 crate/b"},
		"label=odd=a=b":              {"R1 crate/b"},
		"label=site=muc":             nil,
		"rack=R1&state=Packing":      {"R1 crate/a"},
	} {
		assert.Equal(t, want, refsOf(get[rest.ObjectPage](r, "/v1/objects?"+query).Objects), query)
	}
	a := r.call(http.MethodGet, "/v1/objects?kind=box", readToken, "")
	assert.Equal(t, http.StatusNotFound, a.Status)
	assert.Equal(t, rest.TypeUnknownKind, a.problem(t).Type)
	assert.Equal(t, []string{"crate"}, a.problem(t).Known)
}

func TestACursorBelongsToItsFilter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("R1", "a", "b", "c")
	cursor := url.QueryEscape(get[rest.ObjectPage](r, "/v1/objects?limit=1").Next)
	for _, path := range []string{
		"/v1/objects?limit=1&rack=R1&cursor=" + cursor, "/v1/history?cursor=" + cursor, "/v1/requests?cursor=" + cursor, "/v1/objects?cursor=nonsense", "/v1/objects?cursor=e30",
		"/v1/objects/crate/a/history?cursor=" + cursor, "/v1/objects/crate/a/requests?cursor=" + cursor,
	} {
		a := r.call(http.MethodGet, path, readToken, "")
		assert.Equal(t, http.StatusUnprocessableEntity, a.Status, path)
		assert.Equal(t, "query.cursor", a.problem(t).Errors[0].Location, path)
	}
}

func TestThePageSizeHasALimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *rest.Config) { c.MaxPage = 2 })
	r.create("R1", "a", "b", "c")
	assert.Len(t, get[rest.ObjectPage](r, "/v1/objects?limit=1000000").Objects, 2)
	assert.Len(t, get[rest.HistoryPage](r, "/v1/history").Transitions, 2)
	for _, limit := range []string{"0", "-1", "1000001", "x", "1.5"} {
		assert.Equal(t, http.StatusUnprocessableEntity, r.call(http.MethodGet, "/v1/objects?limit="+limit, readToken, "").Status, limit)
	}
}

func TestAQueryThatWouldMeanSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("R1", "a")
	for _, query := range []string{"stat=Idle", "state=", "state", "state=Idle&state=Stuck", "limit=1&limit=2"} {
		a := r.call(http.MethodGet, "/v1/objects?"+query, readToken, "")
		assert.Equal(t, http.StatusUnprocessableEntity, a.Status, "%s: %s", query, a.Body)
	}
	assert.Equal(t, http.StatusBadRequest, r.call(http.MethodGet, "/v1/objects?state=%zz", readToken, "").Status)
	// Huma alone would not see this plan, and post the request.
	a := r.call(http.MethodPost, "/v1/objects/crate/a/requests?plan", writeToken, `{"type":"pack"}`)
	assert.Equal(t, http.StatusUnprocessableEntity, a.Status, "%s", a.Body)
	assert.Empty(t, get[rest.RequestPage](r, "/v1/requests").Requests)
}

func TestHistoryIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("R1", "a", "b")
	r.create("R2", "c")
	for range 6 {
		r.pass(time.Minute)
		r.call(http.MethodPost, "/v1/requests", adminToken, `{"on":["crate/a"],"type":"pack","initiator":"alice","reference":"T-9"}`)
		r.call(http.MethodPost, "/v1/requests", writeToken, `{"on":["crate/c"],"type":"pack"}`)
		r.pass(3 * time.Minute)
	}
	all, err := r.ctl.Store().History(t.Context(), historyOf(""))
	require.NoError(t, err)
	require.Len(t, all, 3+6*6)
	since, until := all[10].At, all[25].At
	for _, c := range []struct {
		path string
		want func(i int) bool
	}{
		{"/v1/history?", func(int) bool { return true }},
		{"/v1/history?kind=crate", func(int) bool { return true }},
		{"/v1/history?rack=R2", func(i int) bool { return all[i].Rack == "R2" }},
		{"/v1/history?initiator=alice", func(i int) bool { return all[i].Initiator == "alice (T-9)" }},
		{"/v1/history?after=7", func(i int) bool { return i >= 7 }},
		{"/v1/history?initiator=ali", func(int) bool { return false }},
		{"/v1/history?since=" + since.Format(time.RFC3339), func(i int) bool { return !all[i].At.Before(since) }},
		{"/v1/history?until=" + until.Format(time.RFC3339), func(i int) bool { return all[i].At.Before(until) }},
		{"/v1/history?since=" + since.Format(time.RFC3339) + "&until=" + until.Format(time.RFC3339) + "&initiator=walt", func(i int) bool {
			return !all[i].At.Before(since) && all[i].At.Before(until) && all[i].Initiator == "walt"
		}},
		{"/v1/objects/crate/a/history?", func(i int) bool { return all[i].Ref.ID == "a" }},
		{"/v1/objects/crate/a/history?initiator=alice", func(i int) bool { return all[i].Ref.ID == "a" && all[i].Initiator == "alice (T-9)" }},
	} {
		var want []uint64
		for i := range all {
			if c.want(i) {
				want = append(want, all[i].Position)
			}
		}
		orders := []string{""}
		if c.path[:9] == "/v1/objec" {
			orders = []string{"&order=oldest", "&order=newest"}
		}
		for _, order := range orders {
			for _, limit := range []int{1, 5, 6, 18, 19, 100} {
				var got []uint64
				for _, row := range pages(r, fmt.Sprintf("%s%s&limit=%d", c.path, order, limit), rowParts, nil) {
					got = append(got, row.Position)
				}
				if order == "&order=newest" {
					slices.Reverse(got)
				}
				assert.Equal(t, want, got, "%s%s limit %d", c.path, order, limit)
			}
		}
	}
	assert.Equal(t, http.StatusNotFound, r.call(http.MethodGet, "/v1/objects/crate/never/history", readToken, "").Status)
}

func TestOpenRequestsArePagedWhileOthersEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var ids []string
	on := ""
	for i := range 20 {
		ids = append(ids, fmt.Sprintf("c%02d", i))
		on += fmt.Sprintf(`"crate/c%02d",`, i)
	}
	r.create("R1", ids...)
	a := r.call(http.MethodPost, "/v1/requests", writeToken, `{"on":[`+on[:len(on)-1]+`],"type":"pack"}`)
	require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
	var posted rest.RequestPage
	a.into(t, &posted)
	require.Len(t, posted.Requests, 20)
	id := posted.Requests[0].ID
	seen := map[string]bool{}
	for _, q := range pages(r, "/v1/requests?limit=3&type=pack", requestParts, func(page int) {
		r.call(http.MethodDelete, "/v1/objects/crate/"+ids[page]+"/requests/"+id, writeToken, "") // seen already
	}) {
		assert.False(t, seen[q.On], "%s is seen twice", q.On)
		seen[q.On] = true
	}
	assert.Len(t, seen, 20)
	assert.Len(t, pages(r, "/v1/requests/"+id+"?limit=7", requestParts, nil), 20, "by its id it is found open or not")
	assert.Equal(t, http.StatusNotFound, r.call(http.MethodGet, "/v1/requests/none", readToken, "").Status)
}
