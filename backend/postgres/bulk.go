package postgres

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rackstate/rackstate/backend"
)

// statementRows bounds the rows of one statement.
const statementRows = 1000

// column makes the array of one column.
func column[R, T any](rows []R, value func(R) T) pgtype.FlatArray[T] {
	values := make(pgtype.FlatArray[T], len(rows))
	for i, r := range rows {
		values[i] = value(r)
	}
	return values
}

// chunks queues a statement for every so many rows.
func chunks[R any](b *pgx.Batch, rows []R, queue func(b *pgx.Batch, rows []R)) {
	for len(rows) > statementRows {
		queue(b, rows[:statementRows])
		rows = rows[statementRows:]
	}
	if len(rows) > 0 {
		queue(b, rows)
	}
}

// queue adds all statements of the plan to a transaction. Objects and requests are written before the lock of positions is taken, because
// everybody else waits for that one until this transaction has ended.
func (p *plan) queue(b *pgx.Batch) error {
	var update, moved, put, drop []*object
	for _, o := range p.written {
		if o.stored {
			update = append(update, o)
		}
		if o.stored && o.from != o.last.Record.Rack {
			moved = append(moved, o)
		}
		switch {
		case o.replace:
			put = append(put, o)
		case o.drop && o.stored:
			drop = append(drop, o)
		}
	}
	chunks(b, p.fresh(), insertObjects)
	chunks(b, update, updateObjects)
	chunks(b, moved, moveObjects)
	chunks(b, put, putRecords)
	chunks(b, drop, dropRecords)
	if err := p.queueRequests(b); err != nil {
		return err
	}
	if len(p.rows) > 0 {
		b.Queue(stLockPositions)
		chunks(b, p.rows, insertHistory)
	}
	return nil
}

func insertObjects(b *pgx.Batch, rows []*object) {
	b.Queue(stInsertObjects, append([]any{
		keys(rows),
		column(rows, func(o *object) string { return o.last.Record.Rack }),
		column(rows, func(o *object) string { return string(o.ref.Kind) }),
		column(rows, func(o *object) string { return o.ref.ID }),
	}, states(rows)...)...)
}

func updateObjects(b *pgx.Batch, rows []*object) {
	b.Queue(stUpdateObjects, append([]any{keys(rows)}, states(rows)...)...)
}

func moveObjects(b *pgx.Batch, rows []*object) {
	b.Queue(stMoveObjects, keys(rows), column(rows, func(o *object) string { return o.last.Record.Rack }))
}

func putRecords(b *pgx.Batch, rows []*object) {
	b.Queue(stPutRecords, keys(rows), column(rows, func(o *object) []byte { return o.data }))
}

func dropRecords(b *pgx.Batch, rows []*object) { b.Queue(stDropRecords, keys(rows)) }

// keys is the column that finds an object.
func keys(rows []*object) any { return column(rows, func(o *object) int64 { return o.key }) }

// states are the eight columns that every write sets.
func states(rows []*object) []any {
	return []any{
		column(rows, func(o *object) string { return o.last.Record.State }),
		column(rows, func(o *object) pgtype.Timestamptz { return stamp(o.last.Record.Since) }),
		column(rows, func(o *object) int64 { return int64(o.version) }),
		column(rows, func(o *object) int64 { return int64(o.last.Record.Transitions) }),
		column(rows, func(o *object) string { return free(string(o.last.Record.Outcome.Kind)) }),
		column(rows, func(o *object) string { return free(o.last.Record.Outcome.Reason) }),
		column(rows, func(o *object) pgtype.Timestamptz { return stamp(o.last.Record.Outcome.At) }),
		column(rows, func(o *object) bool { return o.last.Record.Outcome.OverSLA }),
	}
}

func insertHistory(b *pgx.Batch, rows []row) {
	b.Queue(stInsertHistory,
		column(rows, func(r row) int64 { return r.of.key }),
		column(rows, func(r row) string { return r.rack }),
		column(rows, func(r row) int64 { return int64(r.Seq) }),
		column(rows, func(r row) string { return r.From }),
		column(rows, func(r row) string { return r.To }),
		column(rows, func(r row) pgtype.Timestamptz { return stamp(r.At) }),
		column(rows, func(r row) string { return free(r.Trigger) }),
		column(rows, func(r row) string { return free(r.Initiator) }),
		column(rows, func(r row) string { return free(r.Note) }),
	)
}

// requestRow is a request with its results in their stored form.
type requestRow struct {
	*backend.Request
	results []byte
}

// queueRequests adds the statements for requests, new ones in the order of posting.
func (p *plan) queueRequests(b *pgx.Batch) error {
	var posted, updated []requestRow
	for _, r := range p.asked {
		results, err := encodeResults(r.last.Results)
		if err != nil {
			return fmt.Errorf("request %q on %s: %w", r.last.ID, r.last.On, err)
		}
		if r.stored {
			updated = append(updated, requestRow{r.last, results})
		} else {
			posted = append(posted, requestRow{r.last, results})
		}
	}
	chunks(b, posted, func(b *pgx.Batch, rows []requestRow) { b.Queue(stInsertRequests, requestColumns(rows)...) })
	chunks(b, updated, func(b *pgx.Batch, rows []requestRow) { b.Queue(stUpdateRequests, requestColumns(rows)...) })
	return nil
}

// requestColumns are the columns of requestArrays.
func requestColumns(rows []requestRow) []any {
	text := func(value func(*backend.Request) string) any {
		return column(rows, func(r requestRow) string { return free(value(r.Request)) })
	}
	moment := func(value func(*backend.Request) time.Time) any {
		return column(rows, func(r requestRow) pgtype.Timestamptz { return stamp(value(r.Request)) })
	}
	return []any{
		text(func(r *backend.Request) string { return r.ID }),
		text(func(r *backend.Request) string { return string(r.On.Kind) }),
		text(func(r *backend.Request) string { return r.On.ID }),
		text(func(r *backend.Request) string { return r.Rack }),
		text(func(r *backend.Request) string { return r.Type }),
		text(func(r *backend.Request) string { return string(r.State) }),
		text(func(r *backend.Request) string { return r.Initiator }),
		text(func(r *backend.Request) string { return r.Reference }),
		text(func(r *backend.Request) string { return r.Cycle }),
		moment(func(r *backend.Request) time.Time { return r.At }),
		moment(func(r *backend.Request) time.Time { return r.StartedAt }),
		moment(func(r *backend.Request) time.Time { return r.EndedAt }),
		text(func(r *backend.Request) string { return r.CancelledBy }),
		text(func(r *backend.Request) string { return r.Reason }),
		column(rows, func(r requestRow) []byte { return r.Params }),
		column(rows, func(r requestRow) []byte { return r.results }),
	}
}

// stamp is the stored form of a time, NULL for none.
func stamp(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: backend.Timestamp(t), Valid: !t.IsZero()}
}
