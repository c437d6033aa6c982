package sqlite

import (
	"fmt"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/leases"
)

// writer is the one connection that writes, with its statements. Only the leader of the queue uses it.
type writer struct {
	conn   *lite.Conn
	keys   keys
	leases *leases.Table

	begin, commit, rollback        *lite.Stmt
	selectRequest                  *lite.Stmt
	insertObject, updateObject     *lite.Stmt
	moveObject, selectVersion      *lite.Stmt
	putRecord, dropRecord          *lite.Stmt
	insertHistory                  *lite.Stmt
	insertRequest, updateRequest   *lite.Stmt
	insertRack, selectRack         *lite.Stmt
	selectLastKey, selectObjectKey *lite.Stmt
	selectCursor, putCursor        *lite.Stmt
}

// prepare compiles the statements, which live as long as the connection.
func (w *writer) prepare() error {
	w.keys.forget()
	for query, st := range map[string]**lite.Stmt{
		"BEGIN IMMEDIATE":  &w.begin,
		"COMMIT":           &w.commit,
		"ROLLBACK":         &w.rollback,
		sqlSelectRequest:   &w.selectRequest,
		sqlInsertObject:    &w.insertObject,
		sqlUpdateObject:    &w.updateObject,
		sqlMoveObject:      &w.moveObject,
		sqlSelectVersion:   &w.selectVersion,
		sqlPutRecord:       &w.putRecord,
		sqlDropRecord:      &w.dropRecord,
		sqlInsertHistory:   &w.insertHistory,
		sqlInsertRequest:   &w.insertRequest,
		sqlUpdateRequest:   &w.updateRequest,
		sqlInsertRack:      &w.insertRack,
		sqlSelectRack:      &w.selectRack,
		sqlSelectLastKey:   &w.selectLastKey,
		sqlSelectObjectKey: &w.selectObjectKey,
		sqlSelectCursor:    &w.selectCursor,
		sqlPutCursor:       &w.putCursor,
	} {
		prepared, err := w.conn.Prepare(query)
		if err != nil {
			return err
		}
		*st = prepared
	}
	return nil
}

// transaction writes a group of calls in one transaction and fills in the results of each. An error says that the transaction as a whole
// failed; it wraps [backend.ErrNotCommitted] when surely nothing of it was applied.
func (w *writer) transaction(group []*call) error {
	// A transaction that could not even be rolled back, on a bad disk, must not stop the store for ever.
	w.abandon()
	if err := run(w.begin); err != nil {
		return fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
	}
	for _, c := range group {
		if err := w.call(c); err != nil {
			w.abandon()
			return fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
		}
	}
	if err := run(w.commit); err != nil {
		w.abandon()
		return commitFailure(err)
	}
	w.keys.keep()
	return nil
}

// call applies one call and fills in its results. An error ends the transaction.
func (w *writer) call(c *call) error {
	if c.cursor != nil {
		refused, err := w.moveCursor(c.cursor)
		c.results = []error{refused}
		return err
	}
	c.results = make([]error, len(c.batch))
	for i := range c.batch {
		refused, err := w.apply(&c.batch[i])
		if err != nil {
			return err
		}
		c.results[i] = refused
	}
	return nil
}

// commitFailure says how a COMMIT that failed has to be taken.
func commitFailure(err error) error {
	if lite.ErrCode(err).ToPrimary() == lite.ResultFull {
		// The last page of a transaction makes it valid, and there was no room for that page.
		return fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
	}
	// After another failure the log may hold the whole transaction, for example when only the wait for the disk failed. This process
	// does not see it, but the next one would after a crash.
	return err
}

// abandon ends a failed transaction. Some errors have ended it already.
func (w *writer) abandon() {
	if !w.conn.AutocommitEnabled() {
		// When even this fails, the next transaction tries again, and its BEGIN says what is wrong.
		_ = run(w.rollback)
	}
	w.keys.undo()
}

// apply applies one Commit, all of it or nothing. The first error is the Commit's own, the second one ends the transaction.
func (w *writer) apply(c *backend.Commit) (refused, err error) {
	if refused := w.leases.Check(c.Fences); refused != nil {
		return fmt.Errorf("sqlite: %w", refused), nil
	}
	if len(c.Writes) == 1 && len(c.Post) == 0 && len(c.Update) == 0 {
		return w.write(&c.Writes[0]) // checks before it changes anything
	}
	// Of several parts all are checked before the first is applied: a savepoint would do the same, and keeps a journal of its own.
	if refused, err = w.check(c); refused != nil || err != nil {
		return refused, err
	}
	if refused, err = w.parts(c); refused != nil {
		return nil, fmt.Errorf("a commit was refused after it was found right: %w", refused)
	}
	return nil, err
}

// check says whether a Commit of several parts will be refused, and changes nothing.
func (w *writer) check(c *backend.Commit) (refused, err error) {
	for i := range c.Writes {
		if refused, err = w.checkWrite(&c.Writes[i], c.Writes[:i]); refused != nil || err != nil {
			return refused, err
		}
	}
	for i := range c.Post {
		r := &c.Post[i]
		there, err := w.hasRequest(r)
		if err != nil {
			return nil, err
		}
		if there || named(c.Post[:i], r) {
			return fmt.Errorf("sqlite: request %q on %s: %w", r.ID, r.On, backend.ErrExists), nil
		}
	}
	for i := range c.Update {
		r := &c.Update[i]
		there, err := w.hasRequest(r)
		if err != nil {
			return nil, err
		}
		if !there && !named(c.Post, r) {
			return fmt.Errorf("sqlite: request %q on %s: %w: there is no such request", r.ID, r.On, backend.ErrConflict), nil
		}
	}
	return nil, nil
}

// checkWrite compares the version that a write expects with the one that it will find.
func (w *writer) checkWrite(c *backend.Write, earlier []backend.Write) (refused, err error) {
	for i := range earlier {
		if earlier[i].Record.Ref == c.Record.Ref {
			return fmt.Errorf("sqlite: %s is written twice in one commit: %w", c.Record.Ref, backend.ErrNotCommitted), nil
		}
	}
	at, known, err := w.find(c.Record.Ref)
	switch {
	case err != nil:
		return nil, err
	case !known && c.Expect != 0:
		return conflict(c, 0), nil
	case !known:
		return w.room(c.Record.Ref, c.Record.Rack)
	}
	stored, err := w.version(at.key)
	if err != nil || stored == c.Expect {
		return nil, err
	}
	return conflict(c, stored), nil
}

// named reports whether a list holds a request with the same id on the same object.
func named(list []backend.Request, r *backend.Request) bool {
	for i := range list {
		if list[i].ID == r.ID && list[i].On == r.On {
			return true
		}
	}
	return false
}

// parts applies the parts of a Commit up to the first that is refused.
func (w *writer) parts(c *backend.Commit) (refused, err error) {
	for i := range c.Writes {
		if refused, err = w.write(&c.Writes[i]); refused != nil || err != nil {
			return refused, err
		}
	}
	for i := range c.Post {
		if refused, err = w.post(&c.Post[i]); refused != nil || err != nil {
			return refused, err
		}
	}
	for i := range c.Update {
		if refused, err = w.update(&c.Update[i]); refused != nil || err != nil {
			return refused, err
		}
	}
	return nil, nil
}

// run runs a statement that answers with no rows and makes it ready for the next time.
func run(st *lite.Stmt) error {
	_, err := st.Step()
	if end := st.Reset(); err == nil {
		err = end
	}
	return err
}
