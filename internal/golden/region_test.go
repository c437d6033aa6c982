package golden

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplaceRegionTouchesNothingOutsideItsMarkers(t *testing.T) {
	t.Parallel()
	text := "# Title\n<!-- a -->\nold\n<!-- /a -->\nprose\n<!-- b -->\nother\n<!-- /b -->\nend\n"

	got, err := replaceRegion(text, "a", "new\n")

	require.NoError(t, err)
	assert.Equal(t, "# Title\n<!-- a -->\nnew\n<!-- /a -->\nprose\n<!-- b -->\nother\n<!-- /b -->\nend\n", got)
}

func TestReplaceRegionRefusesADocumentItCannotReadUnambiguously(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, body, want string }{
		"no markers":          {"prose\n", "x\n", `found 0 lines "<!-- a -->"`},
		"opened twice":        {"<!-- a -->\n<!-- /a -->\n<!-- a -->\n<!-- /a -->\n", "x\n", `found 2 lines "<!-- a -->"`},
		"never closed":        {"<!-- a -->\n", "x\n", `no line "<!-- /a -->"`},
		"closed before":       {"<!-- /a -->\n<!-- a -->\n", "x\n", `no line "<!-- /a -->"`},
		"text holds a marker": {"<!-- a -->\n<!-- /a -->\n", "<!-- /a -->\n", "contains the closing marker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := replaceRegion(c.text, "a", c.body)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestBlockFencesTextSoThatItShowsAsItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ lang, text, want string }{
		"fenced":                {"go", "x := 1\n", "```go\nx := 1\n```\n"},
		"last line ended":       {"go", "x := 1", "```go\nx := 1\n```\n"},
		"nothing":               {"text", "", "```text\n```\n"},
		"plain Markdown":        {"", "| a |\n", "| a |\n"},
		"fence within":          {"md", "```\nin\n```\n", "````md\n```\nin\n```\n````\n"},
		"longer fence within":   {"md", "````\nin\n````\n", "`````md\n````\nin\n````\n`````\n"},
		"plain, last line open": {"", "| a |", "| a |\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, block(c.lang, c.text))
		})
	}
}
