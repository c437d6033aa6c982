package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rackstate/rackstate/backend"
)

// errLost says that the connection broke where the server may or may not have committed.
var errLost = errors.New("the connection was lost during COMMIT: read before you decide again")

// again reports whether the same call can succeed a moment later: the server restarts or fails over, or two writers met. It is asked only about
// attempts that changed nothing.
func again(err error) bool {
	var refusal *pgconn.PgError
	var network net.Error
	switch {
	case errors.Is(err, errLost), errors.Is(err, context.Canceled), errors.Is(err, backend.ErrClosed):
		return false
	case errors.As(err, &refusal):
		return passing(refusal.Code)
	case errors.As(err, &network), errors.Is(err, net.ErrClosed):
		return true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), pgconn.SafeToRetry(err):
		return true
	default:
		return false
	}
}

// passing reports whether an error code of PostgreSQL names a condition that passes by itself.
func passing(code string) bool {
	switch code {
	case "40001", "40P01", // a serialization failure, a deadlock: the other one went on
		"23505",          // another process created the same object or request first: look again
		"55P03", "53300", // a lock that was not to be had, too many connections
		"25P03", "57P05", // this client was too slow: its session was ended
		"57P01", "57P02", "57P03", // the server goes down, went down, comes up
		"25006": // the server became a standby; the next connection may find the new primary
		return true
	}
	return strings.HasPrefix(code, "08") // the connection
}

// advise wraps an error with the name of the store, what was tried, and what a person can do about it.
func (s *Store) advise(doing string, err error) error {
	if err == nil {
		return nil
	}
	text, kind := remedy(err)
	switch {
	case kind != nil:
		return fmt.Errorf("postgres: %s %s: %w: %w (%s)", doing, s.name, kind, err, text)
	case text != "":
		return fmt.Errorf("postgres: %s %s: %w (%s)", doing, s.name, err, text)
	}
	return fmt.Errorf("postgres: %s %s: %w", doing, s.name, err)
}

// remedy returns advice for a person, and the sentinel that tells a program the same, where there is one.
func remedy(err error) (string, error) {
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		var connect *pgconn.ConnectError
		if errors.As(err, &connect) {
			return "start the server, or correct the connection string", nil
		}
		return "", nil
	}
	switch refusal.Code {
	case "28000", "28P01":
		return "correct the user or the password, or pg_hba.conf of the server", nil
	case "3D000":
		return "create the database, or correct the connection string", nil
	case "42501":
		return "this user must be allowed to create the schema, or own it", nil
	case "53100":
		return "free some space on the server's disk", nil
	case "53200", "53300":
		return "give the server more memory or connections, or the other programs fewer", nil
	case "25006":
		return "connect to the primary server: target_session_attrs=read-write", nil
	case "57014":
		return "a statement took longer than statement_timeout: look for locks and long queries, or raise Config.StatementTimeout", nil
	case "XX001", "XX002":
		return "restore a copy of the database", backend.ErrCorrupt
	default:
		return "", nil
	}
}

// isLost reports whether an attempt ended without a word of what became of it.
func isLost(err error) bool { return errors.Is(err, errLost) }
