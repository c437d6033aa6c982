package sqlite

import (
	"fmt"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

const (
	sqlInsertObject = "INSERT INTO object (kind, id, state, since, version, transitions, outcome, reason, outcome_at, over_sla, key, rack) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	sqlUpdateObject = "UPDATE object SET state = ?, since = ?, version = ?, transitions = ?, outcome = ?, reason = ?, outcome_at = ?, " +
		"over_sla = ? WHERE key = ? AND version = ?"
	sqlMoveObject    = "UPDATE object SET rack = ? WHERE key = ?"
	sqlSelectVersion = "SELECT version FROM object WHERE key = ?"
	sqlPutRecord     = "REPLACE INTO record (object, data) VALUES (?, ?)"
	sqlDropRecord    = "DELETE FROM record WHERE object = ?"
	sqlInsertHistory = "INSERT INTO history (object, rack, seq, from_state, to_state, at, \"trigger\", initiator, note) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

// write applies one write. A refused write has changed nothing.
func (w *writer) write(c *backend.Write) (refused, err error) {
	at, known, err := w.find(c.Record.Ref)
	if err != nil {
		return nil, err
	}
	switch {
	case !known && c.Expect != 0:
		return conflict(c, 0), nil
	case !known:
		if at, refused, err = w.create(c); refused != nil || err != nil {
			return refused, err
		}
	default:
		if at, refused, err = w.replace(c, at); refused != nil || err != nil {
			return refused, err
		}
	}
	if err := w.data(c, at.key, known); err != nil || c.Transition == nil {
		return nil, err
	}
	return nil, w.append(c.Transition, at)
}

// create inserts an object that never existed, and hands out its key.
func (w *writer) create(c *backend.Write) (place, error, error) {
	at, refused, err := w.settle(c.Record.Ref, c.Record.Rack)
	if refused != nil || err != nil {
		return place{}, refused, err
	}
	st := w.insertObject
	st.BindText(1, string(c.Record.Ref.Kind))
	st.BindText(2, c.Record.Ref.ID)
	bindState(st, 3, c)
	st.BindInt64(11, at.key)
	st.BindInt64(12, at.rack)
	return at, nil, run(st)
}

// replace updates an object when its version is the expected one.
func (w *writer) replace(c *backend.Write, at place) (place, error, error) {
	st := w.updateObject
	bindState(st, 1, c)
	st.BindInt64(9, at.key)
	st.BindInt64(10, int64(c.Expect))
	if err := run(st); err != nil {
		return place{}, nil, err
	}
	if w.conn.Changes() == 0 {
		stored, err := w.version(at.key)
		return place{}, conflict(c, stored), err
	}
	rack, err := w.rack(c.Record.Rack)
	if err != nil || rack == at.rack {
		return at, nil, err
	}
	at.rack = rack
	w.moveObject.BindInt64(1, at.rack)
	w.moveObject.BindInt64(2, at.key)
	if err := run(w.moveObject); err != nil {
		return place{}, nil, err
	}
	w.keys.move(c.Record.Ref, at)
	return at, nil, nil
}

// conflict is the answer to a write that expected another version.
func conflict(c *backend.Write, stored uint64) error {
	return fmt.Errorf("sqlite: %s: %w: expected %d, stored %d", c.Record.Ref, backend.ErrConflict, c.Expect, stored)
}

// version returns the stored version of an object.
func (w *writer) version(key int64) (uint64, error) {
	w.selectVersion.BindInt64(1, key)
	stored, _, err := one(w.selectVersion)
	return uint64(stored), err
}

// data stores or drops the typed rest of an object.
func (w *writer) data(c *backend.Write, key int64, existed bool) error {
	switch {
	case c.Record.Gone() && existed:
		w.dropRecord.BindInt64(1, key)
		return run(w.dropRecord)
	case c.Record.Gone() || c.Record.Data == nil:
		return nil
	}
	w.putRecord.BindInt64(1, key)
	w.putRecord.BindBytes(2, c.Record.Data)
	return run(w.putRecord)
}

// append adds a history row.
func (w *writer) append(t *backend.Transition, at place) error {
	st := w.insertHistory
	st.BindInt64(1, at.key)
	st.BindInt64(2, at.rack)
	st.BindInt64(3, int64(t.Seq))
	st.BindText(4, t.From)
	st.BindText(5, t.To)
	bindTime(st, 6, t.At)
	st.BindText(7, t.Trigger)
	st.BindText(8, t.Initiator)
	st.BindText(9, t.Note)
	return run(st)
}

// bindState binds the eight columns that every write sets, from parameter i on.
func bindState(st *lite.Stmt, i int, c *backend.Write) {
	r := &c.Record
	st.BindText(i, r.State)
	bindTime(st, i+1, r.Since)
	st.BindInt64(i+2, int64(c.Expect+1))
	st.BindInt64(i+3, int64(r.Transitions))
	st.BindText(i+4, string(r.Outcome.Kind))
	st.BindText(i+5, r.Outcome.Reason)
	bindTime(st, i+6, r.Outcome.At)
	st.BindBool(i+7, r.Outcome.OverSLA)
}

// bindTime binds a time as microseconds, or NULL for none.
func bindTime(st *lite.Stmt, i int, t time.Time) {
	if t.IsZero() {
		st.BindNull(i)
		return
	}
	st.BindInt64(i, t.UnixMicro())
}

// one runs a query that answers with one integer at most, and reports whether there was one.
func one(st *lite.Stmt) (n int64, found bool, err error) {
	found, err = st.Step()
	if err == nil && found {
		n = st.ColumnInt64(0)
	}
	if end := st.Reset(); err == nil {
		err = end
	}
	return n, found, err
}
