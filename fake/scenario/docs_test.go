package scenario_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/internal/golden"
)

const page = "../../docs/scenarios.md"

func TestTheExampleInTheDocsIsAScenarioThatRuns(t *testing.T) {
	t.Parallel()
	golden.Region(t, page, "example", "yaml", scenarioText(t, "testdata/runner.yaml", "a batch that one device refuses is done for the others"))
}

// scenarioText cuts one scenario out of a file.
func scenarioText(t *testing.T, path, name string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(raw), "- name: "+name+"\n")
	require.True(t, found, name)
	text, _, _ := strings.Cut(rest, "\n\n")
	return "- name: " + name + "\n" + text + "\n"
}

func TestEveryKeyOfTheFormatIsDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(page)
	require.NoError(t, err)
	keys := map[string]bool{}
	collect(reflect.TypeFor[scenario.Scenario](), keys, map[reflect.Type]bool{})
	require.Greater(t, len(keys), 100)
	for key := range keys {
		assert.Regexp(t, "(?s)[`{ ]"+key+"[`:,} ]", string(raw), key)
	}
}

// collect lists the keys of a type and of what it is made of.
func collect(typ reflect.Type, keys map[string]bool, seen map[reflect.Type]bool) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(typ.Elem(), keys, seen)
	case reflect.Struct:
		if seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			if key := f.Tag.Get("yaml"); key != "" {
				keys[key] = true
				collect(f.Type, keys, seen)
			}
		}
	default:
	}
}
