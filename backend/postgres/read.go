package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rackstate/rackstate/backend"
)

const (
	sqlSelectRecords = "SELECT o.kind, o.id, o.rack, o.state, o.since, o.version, o.transitions, o.outcome, o.reason, o.outcome_at, o.over_sla, " +
		"d.data FROM object o LEFT JOIN record d ON d.object = o.key"
	sqlSelectHistory = "SELECT h.position, o.kind, o.id, h.rack, h.seq, h.from_state, h.to_state, h.at, h.\"trigger\", h.initiator, h.note " +
		"FROM history h JOIN object o ON o.key = h.object"
)

// Get returns the record of an object, see [backend.Store].
func (s *Store) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	var where conditions
	where.add("o.kind = ? AND o.id = ?", string(ref.Kind), ref.ID)
	text, values := where.complete(sqlSelectRecords, "o.rack", 0)
	records, err := query(ctx, s, text, values, readRecord)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("postgres: %s: %w", ref, backend.ErrNotFound)
	}
	return &records[0], nil
}

// List returns the records that the query selects, see [backend.Store].
func (s *Store) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	text, values := listQuery(q)
	return query(ctx, s, text, values, readRecord)
}

// listQuery returns the SQL of a query and its values.
func listQuery(q backend.Query) (string, []any) {
	var where conditions
	where.add("o.state <> ''")
	if q.Rack != "" {
		where.add("o.rack = ?", q.Rack)
	}
	if q.Kind != "" {
		where.add("o.kind = ?", string(q.Kind))
	}
	if q.StatePrefix != "" {
		// What begins with the prefix and a slash lies between that and the prefix with the character after the slash.
		where.add("(o.state = ? OR (o.state >= ? AND o.state < ?))", q.StatePrefix, q.StatePrefix+"/", q.StatePrefix+"0")
	}
	if q.After != nil {
		where.add("(o.rack, o.kind, o.id) > (?, ?, ?)", q.After.Rack, string(q.After.Ref.Kind), q.After.Ref.ID)
	}
	return where.complete(sqlSelectRecords, "o.rack, o.kind, o.id", q.Limit)
}

// readRecord reads one row of sqlSelectRecords.
func readRecord(row pgx.CollectableRow) (backend.Record, error) {
	var r backend.Record
	var since, at pgtype.Timestamptz
	var version, transitions int64
	err := row.Scan(&r.Ref.Kind, &r.Ref.ID, &r.Rack, &r.State, &since, &version, &transitions,
		&r.Outcome.Kind, &r.Outcome.Reason, &at, &r.Outcome.OverSLA, &r.Data)
	r.Since, r.Outcome.At = moment(since), moment(at)
	r.Version, r.Transitions = uint64(version), uint64(transitions)
	return r, err
}

// History returns the transitions that the query selects, see [backend.Store]. Whoever follows it by Position misses no row, whichever process
// writes: no row appears later with a lower position than one that was visible.
func (s *Store) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	text, values := historyQuery(q)
	return query(ctx, s, text, values, readTransition)
}

// historyQuery returns the SQL of a query and its values.
func historyQuery(q backend.HistoryQuery) (string, []any) {
	var where conditions
	if !q.Ref.IsZero() {
		// With one key the rows come from the index of the object's own rows, in order.
		where.add("h.object = (SELECT key FROM object WHERE kind = ? AND id = ?)", string(q.Ref.Kind), q.Ref.ID)
	}
	if q.After > 0 {
		where.add("h.position > ?", int64(min(q.After, math.MaxInt64)))
	}
	return where.complete(sqlSelectHistory, "h.position", q.Limit)
}

// readTransition reads one row of sqlSelectHistory.
func readTransition(row pgx.CollectableRow) (backend.Transition, error) {
	var t backend.Transition
	var at pgtype.Timestamptz
	var position, seq int64
	err := row.Scan(&position, &t.Ref.Kind, &t.Ref.ID, &t.Rack, &seq, &t.From, &t.To, &at, &t.Trigger, &t.Initiator, &t.Note)
	t.Position, t.Seq, t.At = uint64(position), uint64(seq), moment(at)
	return t, err
}

// moment reads a time that stamp wrote.
func moment(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}
