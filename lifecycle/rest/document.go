package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
)

// The tags under which the document groups operations.
const (
	tagObjects  = "objects"
	tagRequests = "requests"
	tagHistory  = "history"
	tagKinds    = "kinds"
	tagServer   = "server"
)

func (h *Handler) humaConfig() huma.Config {
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: h.cfg.Title, Version: h.cfg.Version,
				Description: "The lifecycle of the objects of a site: the state of each, what may happen next, and the record of what did. Errors are problem details (RFC 9457); their type says what to do.",
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{schemeName: {Type: "http", Scheme: "bearer", Description: "The roles are the scopes that an operation needs."}},
			},
			Tags: []*huma.Tag{
				{Name: tagObjects, Description: "What there is, and where it stands."},
				{Name: tagRequests, Description: "What objects are asked to do. Accepted is not done."},
				{Name: tagHistory, Description: "What happened."},
				{Name: tagKinds, Description: "What sorts of object there are, and their transition tables."},
				{Name: tagServer, Description: "The server itself."},
			},
		},
		Formats:                      maps.Clone(huma.DefaultFormats),
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{h.translate},
	}
	return c
}

// schemaName names types of other packages, say of a kind's parameters, with their package: several have a Maintenance.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if pkg := path.Base(t.PkgPath()); t.PkgPath() != "" && pkg != "main" && t.PkgPath() != reflect.TypeFor[Problem]().PkgPath() {
		pkg = strings.ReplaceAll(pkg, "_", "")
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

// operation is an operation of this package. It may answer with the problems of the given types, and those that every operation has.
func operation(id, method, route, tag, summary, description string, security []map[string][]string, problems ...ProblemType) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: route, Tags: []string{tag}, Summary: summary, Description: description, Security: security,
		Responses: map[string]*huma.Response{},
	}
	for _, t := range append(problems, TypeInternal) {
		addProblem(&op, t)
	}
	return op
}

// addProblem adds the status of a problem to the answers of an operation.
func addProblem(op *huma.Operation, t ProblemType) {
	status, title := problemInfo(t)
	code := strconv.Itoa(status)
	r := op.Responses[code]
	if r == nil {
		r = &huma.Response{Content: map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: problemRef}}}}
		op.Responses[code] = r
	}
	if text := fmt.Sprintf("%s (`%s`).", title, t); !strings.Contains(r.Description, text) {
		r.Description = strings.TrimSpace(r.Description + " " + text)
	}
}

const problemRef = "#/components/schemas/Problem"

// finish completes the document, also for the operations of the host, and writes it down: the document is what is served, byte for byte the same for the life of the handler.
func (h *Handler) finish() error {
	oapi := h.api.OpenAPI()
	oapi.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	for _, item := range oapi.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch, item.Head, item.Options, item.Trace} {
			if op != nil {
				h.finishOperation(op)
			}
		}
	}
	for _, t := range []reflect.Type{reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[huma.ErrorDetail]()} { // every problem is a Problem
		delete(oapi.Components.Schemas.Map(), schemaName(t, ""))
	}
	var err error
	if h.doc, err = json.Marshal(oapi); err != nil {
		return fmt.Errorf("rest: OpenAPI document: %w", err)
	}
	h.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(h.doc) // the client is gone, or it is not
	})
	return nil
}

func (h *Handler) finishOperation(op *huma.Operation) {
	for code, r := range op.Responses {
		if status, err := strconv.Atoi(code); err != nil || status >= 400 {
			r.Content = map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: problemRef}}}
		}
	}
	common := []ProblemType{TypeMalformed, TypeInvalid, TypeInternal, TypeUnavailable}
	if scope, guarded := needed(op); guarded {
		op.Security = Needs(scope)
		common = append(common, TypeUnauthenticated, TypeForbidden)
	}
	if op.RequestBody != nil {
		common = append(common, TypeTooLarge, TypeTimeout, TypeMediaType)
		op.MaxBodyBytes, op.BodyReadTimeout = -1, -1 // guard has read the body
	}
	for _, t := range common {
		addProblem(op, t)
	}
	delete(op.Responses, "default")
}

func paramsName(kind backend.Kind, typ string) string { return string(kind) + "/" + typ }

// describeParams puts the parameters of requests into the document.
func (h *Handler) describeParams() error {
	registry := h.api.OpenAPI().Components.Schemas
	described := map[string]any{}
	for _, p := range h.cfg.Params {
		k := h.kinds[p.Kind]
		if k == nil || !k.has(p.Type) {
			return fmt.Errorf("rest config: Params of %s of %s: there is no such request", p.Type, p.Kind)
		}
		name := paramsName(p.Kind, p.Type)
		h.params[name] = p
		schema := registry.Schema(reflect.TypeOf(p.Value), true, "")
		described[name] = schema
		k.describe(p.Type, schema.Ref)
	}
	if len(described) > 0 {
		h.api.OpenAPI().Extensions = map[string]any{"x-rackstate-params": described}
	}
	return nil
}
