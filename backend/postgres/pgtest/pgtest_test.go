package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/postgres/pgtest"
)

// childVariable makes this program, started again by a test, start a cluster and wait to be killed.
const childVariable = "RACKSTATE_TEST_CLUSTER"

func TestMain(m *testing.M) {
	c := pgtest.New(pgtest.Config{Settings: []string{"max_connections = 12"}})
	cluster = c
	os.Exit(c.Main(m))
}

var cluster *pgtest.Cluster

// connect connects to the cluster.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func ask(t *testing.T, conn *pgx.Conn, query string) (answer string) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&answer))
	return answer
}

func TestEveryTestGetsTheSameServer(t *testing.T) {
	dsn := cluster.Start(t)
	assert.Equal(t, dsn, cluster.Start(t))
	conn := connect(t, dsn)
	assert.Equal(t, "12", ask(t, conn, "SHOW max_connections"))
	assert.Equal(t, "off", ask(t, conn, "SHOW fsync"))
	assert.Equal(t, "UTF8", ask(t, conn, "SHOW server_encoding"))
}

func TestARestartKeepsTheData(t *testing.T) {
	dsn := cluster.Start(t)
	for _, mode := range []pgtest.Mode{pgtest.Fast, pgtest.Immediate} {
		conn := connect(t, dsn)
		_, err := conn.Exec(t.Context(), fmt.Sprintf("CREATE TABLE kept_%s ()", mode))
		require.NoError(t, err)
		require.NoError(t, cluster.Restart(mode))
		require.Error(t, conn.Ping(t.Context()), "the session is gone")
		assert.Equal(t, "kept_"+string(mode), ask(t, connect(t, dsn), fmt.Sprintf("SELECT 'kept_%s'::regclass::text", mode)))
	}
	assert.Contains(t, cluster.Log(), "database system was not properly shut down", "immediate is a crash")
}

func TestAPausedServerTakesNoConnections(t *testing.T) {
	dsn := cluster.Start(t)
	require.NoError(t, cluster.Pause(pgtest.Fast))
	_, err := pgx.Connect(t.Context(), dsn)
	require.Error(t, err)
	require.NoError(t, cluster.Resume())
	connect(t, dsn)
}

func TestAStoppedClusterLeavesNothing(t *testing.T) {
	for name, pause := range map[string]bool{"running": false, "paused": true} {
		c := pgtest.New(pgtest.Config{Fsync: true})
		dsn := c.Start(t)
		assert.Equal(t, "on", ask(t, connect(t, dsn), "SHOW fsync"))
		if pause {
			require.NoError(t, c.Pause(pgtest.Immediate))
		}
		require.NoError(t, c.Stop(), name)
		require.NoError(t, c.Stop(), "twice")
		_, err := os.Stat(folder(dsn))
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
}

// folder is where a cluster lives.
func folder(dsn string) string { return strings.TrimPrefix(strings.Fields(dsn)[0], "host=") }

func TestAClusterGoesAwayWithAKilledTest(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		c := pgtest.New(pgtest.Config{})
		fmt.Println("cluster", c.Start(t))
		select {} // until it is killed
	}
	cluster.Start(t) // skips where there is no server
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAClusterGoesAwayWithAKilledTest$")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var dsn string
	for lines := bufio.NewScanner(out); dsn == "" && lines.Scan(); {
		if after, found := strings.CutPrefix(lines.Text(), "cluster "); found {
			dsn = after
		}
	}
	require.NotEmpty(t, dsn)
	conn := connect(t, dsn)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	deadline := time.Now().Add(time.Minute)
	for {
		_, err := os.Stat(folder(dsn))
		if errors.Is(err, fs.ErrNotExist) && conn.Ping(t.Context()) != nil {
			return
		}
		require.True(t, time.Now().Before(deadline), "the server runs on, or its folder is there: %v", err)
	}
}

func TestAMachineWithoutPostgreSQLSkipsAndContinuousIntegrationFails(t *testing.T) {
	for name, c := range map[string]struct {
		ci      string
		skipped bool
	}{"a person's machine": {"", true}, "continuous integration": {"1", false}} {
		t.Setenv("RACKSTATE_CI", c.ci)
		fake := &verdict{TB: t}
		func() {
			defer func() { _ = recover() }() // where the verdict ended the test
			pgtest.New(pgtest.Config{Bin: filepath.Join(t.TempDir(), "none")}).Start(fake)
		}()
		assert.Equal(t, c.skipped, fake.skipped != "", name)
		assert.Equal(t, c.skipped, fake.failed == "", name)
		assert.Contains(t, fake.skipped+fake.failed, "no PostgreSQL server binaries", name)
	}
}

// verdict is a test that is skipped or fails.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper() {}

func (v *verdict) Skipf(format string, args ...any) {
	v.skipped = fmt.Sprintf(format, args...)
	panic("skipped")
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.failed = fmt.Sprintf(format, args...)
	panic("failed")
}
