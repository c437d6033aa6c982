package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzCommand: whatever is typed, the shell does it or says what is wrong, and goes on.
func FuzzCommand(f *testing.F) {
	script, err := os.ReadFile(walk)
	require.NoError(f, err)
	for line := range strings.Lines(string(script)) {
		f.Add(strings.TrimSpace(line))
	}
	for _, line := range []string{"", "#", "help", "maintain r1 machines= firmware", "fault panic SetPower", "fault fail X \"", "run 9999999h", "until r1 Ready -1s", "history r1 99999999999999999999", "hold r1 x for=", "\x00", "explain /"} {
		f.Add(line)
	}
	var sh *shell
	left := 0
	end := func(tb testing.TB) {
		tb.Helper()
		if sh != nil {
			require.NoError(tb, sh.close())
		}
	}
	f.Cleanup(func() { end(f) })
	f.Fuzz(func(t *testing.T, line string) {
		if left == 0 { // the one before has seen too much
			end(t)
			var err error
			sh, err = open(context.WithoutCancel(t.Context()), options{seed: 1, limit: 1, user: "fuzz"}, io.Discard)
			require.NoError(t, err)
			require.NoError(t, sh.bringUp(t.Context()))
			left = 300
		}
		left--
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := sh.do(ctx, line); err != nil && !errors.Is(err, errQuit) {
			require.NotEmpty(t, strings.TrimSpace(tidy(err.Error())))
			require.NotContains(t, err.Error(), "runtime error")
			require.True(t, ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded), "%v", err)
		}
		require.NoError(t, sh.do(t.Context(), "status"), "the shell goes on")
	})
}
