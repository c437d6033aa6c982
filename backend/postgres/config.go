package postgres

import (
	"cmp"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config holds what is optional about a store. The zero value is right for production.
type Config struct {
	// Schema is the PostgreSQL schema that holds the tables. Stores of different schemas share nothing but the server. Default "rackstate".
	Schema string
	// Connections bounds the connections for reads and leases. The store holds one more for commits, and one for each Watch. Default 4.
	Connections int
	// StatementTimeout bounds every statement, on the server. It includes the wait for other writers. Default 30 s.
	StatementTimeout time.Duration
	// RetryFor is how long a call tries again while the server cannot be reached or asks to try again. What may have been committed is never
	// tried again. Default 10 s.
	RetryFor time.Duration
	// Logger receives lost connections and repeated attempts. Default: slog.Default().
	Logger *slog.Logger
}

// idleTimeout is how long the server waits for a client inside a transaction. A commit needs its client once between its first row lock and its
// end; a process that was stopped right there keeps its rows locked for this long.
const idleTimeout = 5 * time.Second

// connectTimeout bounds one attempt to connect when the connection string has no connect_timeout.
const connectTimeout = 5 * time.Second

// withDefaults returns the configuration with every zero replaced.
func (c Config) withDefaults() Config {
	if c.Schema == "" {
		c.Schema = "rackstate"
	}
	if c.Connections == 0 {
		c.Connections = 4
	}
	if c.StatementTimeout == 0 {
		c.StatementTimeout = 30 * time.Second
	}
	if c.RetryFor == 0 {
		c.RetryFor = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// maxSchema is how long PostgreSQL lets a name be, in bytes.
const maxSchema = 63

// validate names the field that cannot be used.
func (c Config) validate() error {
	switch {
	case len(c.Schema) > maxSchema || badText(c.Schema) || strings.HasPrefix(c.Schema, "pg_"):
		return fmt.Errorf("postgres: Config.Schema is %q, want a name of at most %d bytes that does not begin with pg_", c.Schema, maxSchema)
	case c.Connections < 0 || c.Connections > 1000:
		return fmt.Errorf("postgres: Config.Connections is %d, want 1 to 1000", c.Connections)
	case c.StatementTimeout < time.Millisecond || c.StatementTimeout > 24*time.Hour:
		return fmt.Errorf("postgres: Config.StatementTimeout is %s, want 1ms to 24h", c.StatementTimeout)
	case c.RetryFor < 0:
		return fmt.Errorf("postgres: Config.RetryFor is %s, want a positive time", c.RetryFor)
	}
	return nil
}

// pool reads the connection string. What it says about TLS and about the time to connect stays as it is.
func (c Config) pool(dsn string) (*pgxpool.Config, error) {
	pool, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err) // pgx leaves the password out
	}
	pool.MaxConns = int32(c.Connections)
	pool.PingTimeout = connectTimeout
	conn := pool.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	settings := conn.RuntimeParams
	settings["application_name"] = cmp.Or(settings["application_name"], "rackstate")
	settings["statement_timeout"] = milliseconds(c.StatementTimeout)
	settings["idle_in_transaction_session_timeout"] = milliseconds(idleTimeout)
	settings["search_path"] = quote(c.Schema)
	settings["jit"] = "off" // it costs milliseconds and can save nothing here
	conn.AfterConnect = durable
	return pool, nil
}

// writing returns how the connection for commits is configured. All its statements find rows by their keys; the planner, which guesses the size of
// an array, must not take to reading whole tables.
func writing(conn *pgx.ConnConfig) *pgx.ConnConfig {
	conn = conn.Copy()
	for _, name := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		conn.RuntimeParams[name] = "off"
	}
	conn.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	return conn
}

// unreadTimeout is after which time the server ends the session of a Watch whose process reads nothing any more. It would keep all notifications
// since then, and without end.
const unreadTimeout = time.Minute

// listening returns how the connection of a Watch is configured.
func listening(conn *pgx.ConnConfig) *pgx.ConnConfig {
	conn = conn.Copy()
	conn.RuntimeParams["tcp_user_timeout"] = milliseconds(unreadTimeout)
	return conn
}

// milliseconds writes a time as PostgreSQL's settings want it.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// quote makes a name safe inside SQL.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
