package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
)

func TestANodeHasExactlyTheShapeThatOthersExpect(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *options) { o.begin = time.Date(2025, 6, 18, 15, 44, 0, 0, time.UTC) })
	require.NoError(t, r.advance(t.Context(), time.Hour))
	r.move("r1-node-1", "maintenance", "fan 3 is loud")
	r.send(http.MethodPost, "/v1/nodes/r1-node-1/transitions",
		`{"to":"firmware_update","initiator":"temporal:ReturnToServiceWorkflow","note":"Automated firmware validation triggered"}`)
	a := r.call(http.MethodGet, "/v1/nodes/r1-node-1", readToken, "")
	assert.Equal(t, `"3"`, a.Header.Get("ETag"))
	assert.JSONEq(t, `{
		"id": "r1-node-1", "metadata": {"owner": "lab"}, "current_state": "firmware_update",
		"state_history": [
			{"from": "", "to": "in_service", "timestamp": "2025-06-18T15:44:00Z", "initiator": "inventory", "note": "first start"},
			{"from": "in_service", "to": "maintenance", "timestamp": "2025-06-18T16:44:00Z", "initiator": "operator", "note": "fan 3 is loud"},
			{"from": "maintenance", "to": "firmware_update", "timestamp": "2025-06-18T16:44:00Z",
			 "initiator": "temporal:ReturnToServiceWorkflow", "note": "Automated firmware validation triggered"}
		]}`, string(a.Body))
}

func TestNodesAreListedByPageStateMetadataAndRack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 7 {
		r.send(http.MethodPost, "/v1/nodes", fmt.Sprintf(`{"id":"x-%d","rack":"r2","metadata":{"owner":"o%d","t":"a=b"}}`, i, i%2))
	}
	r.move("x-3", "maintenance", "")
	assert.Equal(t, []string{"r1-node-1", "r1-node-2", "x-0", "x-1", "x-2", "x-3", "x-4", "x-5", "x-6"}, r.pages("/v1/nodes?limit=2"))
	assert.Equal(t, []string{"x-3"}, r.pages("/v1/nodes?limit=1&state=maintenance&state=rma"))
	assert.Equal(t, []string{"x-1", "x-3", "x-5"}, r.pages("/v1/nodes?limit=2&rack=r2&metadata=owner%3Do1&metadata=t%3Da%3Db"))
	assert.Empty(t, r.pages("/v1/nodes?limit=2&rack=r9"))
	one := get[NodePage](r, "/v1/nodes?limit=1").Nodes[0]
	assert.Equal(t, "r1-compute-1", one.Machine)
	assert.Equal(t, "r1", one.Rack)

	p := r.refusal(422, http.MethodGet, "/v1/nodes?state=gone", "")
	assert.Equal(t, []string{"in_service", "maintenance", "firmware_update", "rma"}, p.Known)
	for _, query := range []string{"metadata=owner", "metadata=%3Dx", "metadata=a%3D1&metadata=a%3D2", "limit=0", "stat=x", "rack=r1&rack=r2"} {
		r.refusal(422, http.MethodGet, "/v1/nodes?"+query, "")
	}
}

func TestTheHistoryOfANodeIsPagedAndSelectedByTimeAndInitiator(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const path = "/v1/nodes/r1-node-1/history"
	for i := range 3 {
		require.NoError(t, r.advance(t.Context(), time.Hour))
		r.move("r1-node-1", "maintenance", fmt.Sprint(i))
		r.send(http.MethodPost, "/v1/nodes/r1-node-1/transitions", `{"to":"in_service","initiator":"temporal:Return"}`)
	}
	var all []service.Entry
	for next := ""; ; {
		page := get[NodeHistoryPage](r, path+"?limit=3"+next)
		all = append(all, page.Entries...)
		if page.Next == "" {
			break
		}
		next = "&cursor=" + page.Next
	}
	assert.Equal(t, get[service.Document](r, "/v1/nodes/r1-node-1").StateHistory, all)
	require.Len(t, all, 7)
	since := url.QueryEscape(all[3].Timestamp.Format(time.RFC3339))
	assert.Len(t, get[NodeHistoryPage](r, path+"?since="+since).Entries, 4)
	assert.Len(t, get[NodeHistoryPage](r, path+"?until="+since).Entries, 3)
	assert.Len(t, get[NodeHistoryPage](r, path+"?initiator=temporal:*").Entries, 3)
	assert.Len(t, get[NodeHistoryPage](r, path+"?initiator=operator&initiator=inventory").Entries, 4)
	r.refusal(422, http.MethodGet, path+"?cursor=me", "")
	r.refusal(404, http.MethodGet, "/v1/nodes/nobody/history", "")
}

func TestAMoveSentAgainIsMadeOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const path = "/v1/nodes/r1-node-1/transitions"
	first := r.send(http.MethodPost, path, `{"to":"maintenance","note":"a"}`, "Idempotency-Key", "k1")
	assert.Empty(t, first.Header.Get("Idempotent-Replayed"))
	r.move("r1-node-1", "rma", "case 7")
	again := r.send(http.MethodPost, path, `{"to":"maintenance","note":"a"}`, "Idempotency-Key", "k1")
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, into[Moved](t, first).Transition, into[Moved](t, again).Transition)
	assert.Equal(t, "rma", into[Moved](t, again).CurrentState)
	p := r.refusal(422, http.MethodPost, path, `{"to":"maintenance","note":"b"}`, "Idempotency-Key", "k1")
	assert.Equal(t, rest.TypeKeyReused, p.Type)
	assert.Equal(t, []string{"maintenance"}, p.Permitted)
	r.refusal(422, http.MethodPost, path, `{"to":"maintenance"}`, "Idempotency-Key", "two words")

	body := `{"nodes":["r1-node-1","r1-node-2","nobody"],"to":"maintenance","note":"c"}`
	for i := range 2 {
		got := into[struct{ Results []NodeResult }](t, r.send(http.MethodPost, "/v1/transitions", body, "Idempotency-Key", "k2")).Results
		require.Len(t, got, 3)
		for _, one := range got[:2] {
			require.NotNil(t, one.Moved, "%+v", one)
			assert.Equal(t, i == 1, one.AlreadyApplied)
		}
		assert.Nil(t, got[2].Moved)
		assert.Equal(t, rest.TypeNotFound, got[2].Problem.Type)
	}
	assert.Equal(t, []string{">in_service", "in_service>maintenance", "maintenance>rma", "rma>maintenance"},
		entries(get[service.Document](r, "/v1/nodes/r1-node-1").StateHistory))
}

func TestAFirmwareUpdateReprovisionsTheMachineAndEndsByItself(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.pass(time.Minute, r.allReady)
	r.move("r1-node-1", "maintenance", "")
	held := r.call(http.MethodGet, "/v1/objects/machine/r1-compute-1", readToken, "")
	assert.Contains(t, string(held.Body), `"owner":"node/r1-node-1"`)
	r.move("r1-node-1", "firmware_update", "")
	r.pass(15*time.Second, func() bool { return r.state("r1-node-1") == "in_service" })
	last := get[service.Document](r, "/v1/nodes/r1-node-1").StateHistory[3]
	assert.Equal(t, "action:host_reprovision", last.Initiator)
	machine := get[rest.HistoryPage](r, "/v1/objects/machine/r1-compute-1/history?limit=1000").Transitions
	assert.Contains(t, fmt.Sprint(machine), "HostReprovision")
}

func TestTheDefinitionIsServedAsFileAndDrawing(t *testing.T) {
	t.Parallel()
	own := filepath.Join(t.TempDir(), "own.yaml")
	require.NoError(t, os.WriteFile(own, service.DefaultYAML(), 0o600))
	r := newRig(t, func(o *options) { o.definition = own })
	a := r.call(http.MethodGet, "/v1/service-definition", readToken, "")
	assert.Equal(t, string(service.DefaultYAML()), string(a.Body))
	assert.Equal(t, "application/yaml", a.Header.Get("Content-Type"))
	a = r.call(http.MethodGet, "/v1/service-definition/diagram", readToken, "")
	assert.Equal(t, service.Default().Mermaid(), string(a.Body))
}

func TestAPlanOfTheMaintenanceOfARackIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.pass(time.Minute, r.allReady)
	a := r.send(http.MethodPost, "/v1/objects/rack/r1/requests?plan=true", `{"type":"maintenance","params":{"scope":{"activities":[{"name":"PowerSequence"}]}}}`)
	plan := into[rest.Posted](t, a).Plan
	require.Len(t, plan.Steps, 1)
	assert.Equal(t, "reset", plan.Steps[0].Does)
	assert.Len(t, plan.Steps[0].Devices, 4)
	assert.Equal(t, 501, r.call(http.MethodPost, "/v1/objects/machine/r1-compute-1/requests?plan=true", writeToken, `{"type":"reprovision"}`).Status)
}
