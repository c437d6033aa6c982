package sitefile_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/small.yaml", "testdata/faults.yaml", "testdata/faults.json"} {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(oneFault))
	f.Add([]byte(bomb(3)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"site.json", "site.yaml", "site"} {
			site, err := sitefile.Parse(name, data)
			require.NotEqual(t, site == nil, err == nil, "either a site or an error")
			require.Equal(t, err == nil, len(rack.SiteErrors(err)) == 0, "an error has its problems")
			if site != nil {
				require.NoError(t, site.Validate())
			}
		}
	})
}
