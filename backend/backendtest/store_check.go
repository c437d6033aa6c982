package backendtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// storeCheck is the store under test together with what went wrong so far. Its methods note a failure and go on, so that a case reads
// as a list of steps.
type storeCheck struct {
	ctx      context.Context
	store    backend.Store
	failures []error
}

// failf notes a failure.
func (c *storeCheck) failf(format string, args ...any) {
	c.failures = append(c.failures, fmt.Errorf(format, args...))
}

// equal notes a failure unless got is want.
func (c *storeCheck) equal(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		c.failf("%s:\n got  %+v\n want %+v", what, got, want)
	}
}

// wraps notes a failure unless err wraps want.
func (c *storeCheck) wraps(what string, err, want error) {
	if !errors.Is(err, want) {
		c.failf("%s: error is %v, want one that wraps %q", what, err, want)
	}
}

// commit commits a batch and returns one error for each Commit.
func (c *storeCheck) commit(batch ...backend.Commit) []error {
	results, err := c.store.Commit(c.ctx, batch)
	if err != nil {
		c.failf("Commit: %w", err)
		return make([]error, len(batch))
	}
	if len(results) != len(batch) {
		c.failf("Commit returns %d results for %d commits", len(results), len(batch))
		return make([]error, len(batch))
	}
	return results
}

// applied commits a batch of which every Commit must be applied.
func (c *storeCheck) applied(batch ...backend.Commit) {
	for i, err := range c.commit(batch...) {
		if err != nil {
			c.failf("commit %d of %d: %w", i+1, len(batch), err)
		}
	}
}

// refused commits one Commit that must be refused with want and must change nothing: neither the objects that it names, nor any request,
// nor the history.
func (c *storeCheck) refused(want error, commit backend.Commit) {
	before := c.snapshot(commit)
	c.wraps("commit", c.commit(commit)[0], want)
	c.equal("what is stored after the refused commit", c.snapshot(commit), before)
}

// storeSnapshot is what a store shows.
type storeSnapshot struct {
	Objects  map[backend.Ref]backend.Record
	Listed   []backend.Record
	Requests []backend.Request
	History  []backend.Transition
}

// snapshot reads all that a Commit could change.
func (c *storeCheck) snapshot(commit backend.Commit) storeSnapshot {
	s := storeSnapshot{
		Objects: map[backend.Ref]backend.Record{}, Listed: c.list(backend.Query{}),
		Requests: c.requests(backend.RequestQuery{}), History: c.history(backend.HistoryQuery{}),
	}
	for i := range commit.Writes {
		ref := commit.Writes[i].Record.Ref
		r, err := c.store.Get(c.ctx, ref)
		switch {
		case err == nil:
			s.Objects[ref] = tidyRecord(*r)
		case !errors.Is(err, backend.ErrNotFound):
			c.failf("Get %s: %w", ref, err)
		}
	}
	return s
}

// get returns the record of an object that must exist.
func (c *storeCheck) get(ref backend.Ref) backend.Record {
	r, err := c.store.Get(c.ctx, ref)
	if err != nil {
		c.failf("Get %s: %w", ref, err)
		return backend.Record{}
	}
	return tidyRecord(*r)
}

// list returns what a query selects.
func (c *storeCheck) list(q backend.Query) []backend.Record {
	records, err := c.store.List(c.ctx, q)
	if err != nil {
		c.failf("List: %w", err)
	}
	for i := range records {
		records[i] = tidyRecord(records[i])
	}
	return records
}

// names returns the names of what a query selects.
func (c *storeCheck) names(q backend.Query) []string {
	names := []string{}
	for _, r := range c.list(q) {
		names = append(names, r.Rack+":"+r.Ref.String())
	}
	return names
}

// requests returns what a query selects.
func (c *storeCheck) requests(q backend.RequestQuery) []backend.Request {
	requests, err := c.store.Requests(c.ctx, q)
	if err != nil {
		c.failf("Requests: %w", err)
	}
	for i := range requests {
		requests[i] = tidyRequest(requests[i])
	}
	return requests
}

// requestNames returns the names of what a query selects.
func (c *storeCheck) requestNames(q backend.RequestQuery) []string {
	names := []string{}
	for _, r := range c.requests(q) {
		names = append(names, r.ID+"@"+r.On.String())
	}
	return names
}

// history returns what a query selects.
func (c *storeCheck) history(q backend.HistoryQuery) []backend.Transition {
	rows, err := c.store.History(c.ctx, q)
	if err != nil {
		c.failf("History: %w", err)
	}
	return rows
}

// steps returns the rows that a query selects as text, "kind/id seq".
func (c *storeCheck) steps(q backend.HistoryQuery) []string {
	steps := []string{}
	for _, row := range c.history(q) {
		steps = append(steps, fmt.Sprintf("%s %d", row.Ref, row.Seq))
	}
	return steps
}

// tidyRecord makes no data and empty data the same: the contract tells them apart in a Write only.
func tidyRecord(r backend.Record) backend.Record {
	if len(r.Data) == 0 {
		r.Data = nil
	}
	return r
}

// tidyRequest does the same for a request.
func tidyRequest(r backend.Request) backend.Request {
	if len(r.Params) == 0 {
		r.Params = nil
	}
	if len(r.Results) == 0 {
		r.Results = nil
	}
	return r
}

// storeTime is a time that exercises every digit down to the microsecond, n minutes after a fixed one.
func storeTime(n int) time.Time {
	return time.Date(2026, 3, 29, 1, 59, 59, 123_457_000, time.UTC).Add(time.Duration(n) * time.Minute)
}

// rackRef and machineRef name the objects of the cases.
func rackRef(id string) backend.Ref    { return backend.Ref{Kind: backend.KindRack, ID: id} }
func machineRef(id string) backend.Ref { return backend.Ref{Kind: backend.KindMachine, ID: id} }

// write makes a write of an object in rack "A1" that expects a version and enters a state with one more transition. The first version has
// no state before it; an empty state is a deletion.
func write(ref backend.Ref, expect uint64, state string) backend.Write {
	from := "Before"
	if expect == 0 {
		from = ""
	}
	return backend.Write{
		Record: backend.Record{
			Ref: ref, Rack: "A1", State: state, Since: storeTime(int(expect)), Transitions: expect + 1,
			Outcome: backend.Outcome{Kind: backend.OutcomeTransition, At: storeTime(int(expect))},
		},
		Expect: expect,
		Transition: &backend.Transition{
			Ref: ref, Rack: "A1", Seq: expect + 1, From: from, To: state, At: storeTime(int(expect)),
			Trigger: "Step", Initiator: "controller",
		},
	}
}

// one is a Commit of writes.
func one(writes ...backend.Write) backend.Commit { return backend.Commit{Writes: writes} }

// inRack puts a write into another rack.
func inRack(w backend.Write, rack string) backend.Write {
	w.Record.Rack = rack
	w.Transition.Rack = rack
	return w
}

// withData gives a write data.
func withData(w backend.Write, data string) backend.Write {
	w.Record.Data = []byte(data)
	return w
}

// request makes a pending request on an object in rack "A1".
func request(id string, on backend.Ref) backend.Request {
	return backend.Request{ID: id, On: on, Rack: "A1", Type: "maintenance", State: backend.RequestPending, Initiator: "ann", At: storeTime(1)}
}
