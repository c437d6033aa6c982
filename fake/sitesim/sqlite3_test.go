package sitesim

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sqlite3 asks the command of that name, as a person does, and reads its answer.
func sqlite3(t *testing.T, path, query string) []map[string]any {
	t.Helper()
	command, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("the sqlite3 command is not installed")
	}
	out, err := exec.CommandContext(t.Context(), command, "-readonly", "-json", path, query).CombinedOutput()
	require.NoError(t, err, "%s", out)
	var rows []map[string]any
	if len(out) > 0 {
		require.NoError(t, json.Unmarshal(out, &rows), "%s", out)
	}
	return rows
}

const (
	whatIsWhere    = "SELECT rack, kind, id, state, since, time_in_state, outcome, reason FROM objects"
	whatHasBecome  = "SELECT at, rack, kind, id, seq, from_state, to_state, trigger, initiator, note FROM transitions"
	whoAskedOfWhom = "SELECT id, kind, object, type, state, initiator, started_at, ended_at FROM requests"
)

func TestAPersonReadsTheFileDuringAndAfterABringUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "racks.db")
	store := openSQLite(t, path)
	sim := newSim(t, config(2, store, 1))
	rows := 0
	for at := time.Duration(0); at < 100*time.Minute; at += 20 * time.Minute { // the program has the file open
		require.NoError(t, sim.Run(t.Context(), 20*time.Minute))
		objects := sqlite3(t, path, whatIsWhere)
		have := statesOf(sim.manager)
		require.Len(t, objects, len(have))
		for _, o := range objects {
			require.Equal(t, have[o["kind"].(string)+"/"+o["id"].(string)], o["state"])
		}
		history := sqlite3(t, path, whatHasBecome)
		require.Greater(t, len(history), rows)
		rows = len(history)
	}
	require.NoError(t, sim.RunUntil(t.Context(), sim.AllReady, longest))
	require.NoError(t, store.Close())

	objects := sqlite3(t, path, whatIsWhere)
	require.Len(t, objects, 14)
	for _, o := range objects {
		assert.Equal(t, "Ready", o["state"])
		assert.Contains(t, []any{"nothing", "transition"}, o["outcome"])
		assert.Regexp(t, `^R0[12]$`, o["rack"])
		assert.Regexp(t, `^2026-01-01T0\d:\d\d:\d\d\.\d{6}Z$`, o["since"])
		assert.Regexp(t, `^\d+d\d\dh\d\dm$`, o["time_in_state"])
	}
	history := sqlite3(t, path, whatHasBecome+" WHERE kind = 'rack' AND id = 'R02'")
	require.NotEmpty(t, history)
	assert.Equal(t, "", history[0]["from_state"])
	before := ""
	for i, row := range history {
		assert.EqualValues(t, i+1, row["seq"])
		assert.Equal(t, before, row["from_state"])
		assert.Regexp(t, `^2026-01-01T0\d:\d\d:\d\d\.\d{6}Z$`, row["at"])
		assert.NotEmpty(t, row["trigger"])
		assert.NotEmpty(t, row["initiator"])
		before = row["to_state"].(string)
	}
	assert.Equal(t, "Ready", before)
	for _, r := range sqlite3(t, path, whoAskedOfWhom) {
		assert.Equal(t, "finished", r["state"])
		assert.True(t, strings.HasPrefix(r["initiator"].(string), "rack-R0"))
	}
}
