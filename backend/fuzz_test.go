package backend_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// FuzzParseRef: a reference that is taken has one text form and survives every way in which it is written down.
func FuzzParseRef(f *testing.F) {
	for _, text := range []string{"rack/A12", "machine/m-1", "power_shelf/ü", "node/a b", "a//b", "/x", "x/", "machine/m1/dpu0", "rack/\x00", "rack/\xff", "r/" + strings.Repeat("x", 257)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := backend.ParseRef(text)
		if err != nil {
			require.ErrorIs(t, err, backend.ErrBadRef)
			require.Zero(t, ref)
			require.Less(t, len(err.Error()), 8*len(text)+200, "the text is quoted at most twice")
			return
		}
		require.Equal(t, text, ref.String())
		require.NoError(t, backend.CheckID(ref.ID))

		written, err := ref.MarshalText()
		require.NoError(t, err)
		var again backend.Ref
		require.NoError(t, again.UnmarshalText(written))
		require.Equal(t, ref, again)

		all := map[backend.Ref]backend.Ref{ref: ref, {}: {}}
		raw, err := json.Marshal(all)
		require.NoError(t, err)
		var members map[backend.Ref]backend.Ref
		require.NoError(t, json.Unmarshal(raw, &members))
		require.Equal(t, all, members, "also one that names nothing")
	})
}
