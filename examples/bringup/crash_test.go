package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
)

// childVar makes the test binary the program itself, so that it can be killed.
const childVar = "RACKSTATE_TEST_BRINGUP"

func TestMain(m *testing.M) {
	if os.Getenv(childVar) == "" {
		os.Exit(m.Run())
	}
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bringup:", err)
		os.Exit(1)
	}
}

// smallSite is one rack: three compute trays, two switches, a power shelf.
const smallSite = `
rack_profiles:
  NVL3:
    rack_hardware_type: gb200
    rack_hardware_topology: gb200_nvl3_topology
    rack_capabilities:
      compute: {count: 3}
      switch: {count: 2}
      power_shelf: {count: 1}
expected_racks:
  - {rack_id: S1, rack_profile_id: NVL3}
expected_machines:
  - {bmc_mac_address: "94:6D:AE:01:00:01", rack_id: S1, metadata: {name: s1-compute-1, labels: {slot: "1"}}}
  - {bmc_mac_address: "94:6D:AE:01:00:02", rack_id: S1, metadata: {name: s1-compute-2, labels: {slot: "2"}}}
  - {bmc_mac_address: "94:6D:AE:01:00:03", rack_id: S1, metadata: {name: s1-compute-3, labels: {slot: "3"}}}
expected_switches:
  - {bmc_mac_address: "B0:CF:0E:01:00:01", nvos_mac_addresses: ["B0:CF:0E:01:00:02"], nvos_username: admin, nvos_password: factory, rack_id: S1, metadata: {name: s1-switch-1, labels: {slot: "4"}}}
  - {bmc_mac_address: "B0:CF:0E:01:00:03", nvos_mac_addresses: ["B0:CF:0E:01:00:04"], nvos_username: admin, nvos_password: factory, rack_id: S1, metadata: {name: s1-switch-2, labels: {slot: "5"}}}
expected_power_shelves:
  - {bmc_mac_address: "D0:8E:79:01:00:01", rack_id: S1, metadata: {name: s1-shelf-1, labels: {slot: "6"}}}
`

const smallFault = `job FirmwareJob on machine/s1-compute-2 fails "image checksum mismatch" count=1`

// program is a bring-up in a process of its own.
type program struct {
	dir  string
	args []string
}

// smallProgram brings up the small site, of which one tray fails once.
func smallProgram(t *testing.T) program {
	t.Helper()
	dir := t.TempDir()
	site := filepath.Join(dir, "site.yaml")
	require.NoError(t, os.WriteFile(site, []byte(smallSite), 0o600))
	return program{dir, []string{"-db", filepath.Join(dir, "racks.db"), "-site", site, "-faults", smallFault}}
}

// fullProgram brings up the built-in site.
func fullProgram(t *testing.T) program {
	t.Helper()
	dir := t.TempDir()
	return program{dir, []string{"-db", filepath.Join(dir, "racks.db")}}
}

func (p program) db() string { return filepath.Join(p.dir, "racks.db") }

// command prepares a process with further flags.
func (p program) command(t *testing.T, out io.Writer, more ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, slices.Concat(p.args, more)...)
	cmd.Env = append(os.Environ(), childVar+"=1")
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

// dies runs a process that is killed after a number of transitions. It returns false when there were not so many left.
func (p program) dies(t *testing.T, after int) bool {
	t.Helper()
	var out bytes.Buffer
	err := p.command(t, &out, "-speed", "0", "-crash-after", strconv.Itoa(after)).Run()
	if err == nil {
		return false
	}
	requireKilled(t, err, &out)
	return true
}

func requireKilled(t *testing.T, err error, out *bytes.Buffer) {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, out.String())
	status, ok := exit.Sys().(syscall.WaitStatus)
	require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%v\n%s", err, out)
}

// ends runs a process to its end and returns what it left: the state of every object.
func (p program) ends(t *testing.T) map[string]string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, p.command(t, &out, "-speed", "0").Run(), out.String())
	require.Contains(t, out.String(), "every history unbroken, no job started twice")
	return p.left(t)
}

