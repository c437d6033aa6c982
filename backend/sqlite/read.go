package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
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
		r, err := readRecord(st)
		if err == nil && r.Ref != ref { // an index may say something else than the rows
			err = damaged("%s stands in the place of %s", r.Ref, ref)
		}
		record = &r
		return err
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
		r, err := readRecord(st)
		switch n := len(records); {
		case err != nil:
		case n > 0 && !before(&records[n-1], &r):
			err = damaged("%s comes behind %s", r.Ref, records[n-1].Ref)
		case q.Rack != "" && r.Rack != q.Rack, q.Kind != "" && r.Ref.Kind != q.Kind:
			err = damaged("%s of rack %q stands in the place of another object", r.Ref, r.Rack)
		}
		records = append(records, r)
		return err
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

// before reports whether a record comes before another one in a list.
func before(a, b *backend.Record) bool {
	return cmp.Or(strings.Compare(a.Rack, b.Rack), a.Ref.Compare(b.Ref)) < 0
}

// damaged is the error for what a good file never holds. SQLite keeps no sums: it finds out by itself only that a page makes no sense.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", backend.ErrCorrupt, fmt.Sprintf(format, args...))
}

// readRecord reads one row of sqlSelectRecords.
func readRecord(st *lite.Stmt) (backend.Record, error) {
	r := backend.Record{
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
	if version, transitions := st.ColumnInt64(5), st.ColumnInt64(6); version < 1 || transitions < 0 {
		return r, damaged("%s has the version %d and %d transitions", r.Ref, version, transitions)
	}
	return r, nil
}

// History returns the transitions that the query selects, see [backend.Store].
func (s *Store) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	text, values := historyQuery(q)
	var rows []backend.Transition
	last := int64(min(q.After, math.MaxInt64))
	err := s.query(ctx, text, values, func(st *lite.Stmt) error {
		// Who reads page by page goes on behind the last position, and would never come to an end if it went back.
		position, seq := st.ColumnInt64(0), st.ColumnInt64(4)
		if position <= last || seq < 0 {
			return damaged("position %d of the history, number %d of its object, comes behind %d", position, seq, last)
		}
		ref := backend.Ref{Kind: backend.Kind(st.ColumnText(1)), ID: st.ColumnText(2)}
		if !q.Ref.IsZero() && ref != q.Ref {
			return damaged("position %d of the history is of %s, not of %s", position, ref, q.Ref)
		}
		last = position
		rows = append(rows, backend.Transition{
			Position:  uint64(position),
			Ref:       ref,
			Rack:      st.ColumnText(3),
			Seq:       uint64(seq),
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
