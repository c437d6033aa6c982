package rest

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// KindDoc is a kind as the API shows it: its states, its transition table, and what its objects can be asked to do.
type KindDoc struct {
	Name     string        `json:"name"`
	Initial  string        `json:"initial" doc:"The state in which objects are created."`
	States   []StateDoc    `json:"states" nullable:"false"`
	Rows     []RowDoc      `json:"rows" nullable:"false" doc:"The transition table. Nothing else moves an object."`
	Requests []RequestType `json:"requests" nullable:"false" doc:"The types of request, by name."`
}

// StateDoc is a state of a kind.
type StateDoc struct {
	State           string  `json:"state"`
	Class           string  `json:"class" enum:"resting,working,waiting,failed,deleting"`
	Doc             string  `json:"doc,omitempty" doc:"What is true in it, and who moves the object out."`
	SLASeconds      float64 `json:"sla_seconds,omitempty" doc:"How long an object may stay before it is reported. Absent: no limit."`
	StepSLASeconds  float64 `json:"step_sla_seconds,omitempty" doc:"How long an object may stay in this very state, where several share the clock of the SLA. Absent: no limit."`
	ReportAtOnce    bool    `json:"report_at_once,omitempty"`
	DeadlineSeconds float64 `json:"deadline_seconds,omitempty" doc:"After which time it moves to its failure state, by default. Absent: see no_deadline."`
	NoDeadline      string  `json:"no_deadline,omitempty" doc:"Why a waiting state has no deadline."`
}

// RowDoc is a row of a transition table.
type RowDoc struct {
	From    string `json:"from" doc:"A state, a path whose sub-states all have the row, or * for any. Empty: the object is created."`
	Trigger string `json:"trigger"`
	To      string `json:"to" doc:"Empty: the object is gone."`
	Guard   string `json:"guard,omitempty" doc:"When the row is taken, where several share from and trigger."`
	Note    string `json:"note,omitempty"`
}

// RequestType is something that objects of a kind can be asked to do.
type RequestType struct {
	Type   string `json:"type"`
	Doc    string `json:"doc,omitempty"`
	Params string `json:"params,omitempty" doc:"The schema of its parameters, a reference into the OpenAPI document. Absent: it is not described."`
}

// kindInfo is what is asked of a kind again and again.
type kindInfo struct {
	kind     *lifecycle.Kind
	states   map[string]lifecycle.StateInfo[string]
	requests []RequestType
}

func newKindInfo(k *lifecycle.Kind) *kindInfo {
	info := &kindInfo{kind: k, states: map[string]lifecycle.StateInfo[string]{}}
	for _, s := range k.States() {
		info.states[s.State] = s
	}
	types := k.RequestTypes()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		info.requests = append(info.requests, RequestType{Type: name, Doc: types[name]})
	}
	return info
}

func (k *kindInfo) index(typ string) int {
	return slices.IndexFunc(k.requests, func(r RequestType) bool { return r.Type == typ })
}

func (k *kindInfo) has(typ string) bool { return k.index(typ) >= 0 }

// describe notes the schema of a request's parameters.
func (k *kindInfo) describe(typ, schema string) { k.requests[k.index(typ)].Params = schema }

func (k *kindInfo) doc() KindDoc {
	out := KindDoc{Name: string(k.kind.Name()), Initial: k.kind.Initial(), States: []StateDoc{}, Rows: []RowDoc{}, Requests: append([]RequestType{}, k.requests...)}
	for _, s := range k.kind.States() {
		out.States = append(out.States, StateDoc{
			State: s.State, Class: string(s.Class), Doc: s.Doc, SLASeconds: s.SLA.Seconds(), StepSLASeconds: s.StepSLA.Seconds(), ReportAtOnce: s.ReportAtOnce,
			DeadlineSeconds: s.Deadline.Seconds(), NoDeadline: s.NoDeadline,
		})
	}
	for _, r := range k.kind.Rows() {
		out.Rows = append(out.Rows, RowDoc{From: r.From, Trigger: r.On, To: r.To, Guard: r.Guard, Note: r.Note})
	}
	return out
}

// knownKind returns a kind by name, or the problem that is the answer.
func (h *Handler) knownKind(name string) (*kindInfo, error) {
	if k := h.kinds[backend.Kind(name)]; k != nil {
		return k, nil
	}
	return nil, unknownKind(h.ctl, "there is no kind "+name)
}

type kindInput struct {
	Kind string `path:"kind" maxLength:"64" doc:"The kind." example:"rack"`
}

type kindsOutput struct {
	Body struct {
		Kinds []KindDoc `json:"kinds" nullable:"false"`
	}
}

type kindOutput struct{ Body KindDoc }

type textOutput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

func (h *Handler) registerKinds() {
	huma.Register(h.api, operation("list-kinds", http.MethodGet, "/v1/kinds", tagKinds, "List kinds", "Their states, tables and requests.", Needs(Read)),
		func(context.Context, *struct{}) (*kindsOutput, error) {
			out := &kindsOutput{}
			out.Body.Kinds = []KindDoc{}
			for _, k := range h.ctl.Kinds() {
				out.Body.Kinds = append(out.Body.Kinds, h.kinds[k.Name()].doc())
			}
			return out, nil
		})
	huma.Register(h.api, operation("get-kind", http.MethodGet, "/v1/kinds/{kind}", tagKinds, "Get a kind", "Its states, table and requests.", Needs(Read), TypeUnknownKind),
		func(_ context.Context, in *kindInput) (*kindOutput, error) {
			k, err := h.knownKind(in.Kind)
			if err != nil {
				return nil, err
			}
			return &kindOutput{Body: k.doc()}, nil
		})
	h.registerText("get-kind-diagram", "/v1/kinds/{kind}/diagram", "Draw a kind", "The transition table as a Mermaid state diagram.", "text/vnd.mermaid",
		func(k *lifecycle.Kind) string { return k.Mermaid() })
	h.registerText("get-kind-table", "/v1/kinds/{kind}/table", "Print a kind", "The transition table and the states as Markdown.", "text/markdown; charset=utf-8",
		func(k *lifecycle.Kind) string { return k.Markdown() })
}

// registerText adds a route that shows a kind as text.
func (h *Handler) registerText(id, path, summary, description, contentType string, text func(*lifecycle.Kind) string) {
	op := operation(id, http.MethodGet, path, tagKinds, summary, description, Needs(Read), TypeUnknownKind)
	op.Responses["200"] = textResponse(contentType, summary)
	huma.Register(h.api, op, func(_ context.Context, in *kindInput) (*textOutput, error) {
		k, err := h.knownKind(in.Kind)
		if err != nil {
			return nil, err
		}
		return &textOutput{ContentType: contentType, Body: []byte(text(k.kind))}, nil
	})
}

func textResponse(contentType, description string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString}}}}
}
