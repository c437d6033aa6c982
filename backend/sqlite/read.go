package sqlite

import (
	"context"
	"fmt"
	"math"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

const (
	// The racks come first and in the order of their ids, the objects of each from the index object_rack: nothing is sorted.
	sqlSelectRecords = "SELECT o.kind, o.id, r.id, o.state, o.since, o.version, o.transitions, o.outcome, o.reason, o.outcome_at, o.over_sla, " +
		"d.data FROM rack r CROSS JOIN object o ON o.rack = r.number LEFT JOIN record d ON d.object = o.key"
	sqlSelectRecord = "SELECT o.kind, o.id, r.id, o.state, o.since, o.version, o.transitions, o.outcome, o.reason, o.outcome_at, o.over_sla, " +
		"d.data FROM object o CROSS JOIN rack r ON r.number = o.rack LEFT JOIN record d ON d.object = o.key WHERE o.kind = ? AND o.id = ?"
	sqlSelectHistory = "SELECT h.position, o.kind, o.id, r.id, h.seq, h.from_state, h.to_state, h.at, h.\"trigger\", h.initiator, h.note " +
		"FROM history h CROSS JOIN object o ON o.key = h.object CROSS JOIN rack r ON r.number = h.rack"
	// The name of the one object is looked up first; the rows of its history then come from the index history_object in order.
	sqlSelectChain = "SELECT h.position, o.kind, o.id, r.id, h.seq, h.from_state, h.to_state, h.at, h.\"trigger\", h.initiator, h.note " +
		"FROM object o CROSS JOIN history h ON h.object = o.key CROSS JOIN rack r ON r.number = h.rack"
)

// Get returns the record of an object, see [backend.Store].
func (s *Store) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	var record *backend.Record
	err := s.query(ctx, sqlSelectRecord, []any{string(ref.Kind), ref.ID}, func(st *lite.Stmt) error {
		r := readRecord(st)
		record = &r
		return nil
	})
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, fmt.Errorf("sqlite: %s: %w", ref, backend.ErrNotFound)
	}
	return record, nil
}

// List returns the records that the query selects, see [backend.Store].
func (s *Store) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	text, values := listQuery(q)
	var records []backend.Record
	err := s.query(ctx, text, values, func(st *lite.Stmt) error {
		records = append(records, readRecord(st))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// listQuery returns the SQL of a query and its values.
func listQuery(q backend.Query) (string, []any) {
	var where conditions
	where.add("o.state <> ''")
	if q.Rack != "" {
		where.add("r.id = ?", q.Rack)
	}
	if q.Kind != "" {
		where.add("o.kind = ?", string(q.Kind))
	}
	if q.StatePrefix != "" {
		// What begins with the prefix and a slash lies between that and the prefix with the character after the slash.
		where.add("(o.state = ? OR (o.state >= ? AND o.state < ?))", q.StatePrefix, q.StatePrefix+"/", q.StatePrefix+"0")
	}
	if q.After != nil {
		// The first condition follows from the second one, and is the one that finds the place in the index.
		where.add("r.id >= ?", q.After.Rack)
		where.add("(r.id, o.kind, o.id) > (?, ?, ?)", q.After.Rack, string(q.After.Ref.Kind), q.After.Ref.ID)
	}
	return where.sql(sqlSelectRecords, "r.id, o.kind, o.id", q.Limit)
}

// readRecord reads one row of sqlSelectRecords.
func readRecord(st *lite.Stmt) backend.Record {
	return backend.Record{
		Ref:         backend.Ref{Kind: backend.Kind(st.ColumnText(0)), ID: st.ColumnText(1)},
		Rack:        st.ColumnText(2),
		State:       st.ColumnText(3),
		Since:       readTime(st, 4),
		Version:     uint64(st.ColumnInt64(5)),
		Transitions: uint64(st.ColumnInt64(6)),
		Outcome: backend.Outcome{
			Kind:    backend.OutcomeKind(st.ColumnText(7)),
			Reason:  st.ColumnText(8),
			At:      readTime(st, 9),
			OverSLA: st.ColumnBool(10),
		},
		Data: readBytes(st, 11),
	}
}

// History returns the transitions that the query selects, see [backend.Store].
func (s *Store) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	text, values := historyQuery(q)
	var rows []backend.Transition
	err := s.query(ctx, text, values, func(st *lite.Stmt) error {
		rows = append(rows, backend.Transition{
			Position:  uint64(st.ColumnInt64(0)),
			Ref:       backend.Ref{Kind: backend.Kind(st.ColumnText(1)), ID: st.ColumnText(2)},
			Rack:      st.ColumnText(3),
			Seq:       uint64(st.ColumnInt64(4)),
			From:      st.ColumnText(5),
			To:        st.ColumnText(6),
			At:        readTime(st, 7),
			Trigger:   st.ColumnText(8),
			Initiator: st.ColumnText(9),
			Note:      st.ColumnText(10),
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// historyQuery returns the SQL of a query and its values.
func historyQuery(q backend.HistoryQuery) (string, []any) {
	var where conditions
	selected := sqlSelectHistory
	if !q.Ref.IsZero() {
		selected = sqlSelectChain
		where.add("o.kind = ?", string(q.Ref.Kind))
		where.add("o.id = ?", q.Ref.ID)
	}
	if q.After > 0 {
		where.add("h.position > ?", int64(min(q.After, math.MaxInt64)))
	}
	return where.sql(selected, "h.position", q.Limit)
}

// readTime reads a time that bindTime wrote.
func readTime(st *lite.Stmt, i int) time.Time {
	if st.ColumnIsNull(i) {
		return time.Time{}
	}
	return time.UnixMicro(st.ColumnInt64(i)).UTC()
}

// readBytes copies a column, nil for NULL.
func readBytes(st *lite.Stmt, i int) []byte {
	if st.ColumnIsNull(i) {
		return nil
	}
	b := make([]byte, st.ColumnLen(i))
	st.ColumnBytes(i, b)
	return b
}
