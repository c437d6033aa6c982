package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/internal/golden"
)

// vary are the parts of the output that differ from run to run: where the file lies, and how long it took.
var vary = regexp.MustCompile(`(?m)^The records are in .*\n.*\n`)

func output(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), append([]string{"-speed", "0"}, args...), &out), out.String())
	return out.String()
}

func TestTheReadmeShowsWhatTheBringUpPrints(t *testing.T) {
	t.Parallel()
	text := vary.ReplaceAllString(output(t, "-db", filepath.Join(t.TempDir(), "racks.db")), "")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	require.Greater(t, len(lines), 60)
	shown := append(append([]string{}, lines[:14]...), "...")
	for i, line := range lines {
		if strings.HasPrefix(line, "KIND") {
			shown = append(shown, lines[i:i+7]...)
			break
		}
	}
	golden.Region(t, "../../README.md", "bringup-output", "text", strings.Join(shown, "\n")+"\n")
}

func TestTheBringUpEndsWithEveryObjectReady(t *testing.T) {
	t.Parallel()
	text := output(t, "-db", filepath.Join(t.TempDir(), "racks.db"), "-seed", "7")
	for _, row := range []string{`rack +Ready +3\n`, `machine +Ready +45\n`, `switch +Ready +27\n`, `power_shelf +Ready +18\n`} {
		require.Regexp(t, row, text)
	}
	require.Contains(t, text, "every history unbroken, no job started twice")
	require.Contains(t, text, "operator")
}

func TestTheSameSeedPrintsTheSame(t *testing.T) {
	t.Parallel()
	first := vary.ReplaceAllString(output(t, "-db", filepath.Join(t.TempDir(), "a.db"), "-seed", "3"), "")
	second := vary.ReplaceAllString(output(t, "-db", filepath.Join(t.TempDir(), "b.db"), "-seed", "3"), "")
	require.Equal(t, first, second)
}

func TestASecondRunOnTheSameDatabaseFindsNothingToDo(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "racks.db")
	output(t, "-db", db)
	text := output(t, "-db", db)
	require.Contains(t, text, "90 devices are known, 0 are still to be found")
}

func TestBadFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"negative speed":    {"-speed", "-1"},
		"unknown fault":     {"-faults", "explode everything"},
		"missing site file": {"-site", "no-such-file.json"},
		"stray argument":    {"now"},
		"folder as store":   {"-db", "."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.Error(t, run(t.Context(), args, &out))
		})
	}
}
