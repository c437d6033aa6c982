package sitefile_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

const example = "../../examples/bringup/testdata/site-nvl72.json"

func TestTheExampleFileIsReadWhole(t *testing.T) {
	t.Parallel()
	site, err := sitefile.Read(example)
	require.NoError(t, err)

	assert.Len(t, site.Profiles, 2)
	assert.Len(t, site.Racks, 3)
	assert.Len(t, site.Machines, 45)
	assert.Len(t, site.Switches, 27)
	assert.Len(t, site.PowerShelves, 18)

	profile := site.Profiles["NVL72"]
	assert.Equal(t, rack.Profile{
		ID: "NVL72", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_nvl72r1_c2g4_topology", Class: rack.ClassProd,
		Compute: rack.Capability{
			Name: "GB200", Vendor: "NVIDIA", Count: 18,
			SlotIDs: []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 21, 22, 23, 24, 25, 26, 27},
		},
		Switch:     rack.Capability{Name: "NVLink switch tray", Vendor: "NVIDIA", Count: 9, SlotIDs: []int{11, 12, 13, 14, 15, 16, 17, 18, 19}},
		PowerShelf: rack.Capability{Name: "33 kW power shelf", Vendor: "LiteOn", Count: 8},
	}, profile)
	assert.Equal(t, "hall-2", site.Racks[0].Labels["location.room"])

	x := site.Index()
	for id, devices := range map[string]int{"A12": 35, "A13": 35, "B01": 20} {
		assert.Len(t, x.Devices(id), devices)
	}
	w, found := x.SwitchByBMC("b0:cf:0e:01:00:16")
	require.True(t, found)
	assert.Equal(t, "a12-switch-01", w.ID)
	assert.Equal(t, []string{"B0:CF:0E:01:00:17", "B0:CF:0E:01:00:18"}, w.NVOSMACs)
	assert.Equal(t, backend.Credential{User: "admin", Password: backend.NewSecret("factory-default")}, w.NVOS)
	assert.Equal(t, 11, w.Slot)
	assert.Equal(t, "MT2994637174", w.Serial)
}

func TestTheSameContentReadsTheSameFromJSONAndYAML(t *testing.T) {
	t.Parallel()
	asJSON, err := os.ReadFile(example)
	require.NoError(t, err)
	asYAML, err := yaml.JSONToYAML(asJSON)
	require.NoError(t, err)
	require.False(t, json.Valid(asYAML), "the text is YAML proper")

	want, err := sitefile.Parse("site.json", asJSON)
	require.NoError(t, err)
	for name, text := range map[string][]byte{"site.yaml": asYAML, "site.yml": asYAML, "a site": asJSON, "JSON in site.yaml": asJSON} {
		got, err := sitefile.Parse(name, text)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}
}

