package scenario_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
)

// patience is how long reading one small text may take, and runs how long a scenario of it runs at most.
const (
	patience = 20 * time.Second
	runs     = 200 * time.Millisecond
)

// place is what every problem of a file begins with.
var place = regexp.MustCompile(`^scenario file is malformed: fuzz\.yaml(?::(\d+))?: `)

// FuzzParse: whatever a file holds, it is refused with all that is wrong, each with its line, or its scenarios can be run.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	require.NotEmpty(f, paths)
	known := map[string]bool{} // other tests run these
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(f, err)
		for _, one := range bytes.SplitAfter(raw, []byte("\n\n")) { // small seeds are mutated faster
			f.Add(one)
			known[string(one)] = true
		}
	}
	for _, text := range []string{"", "- ", "- name: a\n  then: {fields: {rack/r1: {cause: {mentions: [a]}}}}\n", "- &a [*a]\n", "- <<: {a: b}\n", "- ? {a: b}\n  : c\n", "- !!map {}\n", "a: |\n b", "- {a: 'b\n", "%YAML\n---\n- a\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		began := time.Now()
		list, err := scenario.Parse("fuzz.yaml", raw)
		require.Less(t, time.Since(began), patience)
		if err != nil {
			require.Empty(t, list)
			require.ErrorIs(t, err, scenario.ErrBadFile)
			var all *multierror.Error
			require.ErrorAs(t, err, &all)
			lines := bytes.Count(raw, []byte("\n")) + bytes.Count(raw, []byte("\r")) + 1
			for _, one := range all.Errors {
				at := place.FindStringSubmatch(one.Error())
				require.NotNil(t, at, "%s", one)
				if at[1] != "" {
					line, err := strconv.Atoi(at[1])
					require.NoError(t, err)
					require.LessOrEqual(t, line, lines, "%s", one)
				}
			}
			return
		}
		require.NotEmpty(t, list)
		names := map[string]bool{}
		for _, s := range list {
			require.False(t, names[s.Name], "%q is there twice", s.Name)
			names[s.Name] = true
			require.Equal(t, "fuzz.yaml", s.File)
			require.Positive(t, s.Line)
		}
		written := scenario.Encode(list...)
		again, err := scenario.Parse("again.yaml", written)
		require.NoError(t, err, "%s", written)
		require.Equal(t, placeless(list), placeless(again), "%s", written)
		for _, s := range list {
			if !known[string(raw)] {
				runnable(t, s)
			}
		}
	})
}

// placeless is what scenarios say, wherever that stands.
func placeless(list []scenario.Scenario) []scenario.Scenario {
	out := slices.Clone(list)
	for i := range out {
		out[i].File, out[i].Line = "", 0
	}
	return out
}

// runnable runs a scenario for a moment. Whether what it expects is true does not matter; that it makes sense was found before.
func runnable(t *testing.T, s scenario.Scenario) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runs)
	defer cancel()
	_, err := scenario.Run(ctx, s, memory.New())
	if err != nil {
		require.NotErrorIs(t, err, scenario.ErrBadFile)
		require.NotContains(t, fmt.Sprint(err), "panicked")
	}
}
