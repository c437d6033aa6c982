package postgres

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// FuzzNotification: what another process announces is understood, or stands for everything, and is never taken for less than it says.
func FuzzNotification(f *testing.F) {
	for _, text := range []string{"", "7 machine/m1", "7 machine/m1\n8 rack/r1\n9 machine/m1", "x machine/m1", "7 machine", "18446744073709551616 a/b", "7 a/b/c", "-1 a/b", "7  a/b", "7 /", "\n", "07 a/b\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		var n news
		n.hear(payload)
		changes := n.changes()
		if changes == nil {
			require.True(t, n.everything)
			return
		}
		lines := strings.Split(payload, "\n")
		require.LessOrEqual(t, len(changes), len(lines))
		p := newPlan()
		for _, c := range changes {
			require.Contains(t, payload, c.Ref.String())
			require.NotContains(t, string(c.Ref.Kind), "/")
			p.written = append(p.written, &object{ref: c.Ref, version: c.Version})
		}
		var again news
		for _, text := range p.notes() {
			again.hear(text)
		}
		if !again.everything { // a payload that is too long for one stands for everything
			require.Equal(t, changes, again.changes())
		}
	})
}

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
