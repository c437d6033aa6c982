package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
)

// NewRequest is a request that is to be posted.
type NewRequest struct {
	Type      string          `json:"type" minLength:"1" maxLength:"64" doc:"What is asked for: one of the types of the kind."`
	Reference string          `json:"reference,omitempty" maxLength:"256" doc:"Your own name for it, for example a ticket."`
	Initiator string          `json:"initiator,omitempty" maxLength:"256" doc:"Who asks. Absent: the identity that posts. Somebody else only with the scope act_as."`
	Params    json.RawMessage `json:"params,omitempty" doc:"The parameters of the type, an object."`
}

// TransformSchema says that the parameters are an object, for huma.
func (*NewRequest) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["params"].Type, s.Properties["params"].AdditionalProperties = huma.TypeObject, true
	return s
}

// NewRequests is a request that is to be posted to many objects.
type NewRequests struct {
	On        []string        `json:"on" nullable:"false" minItems:"1" maxItems:"1000" maxLength:"320" doc:"The objects, as kind/id. All are asked, or none is."`
	Type      string          `json:"type" minLength:"1" maxLength:"64" doc:"What is asked for: one of the types of every kind."`
	Reference string          `json:"reference,omitempty" maxLength:"256" doc:"Your own name for it, for example a ticket."`
	Initiator string          `json:"initiator,omitempty" maxLength:"256" doc:"Who asks. Absent: the identity that posts. Somebody else only with the scope act_as."`
	Params    json.RawMessage `json:"params,omitempty" doc:"The parameters of the type, an object."`
}

// TransformSchema says that the parameters are an object, for huma.
func (*NewRequests) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return (*NewRequest)(nil).TransformSchema(r, s)
}

// Posted is the answer to a post: the request, or the plan that was asked for.
type Posted struct {
	Request *Request `json:"request,omitempty" doc:"The request as it is now. Accepted is not done."`
	Plan    *Plan    `json:"plan,omitempty" doc:"What it would do. Nothing was posted."`
}

// KeyHeader is the header that makes a post happen once.
type KeyHeader struct {
	Key string `header:"Idempotency-Key" maxLength:"255" pattern:"^[\\x21-\\x7e]+$" doc:"The same post with the same key happens once, and is answered again."`
}

type postInput struct {
	RefPath
	KeyHeader
	Plan bool `query:"plan" doc:"Only say what it would do."`
	Body NewRequest
}

type postOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the request can be read."`
	Replayed string `header:"Idempotent-Replayed" doc:"true: the post was made before, and this is its request."`
	Body     Posted
}

type postManyInput struct {
	KeyHeader
	Body NewRequests
}

type postManyOutput struct {
	Status   int
	Replayed string `header:"Idempotent-Replayed" doc:"true: the post was made before, and these are its requests."`
	Body     RequestPage
}

func (h *Handler) registerPost() {
	problems := []ProblemType{TypeNotFound, TypeUnknownKind, TypeUnknownRequest, TypeRejected, TypeConflict, TypeBroken, TypeKeyReused}
	one := operation("post-request", http.MethodPost, "/v1/objects/{kind}/{id}/requests", tagRequests, "Ask an object for something",
		"202: it was accepted, which is not done; follow the request. 200: it was posted before with the same key, or only a plan was asked for.",
		Needs(Write), append(problems, TypeNotImplemented)...)
	h.twoAnswers(&one, reflect.TypeFor[Posted](), "A plan, or the request that was posted before.")
	huma.Register(h.api, one, h.postOne)
	many := operation("post-requests", http.MethodPost, "/v1/requests", tagRequests, "Ask many objects for something",
		"All are asked in one commit, or none is. Each has a request of its own, all with the same id.", Needs(Write), problems...)
	h.twoAnswers(&many, reflect.TypeFor[RequestPage](), "The requests that were posted before.")
	huma.Register(h.api, many, h.postMany)
}

// twoAnswers describes a post that is accepted, or answered with what is there already.
func (h *Handler) twoAnswers(op *huma.Operation, body reflect.Type, description string) {
	op.DefaultStatus = http.StatusAccepted
	op.Responses["200"] = &huma.Response{
		Description: description,
		Headers:     map[string]*huma.Param{"Idempotent-Replayed": {Description: "true: the post was made before.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Content:     map[string]*huma.MediaType{"application/json": {Schema: h.api.OpenAPI().Components.Schemas.Schema(body, true, "")}},
	}
}

func (h *Handler) postOne(ctx context.Context, in *postInput) (*postOutput, error) {
	ref, err := h.ref(in.RefPath)
	if err != nil {
		return nil, err
	}
	if in.Plan {
		if _, _, err := h.live(in.RefPath); err != nil {
			return nil, err
		}
		if err := h.checkNew([]backend.Ref{ref}, &in.Body); err != nil {
			return nil, err
		}
		plan, err := h.plan(ctx, ref, &in.Body)
		if err != nil {
			return nil, err
		}
		return &postOutput{Status: http.StatusOK, Body: Posted{Plan: plan}}, nil
	}
	posted, replayed, err := h.post(ctx, []backend.Ref{ref}, &in.Body, in.Key)
	if err != nil {
		return nil, err
	}
	r := requestOf(&posted[0])
	out := &postOutput{Status: http.StatusAccepted, Body: Posted{Request: &r}}
	out.Location = fmt.Sprintf("/v1/objects/%s/%s/requests/%s", ref.Kind, url.PathEscape(ref.ID), url.PathEscape(r.ID))
	if replayed {
		out.Status, out.Replayed = http.StatusOK, "true"
	}
	return out, nil
}

func (h *Handler) postMany(ctx context.Context, in *postManyInput) (*postManyOutput, error) {
	var on []backend.Ref
	for i, text := range in.Body.On {
		ref, err := backend.ParseRef(text)
		if err != nil {
			return nil, invalid(fmt.Sprintf("body.on[%d]", i), err.Error())
		}
		if _, err := h.knownKind(string(ref.Kind)); err != nil {
			return nil, err
		}
		on = append(on, ref)
	}
	b := &in.Body
	posted, replayed, err := h.post(ctx, on, &NewRequest{Type: b.Type, Reference: b.Reference, Initiator: b.Initiator, Params: b.Params}, in.Key)
	if err != nil {
		return nil, err
	}
	out := &postManyOutput{Status: http.StatusAccepted, Body: RequestPage{Requests: requestsOf(posted)}}
	if replayed {
		out.Status, out.Replayed = http.StatusOK, "true"
	}
	return out, nil
}

// checkNew refuses a request that the kinds do not have, and parameters that they do not read.
func (h *Handler) checkNew(on []backend.Ref, n *NewRequest) error {
	if n.Params = bytes.TrimSpace(n.Params); len(n.Params) > 0 && n.Params[0] != '{' {
		return invalid("body.params", "they must be an object")
	}
	for _, ref := range on {
		k := h.kinds[ref.Kind]
		if !k.has(n.Type) {
			p := newProblem(TypeUnknownRequest, fmt.Sprintf("a %s has no request %s", ref.Kind, n.Type))
			for _, r := range k.requests {
				p.Known = append(p.Known, r.Type)
			}
			return p
		}
		if params, described := h.params[paramsName(ref.Kind, n.Type)]; described {
			if err := params.strict(n.Params); err != nil {
				return invalid("body.params", err.Error())
			}
		}
	}
	return nil
}