// left reads the file: it is consistent, and no request is open.
func (p program) left(t *testing.T) map[string]string {
	t.Helper()
	store, err := sqlite.Open(t.Context(), p.db(), sqlite.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	history, err := store.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	require.NoError(t, unbroken(history))
	last := map[backend.Ref]backend.Transition{}
	for _, row := range history {
		last[row.Ref] = row
	}
	records, err := store.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	require.Len(t, last, len(records))
	states := map[string]string{}
	for _, r := range records {
		require.Equal(t, last[r.Ref].To, r.State)
		require.Equal(t, last[r.Ref].Seq, r.Transitions)
		states[r.Ref.String()] = r.State
	}
	open, err := store.Requests(t.Context(), backend.RequestQuery{OpenOnly: true})
	require.NoError(t, err)
	require.Empty(t, open)
	return states
}

// undisturbed is what a process leaves that nobody kills: everything is Ready.
func undisturbed(t *testing.T, p program) map[string]string {
	t.Helper()
	states := p.ends(t)
	require.Equal(t, []string{"Ready"}, slices.Compact(slices.Sorted(maps.Values(states))))
	return states
}

func TestAProcessThatIsKilledAfterAnyTransitionIsContinuedByTheNext(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, smallProgram(t))
	random := rand.New(rand.NewPCG(1, 2))
	numbers, most := random.Perm(110), 48
	if testing.Short() || underRace {
		most = 4
	}
	numbers = slices.Compact(slices.Sorted(slices.Values(append(numbers[:most], 0, 1, 2, 3, 4, 5, 6, 7))))
	for _, n := range numbers {
		again := 1 + random.IntN(60)
		t.Run(strconv.Itoa(n+1), func(t *testing.T) {
			t.Parallel()
			p := smallProgram(t)
			require.True(t, p.dies(t, n+1), "there were not so many transitions")
			if n%3 == 0 {
				p.dies(t, again)
			}
			assert.Equal(t, want, p.ends(t))
		})
	}
}

func TestAFullSiteThatIsKilledTwiceIsContinued(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("takes many seconds")
	}
	for _, n := range []int{480, 1020} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			p := fullProgram(t)
			require.True(t, p.dies(t, n))
			require.True(t, p.dies(t, 101))
			assert.Len(t, undisturbed(t, p), 93)
		})
	}
}

func TestAProcessThatIsKilledFromOutsideAtAnyMomentIsContinuedByTheNext(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, smallProgram(t))
	moments := 10
	if testing.Short() || underRace {
		moments = 3
	}
	for seed := range moments {
		random := rand.New(rand.NewPCG(3, uint64(seed)))
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			p := smallProgram(t)
			for range 2 {
				var out bytes.Buffer
				cmd := p.command(t, &out, "-speed", "6000") // it lasts about a second
				require.NoError(t, cmd.Start())
				killed := time.AfterFunc(time.Duration(random.IntN(800_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
				if err := cmd.Wait(); err != nil {
					requireKilled(t, err, &out)
				}
				killed.Stop()
			}
			assert.Equal(t, want, p.ends(t))
		})
	}
}

// told passes on the first line that is written.
type told struct {
	line  chan string
	begun strings.Builder
}

// Write looks for the end of the first line.
func (w *told) Write(b []byte) (int, error) {
	if w.begun.Len() < 1000 {
		w.begun.Write(b)
		if line, _, complete := strings.Cut(w.begun.String(), "\n"); complete {
			select {
			case w.line <- line:
			default:
			}
		}
	}
	return len(b), nil
}

func TestASecondProcessOnTheSameFileIsRefusedAsLongAsTheFirstLives(t *testing.T) {
	t.Parallel()
	p := smallProgram(t)
	first := &told{line: make(chan string, 1)}
	cmd := p.command(t, first, "-speed", "1")
	require.NoError(t, cmd.Start())
	require.Contains(t, <-first.line, "1 racks")

	var out bytes.Buffer
	err := run(t.Context(), append(p.args, "-speed", "0"), &out)
	require.ErrorIs(t, err, backend.ErrLocked)
	assert.ErrorContains(t, err, p.db())
	assert.ErrorContains(t, err, fmt.Sprintf("process %d", cmd.Process.Pid))

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	undisturbed(t, p)
}
