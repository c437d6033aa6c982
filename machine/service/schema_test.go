package service_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/machine/service"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(service.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("definition.schema.json", doc))
	schema, err := c.Compile("definition.schema.json")
	require.NoError(t, err)
	return schema
}

// plain turns YAML into what a checker of JSON Schema wants.
func plain(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.UnmarshalWithOptions(data, &v, yaml.AllowDuplicateMapKey()))
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	return out
}

func TestTheSchemaTakesEveryGoodDefinition(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	assert.NoError(t, schema.Validate(plain(t, service.DefaultYAML())))
	for _, path := range append(files(t, "*.yaml"), files(t, "broken/warning-*.yaml")...) {
		assert.NoError(t, schema.Validate(plain(t, read(t, path))), path)
	}
}

func TestTheSchemaRefusesWhatIsBrokenInFormAndLeavesTheMeaningToTheLoader(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	for _, path := range files(t, "broken/form-*.yaml") {
		assert.Error(t, schema.Validate(plain(t, read(t, path))), path)
	}
	for _, path := range files(t, "broken/meaning-*.yaml") {
		err := schema.Validate(plain(t, read(t, path)))
		if name := filepath.Base(path); strings.HasPrefix(name, "meaning-names-twice") || strings.HasPrefix(name, "meaning-star") || name == "meaning-many-at-once.yaml" {
			assert.Error(t, err, "%s is broken in both", path)
		} else {
			assert.NoError(t, err, path)
		}
	}
}