func TestEveryFieldIsTakenOver(t *testing.T) {
	t.Parallel()
	got, err := sitefile.Read("testdata/small.yaml")
	require.NoError(t, err)

	bmc := backend.Credential{User: "root", Password: backend.NewSecret("factory-default")}
	want := &rack.Site{
		Profiles: map[string]rack.Profile{"NVL4": {
			ID: "NVL4", ProductFamily: "gb200", HardwareType: "gb200", Topology: "gb200_nvl4", Class: rack.ClassDev,
			Compute:         rack.Capability{Name: "GB200", Vendor: "NVIDIA", Count: 2, SlotIDs: []int{1, 2}},
			Switch:          rack.Capability{Name: "NVLink switch tray", Vendor: "NVIDIA", Count: 1},
			PowerShelf:      rack.Capability{Count: 1},
			DefaultFirmware: map[string]string{"gb200": "fw-1"}, DefaultSwitchImage: map[string]string{"any": "os-1"}, PowerSequence: true,
		}},
		Racks: []rack.ExpectedRack{{
			ID: "12", ProfileID: "NVL4", Name: "rack 12", Description: "Behind the door\non the left.\n",
			Labels: map[string]string{"location.room": "hall-2"},
		}},
		Machines: []rack.ExpectedMachine{
			{ExpectedDevice: rack.ExpectedDevice{
				ID: "compute-01", RackID: "12", BMCMAC: "94:6D:AE:01:00:01", BMC: bmc, Serial: "1825094976746", Slot: 1,
				Name: "compute-01", Description: "it's first", Labels: map[string]string{"slot": "1"},
			}},
			{ExpectedDevice: rack.ExpectedDevice{
				ID: "946dae010002", RackID: "12", BMCMAC: "94:6D:AE:01:00:02", BMC: bmc, Serial: "1826956943357",
				Labels: map[string]string{"location.room": "hall-2"},
			}},
		},
		Switches: []rack.ExpectedSwitch{{
			ExpectedDevice: rack.ExpectedDevice{
				ID: "switch-01", RackID: "12", BMCMAC: "B0:CF:0E:01:00:16", BMC: bmc, Serial: "MT2994637174", Slot: 11,
				Name: "switch-01", Labels: map[string]string{"slot": "11"},
			},
			NVOSMACs: []string{"B0:CF:0E:01:00:17", "B0:CF:0E:01:00:18"},
			NVOS:     backend.Credential{User: "admin", Password: backend.NewSecret("factory-nvos")},
		}},
		PowerShelves: []rack.ExpectedPowerShelf{{ExpectedDevice: rack.ExpectedDevice{
			ID: "001885010037", RackID: "12", BMCMAC: "00:18:85:01:00:37", Serial: "LT65631627",
		}}},
	}
	assert.Empty(t, cmp.Diff(want, got))
}

func TestAFileThatIsNotThereIsAnErrorOfTheFileSystem(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "site.json")
	_, err := sitefile.Read(missing)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Contains(t, err.Error(), missing)

	_, err = sitefile.Read(t.TempDir())
	assert.Error(t, err, "a folder is no file")
}

func TestATruncatedFileIsRefusedByName(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(example)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "site.json")
	for part := 1; part < 20; part++ {
		cut := data[:len(data)*part/20]
		require.NoError(t, os.WriteFile(path, cut, 0o600))

		site, err := sitefile.Read(path)

		assert.Nil(t, site)
		require.ErrorIs(t, err, sitefile.ErrSyntax, "cut after %d bytes", len(cut))
		lastLine := strings.Count(string(cut), "\n") + 1
		assert.True(t, strings.HasPrefix(err.Error(), fmt.Sprintf("%s:%d:", path, lastLine)), "%v: want line %d", err, lastLine)
	}
}

func TestAnEmptyFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"site.json", "site.yaml", "site"} {
		for _, text := range []string{"", " \n\t\n", "\ufeff"} {
			_, err := sitefile.Parse(name, []byte(text))
			require.ErrorIs(t, err, sitefile.ErrSyntax)
			assert.EqualError(t, err, name+": the file is empty")
		}
	}
	for _, text := range []string{"# a comment\n", "---\n", "---\n# a comment\n...\n"} {
		_, err := sitefile.Parse("site.yaml", []byte(text))
		assert.Error(t, err, "%q", text)
	}
}

func TestAFileThatIsTooLargeIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"site.json": sitefile.MaxJSON, "site.yaml": sitefile.MaxYAML} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Truncate(path, int64(limit)+1))
		_, err := sitefile.Read(path)
		require.ErrorIs(t, err, sitefile.ErrTooLarge)
		assert.Contains(t, err.Error(), name+": the file is larger than")
	}
}

func TestAMarkOfTheByteOrderIsNoText(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"site.json", "site.yaml", "site"} {
		site, err := sitefile.Parse(name, []byte("\ufeff{\"expected_racks\": []}"))
		require.NoError(t, err)
		assert.Empty(t, site.Racks)
	}
}

func TestLinesMayEndAsOnWindows(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"site.json", "site.yaml"} {
		_, err := sitefile.Parse(name, []byte("{\r\n\"expected_racks\": [],\r\n\"x\": 1\r\n}\r\n"))
		problems := rack.SiteErrors(err)
		require.Len(t, problems, 1)
		assert.Equal(t, 3, problems[0].Line)
		assert.Equal(t, 1, problems[0].Column)
	}
}
