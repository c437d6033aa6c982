package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// oldestServer is the first major version of PostgreSQL that understands all that the store asks for.
const oldestServer = 13

// Open opens the store in the database that a connection string names, as a URL or as key=value pairs, and creates its schema when it is missing.
// What the string leaves out comes from PostgreSQL's environment variables. The schema of an older version of the module is upgraded; any number
// of processes may open it at the same time. While the server cannot be reached Open tries again, for Config.RetryFor.
//
// The error wraps [backend.ErrNewerSchema] when a newer version of the module was there before and [ErrForeignSchema] when the schema is not
// ours. It names the database, never the password, and says what to do.
func Open(ctx context.Context, dsn string, config Config) (*Store, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	poolConfig, err := config.pool(dsn)
	if err != nil {
		return nil, err
	}
	conn := poolConfig.ConnConfig
	s := &Store{config: config, name: storeName(conn, config.Schema), log: config.Logger, listen: listening(conn)}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.writer = &writer{store: s, config: writing(conn)}
	if s.pool, err = pgxpool.NewWithConfig(ctx, poolConfig); err == nil {
		err = s.prepareSchema(ctx)
	}
	if err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// storeName says where a store is, without the password.
func storeName(conn *pgx.ConnConfig, schema string) string {
	return fmt.Sprintf("%s:%d/%s schema %s", conn.Host, conn.Port, conn.Database, schema)
}

// prepareSchema connects for the first time, checks the server, and brings the schema to its newest version.
func (s *Store) prepareSchema(ctx context.Context) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	err = s.persist(ctx, "open", func() error {
		s.writer.disconnect()
		conn, err := s.writer.dial(ctx)
		if err != nil {
			return err
		}
		if err := checkServer(conn.PgConn()); err != nil {
			return err
		}
		if err := migrate(ctx, conn, s.config.Schema, steps); err != nil {
			return err
		}
		return prepare(ctx, conn)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.advise("open", err)
}

// checkServer refuses a server that cannot keep the store's promises.
func checkServer(conn *pgconn.PgConn) error {
	version := conn.ParameterStatus("server_version")
	digits := strings.IndexFunc(version+".", func(r rune) bool { return r < '0' || r > '9' }) // "15.18 (Debian)", "19devel"
	if major, err := strconv.Atoi(version[:digits]); err == nil && major < oldestServer {
		return fmt.Errorf("the server is PostgreSQL %s, want %d or newer", version, oldestServer)
	}
	if encoding := conn.ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, which cannot hold every name; create one with ENCODING 'UTF8'", encoding)
	}
	return nil
}

// durable raises synchronous_commit where somebody has switched it off: what Commit has reported must survive the loss of power. Stricter
// settings stay.
func durable(ctx context.Context, conn *pgconn.PgConn) error {
	const raise = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
	_, err := conn.Exec(ctx, raise).ReadAll()
	return err
}

// ErrForeignSchema says that the schema holds tables of another program. Choose another Config.Schema; nothing was changed.
var ErrForeignSchema = errors.New("schema belongs to another program")
