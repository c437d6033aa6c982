package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryFuzzFunctionOfTheTreeIsATarget looks for the functions as text, not as syntax.
func TestEveryFuzzFunctionOfTheTreeIsATarget(t *testing.T) {
	t.Parallel()
	const root = "../.."
	form := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\) \{$`)
	var want []target
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range form.FindAllSubmatch(text, -1) {
			want = append(want, target{dir: filepath.Dir(path), name: string(m[1])})
		}
		return err
	}))
	got, err := targets(root)
	require.NoError(t, err)
	require.ElementsMatch(t, want, got)
	assert.Contains(t, got, target{dir: filepath.FromSlash("../../backend"), name: "FuzzParseRef"})
	assert.Greater(t, len(got), 15)
}

// TestEveryFolderOfACorpusHasItsTarget keeps inputs from being left behind by a target that was renamed.
func TestEveryFolderOfACorpusHasItsTarget(t *testing.T) {
	t.Parallel()
	all, err := targets("../..")
	require.NoError(t, err)
	var known []string
	for _, one := range all {
		known = append(known, filepath.Join(one.dir, "testdata", "fuzz", one.name))
	}
	var found []string
	require.NoError(t, filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && filepath.Base(filepath.Dir(path)) == "fuzz" && filepath.Base(filepath.Dir(filepath.Dir(path))) == "testdata" {
			found = append(found, path)
		}
		return err
	}))
	assert.Subset(t, known, found)
}

// writeModule makes a module with two targets, one of which fails when told so.
func writeModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n",
		// Indented, so that it is not taken for a function of this very file.
		"a_test.go": `package m

	import ("os"; "testing")

	func FuzzGood(f *testing.F) { f.Add("x"); f.Fuzz(func(t *testing.T, s string) {}) }

	func FuzzBad(f *testing.F) {
		f.Add("x")
		f.Fuzz(func(t *testing.T, s string) {
			if os.Getenv("RACKSTATE_FUZZALL_FAILS") != "" { t.Fatal("it fails with", s) }
		})
	}

	type helper struct{}

	func (helper) FuzzNothing() {}
`,
		"testdata/b_test.go": "package m\n\nfunc FuzzElsewhere() {}\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func TestEachTargetRunsAndAFailureIsShown(t *testing.T) {
	dir := writeModule(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-root", dir, "-time", "50x"}, &out))
	assert.Regexp(t, `FuzzGood +\d+ +\d+ +ok`, out.String())
	assert.Regexp(t, `FuzzBad +\d+ +\d+ +ok`, out.String())
	assert.NotContains(t, out.String(), "FuzzNothing")

	out.Reset()
	t.Setenv("RACKSTATE_FUZZALL_FAILS", "1")
	require.ErrorIs(t, run(t.Context(), []string{"-root", dir, "-time", "50x", "-only", "Bad$"}, &out), errFailed)
	assert.Regexp(t, `FuzzBad +\S+ +\S+ +exit status 1`, out.String())
	assert.Contains(t, out.String(), "it fails with x")
	assert.NotContains(t, out.String(), "FuzzGood")

	require.Error(t, run(t.Context(), []string{"-only", "("}, &out))
	require.ErrorIs(t, run(t.Context(), []string{"-root", filepath.Join(dir, "nowhere")}, &out), fs.ErrNotExist)
}

func TestTheLastLineOfProgressCounts(t *testing.T) {
	t.Parallel()
	execs, found := counts("fuzz: elapsed: 3s, execs: 10 (3/sec), new interesting: 1 (total: 4)\nfuzz: elapsed: 6s, execs: 25 (5/sec), new interesting: 2 (total: 5)\nPASS\n")
	assert.Equal(t, []string{"25", "2"}, []string{execs, found})
	execs, found = counts("FAIL")
	assert.Equal(t, []string{"-", "-"}, []string{execs, found})
	assert.Equal(t, "b\nc", tail("a\nb\nc\n", 2))
}
