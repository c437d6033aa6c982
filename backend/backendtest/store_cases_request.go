package backendtest

import (
	"encoding/json"

	"github.com/rackstate/rackstate/backend"
)

// guarded is a Commit that writes an object without a change of state, with what it does to requests.
func guarded(on backend.Ref, expect uint64, post, update []backend.Request) backend.Commit {
	w := write(on, expect, "Ready")
	w.Transition = nil
	return backend.Commit{Writes: []backend.Write{w}, Post: post, Update: update}
}

// requestOf returns requests as a list.
func requestOf(r ...backend.Request) []backend.Request { return r }

// fullRequest fills in every field of a request.
func fullRequest(id string, on backend.Ref) backend.Request {
	return backend.Request{
		ID: id, On: on, Rack: "A1", Type: "maintenance", State: backend.RequestFailed, Initiator: "ann", Reference: "TICKET-7", Cycle: "cycle-3",
		At: storeTime(1), StartedAt: storeTime(2), EndedAt: storeTime(3), CancelledBy: "bob", Reason: "firmware \"X\" failed",
		Params: json.RawMessage(`{"targets": ["machine/m1"], "note": "ä"}`),
		Results: []backend.Result{
			{
				Target: machineRef("m1"), Activity: "FirmwareUpgrade", Status: backend.ResultFailed, From: "1.0", To: "1.1", JobID: "job-1",
				Error: "no answer", Retryable: true,
			},
			{Target: backend.Ref{Kind: backend.KindSwitch, ID: "s'1"}, Status: backend.ResultOK},
			{},
		},
	}
}

// postCases are the rules of new requests.
func postCases() []storeCase {
	const exists = "A request whose id and object exist already fails the Commit with ErrExists."
	m := machineRef("m1")
	return []storeCase{
		storeRule("PostedAsItWas", "Requests returns the requests that the query selects.", func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(fullRequest("r1", m), request("r2", m)), nil))
			c.equal("requests", c.requests(backend.RequestQuery{}), []backend.Request{fullRequest("r1", m), request("r2", m)})
		}),
		storeRule("PostTwice", exists, func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m)), nil))
			c.refused(backend.ErrExists, guarded(m, 1, requestOf(request("r1", m)), nil))
			c.refused(backend.ErrExists, guarded(m, 1, requestOf(request("r2", m), request("r1", m)), nil))
			c.refused(backend.ErrExists, guarded(m, 1, requestOf(request("r2", m), request("r2", m)), nil))
			c.applied(guarded(m, 1, requestOf(request("r2", m)), nil))
		}),
		storeRule("PostAgainAfterItEnded", exists, func(c *storeCheck) {
			ended := request("r1", m)
			ended.State = backend.RequestFinished
			c.applied(guarded(m, 0, requestOf(ended), nil))
			c.refused(backend.ErrExists, guarded(m, 1, requestOf(request("r1", m)), nil))
		}),
		storeRule("PostTwiceInABatch", exists, func(c *storeCheck) {
			results := c.commit(guarded(m, 0, requestOf(request("r1", m)), nil), guarded(m, 1, requestOf(request("r1", m)), nil),
				guarded(m, 1, requestOf(request("r2", m)), nil))
			c.equal("first and last are applied", [2]bool{results[0] == nil, results[2] == nil}, [2]bool{true, true})
			c.wraps("second", results[1], backend.ErrExists)
			c.equal("requests", c.requestNames(backend.RequestQuery{}), []string{"r1@machine/m1", "r2@machine/m1"})
		}),
		storeRule("OneIDOnManyObjects", "One call may name many objects; then each has a request of its own with the same id.", func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m)), nil),
				guarded(machineRef("m2"), 0, requestOf(request("r1", machineRef("m2"))), nil),
				guarded(rackRef("m1"), 0, requestOf(request("r1", rackRef("m1"))), nil))
			c.equal("requests", c.requestNames(backend.RequestQuery{ID: "r1"}), []string{"r1@machine/m1", "r1@machine/m2", "r1@rack/m1"})
		}),
		storeRule("StaleWriteRefusesRequests", "The object's Version guards its requests.", func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m)), nil))
			done := request("r1", m)
			done.State = backend.RequestFinished
			c.refused(backend.ErrConflict, guarded(m, 7, requestOf(request("r2", m)), requestOf(done)))
		}),
		storeRule("RequestsOutliveTheObject", "A tombstone drops data, not requests.", func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m)), nil), one(write(m, 1, "")))
			c.equal("requests", c.requestNames(backend.RequestQuery{On: m}), []string{"r1@machine/m1"})
			c.refused(backend.ErrExists, guarded(m, 2, requestOf(request("r1", m)), nil))
		}),
	}
}

