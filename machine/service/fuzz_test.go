package service_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
)

// FuzzParse looks for a text that the loader neither takes nor reports, or takes and cannot work with.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/broken/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, path := range paths {
			data, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := service.Parse(data, "f.yaml")
		require.NotEqual(t, d == nil, err == nil, "either a definition or an error")
		require.Equal(t, err != nil, len(service.Problems(err)) > 0, "an error has its problems")
		if d == nil {
			return
		}
		actions := map[string]service.Action{}
		for _, tr := range d.Transitions {
			require.NotNil(t, d.Find(tr.From, tr.To))
			if tr.Action != nil {
				actions[tr.Action.Name] = instant()
			}
		}
		kind, err := service.NewKind(d, service.Config{Actions: actions})
		require.NoError(t, err)
		require.Equal(t, d.Initial, kind.Initial())
		ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{}, kind.Kind)
		require.NoError(t, err)
		svc, err := service.New(t.Context(), ctl, kind)
		require.NoError(t, err)
		_, err = svc.Create(t.Context(), service.NewNode{ID: "n1"})
		require.NoError(t, err)
		_, err = svc.Permitted(t.Context(), "n1", "fuzz")
		require.NoError(t, err)
	})
}
