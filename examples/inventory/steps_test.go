package main

import (
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
)

// all is the walk through the inventory. What a request must do is proved by other tests; a part that shows something else than the page says is noticed here.
func (w *walk) all() {
	w.Helper()
	w.do("inventory-list", request{method: http.MethodGet, path: "/v1/nodes", show: ".nodes[]"})
	w.do("inventory-create", request{
		method: http.MethodPost, path: "/v1/nodes",
		body: `{"id":"r2-node-1","machine":"r2-compute-1","metadata":{"owner":"ann"},"note":"new"}`,
	})
	w.later(time.Minute)
	w.do("inventory-move", request{method: http.MethodPost, path: "/v1/nodes/r2-node-1/transitions", body: `{"to":"maintenance","initiator":"ann","note":"fan 3 is loud"}`})
	w.do("inventory-refusals", request{method: http.MethodPost, path: "/v1/nodes/r1-node-1/transitions", body: `{"to":"firmware_update"}`})
	w.do("inventory-refusals", request{method: http.MethodPost, path: "/v1/nodes/r2-node-1/transitions", body: `{"to":"rma"}`})
	w.do("inventory-moves", request{method: http.MethodGet, path: "/v1/nodes/r2-node-1/moves?initiator=ann", show: ".moves[]"})
	w.do("inventory-etag", request{method: http.MethodGet, path: "/v1/nodes/r2-node-1", show: "head"})
	w.do("inventory-etag", request{method: http.MethodPatch, path: "/v1/nodes/r2-node-1/metadata", header: `If-Match: "2"`, body: `{"ticket":"INC-7"}`})
	w.do("inventory-etag", request{method: http.MethodPatch, path: "/v1/nodes/r2-node-1/metadata", header: `If-Match: "2"`, body: `{"ticket":"INC-8"}`})
	w.do("inventory-subscribe", request{
		method: http.MethodPut, path: "/v1/subscribers/tickets",
		body: `{"url":"` + w.ear.url + `","secrets":["` + secret + `"],"kinds":["node"],"from_now":true}`,
	})
	w.later(time.Minute)
	w.do("inventory-update", request{
		method: http.MethodPost, path: "/v1/nodes/r2-node-1/transitions", header: "Idempotency-Key: run-17",
		body: `{"to":"firmware_update","initiator":"temporal:ReturnToServiceWorkflow","note":"Automated firmware validation triggered"}`,
	})
	w.pass(5*time.Second, func() bool { return w.state("r2-node-1") == "in_service" })
	w.heard("inventory-heard", 2)
	w.do("inventory-node", request{method: http.MethodGet, path: "/v1/nodes/r2-node-1"})
	w.do("inventory-history", request{method: http.MethodGet, path: "/v1/nodes/r2-node-1/history?initiator=temporal:*&initiator=action:*", show: ".entries[]"})
	w.later(time.Minute)
	w.do("inventory-bulk", request{method: http.MethodPost, path: "/v1/transitions", body: `{"nodes":["r1-node-1","r1-node-2","r3-node-1"],"to":"maintenance","note":"floor work"}`, show: ".results[]"})
	w.do("inventory-events", request{method: http.MethodGet, path: "/v1/events?kind=node&rack=r2&after=0", show: "events", events: 4})
	w.delivered()
	w.do("inventory-status", request{method: http.MethodGet, path: "/v1/subscribers/tickets"})
	w.do("inventory-plan", request{
		method: http.MethodPost, path: "/v1/objects/rack/r1/requests?plan=true",
		body: `{"type":"maintenance","params":{"scope":{"activities":[{"name":"PowerSequence"}]}}}`,
	})
	w.do("inventory-diagram", request{method: http.MethodGet, path: "/v1/service-definition/diagram", show: "text"})
}

// later lets some time pass, so that times differ.
func (w *walk) later(d time.Duration) {
	w.Helper()
	require.NoError(w, w.advance(w.Context(), d))
}

// delivered waits until the subscriber was told of everything.
func (w *walk) delivered() {
	w.Helper()
	require.Eventually(w, func() bool { return get[ShownSubscriber](w.rig, "/v1/subscribers/tickets").Lag == 0 }, 20*time.Second, 10*time.Millisecond)
}
