package sitesim_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qmuntal/stateless"
	"github.com/stretchr/testify/require"
	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// handRows bounds how many transitions the hand-written loop makes, which is slow and has a rate that does not depend on how many there are.
const handRows = 8000

// BenchmarkHandLoop makes the transitions of a recorded bring-up the way a program without an engine does: a state machine for each object, and one
// transaction for each transition, as durable as the engine's. The engine's rate over the same bring-up stands beside it.
func BenchmarkHandLoop(b *testing.B) {
	rec := record(b)
	rec.rows = rec.rows[:min(len(rec.rows), handRows)]
	var took, cpu time.Duration
	done := 0
	for b.Loop() {
		b.StopTimer()
		loop := newHandLoop(b, rec)
		b.StartTimer()
		began, used := time.Now(), cpuTime()
		for i := range rec.rows {
			require.NoError(b, loop.fire(b.Context(), &rec.rows[i]))
		}
		took, cpu = took+time.Since(began), cpu+cpuTime()-used
		done += len(rec.rows)
		b.StopTimer()
		require.NoError(b, loop.conn.Close())
		b.StartTimer()
	}
	rate := float64(done) / took.Seconds()
	b.ReportMetric(rate, "transitions/s")
	b.ReportMetric(rec.engine.rate(), "engine-transitions/s")
	b.ReportMetric(rec.engine.rate()/rate, "engine/hand")
	b.ReportMetric(float64(cpu.Microseconds())/float64(done), "cpu-us/transition")
}

// handLoop is a program without an engine.
type handLoop struct {
	conn           *lite.Conn
	machines       map[backend.Ref]*handMachine
	update, insert *lite.Stmt
}

// handMachine is one object of it.
type handMachine struct {
	*stateless.StateMachine
	key int64
}

const handTables = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE object (key INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, since INTEGER, transitions INTEGER NOT NULL);
CREATE TABLE history (position INTEGER PRIMARY KEY, object INTEGER NOT NULL, seq INTEGER NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL,
	at INTEGER, "trigger" TEXT NOT NULL, initiator TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX history_object ON history (object);`

// newHandLoop makes the objects of the recording, in the states in which it begins.
func newHandLoop(b *testing.B, rec *recording) *handLoop {
	b.Helper()
	conn, err := lite.OpenConn(filepath.Join(b.TempDir(), "hand.db"), lite.OpenReadWrite|lite.OpenCreate)
	require.NoError(b, err)
	require.NoError(b, handScript(conn))
	l := &handLoop{conn: conn, machines: map[backend.Ref]*handMachine{}}
	end := sqlitex.Transaction(conn)
	for i := range rec.rows {
		t := &rec.rows[i]
		if l.machines[t.Ref] != nil {
			continue
		}
		m := &handMachine{StateMachine: handTable(rec.kinds[t.Ref.Kind], t.From), key: int64(len(l.machines) + 1)}
		l.machines[t.Ref] = m
		require.NoError(b, sqlitex.Execute(conn, "INSERT INTO object VALUES (?, ?, ?, ?, NULL, ?)",
			&sqlitex.ExecOptions{Args: []any{m.key, string(t.Ref.Kind), t.Ref.ID, t.From, int64(t.Seq - 1)}}))
	}
	end(&err)
	require.NoError(b, err)
	l.update, err = conn.Prepare("UPDATE object SET state = ?, since = ?, transitions = ? WHERE key = ? AND transitions = ?")
	require.NoError(b, err)
	l.insert, err = conn.Prepare(`INSERT INTO history (object, seq, from_state, to_state, at, "trigger", initiator, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
	require.NoError(b, err)
	return l
}

// handScript makes the tables; a pragma that changes the journal does not run inside a transaction.
func handScript(conn *lite.Conn) error {
	for rest := handTables; ; {
		st, left, err := conn.PrepareTransient(rest)
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			more, err = st.Step()
		}
		if end := st.Finalize(); err == nil {
			err = end
		}
		if err != nil || left == 0 {
			return err
		}
		rest = rest[len(rest)-left:]
	}
}

// handTable makes a machine of the kind's own rows, the nearest row for each trigger.
func handTable(kind *lifecycle.Kind, begin string) *stateless.StateMachine {
	m := stateless.NewStateMachine(begin)
	for _, info := range kind.States() {
		state, taken := info.State, map[string]int{}
		for level, applies := range []func(from string) bool{
			func(from string) bool { return from == state },
			func(from string) bool { return strings.HasPrefix(state, from+"/") },
			func(from string) bool { return from == lifecycle.Any },
		} {
			for _, row := range kind.Rows() {
				if near, there := taken[row.On]; row.From == "" || row.To == "" || !applies(row.From) || there && near < level {
					continue
				}
				taken[row.On] = level
				chosen := func(_ context.Context, args ...any) bool { return args[0] == row.To }
				if row.To == state {
					m.Configure(state).PermitReentry(row.On, chosen)
				} else {
					m.Configure(state).Permit(row.On, row.To, chosen)
				}
			}
		}
	}
	return m
}

// fire makes one transition durable.
func (l *handLoop) fire(ctx context.Context, t *backend.Transition) (err error) {
	m := l.machines[t.Ref]
	if err := m.FireCtx(ctx, t.Trigger, t.To); err != nil {
		return err
	}
	end, err := sqlitex.ImmediateTransaction(l.conn)
	if err != nil {
		return err
	}
	defer end(&err)
	st := l.update
	st.BindText(1, t.To)
	st.BindInt64(2, t.At.UnixMicro())
	st.BindInt64(3, int64(t.Seq))
	st.BindInt64(4, m.key)
	st.BindInt64(5, int64(t.Seq-1))
	if err := handStep(st); err != nil {
		return err
	}
	st = l.insert
	st.BindInt64(1, m.key)
	st.BindInt64(2, int64(t.Seq))
	st.BindText(3, t.From)
	st.BindText(4, t.To)
	st.BindInt64(5, t.At.UnixMicro())
	st.BindText(6, t.Trigger)
	st.BindText(7, t.Initiator)
	st.BindText(8, t.Note)
	return handStep(st)
}

func handStep(st *lite.Stmt) error {
	_, err := st.Step()
	if end := st.Reset(); err == nil {
		err = end
	}
	return err
}
