package memory

import (
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// cloneRecord copies a record with all that it points to, its times in the form in which stores keep them.
func cloneRecord(r *backend.Record) backend.Record {
	c := *r
	c.Since = backend.Timestamp(r.Since)
	c.Outcome.At = backend.Timestamp(r.Outcome.At)
	c.Data = slices.Clone(r.Data)
	return c
}

// cloneRequest does the same for a request.
func cloneRequest(r *backend.Request) backend.Request {
	c := *r
	c.At = backend.Timestamp(r.At)
	c.StartedAt = backend.Timestamp(r.StartedAt)
	c.EndedAt = backend.Timestamp(r.EndedAt)
	c.Params = slices.Clone(r.Params)
	c.Results = slices.Clone(r.Results)
	return c
}
