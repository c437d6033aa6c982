package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
)

// childVariable names the file that this program, started again by a test, has to open. childJob says what it does then.
const (
	childVariable = "RACKSTATE_TEST_STORE"
	childJob      = "RACKSTATE_TEST_JOB"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		if err := child(path, os.Getenv(childJob)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child opens a store and, for the job "write", commits until it is killed. It prints the number of each commit that was acknowledged.
func child(path, job string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path, sqlite.Config{})
	if err != nil {
		return err
	}
	fmt.Println("open")
	if job != "write" {
		return s.Close()
	}
	version := uint64(0)
	if r, err := s.Get(ctx, backend.Ref{Kind: backend.KindMachine, ID: "m1"}); err == nil {
		version = r.Version
	}
	for ; ; version++ {
		results, err := s.Commit(ctx, []backend.Commit{step("m1", version, "Ready"), step("m2", version, "Ready")})
		if err := errors.Join(append(results, err)...); err != nil {
			return err
		}
		fmt.Println(version + 1)
	}
}

// stepTime is the time of a step.
func stepTime(version uint64) time.Time {
	return time.Date(2026, 3, 29, 1, 59, 59, 123_457_000, time.UTC).Add(time.Duration(version) * time.Second)
}

// step is a Commit that takes a machine of rack A1 to a state.
func step(id string, expect uint64, state string) backend.Commit {
	ref := backend.Ref{Kind: backend.KindMachine, ID: id}
	return backend.Commit{Writes: []backend.Write{{
		Record: backend.Record{
			Ref: ref, Rack: "A1", State: state, Since: stepTime(expect), Transitions: expect + 1,
			Outcome: backend.Outcome{Kind: backend.OutcomeTransition, At: stepTime(expect)}, Data: []byte(fmt.Sprintf(`{"n":%d}`, expect)),
		},
		Expect:     expect,
		Transition: &backend.Transition{Ref: ref, Rack: "A1", Seq: expect + 1, To: state, At: stepTime(expect), Trigger: "Step", Initiator: "controller"},
	}}}
}

// apply commits and requires that all is applied.
func apply(tb testing.TB, s backend.Store, batch ...backend.Commit) {
	tb.Helper()
	results, err := s.Commit(tb.Context(), batch)
	require.NoError(tb, err)
	for _, err := range results {
		require.NoError(tb, err)
	}
}

// open opens the store in a folder; the test closes it.
func open(tb testing.TB, folder string) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), filepath.Join(folder, "store.db"), sqlite.Config{})
	require.NoError(tb, err)
	return s
}
