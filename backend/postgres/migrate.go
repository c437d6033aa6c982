package postgres

import (
	"context"
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/rackstate/rackstate/backend"
)

// migrationFiles holds the steps from an empty schema to the present one. A published step never changes: a change is a new step.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// lockClass is the first half of every advisory lock that the store takes, so that it meets no lock of another program: "rack" in ASCII.
const (
	lockClass     = 0x7261636b
	lockClassText = "1918985067"
)

// migration is one step of the schema. Its number is its place in the list, counted from 1, and the schema version that it leads to.
type migration struct {
	name string
	sql  string
}

// migrations returns the steps in the order of their numbers.
func migrations() ([]migration, error) {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("postgres: read migrations: %w", err)
	}
	steps := make([]migration, len(entries))
	for i, entry := range entries {
		text, err := fs.ReadFile(migrationFiles, "migrations/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("postgres: read migrations: %w", err)
		}
		steps[i] = migration{name: entry.Name(), sql: string(text)}
	}
	return steps, nil
}

// migrate brings a schema to the newest version in one transaction: after a failure it is as it was. Others that open the schema wait for it.
func migrate(ctx context.Context, conn *pgx.Conn, schema string, steps []migration) (err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback(ctx) // the connection is closed next, which rolls back too
		}
	}()
	// Whoever waits for the upgrade of another replica waits as long as that takes.
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", int32(lockClass), schemaLock(schema)); err != nil {
		return err
	}
	from, err := version(ctx, tx, schema, steps)
	if err != nil {
		return err
	}
	if from == len(steps) {
		return tx.Commit(ctx)
	}
	if err := upgrade(ctx, tx, from, steps); err != nil {
		return fmt.Errorf("upgrade from schema version %d to %d: %w", from, len(steps), err)
	}
	return tx.Commit(ctx)
}

// schemaLock is the second half of the lock under which a schema is upgraded.
func schemaLock(schema string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(schema)) // never fails
	return int32(h.Sum32())
}

// version returns the version of a schema, and makes an empty one of version 0 when there is none. It refuses what it must not touch.
func version(ctx context.Context, tx pgx.Tx, schema string, steps []migration) (int, error) {
	var there, known bool
	var relations int
	const look = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1), " +
		"EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'migration'), " +
		"(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1)"
	if err := tx.QueryRow(ctx, look, schema).Scan(&there, &known, &relations); err != nil {
		return 0, err
	}
	if known {
		return appliedSteps(ctx, tx, steps)
	}
	if relations > 0 {
		return 0, fmt.Errorf("%w: it holds %d relations and no list of migrations; choose another Config.Schema", ErrForeignSchema, relations)
	}
	if !there {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+quote(schema)); err != nil {
			return 0, err
		}
	}
	const list = "CREATE TABLE migration (number integer PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
	_, err := tx.Exec(ctx, list)
	return 0, err
}

// appliedSteps returns how many steps a schema has taken. They must be ours, as far as we know them.
func appliedSteps(ctx context.Context, tx pgx.Tx, steps []migration) (int, error) {
	rows, err := tx.Query(ctx, "SELECT name FROM migration ORDER BY number")
	if err != nil {
		return 0, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	for i, name := range names[:min(len(names), len(steps))] {
		if name != steps[i].name {
			return 0, fmt.Errorf("%w: its migration %d is %q, want %q; choose another Config.Schema", ErrForeignSchema, i+1, name, steps[i].name)
		}
	}
	if len(names) > len(steps) {
		return 0, fmt.Errorf("%w: the schema has version %d, this program understands up to %d; use a newer program",
			backend.ErrNewerSchema, len(names), len(steps))
	}
	return len(names), nil
}

// upgrade takes the steps after the first ones and notes them.
func upgrade(ctx context.Context, tx pgx.Tx, from int, steps []migration) error {
	for i := from; i < len(steps); i++ {
		// The simple protocol takes several statements at once.
		if _, err := tx.Conn().PgConn().Exec(ctx, steps[i].sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", steps[i].name, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO migration (number, name) VALUES ($1, $2)", i+1, steps[i].name); err != nil {
			return err
		}
	}
	return nil
}
