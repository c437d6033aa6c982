package rackstate_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// TestAnImporterLinksFiveModules pins what a program links that imports rack and the memory store:
// every further module is one more thing for its owner to audit, update and answer for.
func TestAnImporterLinksFiveModules(t *testing.T) {
	t.Parallel()
	want := []string{
		"github.com/benbjohnson/clock",
		"github.com/hashicorp/errwrap",
		"github.com/hashicorp/go-multierror",
		"github.com/qmuntal/stateless",
		module,
	}

	got := linkedModules(t, module+"/rack", module+"/backend/memory")

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rack and backend/memory link other modules than promised (- promised, + linked); "+
			"do without the new one, or move the code that needs it into a room of its own:\n%s", diff)
	}
}

// linkedModules returns the modules outside the standard library whose packages the given packages
// need, sorted.
func linkedModules(t *testing.T, packages ...string) []string {
	t.Helper()
	args := append([]string{"list", "-deps", "-f", "{{if not .Standard}}{{.Module.Path}}{{end}}"}, packages...)
	command := exec.CommandContext(t.Context(), "go", args...)
	var problems strings.Builder
	command.Stderr = &problems
	out, err := command.Output()
	require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), &problems)

	modules := strings.Fields(string(out))
	slices.Sort(modules)
	return slices.Compact(modules)
}
