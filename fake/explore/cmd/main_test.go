package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refusing is a world in which the hardware refuses what it is asked, which the search takes for a failure without a fault.
const refusing = `
- name: refusing
  given:
    racks: [{id: r1}]
    machines: [{id: m1, rack: r1}]
    hardware:
      - {call: SetPower, answer: {permanent: never}}
  when:
    - request: {id: q, on: rack/r1, type: maintenance, initiator: alice, scope: {activities: [PowerSequence]}}
  then: {states: {rack/r1: Ready}}
`

func TestAFindingIsWrittenAndRunAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	world := filepath.Join(dir, "world.yaml")
	require.NoError(t, os.WriteFile(world, []byte(refusing), 0o600))
	var out, progress bytes.Buffer
	ok, err := run(t.Context(), []string{"-world", world, "-requests", "1", "-out", filepath.Join(dir, "found")}, &out, &progress)
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Contains(t, out.String(), "refusing with 1 request: ")
	assert.Contains(t, out.String(), "complete\n")
	assert.Contains(t, progress.String(), "  0 moves:")
	out.Reset()
	ok, err = run(t.Context(), []string{"-replay", filepath.Join(dir, "found", "1.yaml")}, &out, io.Discard)
	require.NoError(t, err)
	assert.True(t, ok, "what the path expects is what happens, and no rule is broken on the way: %s", out.String())
	assert.Contains(t, out.String(), "rack/r1")

	raw, err := os.ReadFile(filepath.Join(dir, "found", "1.yaml"))
	require.NoError(t, err)
	wrong := filepath.Join(dir, "wrong.yaml")
	require.NoError(t, os.WriteFile(wrong, bytes.ReplaceAll(raw, []byte("rack/r1: Error"), []byte("rack/r1: Ready")), 0o600))
	ok, err = run(t.Context(), []string{"-replay", wrong}, &out, io.Discard)
	require.NoError(t, err)
	assert.False(t, ok)
}

func TestABoundedSearchFindsNothingWrong(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ok, err := run(t.Context(), []string{"-start", "small", "-requests", "1", "-depth", "3", "-quiet", "-cpuprofile", filepath.Join(t.TempDir(), "cpu")}, &out, io.Discard)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Contains(t, out.String(), "not complete")
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
}

func TestFlagsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"-start", "nowhere"}, `there is no start "nowhere"; there are ready, bring-up`},
		{[]string{"-preset", "all"}, `there is no preset "all"`},
		{[]string{"-world", "none.yaml"}, "none.yaml"},
		{[]string{"-replay", "none.yaml"}, "none.yaml"},
		{[]string{"-nonsense"}, "nonsense"},
	} {
		_, err := run(t.Context(), tc.args, io.Discard, io.Discard)
		require.ErrorContains(t, err, tc.says)
	}
}
