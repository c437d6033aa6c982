package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rackstate/rackstate/backend"
)

// writer is the one connection that commits. Only the leader of the queue uses it.
//
// A transaction takes two round trips. The first one locks all objects that the group names, in one order, and reads their versions. What is
// applied is then decided here. The second one writes and commits, in one go: between the lock of positions, for which every other writer waits,
// and the end of the transaction the server does not depend on this process.
type writer struct {
	store  *Store
	config *pgx.ConnConfig
	conn   *pgx.Conn
}

// connect returns the connection with all statements prepared, a new one when the old one was lost.
func (w *writer) connect(ctx context.Context) (*pgx.Conn, error) {
	if w.conn != nil && !w.conn.IsClosed() {
		return w.conn, nil
	}
	conn, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, conn); err != nil {
		w.disconnect() // with half of the statements it is of no use
		return nil, err
	}
	return conn, nil
}

// dial makes a new connection.
func (w *writer) dial(ctx context.Context) (conn *pgx.Conn, err error) {
	if conn, err = pgx.ConnectConfig(ctx, w.config); err == nil {
		w.conn = conn
	}
	return conn, err
}

// prepare prepares all statements of a commit.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	for _, st := range statements() {
		if _, err := conn.Prepare(ctx, st.name, st.sql); err != nil {
			return err
		}
	}
	return nil
}

// disconnect closes the connection.
func (w *writer) disconnect() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), idleTimeout)
	defer cancel()
	_ = w.conn.Close(ctx) // the server notices, whatever this says
	w.conn = nil
}

// attempt runs one transaction for a group of calls and fills in the results of each. An error wraps errLost when it is unknown what became of
// the transaction; after any other, nothing was committed.
func (w *writer) attempt(ctx context.Context, group []*call) error {
	conn, err := w.connect(ctx)
	if err != nil {
		return err
	}
	if err := w.transaction(ctx, conn, group); err != nil {
		w.abandon(ctx, err)
		return err
	}
	return nil
}

// abandon ends a failed transaction. A connection on which that fails is closed, which ends it too.
func (w *writer) abandon(ctx context.Context, cause error) {
	var refusal *pgconn.PgError
	standby := errors.As(cause, &refusal) && refusal.Code == "25006"
	if standby || w.conn.IsClosed() {
		w.disconnect()
		return
	}
	if w.conn.PgConn().TxStatus() == 'I' {
		return
	}
	if _, err := w.conn.Exec(ctx, "ROLLBACK"); err != nil {
		w.disconnect()
	}
}

// transaction locks, decides, writes and commits.
func (w *writer) transaction(ctx context.Context, conn *pgx.Conn, group []*call) error {
	p, err := lock(ctx, conn, group)
	if err != nil {
		return err
	}
	for _, c := range group {
		c.results = make([]error, len(c.batch))
		for i := range c.batch {
			if c.results[i] = c.refused[i]; c.results[i] == nil {
				c.results[i] = p.decide(&c.batch[i])
			}
		}
	}
	if p.empty() {
		_, err := conn.Exec(ctx, "ROLLBACK")
		return err
	}
	if err := number(ctx, conn, p.fresh()); err != nil {
		return err
	}
	b := &pgx.Batch{}
	if err := p.queue(b); err != nil {
		return err
	}
	b.Queue(stNotify, w.store.channel(), pgtype.FlatArray[string](p.notes()))
	b.Queue(stCommit)
	return finish(conn.SendBatch(ctx, b), b.Len())
}

// lock begins a transaction, locks all that the commits name, and returns what is stored of it. What two statements read here belongs together:
// the locks are taken before.
func lock(ctx context.Context, conn *pgx.Conn, group []*call) (*plan, error) {
	p := newPlan()
	refs, asked, fences := mentioned(group)
	b := &pgx.Batch{}
	b.Queue(stBegin)
	if len(fences) > 0 {
		racks := column(fences, func(f backend.Fence) string { return f.Rack })
		tokens := column(fences, func(f backend.Fence) int64 { return int64(f.Token) })
		b.Queue(stHoldOwners, racks, tokens)
		b.Queue(stReadLeases, racks, tokens).Query(p.readLeases)
	}
	b.Queue(stLockObjects, column(refs, func(r backend.Ref) string { return string(r.Kind) }),
		column(refs, func(r backend.Ref) string { return r.ID })).Query(p.readObjects)
	if len(asked) > 0 {
		b.Queue(stFindRequests, column(asked, func(n requestName) string { return string(n.on.Kind) }),
			column(asked, func(n requestName) string { return n.on.ID }), column(asked, func(n requestName) string { return n.id })).Query(p.readRequests)
	}
	return p, conn.SendBatch(ctx, b).Close()
}

