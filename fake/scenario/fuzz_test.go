package scenario_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/scenario"
)

// FuzzParse: whatever a file holds, it is read or refused with its name, and never takes the process with it.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	require.NotEmpty(f, paths)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(f, err)
		for _, one := range bytes.SplitAfter(raw, []byte("\n\n")) { // small seeds are mutated faster
			f.Add(one)
		}
	}
	for _, text := range []string{"", "- ", "- name: a\n  then: {fields: {rack/r1: {cause: {mentions: [a]}}}}\n", "- &a [*a]\n", "- <<: {a: b}\n", "- ? {a: b}\n  : c\n", "- !!map {}\n", "a: |\n b", "- {a: 'b\n", "%YAML\n---\n- a\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := scenario.Parse("fuzz.yaml", raw)
		if err == nil {
			require.NotEmpty(t, list)
			return
		}
		require.Empty(t, list)
		require.True(t, errors.Is(err, scenario.ErrBadFile))
		require.ErrorContains(t, err, "fuzz.yaml")
	})
}
