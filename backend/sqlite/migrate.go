package sqlite

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
)

// migrationFiles holds the steps from an empty file to the present schema. A published step never changes: a change is a new step.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks a file as ours, in the header of the file: "rack" in ASCII. It never changes.
const applicationID = 0x7261636b

// migration is one step of the schema. Its number is its place in the list, counted from 1, and the schema version that it leads to.
type migration struct {
	name string
	sql  string
}

// migrations returns the steps in the order of their numbers.
func migrations() ([]migration, error) {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("sqlite: read migrations: %w", err)
	}
	steps := make([]migration, len(entries))
	for i, entry := range entries {
		text, err := fs.ReadFile(migrationFiles, "migrations/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("sqlite: read migrations: %w", err)
		}
		steps[i] = migration{name: entry.Name(), sql: string(text)}
	}
	return steps, nil
}

// version returns the schema version of a file, 0 for a new one. It refuses a file of another program with [ErrForeignFile] and one
// that needs more than the given number of steps with [backend.ErrNewerSchema]; a version that no program writes is [backend.ErrCorrupt]. It
// changes nothing.
func version(conn *lite.Conn, path string, known int) (int, error) {
	app, err := number(conn, "PRAGMA application_id")
	if err != nil {
		return 0, advise(path, "open", err)
	}
	stored, err := number(conn, "PRAGMA user_version")
	if err != nil {
		return 0, advise(path, "open", err)
	}
	tables, err := number(conn, "SELECT count(*) FROM sqlite_master")
	if err != nil {
		return 0, advise(path, "open", err)
	}
	switch {
	case app == 0 && stored == 0 && tables == 0:
		return 0, nil
	case app != applicationID:
		return 0, fmt.Errorf("sqlite: open %s: %w: it is an SQLite file of another program (application id %#x); choose another path",
			path, ErrForeignFile, app)
	case stored < 1:
		// The mark and the version are written together.
		return 0, fmt.Errorf("sqlite: open %s: %w: the file has the version %d, which no program writes (restore a copy of the file)", path, backend.ErrCorrupt, stored)
	case stored > int64(known):
		return 0, fmt.Errorf("sqlite: open %s: %w: the file has version %d, this program understands up to %d; use a newer program",
			path, backend.ErrNewerSchema, stored, known)
	}
	return int(stored), nil
}

// migrate brings a file from one schema version to the newest, in one transaction: after a failure it is as it was.
func migrate(conn *lite.Conn, path string, from int, steps []migration) error {
	if from == len(steps) {
		return nil
	}
	doing := fmt.Sprintf("upgrade from schema version %d to %d of", from, len(steps))
	if err := script(conn, "BEGIN IMMEDIATE"); err != nil {
		return advise(path, doing, err)
	}
	err := upgrade(conn, steps[from:], len(steps))
	if err == nil {
		err = script(conn, "COMMIT")
	}
	if err == nil {
		return nil
	}
	if !conn.AutocommitEnabled() {
		// The file is closed next, which rolls back too; only the first error helps a person.
		_ = script(conn, "ROLLBACK")
	}
	return advise(path, doing, err)
}

// upgrade runs steps inside a transaction and writes the schema version that they lead to.
func upgrade(conn *lite.Conn, steps []migration, to int) error {
	for _, step := range steps {
		if err := script(conn, step.sql); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return script(conn, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, to))
}

// script runs statements one after the other, up to the first that fails. Rows are dropped.
func script(conn *lite.Conn, text string) error {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		st, rest, err := conn.PrepareTransient(text)
		if err != nil {
			return err
		}
		text = text[len(text)-rest:]
		for row := true; row && err == nil; {
			row, err = st.Step()
		}
		if end := st.Finalize(); err == nil {
			err = end
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answer runs a query and returns the first column of its first row as text.
func answer(conn *lite.Conn, query string) (string, error) {
	st, _, err := conn.PrepareTransient(query)
	if err != nil {
		return "", err
	}
	row, err := st.Step()
	if err == nil && !row {
		err = fmt.Errorf("%s: no answer", query)
	}
	var text string
	if err == nil {
		text = st.ColumnText(0)
	}
	if end := st.Finalize(); err == nil {
		err = end
	}
	return text, err
}

// number runs a query that answers with one integer.
func number(conn *lite.Conn, query string) (int64, error) {
	text, err := answer(conn, query)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}
