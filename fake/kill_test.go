package fake_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rackstate/rackstate/fake"
)

// victimEnv names the journal of the process that the kill test starts and kills.
const victimEnv = "RACKSTATE_FAKE_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimEnv); path != "" {
		fmt.Fprintln(os.Stderr, victim(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// victim works on a site and prints each key after it got the answer, until it is killed.
func victim(path string) error {
	hw, err := fake.Open(path, &handClock{now: start()}, fake.Config{Instant: true})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := hw.Capabilities().Shelf.ConfigureShelf(context.Background(), fmt.Sprint("k", i), powerShelf("p1")); err != nil {
			return err
		}
		if _, err := fmt.Println(i); err != nil {
			return err
		}
	}
}

func TestAKilledProcessLeavesEveryAnswerInItsJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	answered := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if answered++; answered == 200 {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait(), "it was killed")
	require.GreaterOrEqual(t, answered, 200)

	hw, err := fake.Open(path, &handClock{now: start().Add(time.Hour)}, fake.Config{Instant: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, hw.Close()) })
	began := hw.Started("ConfigureShelf")
	assert.GreaterOrEqual(t, began, answered)
	assert.LessOrEqual(t, began, answered+1, "at most one answer was on its way")
}
