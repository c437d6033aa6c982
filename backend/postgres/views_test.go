package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// table reads a view as a person sees it.
func table(t *testing.T, conn *pgx.Conn, query string) []map[string]any {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToMap)
	require.NoError(t, err)
	for _, row := range found {
		for name, value := range row {
			if at, ok := value.(time.Time); ok {
				row[name] = at.UTC()
			}
		}
	}
	return found
}

func TestTheViewsShowAPersonWhatThereIs(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := open(t, schema)
	shut(t, s)
	ready, gone := step("m1", 0, "Ready"), step("m2", 0, "Ready")
	ready.Writes[0].Record.Outcome = backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for power", OverSLA: true}
	ready.Writes[0].Transition.Note = "first seen"
	ready.Post = []backend.Request{{
		ID: "r1", On: machine("m1"), Rack: "A1", Type: "update", State: backend.RequestStarted,
		Initiator: "ann", Reference: "TICKET-7", At: stepTime(1), StartedAt: stepTime(2), Params: []byte(`{"firmware":"1.2"}`),
		Results: []backend.Result{{Target: machine("m1"), Status: backend.ResultRunning}},
	}}
	apply(t, s, ready, gone, step("m2", 1, ""))
	require.NoError(t, s.SetCursor(t.Context(), "webhook", 0, 2))
	claim(t, s, "controller-1", "A1")
	claim(t, s, "controller-1", "A2")
	require.NoError(t, s.Release(t.Context(), "controller-1", "A2"))
	conn := raw(t, schema)

	objects := table(t, conn, "SELECT * FROM objects")
	require.Len(t, objects, 1, "tombstones are no objects")
	assert.Regexp(t, `^\d+d\d\dh\d\dm$`, objects[0]["time_in_state"])
	delete(objects[0], "time_in_state")
	assert.Equal(t, map[string]any{
		"rack": "A1", "kind": "machine", "id": "m1", "state": "Ready", "since": stepTime(0), "outcome": "wait", "reason": "waits for power",
		"over_sla": true, "version": int64(1), "transitions": int64(1), "data": `{"n":0}`,
	}, objects[0])

	transitions := table(t, conn, "SELECT * FROM transitions")
	require.Len(t, transitions, 3)
	assert.Equal(t, map[string]any{
		"position": int64(1), "at": stepTime(0), "rack": "A1", "kind": "machine", "id": "m1", "seq": int64(1),
		"from_state": "", "to_state": "Ready", "trigger": "Step", "initiator": "controller", "note": "first seen",
	}, transitions[0])
	assert.Equal(t, "m2", transitions[2]["id"], "the history of a deleted object stays")

	assert.Equal(t, []map[string]any{{
		"id": "r1", "rack": "A1", "kind": "machine", "object": "m1", "type": "update", "state": "started",
		"initiator": "ann", "reference": "TICKET-7", "cycle": "", "at": stepTime(1), "started_at": stepTime(2), "ended_at": nil,
		"cancelled_by": "", "reason": "", "params": `{"firmware":"1.2"}`, "results": `[{"kind":"machine","id":"m1","status":"running"}]`,
	}}, table(t, conn, "SELECT * FROM requests"))
	assert.Equal(t, []map[string]any{{"name": "webhook", "position": int64(2), "lag": int64(1)}}, table(t, conn, "SELECT * FROM cursors"))
	leases := table(t, conn, "SELECT rack, owner, token FROM leases")
	assert.Equal(t, []map[string]any{{"rack": "A1", "owner": "controller-1", "token": int64(1)}}, leases, "a lease that was given up is none")
}

func TestTimeInStateCountsDaysHoursAndMinutes(t *testing.T) {
	t.Parallel()
	schema := newSchema()
	s := open(t, schema)
	shut(t, s)
	conn := raw(t, schema)
	for id, ago := range map[string]string{"a": "1 day 2 hours 3 minutes 4 seconds", "b": "0", "c": "100 days 23 hours 59 minutes", "d": "-1 minute"} {
		apply(t, s, step(id, 0, "Ready"))
		exec(t, conn, fmt.Sprintf("UPDATE object SET since = now() - interval '%s' WHERE id = '%s'", ago, id))
	}
	var got []string
	for _, row := range table(t, conn, "SELECT id || ' ' || time_in_state AS line FROM objects") {
		got = append(got, row["line"].(string))
	}
	assert.Equal(t, []string{"a 1d02h03m", "b 0d00h00m", "c 100d23h59m", "d 0d00h00m"}, got)
}
