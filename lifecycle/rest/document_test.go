package rest_test

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// document is an OpenAPI document as a client reads it: nothing in here knows the code that made it.
type document struct {
	root     map[string]any
	compiler *jsonschema.Compiler

	all []operation

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
}

// docURL is where the schemas of the document are found.
const docURL = "urn:test:openapi"

func parseDocument(t *testing.T, raw []byte) *document {
	t.Helper()
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	require.NoError(t, c.AddResource(docURL, root))
	d := &document{root: root.(map[string]any), compiler: c, schemas: map[string]*jsonschema.Schema{}}
	d.all = d.read()
	return d
}

// schema compiles the schema at a JSON pointer.
func (d *document) schema(pointer ...string) (*jsonschema.Schema, error) {
	text := "#"
	for _, p := range pointer {
		p = strings.ReplaceAll(strings.ReplaceAll(p, "~", "~0"), "/", "~1")
		text += "/" + strings.NewReplacer("{", "%7B", "}", "%7D", "%", "%25", " ", "%20", ";", "%3B").Replace(p)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[text]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(docURL + text)
	d.schemas[text] = s
	return s, err
}

// operation is one operation of the document.
type operation struct {
	path, method string
	spec         map[string]any
}

func (o operation) id() string { return text(o.spec, "operationId") }

// operations lists the operations by path and method.
func (d *document) operations() []operation { return d.all }

func (d *document) read() []operation {
	var out []operation
	for path, item := range object(d.root, "paths") {
		for method, spec := range item.(map[string]any) {
			out = append(out, operation{path: path, method: strings.ToUpper(method), spec: spec.(map[string]any)})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return out
}

// find returns the operation that serves a path, preferring the one with fewer parameters.
func (d *document) find(method, path string) (operation, bool) {
	var best operation
	found, least := false, 0
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, o := range d.operations() {
		if n, ok := matches(o.path, path); ok && o.method == method && (!found || n < least) {
			best, found, least = o, true, n
		}
	}
	return best, found
}

// matches reports whether a path is of a template, and how many parameters it has.
func matches(template, path string) (int, bool) {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return 0, false
	}
	n := 0
	for i := range a {
		switch {
		case strings.HasPrefix(a[i], "{"):
			if n++; b[i] == "" {
				return 0, false
			}
		case a[i] != b[i]:
			return 0, false
		}
	}
	return n, true
}

// conforms reports how an answer differs from what the document says.
func (d *document) conforms(method, path string, a answer) error {
	o, found := d.find(method, path)
	if !found {
		if a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed {
			return d.matchesSchema(a.Body, "components", "schemas", "Problem")
		}
		return nil // a route that the document leaves out, such as the document
	}
	code := strconv.Itoa(a.Status)
	response := object(o.spec, "responses", code)
	if response == nil {
		return fmt.Errorf("%s does not document the status %s", o.id(), code)
	}
	content := object(response, "content")
	if len(content) == 0 || method == http.MethodHead {
		if len(a.Body) > 0 && method != http.MethodHead {
			return fmt.Errorf("%s documents no body for %s", o.id(), code)
		}
		return nil
	}
	got, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("%s: content type: %w", o.id(), err)
	}
	for documented := range content {
		want, _, _ := mime.ParseMediaType(documented)
		if want != got {
			continue
		}
		if !strings.HasSuffix(got, "json") {
			return nil
		}
		return d.matchesSchema(a.Body, "paths", o.path, strings.ToLower(o.method), "responses", code, "content", documented, "schema")
	}
	return fmt.Errorf("%s does not document the type %s for %s", o.id(), got, code)
}

func (d *document) matchesSchema(body []byte, pointer ...string) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	s, err := d.schema(pointer...)
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// object follows a path into a document; nil if it ends.
func object(v map[string]any, path ...string) map[string]any {
	for _, p := range path {
		v, _ = v[p].(map[string]any)
	}
	return v
}

func text(v map[string]any, name string) string {
	s, _ := v[name].(string)
	return s
}

func list(v map[string]any, name string) []any {
	s, _ := v[name].([]any)
	return s
}
