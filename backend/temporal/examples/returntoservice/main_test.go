package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/rackstate/rackstate/internal/golden"
	"github.com/stretchr/testify/require"
)

func TestTheExamplePrintsTheJourneyOfItsNode(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-vendor", "200ms"}, &out), out.String())
	when := regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*Z"`)
	golden.File(t, "testdata/output.txt", when.ReplaceAllString(out.String(), `"(when it was)"`))
}
