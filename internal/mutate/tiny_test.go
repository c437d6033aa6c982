package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tiny = "internal/mutate/testdata/tiny"

// tinyPlan mutates the package of the test data. Its tests forget that a broken lamp can be mended.
func tinyPlan(t *testing.T, explained string) plan {
	t.Helper()
	orders, err := parseOrders(strings.NewReader(tiny + `/tiny.go off req, ok := env.Pending("smash") | req, ok := env.Pending("press")`))
	require.NoError(t, err)
	why, err := parseExplained(strings.NewReader(explained))
	require.NoError(t, err)
	return plan{
		kinds: []kind{{name: "tiny", folder: tiny, suites: []suite{
			{folder: tiny, by: byBehaviour, skip: shape},
			{folder: tiny, by: byShape, run: shape, rows: true},
		}}},
		orders: orders, explained: why,
	}
}

func tinyOptions(t *testing.T) options {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	return options{root: root, only: regexp.MustCompile(""), workers: 2, long: true}
}

func TestExactlyTheRowThatTheTestsForgetIsReported(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("a shell bounds the processor time of a test binary")
	}
	var out bytes.Buffer
	err := tinyPlan(t, "= tiny redirect Broken --\"Mended\"--> Off\nthe test knows").try(t.Context(), tinyOptions(t), &out)
	require.ErrorIs(t, err, errLives)
	lines := map[string]string{}
	for line := range strings.Lines(out.String()) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, text, ok := strings.Cut(rest, " | "); ok {
			lines[text] = word
		}
	}
	require.Len(t, lines, 7+7+2+1+4, out.String())
	for text, word := range lines {
		mutation, _, _ := strings.Cut(text, " |")
		mutation, _, _ = strings.Cut(mutation, " (leads to")
		switch mutation {
		case `tiny remove Broken --"Mended"--> Off`: // nothing but the deletion leads out of a failed state then
			assert.Equal(t, byShape, word, text)
		case `tiny redirect Broken --"Mended"--> Off`:
			assert.Equal(t, "explained", word, text)
		case `tiny drop broken: env.Finish(req.ID, "")`:
			assert.Equal(t, "LIVES", word, text)
			assert.ErrorContains(t, err, mutation)
		default:
			assert.Equal(t, byBehaviour, word, text)
		}
	}
	assert.Equal(t, 1, strings.Count(err.Error(), "nobody notices"))
}
