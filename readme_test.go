package rackstate_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/internal/golden"
)

func TestTheReadmeShowsTheSmallestProgram(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("examples/smallest/main.go")
	require.NoError(t, err)
	_, body, found := strings.Cut(string(source), "func bringUp")
	require.True(t, found)
	golden.Region(t, "README.md", "smallest", "go", "func bringUp"+body)
}
