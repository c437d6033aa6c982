package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/rackstate/rackstate/rack"
)

// api are the routes that the inventory adds to those of package rest. They have the same authorisation, problems and document.
type api struct {
	nodes       *service.Service
	racks       *rack.Manager
	subscribers *subscribers
	definition  []byte
}

const (
	tagNodes       = "nodes"
	tagSubscribers = "subscribers"
)

// Statuses that an operation may answer with, beside those that every operation has.
const (
	notFound = http.StatusNotFound
	refused  = http.StatusConflict
	changed  = http.StatusPreconditionFailed
)

// register adds the routes.
func (a *api) register(h huma.API) {
	doc := h.OpenAPI()
	doc.Tags = append(doc.Tags,
		&huma.Tag{Name: tagNodes, Description: "What each node is for: its state, which moves the definition permits, and every move that was made."},
		&huma.Tag{Name: tagSubscribers, Description: "Who is told of transitions by webhook (Standard Webhooks signatures, CloudEvents envelopes)."})

	huma.Register(h, operation("list-nodes", http.MethodGet, "/v1/nodes", tagNodes, "List nodes", "In the order of their ids, without their histories."), a.listNodes)
	huma.Register(h, created(operation("create-node", http.MethodPost, "/v1/nodes", tagNodes, "Create a node", "In the initial state of the definition.", refused)), a.createNode)
	huma.Register(h, operation("get-node", http.MethodGet, "/v1/nodes/{id}", tagNodes, "Get a node", "With its whole history. The ETag counts what others did with it.", notFound, refused), a.getNode)
	huma.Register(h, operation("patch-node-metadata", http.MethodPatch, "/v1/nodes/{id}/metadata", tagNodes, "Set and remove metadata",
		"All in one commit. With If-Match, only if nobody has changed the node meanwhile.", notFound, refused, changed), a.patchMetadata)
	huma.Register(h, operation("move-node", http.MethodPost, "/v1/nodes/{id}/transitions", tagNodes, "Move a node",
		"State and history row are one commit. The same post sent again is recognised by its key, or by If-Match. A refusal says what is allowed now, and why the rest is not.", notFound, refused, changed), a.moveNode)
	huma.Register(h, operation("move-nodes", http.MethodPost, "/v1/transitions", tagNodes, "Move many nodes", "Each for itself: one that is refused does not keep the others back."), a.moveNodes)
	huma.Register(h, operation("list-node-history", http.MethodGet, "/v1/nodes/{id}/history", tagNodes, "Read the history of a node",
		"Oldest first, also of a node that is gone.", notFound), a.listHistory)
	huma.Register(h, operation("list-node-moves", http.MethodGet, "/v1/nodes/{id}/moves", tagNodes, "Ask how a node may move",
		"All moves out of its state, and what keeps those back that are not possible now.", notFound, refused), a.listMoves)
	a.registerDefinition(h)
	a.registerSubscribers(h)
}

// operation describes an operation. Those that are no GET need the scope write.
func operation(id, method, path, tag, summary, description string, problems ...int) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary, Description: description, Errors: problems}
}

func created(op huma.Operation) huma.Operation {
	op.DefaultStatus = http.StatusCreated
	return op
}

// NodePath is the part of a path that names a node.
type NodePath struct {
	ID string `path:"id" maxLength:"256" doc:"The id of the node." example:"r1-node-1"`
}

// IfMatch is the header by which a change is made only if nobody was quicker.
type IfMatch struct {
	Match string `header:"If-Match" maxLength:"64" doc:"Change only if the node has this ETag."`
}

// version returns the version that the caller has read, zero if it does not say.
func (m IfMatch) version() (uint64, error) {
	if m.Match == "" || m.Match == "*" {
		return 0, nil
	}
	text, quoted := strings.CutPrefix(m.Match, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	v, err := strconv.ParseUint(text, 10, 64)
	if !quoted || !closed || err != nil || v == 0 {
		return 0, rest.NewProblem(rest.TypePrecondition, `If-Match must be one ETag as it was read, for example "3"`)
	}
	return v, nil
}

func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// initiator is who goes on record: the identity, or whom it names if it may.
func initiator(ctx context.Context, named string) (string, error) {
	id := rest.IdentityFrom(ctx)
	switch {
	case named == "" || named == id.Name:
		return id.Name, nil
	case id.May(rest.ActAs):
		return named, nil
	}
	return "", rest.NewProblem(rest.TypeForbidden, id.Name+" may not speak for "+named+": that needs the scope "+string(rest.ActAs))
}

// invalid is the problem of one part of a request.
func invalid(location, message string, known ...string) *rest.Problem {
	p := rest.NewProblem(rest.TypeInvalid, "the request is not valid")
	p.Errors = []rest.FieldProblem{{Location: location, Message: message}}
	p.Known = known
	return p
}
