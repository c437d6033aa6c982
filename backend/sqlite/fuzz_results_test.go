package sqlite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// FuzzResults: the column of results is refused, or holds results that are written and read again as the same.
func FuzzResults(f *testing.F) {
	for _, text := range []string{
		"", "[]", "null", "{}", "[null]", `[{"kind":"machine","id":"m1","activity":"a","status":"ok","from":"1","to":"2","job_id":"j","error":"e","retryable":true}]`, `[{"id":7}]`, `[{"kind":"\ud800","ID":"x"}]`, "[{\"error\":\"\xff\"}]", "[{",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		results, err := decodeResults(text)
		if err != nil {
			require.Empty(t, results)
			return
		}
		written, err := encodeResults(results)
		require.NoError(t, err)
		again, err := decodeResults(written)
		require.NoError(t, err)
		require.Equal(t, append([]backend.Result(nil), results...), append([]backend.Result(nil), again...))
	})
}
