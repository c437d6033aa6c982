package main

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/machine/service"
)

func TestWritersWithIfMatchLoseNoUpdate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const writers, each, path = 6, 8, "/v1/nodes/r1-node-1"
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for done := 0; done < each; {
				a := r.call(http.MethodGet, path, readToken, "")
				n, _ := strconv.Atoi(into[service.Document](t, a).Metadata["count"])
				b := r.call(http.MethodPatch, path+"/metadata", writeToken, fmt.Sprintf(`{"count":"%d"}`, n+1), "If-Match", a.Header.Get("ETag"))
				if b.Status == 200 {
					done++
				} else if !assert.Equal(t, 412, b.Status, "%s", b.Body) {
					return
				}
			}
		})
	}
	all.Wait()
	assert.Equal(t, strconv.Itoa(writers*each), get[service.Document](r, path).Metadata["count"])
}

func TestOfManyWhoMoveANodeOnOneETagOneDoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const path = "/v1/nodes/r1-node-2"
	r.move("r1-node-2", "maintenance", "")
	tag := r.call(http.MethodGet, path, readToken, "").Header.Get("ETag")
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			to := []string{"in_service", "rma"}[i%2]
			a := r.call(http.MethodPost, path+"/transitions", writeToken, fmt.Sprintf(`{"to":%q,"note":"by %d"}`, to, i), "If-Match", tag)
			mu.Lock()
			statuses[a.Status]++
			mu.Unlock()
		})
	}
	all.Wait()
	assert.Equal(t, 1, statuses[200], "%v", statuses)
	assert.Equal(t, 12, statuses[200]+statuses[412]+statuses[409], "%v", statuses)
	require.Len(t, get[service.Document](r, path).StateHistory, 3)
}
