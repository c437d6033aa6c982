// Package golden compares text that code derives with text that the repository keeps, so that a
// diagram, a table or a printed example in a document cannot drift from its source.
//
// A test owns either one region of a Markdown file (Region) or a whole file (File). It fails with
// the difference when they disagree; run with the environment variable UPDATE=1, it writes the
// derived text instead. An environment variable, because a flag would be unknown to every package
// that does not define it.
package golden

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// updateVar is the environment variable that turns a comparison into a rewrite.
const updateVar = "UPDATE"

// Region fails the test unless the region called name of the Markdown file at path holds want.
//
// The region is what stands between the lines <!-- name --> and <!-- /name -->. It is a fenced
// block in the language lang; with an empty lang it is plain Markdown without a fence, such as a
// table. The markers themselves are written by hand, once: Region never adds or moves them.
// Tests of one or many packages may own regions of the same file and update them at the same time.
func Region(tb testing.TB, path, name, lang, want string) {
	tb.Helper()
	check(tb, path, fmt.Sprintf("region %q of %s", name, path), func(text string) (string, error) {
		return replaceRegion(text, name, block(lang, want))
	})
}

// File fails the test unless the file at path holds exactly want. An update creates the file and
// its folders where they are missing.
func File(tb testing.TB, path, want string) {
	tb.Helper()
	check(tb, path, path, func(string) (string, error) { return want, nil })
}

// check applies edit to the file's text and fails the test if that changes anything, or writes the
// change when an update is asked for.
func check(tb testing.TB, path, what string, edit func(text string) (string, error)) {
	tb.Helper()
	if update(os.Getenv(updateVar)) {
		if err := rewrite(path, edit); err != nil {
			tb.Fatalf("update %s: %v", what, err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Fatalf("read %s: %v", what, err)
	}
	missing := err != nil
	want, err := edit(string(have))
	switch {
	case err != nil:
		tb.Fatalf("%s: %v", what, err)
	case missing:
		tb.Fatalf("%s does not exist; create it with: %s=1 go test ./...", what, updateVar)
	case string(have) != want:
		tb.Fatalf("%s is stale; when the new text is right, run: %s=1 go test ./...\n(- in the file, + derived)\n%s",
			what, updateVar, cmp.Diff(string(have), want))
	}
}

// update reports whether the variable's value asks for a rewrite. "0" and "false" do not, because a
// person who types them means no.
func update(value string) bool {
	return value != "" && value != "0" && value != "false"
}

// rewrite applies edit to the file under a lock that all test processes share: `go test ./...` runs
// one process per package, and several packages own regions of the same document.
func rewrite(path string, edit func(text string) (string, error)) (err error) {
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	have, err := os.ReadFile(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	want, err := edit(string(have))
	if err != nil {
		return err
	}
	if !missing && string(have) == want {
		return nil // an unchanged file keeps its time, and the test cache its results
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(want), 0o644)
}
