package rackstate_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/internal/golden"
)

// knownFault is one fault that is known of existing controllers of this sort. What it says is what went wrong there.
type knownFault struct {
	text string
	// cannot says why it cannot occur here, where no test of its own is possible or needed.
	cannot string
}

// faultTest finds the tests that are named after a fault: TestFault07AFirmwareCheckThatCannotRunKeepsTheRequest.
var faultTest = regexp.MustCompile(`(?m)^func (TestFault(\d\d)\w+)\(`)

// testsOfFaults lists the tests of each fault, with the package that has them.
func testsOfFaults(t *testing.T) map[int][]string {
	t.Helper()
	found := map[int][]string{}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range faultTest.FindAllStringSubmatch(string(text), -1) {
			number, err := strconv.Atoi(m[2])
			if err != nil {
				return err
			}
			found[number] = append(found[number], fmt.Sprintf("`%s` in `%s`", m[1], filepath.ToSlash(filepath.Dir(path))))
		}
		return nil
	}))
	return found
}

// TestEveryKnownFaultHasATestOrAReason writes docs/faults.md, and fails for a fault that nothing here speaks of.
func TestEveryKnownFaultHasATestOrAReason(t *testing.T) {
	t.Parallel()
	tests := testsOfFaults(t)
	var text strings.Builder
	text.WriteString("| fault | what went wrong | here |\n|---|---|---|\n")
	for i, f := range knownFaults {
		number := i + 1
		here := slices.Clone(tests[number])
		slices.Sort(here)
		if f.cannot != "" {
			here = append(here, f.cannot)
		}
		assert.NotEmpty(t, here, "fault %d (%s) has no test named TestFault%02d... and no reason why it cannot occur", number, f.text, number)
		fmt.Fprintf(&text, "| %d | %s | %s |\n", number, f.text, strings.Join(here, "<br>"))
		delete(tests, number)
	}
	assert.Empty(t, tests, "tests named after faults that faults_list_test.go does not have")
	golden.Region(t, "docs/faults.md", "faults", "", text.String())
}
