package scenario

import (
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryHardwareCallIsDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/scenarios.md")
	require.NoError(t, err)
	for name := range calls {
		assert.Contains(t, string(raw), "`"+name+"`")
	}
}

// A call that the vocabulary does not have could neither be scripted nor expected.
func TestEveryCallOfTheScriptedHardwareIsInTheVocabulary(t *testing.T) {
	t.Parallel()
	caps := reflect.ValueOf(newHardware(time.Time{}.UTC).driver().Capabilities())
	wired := 0
	for i := range caps.NumField() {
		if caps.Field(i).IsNil() {
			continue
		}
		contract := caps.Type().Field(i).Type
		for m := range contract.NumMethod() {
			wired++
			assert.Contains(t, calls, contract.Method(m).Name, contract.String())
		}
	}
	assert.Greater(t, wired, 20)
	for _, name := range []string{"Attest", "Attestation", "MatchSKU", "ValidateMachine", "ValidationJob"} {
		assert.Contains(t, calls, name, "what a scenario has when it speaks of it")
	}
}
