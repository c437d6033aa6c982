package lifecycle_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

// lines returns the lines of a file.
func lines(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.Split(string(raw), "\n")
}

func TestEveryLineOfCodeInTheDocumentationIsPartOfTheExample(t *testing.T) {
	t.Parallel()
	var example strings.Builder
	for _, line := range lines(t, "example_test.go") {
		example.WriteString(strings.TrimSpace(line) + "\n")
	}
	blocks, block := 0, ""
	for _, line := range lines(t, "doc.go") {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			block += strings.TrimSpace(code) + "\n"
			continue
		}
		if block != "" {
			blocks++
			assert.Contains(t, example.String(), block, "a block of doc.go that example_test.go does not have")
			block = ""
		}
	}
	assert.Equal(t, 6, blocks)
}

func TestTheServiceOfTheDocumentationRunsUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	kind, err := newDoorKind()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- serve(ctx, memory.New(), kind) }()
	cancel()
	if err := <-done; err != nil { // it had not even begun
		require.ErrorIs(t, err, context.Canceled)
	}
	closed := memory.New()
	require.NoError(t, closed.Close())
	require.ErrorIs(t, serve(t.Context(), closed, kind), backend.ErrClosed)
}
