package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tests that set UPDATE change the process's environment and therefore do not run in parallel.

// failed stands in for the test that a golden check fails: it keeps the message and stops there.
type failed struct {
	testing.TB
	message string
}

func (f *failed) Helper() {}

func (f *failed) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	panic(f) // as tb.Fatalf does, nothing after the failure runs
}

// failure runs check and returns the message it failed with, or "" if it passed.
func failure(t *testing.T, check func(f *failed)) (message string) {
	t.Helper()
	f := &failed{TB: t}
	defer func() {
		if got := recover(); got != nil && got != f {
			panic(got)
		}
		message = f.message
	}()
	check(f)
	return ""
}

// document writes a Markdown file with an empty region for each name and returns its path.
func document(t *testing.T, names ...string) string {
	t.Helper()
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "Prose about %s.\n<!-- %s -->\n<!-- /%s -->\n", n, n, n)
	}
	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

func TestAStaleRegionFailsWithTheDifferenceAndTheCommand(t *testing.T) {
	t.Setenv(updateVar, "")
	path := document(t, "table")
	before := read(t, path)

	got := failure(t, func(f *failed) { Region(f, path, "table", "mermaid", "A --> B\n") })

	assert.Contains(t, got, `region "table" of `+path+" is stale")
	assert.Contains(t, got, "UPDATE=1 go test ./...")
	assert.Contains(t, got, "A --> B")
	assert.Equal(t, before, read(t, path), "a failing check writes nothing")
}

func TestAnUpdatedRegionPassesUntilItsTextChanges(t *testing.T) {
	path := document(t, "table")
	t.Setenv(updateVar, "1")
	Region(t, path, "table", "mermaid", "A --> B\n")

	t.Setenv(updateVar, "")
	Region(t, path, "table", "mermaid", "A --> B\n")
	assert.Equal(t, "Prose about table.\n<!-- table -->\n```mermaid\nA --> B\n```\n<!-- /table -->\n", read(t, path))
	assert.Contains(t, failure(t, func(f *failed) { Region(f, path, "table", "mermaid", "A --> C\n") }), "is stale")
	assert.Contains(t, failure(t, func(f *failed) { Region(f, path, "table", "text", "A --> B\n") }), "is stale")
}

func TestAnUpdateDoesNotInventARegion(t *testing.T) {
	t.Setenv(updateVar, "1")
	path := document(t, "table")
	before := read(t, path)

	got := failure(t, func(f *failed) { Region(f, path, "other", "text", "x\n") })

	assert.Contains(t, got, `found 0 lines "<!-- other -->"`)
	assert.Equal(t, before, read(t, path))
}

func TestRegionsOfOneFileUpdatedAtOnceAreAllKept(t *testing.T) {
	t.Setenv(updateVar, "1")
	var names []string
	for i := range 32 {
		names = append(names, fmt.Sprintf("region-%d", i))
	}
	path := document(t, names...)

	var done sync.WaitGroup
	for _, n := range names {
		done.Go(func() { Region(t, path, n, "text", "text of "+n+"\n") })
	}
	done.Wait()

	t.Setenv(updateVar, "")
	for _, n := range names {
		Region(t, path, n, "text", "text of "+n+"\n")
	}
}

func TestAFileIsComparedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "testdata", "trace.txt")
	t.Setenv(updateVar, "")
	assert.Contains(t, failure(t, func(f *failed) { File(f, path, "") }), "does not exist", "not even an empty text")
	assert.NoFileExists(t, path)

	t.Setenv(updateVar, "1")
	File(t, path, "one\ntwo\n")

	t.Setenv(updateVar, "")
	File(t, path, "one\ntwo\n")
	assert.Contains(t, failure(t, func(f *failed) { File(f, path, "one\ntwo") }), "is stale")
	assert.Contains(t, failure(t, func(f *failed) { File(f, path, "one\nthree\n") }), "three")
}

func TestOnlyAYesAsksForAnUpdate(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"": false, "0": false, "false": false, "1": true, "true": true} {
		assert.Equal(t, want, update(value), "UPDATE=%q", value)
	}
}
