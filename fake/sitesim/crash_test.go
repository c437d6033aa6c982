package sitesim

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

func TestTmp(t *testing.T) {
	dir := t.TempDir()
	var started map[string]int
	cfg := config(1, memory.New(), 1)
	cfg.Journal = filepath.Join(dir, "j")
	w := &wire{}
	_, err := live(t.Context(), cfg, w, true, func(s *Simulation) error { started = s.Hardware().StartedByKey();  return settled(t.Context(), cfg.Store, s.Hardware()) })
	require.NoError(t, err)
	t.Log(w.passed, len(started))
	for k := 1; k <= w.passed; k++ {
		cfg := config(1, memory.New(), 1)
		cfg.Journal = filepath.Join(dir, string(rune('A'+k)))
		died, err := live(t.Context(), cfg, &wire{at: k}, true, nil)
		require.NoError(t, err)
		require.True(t, died)
		_, err = live(t.Context(), cfg, &wire{}, false, func(s *Simulation) error {
			if !mapsEq(started, s.Hardware().StartedByKey()) {
				t.Log(k, "starts differ", diff(started, s.Hardware().StartedByKey()))
			}
			return settled(t.Context(), cfg.Store, s.Hardware())
		})
		if err != nil {
			t.Error(k, err)
		}
	}
}

func mapsEq(a, b map[string]int) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

func diff(a, b map[string]int) (out []string) {
	for k := range a {
		if b[k] != a[k] {
			out = append(out, "-"+k)
		}
	}
	for k := range b {
		if b[k] != a[k] {
			out = append(out, "+"+k)
		}
	}
	return out
}
var _ backend.Ref
