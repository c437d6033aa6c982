package rest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

type objectRequestsInput struct {
	RefPath
	PageQuery
	Open bool `query:"open" doc:"Only pending and started ones."`
}

type openRequestsInput struct {
	PageQuery
	Kind string `query:"kind" maxLength:"64" doc:"Only requests of objects of this kind."`
	Rack string `query:"rack" maxLength:"256" doc:"Only requests of this rack and of what is inside it."`
	Type string `query:"type" maxLength:"64" doc:"Only requests of this type."`
}

// RequestPage is a page of requests.
type RequestPage struct {
	Requests []Request `json:"requests" nullable:"false"`
	Next     string    `json:"next,omitempty" doc:"The cursor of the next page. Absent: this is the last one."`
}

type requestsOutput struct{ Body RequestPage }

// RequestPath is the part of a path that names a request of an object.
type RequestPath struct {
	RefPath
	Request string `path:"request" maxLength:"512" doc:"The id of the request."`
}

type requestInput struct{ RequestPath }

type requestOutput struct{ Body Request }

type requestsByIDInput struct {
	PageQuery
	Request string `path:"request" maxLength:"512" doc:"The id of the request."`
}

func (h *Handler) registerRequests() {
	huma.Register(h.api, operation("list-open-requests", http.MethodGet, "/v1/requests", tagRequests, "List open requests",
		"Those of all live objects, in the order of rack, kind, id and time.", Needs(Read), TypeUnknownKind), h.openRequests)
	huma.Register(h.api, operation("list-requests-by-id", http.MethodGet, "/v1/requests/{request}", tagRequests, "List the requests with one id",
		"A post to many objects makes one request for each, all with the same id.", Needs(Read), TypeNotFound), h.requestsByID)
	huma.Register(h.api, operation("list-object-requests", http.MethodGet, "/v1/objects/{kind}/{id}/requests", tagRequests, "List the requests of an object",
		"In the order in which they were posted, also of an object that is gone.", Needs(Read), TypeNotFound, TypeUnknownKind), h.objectRequests)
	huma.Register(h.api, operation("get-request", http.MethodGet, "/v1/objects/{kind}/{id}/requests/{request}", tagRequests, "Get a request",
		"Where it stands.", Needs(Read), TypeNotFound, TypeUnknownKind),
		func(ctx context.Context, in *requestInput) (*requestOutput, error) {
			ref, err := h.ref(in.RefPath)
			if err != nil {
				return nil, err
			}
			return h.showRequest(ctx, ref, in.Request)
		})
	cancel := operation("cancel-request", http.MethodDelete, "/v1/objects/{kind}/{id}/requests/{request}", tagRequests, "Cancel a request",
		"A pending one ends at once and never starts. A started one is ended by the object's next pass, which reports what may still be running.",
		Needs(Write), TypeNotFound, TypeUnknownKind, TypeRejected, TypeConflict, TypeBroken)
	cancel.DefaultStatus = http.StatusAccepted
	huma.Register(h.api, cancel, h.cancelRequest)
}

// requestKey is the place of an open request in the list of all.
type requestKey struct {
	Object objectKey `json:"o"`
	At     time.Time `json:"a"`
	ID     string    `json:"i"`
}

func (k requestKey) compare(o requestKey) int {
	return cmp.Or(k.Object.compare(o.Object), k.At.Compare(o.At), cmp.Compare(k.ID, o.ID))
}

func (h *Handler) openRequests(_ context.Context, in *openRequestsInput) (*requestsOutput, error) {
	if in.Kind != "" {
		if _, err := h.knownKind(in.Kind); err != nil {
			return nil, err
		}
	}
	filter := digest("open", in.Kind, in.Rack, in.Type)
	after, err := parseCursor[requestKey](in.Cursor, filter)
	if err != nil {
		return nil, err
	}
	limit, more, last := h.limit(in.PageQuery), false, requestKey{}
	var page []backend.Request
	h.ctl.Visit(func(o *lifecycle.Object) {
		if more || in.Kind != "" && string(o.Ref().Kind) != in.Kind || in.Rack != "" && o.Rack() != in.Rack {
			return
		}
		at := func(r *backend.Request) requestKey { return requestKey{Object: keyOf(o), At: r.At, ID: r.ID} }
		open := h.ctl.OpenRequests(o.Ref())
		slices.SortFunc(open, func(a, b backend.Request) int { return at(&a).compare(at(&b)) })
		for i := range open {
			r := &open[i]
			if after != nil && at(r).compare(*after) <= 0 || in.Type != "" && r.Type != in.Type {
				continue
			}
			if len(page) == limit {
				more = true
				return
			}
			page, last = append(page, *r), at(r)
		}
	})
	out := &requestsOutput{Body: RequestPage{Requests: requestsOf(page)}}
	if more {
		out.Body.Next = cursor[requestKey]{Filter: filter, Last: last}.String()
	}
	return out, nil
}

