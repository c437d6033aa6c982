package sqlite

import (
	"context"
	"fmt"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

const (
	sqlInsertRequest = "INSERT INTO request (rack, type, state, initiator, reference, cycle, at, started_at, ended_at, cancelled_by, " +
		"reason, params, results, id, kind, object) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	sqlUpdateRequest = "UPDATE request SET rack = ?, type = ?, state = ?, initiator = ?, reference = ?, cycle = ?, at = ?, started_at = ?, " +
		"ended_at = ?, cancelled_by = ?, reason = ?, params = ?, results = ? WHERE id = ? AND kind = ? AND object = ?"
	sqlSelectRequest = "SELECT 1 FROM request WHERE id = ? AND kind = ? AND object = ?"

	sqlSelectRequests = "SELECT rack, type, state, initiator, reference, cycle, at, started_at, ended_at, cancelled_by, reason, params, " +
		"results, id, kind, object FROM request"
)

// post inserts a request unless its id and object exist.
func (w *writer) post(r *backend.Request) (refused, err error) {
	if err := bindRequest(w.insertRequest, r); err != nil {
		return nil, err
	}
	if err := run(w.insertRequest); err != nil {
		return nil, err
	}
	if w.conn.Changes() == 0 {
		return fmt.Errorf("sqlite: request %q on %s: %w", r.ID, r.On, backend.ErrExists), nil
	}
	return nil, nil
}

// hasRequest reports whether a request with that id is on that object.
func (w *writer) hasRequest(r *backend.Request) (bool, error) {
	w.selectRequest.BindText(1, r.ID)
	w.selectRequest.BindText(2, string(r.On.Kind))
	w.selectRequest.BindText(3, r.On.ID)
	_, there, err := one(w.selectRequest)
	return there, err
}

// update replaces a request that exists.
func (w *writer) update(r *backend.Request) (refused, err error) {
	if err := bindRequest(w.updateRequest, r); err != nil {
		return nil, err
	}
	if err := run(w.updateRequest); err != nil {
		return nil, err
	}
	if w.conn.Changes() == 0 {
		return fmt.Errorf("sqlite: request %q on %s: %w: there is no such request", r.ID, r.On, backend.ErrConflict), nil
	}
	return nil, nil
}

// bindRequest binds the columns of a request, its name last.
func bindRequest(st *lite.Stmt, r *backend.Request) error {
	results, err := encodeResults(r.Results)
	if err != nil {
		return fmt.Errorf("request %q on %s: %w", r.ID, r.On, err)
	}
	for i, text := range [...]string{r.Rack, r.Type, string(r.State), r.Initiator, r.Reference, r.Cycle} {
		st.BindText(1+i, text)
	}
	bindTime(st, 7, r.At)
	bindTime(st, 8, r.StartedAt)
	bindTime(st, 9, r.EndedAt)
	st.BindText(10, r.CancelledBy)
	st.BindText(11, r.Reason)
	bindBytes(st, 12, r.Params)
	bindBytes(st, 13, results)
	st.BindText(14, r.ID)
	st.BindText(15, string(r.On.Kind))
	st.BindText(16, r.On.ID)
	return nil
}

// bindBytes binds bytes, or NULL for nil.
func bindBytes(st *lite.Stmt, i int, b []byte) {
	if b == nil {
		st.BindNull(i)
		return
	}
	st.BindBytes(i, b)
}

// Requests returns the requests that the query selects, see [backend.Store].
func (s *Store) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	text, values := requestQuery(q)
	var requests []backend.Request
	err := s.query(ctx, text, values, func(st *lite.Stmt) error {
		r, err := readRequest(st)
		switch { // an index may say something else than the rows
		case err != nil:
		case q.OpenOnly && !r.State.Open(), q.ID != "" && r.ID != q.ID, !q.On.IsZero() && r.On != q.On:
			err = damaged("request %q on %s, which is %s, stands in the place of another one", r.ID, r.On, r.State)
		}
		requests = append(requests, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return requests, nil
}

// requestQuery returns the SQL of a query and its values.
func requestQuery(q backend.RequestQuery) (string, []any) {
	var where conditions
	if q.ID != "" {
		where.add("id = ?", q.ID)
	}
	if !q.On.IsZero() {
		where.add("kind = ?", string(q.On.Kind))
		where.add("object = ?", q.On.ID)
	}
	if q.OpenOnly {
		where.add("state IN ('pending', 'started')")
	}
	selected := sqlSelectRequests
	if q.OpenOnly && q.ID == "" && q.On.IsZero() {
		// Few of many requests are open, which SQLite does not know: it would read all of them to save the sorting.
		selected += " INDEXED BY request_open"
	}
	return where.sql(selected, "number", q.Limit)
}

// readRequest reads one row of sqlSelectRequests.
func readRequest(st *lite.Stmt) (backend.Request, error) {
	r := backend.Request{
		Rack: st.ColumnText(0), Type: st.ColumnText(1), State: backend.RequestState(st.ColumnText(2)), Initiator: st.ColumnText(3),
		Reference: st.ColumnText(4), Cycle: st.ColumnText(5),
		At: readTime(st, 6), StartedAt: readTime(st, 7), EndedAt: readTime(st, 8),
		CancelledBy: st.ColumnText(9), Reason: st.ColumnText(10), Params: readBytes(st, 11),
		ID: st.ColumnText(13), On: backend.Ref{Kind: backend.Kind(st.ColumnText(14)), ID: st.ColumnText(15)},
	}
	var err error
	if r.Results, err = decodeResults(readBytes(st, 12)); err != nil {
		return r, fmt.Errorf("%w: results of request %q on %s: %w", backend.ErrCorrupt, r.ID, r.On, err)
	}
	return r, nil
}
