package sqlite_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// shell runs one query with the sqlite3 command, as a person would, and returns its rows.
func shell(t *testing.T, path, query string) []map[string]any {
	t.Helper()
	command, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 command")
	}
	out, err := exec.CommandContext(t.Context(), command, "-readonly", "-json", path, query).CombinedOutput()
	require.NoError(t, err, "%s", out)
	var rows []map[string]any
	if len(out) > 0 {
		require.NoError(t, json.Unmarshal(out, &rows), "%s", out)
	}
	return rows
}

func TestTheSqlite3CommandReadsWhileTheStoreWrites(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "store.db")
	s := open(t, folder)
	apply(t, s, step("m1", 0, "Ready"))
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan uint64)
	go func() {
		version := uint64(1)
		for ctx.Err() == nil {
			results, err := s.Commit(context.WithoutCancel(t.Context()), []backend.Commit{step("m1", version, "Ready")})
			if !assert.NoError(t, err) || !assert.NoError(t, results[0]) {
				break
			}
			version++
		}
		written <- version
	}()
	last := 0.0
	for range 10 {
		rows := shell(t, path, "SELECT o.version, (SELECT count(*) FROM transitions) AS rows FROM objects o")
		require.Len(t, rows, 1)
		assert.Equal(t, rows[0]["version"], rows[0]["rows"], "a reader sees half a commit")
		assert.GreaterOrEqual(t, rows[0]["version"], last)
		last = rows[0]["version"].(float64)
	}
	cancel()
	assert.GreaterOrEqual(t, float64(<-written), last)
	require.NoError(t, s.Close())
}

func TestTheViewsShowAPersonWhatThereIs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "store.db")
	s := open(t, folder)
	ready, gone := step("m1", 0, "Ready"), step("m2", 0, "Ready")
	ready.Writes[0].Record.Outcome = backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for power", OverSLA: true}
	ready.Writes[0].Transition.Note = "first seen"
	ready.Post = []backend.Request{{
		ID: "r1", On: ready.Writes[0].Record.Ref, Rack: "A1", Type: "update", State: backend.RequestStarted,
		Initiator: "ann", Reference: "TICKET-7", At: stepTime(1), StartedAt: stepTime(2), Params: []byte(`{"firmware":"1.2"}`),
		Results: []backend.Result{{Target: ready.Writes[0].Record.Ref, Status: backend.ResultRunning}},
	}}
	apply(t, s, ready, gone, step("m2", 1, ""))

	objects := shell(t, path, "SELECT * FROM objects")
	require.Len(t, objects, 1, "tombstones are no objects")
	assert.Regexp(t, regexp.MustCompile(`^\d+d\d\dh\d\dm$`), objects[0]["time_in_state"])
	delete(objects[0], "time_in_state")
	assert.Equal(t, map[string]any{
		"rack": "A1", "kind": "machine", "id": "m1", "state": "Ready", "since": "2026-03-29T01:59:59.123457Z",
		"outcome": "wait", "reason": "waits for power", "over_sla": 1.0, "version": 1.0, "transitions": 1.0, "data": `{"n":0}`,
	}, objects[0])

	transitions := shell(t, path, "SELECT * FROM transitions")
	require.Len(t, transitions, 3)
	assert.Equal(t, map[string]any{
		"position": 1.0, "at": "2026-03-29T01:59:59.123457Z", "rack": "A1", "kind": "machine", "id": "m1", "seq": 1.0,
		"from_state": "", "to_state": "Ready", "trigger": "Step", "initiator": "controller", "note": "first seen",
	}, transitions[0])
	assert.Equal(t, "m2", transitions[2]["id"], "the history of a deleted object stays")

	requests := shell(t, path, "SELECT * FROM requests")
	require.Len(t, requests, 1)
	assert.Equal(t, map[string]any{
		"id": "r1", "rack": "A1", "kind": "machine", "object": "m1", "type": "update", "state": "started",
		"initiator": "ann", "reference": "TICKET-7", "cycle": "", "at": "2026-03-29T02:00:00.123457Z",
		"started_at": "2026-03-29T02:00:01.123457Z", "ended_at": nil, "cancelled_by": "", "reason": "", "params": `{"firmware":"1.2"}`,
		"results": `[{"kind":"machine","id":"m1","status":"running"}]`,
	}, requests[0])
	require.NoError(t, s.Close())
	assert.Len(t, shell(t, path, "SELECT * FROM objects"), 1, "a closed store can be read too")
}

func TestTimeInStateCountsDaysHoursAndMinutes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "store.db")
	require.NoError(t, open(t, folder).Close())
	const ago = "(strftime('%s', 'now') - %) * 1000000"
	insert := "INSERT INTO rack VALUES (1, 'A1');"
	for id, seconds := range map[string]string{"a": "86400 - 2*3600 - 3*60 - 4", "b": "0", "c": "100*86400 - 23*3600 - 59*60", "d": "-1 * 60"} {
		since := strings.Replace(ago, "- %", "- "+seconds, 1)
		insert += "INSERT INTO object SELECT coalesce(max(key), 0) + 1, 'machine', '" + id + "', 1, 'S', " + since + ", 1, 1, '', '', NULL, 0 FROM object;"
	}
	command, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 command")
	}
	out, err := exec.CommandContext(t.Context(), command, path, insert).CombinedOutput()
	require.NoError(t, err, "%s", out)
	var got []string
	for _, row := range shell(t, path, "SELECT id || ' ' || time_in_state AS line FROM objects") {
		got = append(got, row["line"].(string))
	}
	assert.Equal(t, []string{"a 1d02h03m", "b 0d00h00m", "c 100d23h59m", "d 0d00h00m"}, got)
	s := open(t, folder)
	_, err = s.Get(t.Context(), backend.Ref{Kind: backend.KindMachine, ID: "a"})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
