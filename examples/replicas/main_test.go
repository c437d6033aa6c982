package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
)

// childVar makes the test binary the program itself, because the program starts itself again.
const childVar = "RACKSTATE_TEST_REPLICAS"

var cluster = pgtest.New(pgtest.Config{})

func TestMain(m *testing.M) {
	if os.Getenv(childVar) == "" {
		if err := os.Setenv(childVar, "1"); err != nil { // for the processes that a test starts
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(cluster.Main(m))
	}
	main()
}

func TestAKilledControllerLeavesItsWorkToTheOthers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-dsn", cluster.Start(t), "-racks", "3", "-speed", "120", "-lease", "2m"}, &out), out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := lines[len(lines)-1]
	assert.Regexp(t, `^3 racks and 15 devices are Ready\. \d+ transitions, every history unbroken, no job started twice\.$`, last)
	victim := regexp.MustCompile(`kill -9 +(\w+), which holds`).FindStringSubmatch(out.String())
	require.Len(t, victim, 2, out.String())
	_, after, found := strings.Cut(out.String(), "taken ")
	require.True(t, found, out.String())
	assert.Contains(t, after, "by ")
	assert.NotContains(t, after, "by "+victim[1])
	assert.NotContains(t, after, victim[1]+": ")
}

func TestBadFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"too few racks":    {"-racks", "2"},
		"no speed":         {"-speed", "0"},
		"no lease":         {"-lease", "0s"},
		"stray argument":   {"now"},
		"no such database": {"-dsn", "postgres://localhost:1/x?connect_timeout=1&sslmode=bogus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, run(t.Context(), args, &bytes.Buffer{}))
		})
	}
}

func TestAGapInAHistoryIsSeen(t *testing.T) {
	t.Parallel()
	row := func(seq uint64, from, to string) backend.Transition {
		return backend.Transition{Ref: backend.Ref{Kind: backend.KindRack, ID: "R01"}, Seq: seq, From: from, To: to}
	}
	require.NoError(t, unbroken([]backend.Transition{row(1, "", "A"), row(2, "A", "B")}))
	require.ErrorContains(t, unbroken([]backend.Transition{row(1, "", "A"), row(3, "A", "B")}), "broken at row 3")
	require.ErrorContains(t, unbroken([]backend.Transition{row(1, "", "A"), row(2, "B", "C")}), `"B" after "A"`)
	require.Error(t, unbroken(nil))
}