// updateCases are the rules of replaced requests.
func updateCases() []storeCase {
	const missing = "One that does not exist fails the Commit with ErrConflict."
	m := machineRef("m1")
	return []storeCase{
		storeRule("UpdateReplaces", "Update replaces requests, found by ID and On.", func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m), fullRequest("r2", m)), nil),
				guarded(machineRef("m2"), 0, requestOf(request("r1", machineRef("m2"))), nil))
			c.applied(guarded(m, 1, nil, requestOf(fullRequest("r1", m), request("r2", m))))
			c.equal("requests", c.requests(backend.RequestQuery{}),
				[]backend.Request{fullRequest("r1", m), request("r2", m), request("r1", machineRef("m2"))})
		}),
		storeRule("UpdateMissing", missing, func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m)), nil))
			c.refused(backend.ErrConflict, guarded(m, 1, nil, requestOf(fullRequest("r2", m))))
			c.refused(backend.ErrConflict, guarded(m, 1, nil, requestOf(fullRequest("r1", machineRef("m2")))))
			c.refused(backend.ErrConflict, guarded(m, 1, nil, requestOf(fullRequest("r1", rackRef("m1")))))
			c.refused(backend.ErrConflict, guarded(m, 1, nil, requestOf(fullRequest("r1", m), fullRequest("r2", m))))
			c.refused(backend.ErrConflict, guarded(m, 1, requestOf(request("r3", m)), requestOf(fullRequest("r2", m))))
		}),
		storeRule("UpdateKeepsTheOrder", "Requests returns the requests in the order in which they were posted.", func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m), request("r2", m), request("r3", m)), nil))
			c.applied(guarded(m, 1, nil, requestOf(fullRequest("r2", m))), guarded(m, 2, nil, requestOf(fullRequest("r1", m))))
			c.equal("requests", c.requestNames(backend.RequestQuery{}), []string{"r1@machine/m1", "r2@machine/m1", "r3@machine/m1"})
		}),
		storeRule("PostAndUpdateTogether", "Commit is the unit of atomicity: all of it is applied, or nothing.", func(c *storeCheck) {
			c.applied(guarded(m, 0, requestOf(request("r1", m)), nil))
			superseded := request("r1", m)
			superseded.State = backend.RequestSuperseded
			c.applied(guarded(m, 1, requestOf(request("r2", m)), requestOf(superseded)))
			c.equal("all", c.requestNames(backend.RequestQuery{}), []string{"r1@machine/m1", "r2@machine/m1"})
			c.equal("open", c.requestNames(backend.RequestQuery{OpenOnly: true}), []string{"r2@machine/m1"})
		}),
	}
}

// requestQueryCases are the rules of RequestQuery.
func requestQueryCases() []storeCase {
	post := func(c *storeCheck) {
		open, started, ended := request("z", machineRef("m1")), request("y", machineRef("m2")), request("x", machineRef("m1"))
		started.State, ended.State = backend.RequestStarted, backend.RequestRejected
		c.applied(guarded(machineRef("m1"), 0, requestOf(open), nil))
		c.applied(guarded(machineRef("m2"), 0, requestOf(started), nil))
		c.applied(guarded(machineRef("m1"), 1, requestOf(ended, request("y", machineRef("m1"))), nil))
	}
	all := []string{"z@machine/m1", "y@machine/m2", "x@machine/m1", "y@machine/m1"}
	return []storeCase{
		storeRule("OrderOfPosting", "Requests returns the requests in the order in which they were posted.", func(c *storeCheck) {
			c.equal("an empty store", c.requestNames(backend.RequestQuery{}), []string{})
			post(c)
			c.equal("requests", c.requestNames(backend.RequestQuery{}), all)
		}),
		storeRule("RequestsByID", "ID limits the answer to requests with this id.", func(c *storeCheck) {
			post(c)
			c.equal("y", c.requestNames(backend.RequestQuery{ID: "y"}), []string{all[1], all[3]})
			c.equal("q", c.requestNames(backend.RequestQuery{ID: "q"}), []string{})
		}),
		storeRule("RequestsOnAnObject", "On limits the answer to the requests of one object.", func(c *storeCheck) {
			post(c)
			c.equal("m1", c.requestNames(backend.RequestQuery{On: machineRef("m1")}), []string{all[0], all[2], all[3]})
			c.equal("rack m1", c.requestNames(backend.RequestQuery{On: rackRef("m1")}), []string{})
		}),
		storeRule("OpenRequests", "OpenOnly limits the answer to pending and started requests.", func(c *storeCheck) {
			post(c)
			c.equal("open", c.requestNames(backend.RequestQuery{OpenOnly: true}), []string{all[0], all[1], all[3]})
			for i, state := range []backend.RequestState{
				backend.RequestPending, backend.RequestStarted, backend.RequestFinished,
				backend.RequestRejected, backend.RequestFailed, backend.RequestCancelled, backend.RequestSuperseded, backend.RequestWithdrawn,
			} {
				r := request("z", machineRef("m1"))
				r.State = state
				c.applied(guarded(machineRef("m1"), uint64(2+i), nil, requestOf(r)))
				c.equal("open when "+string(state), len(c.requests(backend.RequestQuery{ID: "z", OpenOnly: true})) == 1, state.Open())
			}
		}),
		storeRule("RequestsLimit", "Limit bounds the number of requests.", func(c *storeCheck) {
			post(c)
			for limit := 1; limit <= 5; limit++ {
				c.equal("first ones", c.requestNames(backend.RequestQuery{Limit: limit}), all[:min(limit, 4)])
			}
			c.equal("first open one of m1 with id y", c.requestNames(backend.RequestQuery{ID: "y", On: machineRef("m1"), OpenOnly: true, Limit: 1}),
				[]string{all[3]})
		}),
	}
}
