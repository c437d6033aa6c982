package endtoend_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/devserver"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
)

// serve starts a server on a file, which ends with the test unless the test stops it.
func serve(t *testing.T, file string, port int) *devserver.Server {
	t.Helper()
	s, err := devserver.Start(t.Context(), devserver.Config{File: file, Port: port})
	require.NoError(t, err)
	return s
}

func dial(t *testing.T, s *devserver.Server) client.Client {
	t.Helper()
	c, err := s.Dial(t.Context(), client.Options{Logger: quiet(), Identity: "test"})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// process runs this binary as a worker until it says that it hangs, and kills it then; or until it says that its rack is up.
func process(t *testing.T, address, dir string, at int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", childVariable, address, dir, at))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	watchdog := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	last := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if last = lines.Text(); last == "hanging" {
			require.NoError(t, cmd.Process.Kill()) // -9
			break
		}
	}
	err = cmd.Wait()
	if at == 0 {
		require.NoError(t, err)
		require.Equal(t, "up", last)
		return
	}
	require.Equal(t, "hanging", last)
	require.Error(t, err)
}

func TestAWorkerThatIsKilledInTheMiddleOfAStepIsReplacedAndNothingIsStartedTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := serve(t, filepath.Join(dir, "temporal.db"), 0)
	t.Cleanup(func() { assert.NoError(t, server.Stop()) })

	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "racks.db"), sqlite.Config{})
	require.NoError(t, err)
	site, err := virtual.New(t.Context(), virtual.Config{Store: store, Quick: true, Seed: 1, Journal: filepath.Join(dir, "hardware")})
	require.NoError(t, err)
	arrive(t, site)
	require.NoError(t, site.Close())
	require.NoError(t, store.Close())
	runner := temporal.NewRunner(dial(t, server), temporal.RunnerConfig{Options: temporal.RackOptions{Heartbeat: time.Second}})
	require.NoError(t, runner.Start(t.Context(), "R01"))

	for _, at := range []int{10, -15, 20, -25, 15} { // before and after the commit is written: the hardware has its order in both cases
		process(t, server.Address(), dir, at)
	}
	process(t, server.Address(), dir, 0)

	store, err = sqlite.Open(t.Context(), filepath.Join(dir, "racks.db"), sqlite.Config{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close()) }()
	site, err = virtual.New(t.Context(), virtual.Config{Store: store, Quick: true, Seed: 1, Journal: filepath.Join(dir, "hardware")})
	require.NoError(t, err)
	defer func() { assert.NoError(t, site.Close()) }()
	assert.True(t, site.AllReady())
	require.NoError(t, virtual.Consistent(t.Context(), store))
	require.NoError(t, site.OnceOnly())
}
