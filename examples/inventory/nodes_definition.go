package main

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type textOutput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

// registerDefinition adds the routes that show the definition, as the file that it was read from and as a drawing.
func (a *api) registerDefinition(h huma.API) {
	text := func(id, path, summary, contentType string, body []byte) {
		op := operation(id, http.MethodGet, path, tagNodes, summary, "")
		op.Responses = map[string]*huma.Response{"200": {
			Description: summary + ".", Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}}
		huma.Register(h, op, func(context.Context, *struct{}) (*textOutput, error) {
			return &textOutput{ContentType: contentType, Body: body}, nil
		})
	}
	text("get-service-definition", "/v1/service-definition", "Read the definition", "application/yaml", a.definition)
	text("get-service-diagram", "/v1/service-definition/diagram", "Draw the definition", "text/vnd.mermaid", []byte(a.nodes.Definition().Mermaid()))
}