func (h *Handler) requestsByID(ctx context.Context, in *requestsByIDInput) (*requestsOutput, error) {
	list, err := h.ctl.Store().Requests(ctx, backend.RequestQuery{ID: in.Request})
	if err != nil {
		return nil, h.failed(err)
	}
	if len(list) == 0 {
		return nil, newProblem(TypeNotFound, "there is no request "+in.Request)
	}
	return h.requestPage(list, in.PageQuery, digest("id", in.Request), func(*backend.Request) bool { return true })
}

func (h *Handler) objectRequests(ctx context.Context, in *objectRequestsInput) (*requestsOutput, error) {
	ref, err := h.ref(in.RefPath)
	if err != nil {
		return nil, err
	}
	if _, err := h.ctl.Store().Get(ctx, ref); err != nil { // an object that is gone has its requests still
		return nil, h.failed(err)
	}
	list, err := h.ctl.Store().Requests(ctx, backend.RequestQuery{On: ref})
	if err != nil {
		return nil, h.failed(err)
	}
	return h.requestPage(list, in.PageQuery, digest("on", ref.String(), in.Open), func(r *backend.Request) bool { return !in.Open || r.State.Open() })
}

// requestPage cuts a page out of a list that only grows at its end: how many were passed over is a stable place in it.
func (h *Handler) requestPage(list []backend.Request, in PageQuery, filter string, selects func(*backend.Request) bool) (*requestsOutput, error) {
	passed, err := parseCursor[int](in.Cursor, filter)
	if err != nil {
		return nil, err
	}
	out := &requestsOutput{Body: RequestPage{Requests: []Request{}}}
	for i := max(orZero(passed), 0); i < len(list); i++ {
		switch {
		case !selects(&list[i]):
		case len(out.Body.Requests) == h.limit(in):
			out.Body.Next = cursor[int]{Filter: filter, Last: i}.String()
			return out, nil
		default:
			out.Body.Requests = append(out.Body.Requests, requestOf(&list[i]))
		}
	}
	return out, nil
}

// stored returns a request as the store has it.
func (h *Handler) stored(ctx context.Context, ref backend.Ref, id string) (*backend.Request, error) {
	list, err := h.ctl.Store().Requests(ctx, backend.RequestQuery{On: ref, ID: id, Limit: 1})
	if err != nil {
		return nil, h.failed(err)
	}
	if len(list) == 0 {
		return nil, newProblem(TypeNotFound, fmt.Sprintf("%s has no request %s", ref, id))
	}
	return &list[0], nil
}

func (h *Handler) showRequest(ctx context.Context, ref backend.Ref, id string) (*requestOutput, error) {
	r, err := h.stored(ctx, ref, id)
	if err != nil {
		return nil, err
	}
	return &requestOutput{Body: requestOf(r)}, nil
}

func (h *Handler) cancelRequest(ctx context.Context, in *requestInput) (*requestOutput, error) {
	ref, err := h.ref(in.RefPath)
	if err != nil {
		return nil, err
	}
	r, err := h.stored(ctx, ref, in.Request)
	if err != nil {
		return nil, err
	}
	if !r.State.Open() {
		p := newProblem(TypeRejected, fmt.Sprintf("request %s is not open: it is %s", r.ID, r.State))
		p.Reasons = []string{"it is " + string(r.State)}
		return nil, p
	}
	err = h.ctl.CancelRequest(ctx, ref, r.ID, IdentityFrom(ctx).initiator())
	if err != nil {
		return nil, Fail(h.ctl, err)
	}
	return h.showRequest(ctx, ref, r.ID)
}
