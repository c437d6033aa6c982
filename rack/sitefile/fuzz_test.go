package sitefile_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

// patience is how long reading and using one small text may take. It is far above what it takes, and far below what somebody would call a hang.
const patience = 20 * time.Second

// fuzzClock stands still.
type fuzzClock struct{}

func (fuzzClock) Now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// FuzzParse: a text is refused with all its problems, each at a place in the text, or it is a site that a manager works with.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/small.yaml", "testdata/faults.yaml", "testdata/faults.json", "../../examples/maintenance/testdata/site.yaml"} {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(oneFault))
	f.Add([]byte(bomb(3)))
	f.Add([]byte(`{"rack_profiles":{"P":{"product_family":"x","rack_hardware_type":"any"}},"expected_racks":[{"rack_id":"r","rack_profile_id":"P"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		var first *rack.Site
		for _, name := range []string{"site.json", "site.yaml", "site"} {
			site, err := sitefile.Parse(name, data)
			require.NotEqual(t, site == nil, err == nil, "either a site or an error")
			if site == nil {
				placed(t, err, name, data)
				continue
			}
			manages(t, site)
			if first == nil {
				first = site
			}
			require.Equal(t, first, site, "JSON that is taken says the same when it is read as YAML")
		}
		require.Less(t, time.Since(began), patience)
	})
}

// placed requires that an error has its problems, in the order of the lines, each of a kind that a caller can branch on.
func placed(t *testing.T, err error, name string, data []byte) {
	t.Helper()
	all := rack.SiteErrors(err)
	require.NotEmpty(t, all)
	breaks, last := bytes.Count(data, []byte("\n"))+bytes.Count(data, []byte("\r")), 0
	for _, p := range all {
		require.Equal(t, name, p.File)
		require.Error(t, p.Kind)
		require.NotEmpty(t, p.Problem)
		require.GreaterOrEqual(t, p.Line, last, "in the order of the lines")
		require.LessOrEqual(t, p.Line, breaks+1)
		require.LessOrEqual(t, p.Column, len(data)+2)
		require.Equal(t, p.Line == 0, p.Column == 0)
		last = p.Line
	}
	require.NotEmpty(t, err.Error())
}

// manages requires that a manager can be made of a site, and that every device of it is found under its rack.
func manages(t *testing.T, site *rack.Site) {
	t.Helper()
	require.NoError(t, site.Validate())
	m, err := rack.NewManager(t.Context(), memory.New(), rack.Config{Driver: fake.New(fuzzClock{}, fake.Config{}).Driver(), Site: site})
	require.NoError(t, err)
	require.Len(t, m.Site().Racks(), len(site.Racks))
	for _, r := range site.Racks {
		require.NoError(t, backend.CheckID(r.ID))
		_, found := m.Site().Rack(r.ID)
		require.True(t, found, r.ID)
	}
	for _, one := range site.Machines {
		require.NoError(t, backend.CheckID(one.ID))
		d, found := m.Site().Device(backend.Ref{Kind: backend.KindMachine, ID: one.ID})
		require.True(t, found, one.ID)
		require.Equal(t, one.RackID, d.RackID)
	}
}
