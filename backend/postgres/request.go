package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rackstate/rackstate/backend"
)

const sqlSelectRequests = "SELECT id, kind, object, rack, type, state, initiator, reference, cycle, at, started_at, ended_at, cancelled_by, reason, " +
	"params, results FROM request"

// Requests returns the requests that the query selects, see [backend.Store].
func (s *Store) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	text, values := requestQuery(q)
	return query(ctx, s, text, values, readRequest)
}

// requestQuery returns the SQL of a query and its values.
func requestQuery(q backend.RequestQuery) (string, []any) {
	var where conditions
	if q.ID != "" {
		where.add("id = ?", q.ID)
	}
	if !q.On.IsZero() {
		where.add("kind = ? AND object = ?", string(q.On.Kind), q.On.ID)
	}
	if q.OpenOnly {
		where.add("state IN ('pending', 'started')")
	}
	return where.complete(sqlSelectRequests, "number", q.Limit)
}

// readRequest reads one row of sqlSelectRequests.
func readRequest(row pgx.CollectableRow) (backend.Request, error) {
	var r backend.Request
	var at, started, ended pgtype.Timestamptz
	var params, results []byte
	err := row.Scan(&r.ID, &r.On.Kind, &r.On.ID, &r.Rack, &r.Type, &r.State, &r.Initiator, &r.Reference, &r.Cycle, &at, &started, &ended,
		&r.CancelledBy, &r.Reason, &params, &results)
	if err != nil {
		return r, err
	}
	r.At, r.StartedAt, r.EndedAt, r.Params = moment(at), moment(started), moment(ended), params
	if r.Results, err = decodeResults(results); err != nil {
		return r, fmt.Errorf("%w: results of request %q on %s: %w", backend.ErrCorrupt, r.ID, r.On, err)
	}
	return r, nil
}
