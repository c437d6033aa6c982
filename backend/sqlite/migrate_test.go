package sqlite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

// change runs statements on a file that no store has open, and creates the file.
func change(t *testing.T, path, statements string) {
	t.Helper()
	conn, err := lite.OpenConn(path, lite.OpenReadWrite|lite.OpenCreate)
	require.NoError(t, err)
	require.NoError(t, script(conn, statements))
	require.NoError(t, conn.Close())
}

// ask reads one value of a file that no store has open.
func ask(t *testing.T, path, query string) string {
	t.Helper()
	conn, err := lite.OpenConn(path, lite.OpenReadWrite)
	require.NoError(t, err)
	text, err := answer(conn, query)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	return text
}

// create makes an empty store and returns its path.
func create(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(t.Context(), path, Config{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	return path
}

// oldFile copies a file of an older schema version and returns the copy.
func oldFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "store.db")
	require.NoError(t, os.WriteFile(path, text, 0o644))
	return path
}

// schema lists all that a file defines.
const schema = "SELECT group_concat(type || ' ' || name || ': ' || coalesce(sql, ''), char(10)) FROM (SELECT * FROM sqlite_master ORDER BY name)"

func TestAFileOfVersionOneIsUpgradedAndLosesNothing(t *testing.T) {
	t.Parallel()
	path := oldFile(t, "v1.db")
	s, err := Open(t.Context(), path, Config{})
	require.NoError(t, err)

	rack, err := s.Get(t.Context(), backend.Ref{Kind: backend.KindRack, ID: "A12"})
	require.NoError(t, err)
	assert.Equal(t, backend.Record{
		Ref: backend.Ref{Kind: backend.KindRack, ID: "A12"}, Rack: "A12", State: "Maintenance/FirmwareUpgrade/Start",
		Since: time.UnixMicro(1774749599123457).UTC(), Version: 4, Transitions: 3,
		Outcome: backend.Outcome{
			Kind: backend.OutcomeWait, Reason: "waits for 1 of 2 trays; observes: tray A12-m02 updating",
			At: time.UnixMicro(1774749600000001).UTC(), OverSLA: true,
		},
		Data: []byte(`{"cycle":"c-1","devices":["machine/A12-m01"]}`),
	}, *rack)
	records, err := s.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	assert.Len(t, records, 3)
	rows, err := s.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	assert.Len(t, rows, 9)
	requests, err := s.Requests(t.Context(), backend.RequestQuery{ID: "req-1"})
	require.NoError(t, err)
	require.Len(t, requests, 2)
	assert.Equal(t, []backend.Result{{
		Target: backend.Ref{Kind: backend.KindMachine, ID: "A12-m01"}, Activity: "FirmwareUpgrade",
		Status: backend.ResultOK, From: "1.1", To: "1.2",
	}}, requests[1].Results)

	results, err := s.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{{Record: *rack, Expect: 4}}}})
	require.NoError(t, err)
	require.NoError(t, results[0])
	require.NoError(t, s.Close())
	assert.Equal(t, ask(t, create(t), schema), ask(t, path, schema), "an upgraded file and a new one have the same schema")
}

func TestAnUpgradeThatFailsLeavesTheFileAsItWas(t *testing.T) {
	t.Parallel()
	path := oldFile(t, "v1.db")
	// A view of this name is what the second migration is about to create.
	change(t, path, "CREATE VIEW transitions AS SELECT 1")
	before := ask(t, path, schema)
	_, err := Open(t.Context(), path, Config{})
	require.ErrorContains(t, err, "upgrade from schema version 1 to 3 of "+path)
	require.ErrorContains(t, err, "0002_views.sql")
	assert.Equal(t, before, ask(t, path, schema))
	assert.Equal(t, "1", ask(t, path, "PRAGMA user_version"))

	change(t, path, "DROP VIEW transitions")
	s, err := Open(t.Context(), path, Config{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestANewerFileIsRefusedWithBothVersions(t *testing.T) {
	t.Parallel()
	path := create(t)
	change(t, path, "PRAGMA user_version = 17")
	_, err := Open(t.Context(), path, Config{})
	require.ErrorIs(t, err, backend.ErrNewerSchema)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "version 17, this program understands up to 3")
	assert.Equal(t, "17", ask(t, path, "PRAGMA user_version"))
}

func TestTheNumbersOfTheMigrationsHaveNoGap(t *testing.T) {
	t.Parallel()
	steps, err := migrations()
	require.NoError(t, err)
	require.NotEmpty(t, steps)
	for i, step := range steps {
		assert.Regexp(t, `^\d{4}_[a-z_]+\.sql$`, step.name)
		assert.Equal(t, i+1, int(step.name[0]-'0')*1000+int(step.name[1]-'0')*100+int(step.name[2]-'0')*10+int(step.name[3]-'0'), step.name)
	}
}

func TestAFileOfAnotherProgramIsRefusedAndNotTouched(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T, path string){
		"another application":  func(t *testing.T, path string) { change(t, path, "PRAGMA application_id = 77; CREATE TABLE a (b)") },
		"an unmarked database": func(t *testing.T, path string) { change(t, path, "CREATE TABLE a (b)") },
		"a text": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("racks:\n  - name: A12\n"), 0o644))
		},
		"a long text": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, make4K("racks:\n"), 0o644))
		},
		"zeros": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, make4K("\x00"), 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			make(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = Open(t.Context(), path, Config{})
			require.ErrorIs(t, err, ErrForeignFile)
			require.ErrorContains(t, err, path)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
}

// make4K repeats a text up to the size of a page.
func make4K(text string) []byte {
	b := make([]byte, 0, 4096+len(text))
	for len(b) < 4096 {
		b = append(b, text...)
	}
	return b[:4096]
}
