package fake_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake"
)

func TestAFaultReadsBackFromItsText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, canonical string }{
		{text: `fail ApplyFirmware on machine/a12-compute-03 nth=1 class=permanent "bad image"`},
		{text: `fail SubmitPlatform what=BiosProfile class=unsupported`},
		{text: `fail FetchShelf class=permanent "no answer" remedy "replace the controller"`},
		{text: `lose SetPower nth=2`},
		{text: `timeout ResetHost p=0.25`},
		{text: `hang Discover on machine/* count=3`},
		{text: `omit ApplyFirmware on machine/m2`},
		{text: `panic Placement "nil pointer"`},
		{text: `lie PowerState on switch/* as off for 1m30s`},
		{text: `job FirmwareJob on machine/m1 fails "checksum"`},
		{text: `job ApplySwitchImage never ends`},
		{text: `job PlatformJob on machine/m1 what=BootOrder stays pending`},
		{text: `job StartValidation on machine/m3 fails "nccl-timeout"`},
		{text: `away on machine/m1 from 10m for 2m`},
		{text: `silent on machine/m1 for 1h`},
		{text: `silent on machine/m1/dpu0`},
		{text: `forget on machine/m1`},
		{text: `break UploadFirmware on machine/m1 what=BIOS nth=1 count=2`},
		{text: `ignore ResetHost on machine/m1 nth=1`},
		{text: `fail PowerState p=0.05 class=unauthorized`},
		{text: `job FirmwareTask on machine/m1 what=BIOS never ends`},
		{text: `job StartCleanup what=nvme does nothing`},
		{text: `job Attest what=measured-boot stays pending`},
		{text: `job Attestation is stale`},
		{text: `job Attest on machine/m1 is cancelled`},
		{text: `job ConfigureDPUNetwork on machine/m1/dpu1 fails "no route"`},
		{text: "lie PowerState on switch/* for 90s", canonical: "lie PowerState on switch/* for 1m30s"},
		{text: "fail\tSetPower  for 120s from 3600s \"a\\nb\" nth=1 on machine/m1", canonical: `fail SetPower on machine/m1 nth=1 "a\nb" from 1h for 2m`},
	} {
		t.Run(tc.text, func(t *testing.T) {
			t.Parallel()
			f, err := fake.ParseFault(tc.text)
			require.NoError(t, err)
			want := tc.text
			if tc.canonical != "" {
				want = tc.canonical
			}
			assert.Equal(t, want, f.String())
			again, err := fake.ParseFault(f.String())
			require.NoError(t, err)
			assert.Equal(t, f, again)
			raw, err := json.Marshal(f)
			require.NoError(t, err)
			var decoded fake.Fault
			require.NoError(t, json.Unmarshal(raw, &decoded))
			assert.Equal(t, f, decoded)
		})
	}
}

func TestManyFaultsAreSeparatedBySemicolonsAndLines(t *testing.T) {
	t.Parallel()
	all, err := fake.ParseFaults(`
		fail SetPower nth=1 "a; b # c"   # the first one
		# nothing here
		; lose SetPower; ;away on machine/m1
	`)
	require.NoError(t, err)
	require.Len(t, all, 3)
	assert.Equal(t, `fail SetPower nth=1 "a; b # c"`, all[0].String())
	assert.Equal(t, "away on machine/m1", all[2].String())
}

func TestAMalformedFaultSaysWhereAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text    string
		column  int
		problem string
		allowed string
	}{
		{"", 1, "want one fault, found 0", ""},
		{"lose SetPower; lose SetPower", 1, "want one fault, found 2", ""},
		{"explode SetPower", 1, `unknown fault "explode"`, "fail"},
		{`"fail"`, 1, "a quoted text stands where the fault belongs", "timeout"},
		{"fail", 5, "the call is missing", "ApplyFirmware"},
		{"fail Reboot", 6, `unknown call "Reboot"`, "ResetHost"},
		{"lie FirmwareJob", 5, `unknown call "FirmwareJob"`, "PowerState"},
		{"omit ResetHost", 6, `unknown call "ResetHost"`, "ApplyFirmware"},
		{"job SetPower never ends", 5, `unknown call "SetPower"`, "ApplyFirmware"},
		{"job FirmwareJob", 16, "the end of the job is missing", "never ends"},
		{"job FirmwareJob never stops", 23, `unknown word "stops"`, "ends"},
		{"job FirmwareJob fails", 22, "the cause is missing", `"text"`},
		{"fail SetPower klass=maybe", 15, `unknown word "klass=maybe"`, "class="},
		{"fail SetPower class=odd", 15, `unknown class "odd"`, "unsupported"},
		{"fail SetPower nth=0", 15, `bad number "0"`, "whole numbers"},
		{"fail SetPower p=1.5", 15, `bad probability "1.5"`, "numbers above 0"},
		{"fail SetPower p=NaN", 15, `bad probability "NaN"`, "numbers above 0"},
		{"fail SetPower what=", 15, `nothing is asked for by ""`, ""},
		{"fail SetPower from soon", 20, `unknown begin of the window "soon"`, "durations"},
		{"fail SetPower for -1s", 19, `unknown length of the window "-1s"`, "durations"},
		{`fail SetPower "open`, 15, "the quoted text does not end", ""},
		{`fail SetPower ""`, 15, "the quoted text is empty", ""},
		{"away on machine/m1 nth=1", 20, `unknown word "nth=1"`, "from"},
		{"lie PowerState as maybe", 19, `unknown power state "maybe"`, "off"},
		{"ignore ApplyFirmware", 8, `unknown call "ApplyFirmware"`, "ResetHost"},
		{"break ApplyFirmware", 7, `unknown call "ApplyFirmware"`, "UploadFirmware"},
		{"forget nth=1", 8, `unknown word "nth=1"`, "from"},
		{"job FirmwareJob is stale", 17, `unknown end of the job "is"`, "does nothing"},
		{"job StartValidation does nothing", 21, `unknown end of the job "does"`, "stays pending"},
		{"job ConfigureDPUNetwork stays pending", 25, `unknown end of the job "stays"`, "never ends"},
		{"job Attest is lost", 15, `unknown word "lost"`, "stale, cancelled"},
		{"job Attest does", 16, "the word is missing", "nothing"},
		{"fail SetPower what=ä\xbf", 22, "it is not UTF-8 text", ""},
	} {
		t.Run(tc.text, func(t *testing.T) {
			t.Parallel()
			_, err := fake.ParseFault(tc.text)
			var bad *fake.FaultError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, tc.column, bad.Column)
			assert.Contains(t, bad.Problem, tc.problem)
			assert.Contains(t, err.Error(), tc.allowed)
		})
	}
}
