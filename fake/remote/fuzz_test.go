package remote

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake"
)

// fuzzClock stands still.
type fuzzClock struct{}

func (fuzzClock) Now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// FuzzCall: a call of any bytes is refused, or gets an answer that the other side understands.
func FuzzCall(f *testing.F) {
	for name, text := range map[string]string{
		"SetPower":      `{"key":"k","action":"On","devices":[{"Ref":"machine/m1","Rack":"r1"}]}`,
		"PowerState":    `{"devices":[{"Ref":"machine/m1"},{"Ref":"machine/m1"},{"Ref":"/"}]}`,
		"ApplyFirmware": `{"key":"k","firmware":{"Firmware":"fw","Components":["BMC"]},"devices":[{"Ref":"switch/s1"}]}`,
		"FirmwareJob":   `{"jobs":[{"Device":{"Ref":"machine/m1"},"ID":"x"}]}`, "ConfigureFabricManager": `{"key":"","fabric":{}}`, "SubmitPlatform": `{"platform":"odd","device":{}}`,
		"Discover": `null`, "MatchSKU": `{"sku":"x","parts":{"a":""}}`, "FetchShelf": `[]`, "Placement": `{`,
	} {
		f.Add(name, []byte(text))
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		call, known := functions(fake.New(fuzzClock{}, fake.Config{Instant: true}).Capabilities())[name]
		if !known {
			t.Skip("nobody routes it")
		}
		w := httptest.NewRecorder()
		respond(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+"call", bytes.NewReader(body)), call)
		if w.Code != http.StatusOK {
			require.Equal(t, http.StatusBadRequest, w.Code)
			return
		}
		var got answer
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		if got.Err != nil {
			require.NotEmpty(t, got.Err.unpack().Error())
		}
	})
}
