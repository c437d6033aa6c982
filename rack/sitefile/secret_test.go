package sitefile_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/rack/sitefile"
)

func TestASiteThatWasReadShowsNoPassword(t *testing.T) {
	t.Parallel()
	site, err := sitefile.Read("testdata/small.yaml")
	require.NoError(t, err)
	encoded, err := json.Marshal(site)
	require.NoError(t, err)
	for _, shown := range []string{string(encoded), fmt.Sprint(site), fmt.Sprintf("%+v", *site), fmt.Sprintf("%#v", *site)} {
		assert.Contains(t, shown, "[secret]")
		assert.NotContains(t, shown, "factory-")
	}
	assert.Equal(t, "factory-nvos", site.Switches[0].NVOS.Password.Reveal())
}

// Each way to spoil the line of a password must leave an error that does not quote it.
func TestNoErrorQuotesAPassword(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/small.yaml")
	require.NoError(t, err)
	for _, spoilt := range []string{
		": 777123", ": true777123", ": [777123]", ": {a: 777123}", ": {777123}", ": *777123", ": !777123 x", ": !!777123 x", ": &777123", ": |777123", ": >777123",
		": @777123", ": `777123", ": %777123", ": 777123: b", ": - 777123", ": \"777123", ": '777123", ": \"777123\" b", ": '777123' b", ": \"\\q777123\"",
		":777123", " 777123", "\t777123", ": , 777123", ": ]777123", ": }777123", ": \"a\"\n    777123", ": a\n    777123: b", ": a\n   777123: b", ": a\n  777123", ": a\n777123",
		": a\n    nvos_password: 777123", ": <<777123\n    <<: 777123", ": ? 777123", ": --- 777123", ": \x01777123", ": 777123\xff",
	} {
		for _, field := range []string{"bmc_password", "nvos_password"} {
			at := strings.LastIndex(string(data), field)
			text := string(data[:at]) + field + spoilt + string(data[at+strings.Index(string(data[at:]), "\n"):])
			_, err := sitefile.Parse("site.yaml", []byte(text))
			if err != nil {
				assert.NotContains(t, err.Error(), "777123", "%s%s", field, spoilt)
			}
		}
	}
	for _, spoilt := range []string{`777123`, `["777123"]`, `{"777123": 1}`, `"777123`, `"777123" "x"`, `'777123'`, `"\q777123"`, `x777123`} {
		text := `{"expected_machines": [{"bmc_password": ` + spoilt + `}]}`
		_, err := sitefile.Parse("site.json", []byte(text))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "777123", spoilt)
	}
}
