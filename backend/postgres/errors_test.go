package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

func TestOnlyAnAnswerOfTheServerProvesThatNothingWasCommitted(t *testing.T) {
	t.Parallel()
	refused := func(severity, code string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{SeverityUnlocalized: severity, Code: code})
	}
	for name, c := range map[string]struct {
		err      error
		atCommit bool
		lost     bool
	}{
		"a statement before COMMIT failed":            {err: refused("ERROR", "23505")},
		"the session was ended before COMMIT":         {err: refused("FATAL", "57P01")},
		"COMMIT was refused":                          {err: refused("ERROR", "40001"), atCommit: true},
		"the session was ended at COMMIT":             {err: refused("FATAL", "57P01"), atCommit: true, lost: true},
		"the server crashed at COMMIT":                {err: refused("PANIC", "53100"), atCommit: true, lost: true},
		"the connection broke, COMMIT may be through": {err: io.ErrUnexpectedEOF, lost: true},
		"the answer to COMMIT did not come":           {err: context.DeadlineExceeded, atCommit: true, lost: true},
	} {
		err := outcome(c.err, c.atCommit)
		require.ErrorIs(t, err, c.err, name)
		assert.Equal(t, c.lost, isLost(err), name)
		assert.False(t, c.lost && again(err), "%s: what may have been committed must not be tried again", name)
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"deadlock":                {&pgconn.PgError{Code: "40P01"}, true},
		"starting up":             {&pgconn.PgError{Code: "57P03"}, true},
		"became a standby":        {&pgconn.PgError{Code: "25006"}, true},
		"connection failure":      {&pgconn.PgError{Code: "08006"}, true},
		"refused":                 {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		"cut":                     {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"closed":                  {net.ErrClosed, true},
		"timeout":                 {context.DeadlineExceeded, true},
		"wrong password":          {&pgconn.PgError{Code: "28P01"}, false},
		"disk full":               {&pgconn.PgError{Code: "53100"}, false},
		"statement took too long": {&pgconn.PgError{Code: "57014"}, false},
		"cancelled":               {context.Canceled, false},
		"store closed":            {fmt.Errorf("%w: %w", backend.ErrClosed, io.EOF), false},
		"anything else":           {errors.New("certificate is not trusted"), false},
	} {
		assert.Equal(t, c.want, again(c.err), name)
	}
}

func TestAnErrorSaysWhereItWasAndWhatToDo(t *testing.T) {
	t.Parallel()
	s := &Store{name: "db.example:5432/racks schema rackstate"}
	for code, want := range map[string]string{
		"28P01": "correct the user or the password", "3D000": "create the database", "42501": "allowed to create the schema",
		"53100": "free some space", "53300": "more memory or connections", "25006": "target_session_attrs=read-write",
		"57014": "raise Config.StatementTimeout", "XX001": "restore a copy of the database",
	} {
		err := s.advise("commit to", fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, Message: "what the server says"}))
		require.ErrorContains(t, err, "postgres: commit to db.example:5432/racks schema rackstate: ")
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "what the server says")
		assert.Equal(t, code == "XX001", errors.Is(err, backend.ErrCorrupt), code)
	}
	require.NoError(t, s.advise("read", nil))
}