// mentioned returns what the commits name, each once.
func mentioned(group []*call) (refs []backend.Ref, asked []requestName, fences []backend.Fence) {
	seenRefs, seenAsked, seenFences := map[backend.Ref]bool{}, map[requestName]bool{}, map[backend.Fence]bool{}
	for _, c := range group {
		for i := range c.batch {
			if c.refused[i] != nil {
				continue
			}
			for _, f := range c.batch[i].Fences {
				fences = once(seenFences, fences, f)
			}
			for j := range c.batch[i].Writes {
				refs = once(seenRefs, refs, c.batch[i].Writes[j].Record.Ref)
			}
			for _, list := range [][]backend.Request{c.batch[i].Post, c.batch[i].Update} {
				for j := range list {
					asked = once(seenAsked, asked, requestName{on: list[j].On, id: list[j].ID})
				}
			}
		}
	}
	return refs, asked, fences
}

// once appends what was not seen before.
func once[T comparable](seen map[T]bool, list []T, v T) []T {
	if seen[v] {
		return list
	}
	seen[v] = true
	return append(list, v)
}

func (p *plan) readLeases(rows pgx.Rows) error {
	var rack string
	var token int64
	_, err := pgx.ForEachRow(rows, []any{&rack, &token}, func() error {
		p.current[backend.Fence{Rack: rack, Token: uint64(token)}] = true
		return nil
	})
	return err
}

func (p *plan) readObjects(rows pgx.Rows) error {
	var o object
	var version int64
	_, err := pgx.ForEachRow(rows, []any{&o.key, &o.ref.Kind, &o.ref.ID, &o.from, &version}, func() error {
		stored := o
		stored.stored, stored.version = true, uint64(version)
		p.objects[o.ref] = &stored
		return nil
	})
	return err
}

func (p *plan) readRequests(rows pgx.Rows) error {
	var name requestName
	_, err := pgx.ForEachRow(rows, []any{&name.on.Kind, &name.on.ID, &name.id}, func() error {
		p.requests[name] = &request{stored: true}
		return nil
	})
	return err
}

// number gives new objects their keys, which must be known before the rows that refer to them are sent.
func number(ctx context.Context, conn *pgx.Conn, fresh []*object) error {
	if len(fresh) == 0 {
		return nil
	}
	rows, err := conn.Query(ctx, stNewKeys, len(fresh))
	if err != nil {
		return err
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for i, o := range fresh {
		o.key = numbers[i]
	}
	return nil
}

// finish reads the answers to the second half of a transaction, of which the last one is that to COMMIT. They come in order: an answer that
// refuses an earlier statement proves that COMMIT was not reached.
func finish(answers pgx.BatchResults, statements int) error {
	defer func() { _ = answers.Close() }() // after an error it repeats it; after COMMIT nothing can change what was answered
	for range statements - 1 {
		if _, err := answers.Exec(); err != nil {
			return outcome(err, false)
		}
	}
	tag, err := answers.Exec()
	switch {
	case err != nil:
		return outcome(err, true)
	case tag.String() != "COMMIT":
		return fmt.Errorf("the server answers %q to COMMIT", tag)
	}
	return nil
}

// outcome says what an error means for the transaction.
func outcome(err error, atCommit bool) error {
	var refusal *pgconn.PgError
	switch {
	case errors.As(err, &refusal) && (!atCommit || refusal.SeverityUnlocalized == "ERROR"):
		return err // the server refused it
	case pgconn.SafeToRetry(err):
		return err // nothing was sent
	default:
		return fmt.Errorf("%w: %w", errLost, err)
	}
}
