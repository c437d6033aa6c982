package rest_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// hostRig is a rig whose host adds routes of its own, for the tests of the document.
func hostRig(t *testing.T) *rig {
	t.Helper()
	var r *rig
	r = newRig(t, func(c *rest.Config) { c.Register = register(func() *lifecycle.Controller { return r.ctl }) })
	return r
}

func TestTheDocumentIsValidOpenAPI31(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "openapi-3.1.schema.json"))
	require.NoError(t, err)
	meta, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("urn:test:openapi-3.1", meta))
	schema, err := c.Compile("urn:test:openapi-3.1")
	require.NoError(t, err)
	r := hostRig(t)
	a := r.call(http.MethodGet, "/openapi.json", "", "")
	require.Equal(t, http.StatusOK, a.Status)
	assert.Equal(t, "application/openapi+json", a.Header.Get("Content-Type"))
	assert.Equal(t, string(r.h.Document()), string(a.Body))
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(doc))
	if path := os.Getenv("RACKSTATE_OPENAPI"); path != "" { // for validators that are no Go library
		require.NoError(t, os.WriteFile(path, a.Body, 0o600))
	}
	// The schema of the test is no rubber stamp.
	for name, spoil := range map[string]func(map[string]any){
		"no version":         func(d map[string]any) { delete(d, "openapi") },
		"unknown member":     func(d map[string]any) { d["pathes"] = 1 },
		"response of a word": func(d map[string]any) { object(d, "paths", "/v1/kinds", "get", "responses")["ok"] = map[string]any{} },
		"type of a schema":   func(d map[string]any) { object(d, "components", "schemas", "Object")["type"] = "thing" },
		"optional path":      func(d map[string]any) { parameter(d)["required"] = false },
	} {
		broken := parseDocument(t, a.Body).root
		spoil(broken)
		require.Error(t, schema.Validate(broken), name)
	}
}

func parameter(d map[string]any) map[string]any {
	return list(object(d, "paths", "/v1/kinds/{kind}", "get"), "parameters")[0].(map[string]any)
}

func TestEveryReferenceOfTheDocumentLeadsSomewhere(t *testing.T) {
	t.Parallel()
	r := hostRig(t)
	refs := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(r.h.Document()), -1)
	require.NotEmpty(t, refs)
	schemas := object(r.doc.root, "components", "schemas")
	used := map[string]bool{}
	for _, ref := range refs {
		assert.Contains(t, schemas, ref[1])
		used[ref[1]] = true
	}
	for name := range schemas {
		assert.True(t, used[name], "nobody uses the schema %s", name)
		_, err := r.doc.schema("components", "schemas", name)
		require.NoError(t, err, name)
	}
}

func TestEveryOperationIsDocumented(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	templates := regexp.MustCompile(`\{([^}]+)\}`)
	ids := map[string]bool{}
	for _, o := range r.doc.operations() {
		assert.NotEmpty(t, text(o.spec, "summary"), o.id())
		assert.Len(t, list(o.spec, "tags"), 1, o.id())
		assert.False(t, ids[o.id()], "%s is there twice", o.id())
		ids[o.id()] = true
		var inPath []string
		for _, p := range list(o.spec, "parameters") {
			p := p.(map[string]any)
			assert.NotEmpty(t, text(p, "description"), "%s: parameter %s", o.id(), text(p, "name"))
			if text(p, "in") == "path" {
				inPath = append(inPath, text(p, "name"))
			}
		}
		var want []string
		for _, m := range templates.FindAllStringSubmatch(o.path, -1) {
			want = append(want, m[1])
		}
		assert.ElementsMatch(t, want, inPath, o.id())
		for status, response := range object(o.spec, "responses") {
			if status < "400" {
				continue
			}
			assert.Equal(t, "#/components/schemas/Problem", text(object(response.(map[string]any), "content", "application/problem+json", "schema"), "$ref"), "%s %s", o.id(), status)
			assert.Contains(t, text(response.(map[string]any), "description"), "urn:rackstate:problem:", "%s %s names the types", o.id(), status)
		}
	}
	assert.Contains(t, string(r.h.Document()), `"x-rackstate-params":{"crate/pack":{"$ref":"#/components/schemas/ResttestPackParams"}}`)
}

func TestTheDocumentIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	first := newRig(t).h.Document()
	assert.Equal(t, string(first), string(newRig(t).h.Document()))
	first[0] = 'x'
	assert.NotEqual(t, string(first), string(newRig(t).h.Document()), "callers get a copy")
}

func TestEveryObjectSchemaIsClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	open := []string{}
	for name, s := range object(r.doc.root, "components", "schemas") {
		if s.(map[string]any)["additionalProperties"] != false {
			open = append(open, name)
		}
		for member, m := range object(s.(map[string]any), "properties") {
			types := strings.Join(typesOf(m.(map[string]any)), " ")
			assert.NotContains(t, types, "null", "%s.%s", name, member)
		}
	}
	slices.Sort(open)
	assert.Empty(t, open)
}

// typesOf returns the types of a schema.
func typesOf(s map[string]any) []string {
	switch v := s["type"].(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, t := range v {
			out = append(out, t.(string))
		}
		return out
	}
	return nil
}
