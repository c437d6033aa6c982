package rest

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Explanation says where an object stands, why, and what can be done.
type Explanation struct {
	Ref             string    `json:"ref" doc:"The object, as kind/id."`
	State           string    `json:"state"`
	Class           string    `json:"class" enum:"resting,working,waiting,failed,deleting,unknown"`
	Doc             string    `json:"doc,omitempty" doc:"What is true in that state."`
	Since           time.Time `json:"since"`
	Now             time.Time `json:"now" doc:"The controller's time."`
	Outcome         Outcome   `json:"outcome" doc:"The result of the last pass."`
	ElapsedSeconds  float64   `json:"elapsed_seconds" doc:"How long the state's clock has run."`
	SLASeconds      float64   `json:"sla_seconds,omitempty" doc:"Its limit. Absent: none."`
	StepElapsed     float64   `json:"step_elapsed_seconds" doc:"How long the clock has run since this very state was entered."`
	StepSLA         float64   `json:"step_sla_seconds,omitempty" doc:"Its limit. Absent: none."`
	DeadlineSeconds float64   `json:"deadline_seconds,omitempty" doc:"After which time it moves to its failure state by itself."`
	NoDeadline      string    `json:"no_deadline,omitempty" doc:"Why there is no deadline."`
	Holds           []Hold    `json:"holds" nullable:"false"`
	Alerts          []Alert   `json:"alerts" nullable:"false"`
	Override        *Override `json:"override,omitempty" doc:"The source whose report counts in place of all others."`
	Requests        []Request `json:"requests" nullable:"false" doc:"The open ones."`
	NextLook        time.Time `json:"next_look,omitzero" doc:"When the engine looks again by itself."`
	Triggers        []string  `json:"triggers" nullable:"false" doc:"What the table permits now."`
	Accepts         []string  `json:"accepts" nullable:"false" doc:"The types of request that may be posted now."`
	Broken          string    `json:"broken,omitempty" doc:"Why the engine cannot work on it."`
	Text            string    `json:"text" doc:"All of it as text, one fact a line."`
}

// Permitted says what may happen to an object now.
type Permitted struct {
	Ref      string             `json:"ref" doc:"The object, as kind/id."`
	State    string             `json:"state"`
	Version  uint64             `json:"version,omitempty"`
	Triggers []PermittedTrigger `json:"triggers" nullable:"false" doc:"The rows of the table that hold in this state."`
	Requests []PermittedRequest `json:"requests" nullable:"false" doc:"The types of request that its kind understands."`
}

// PermittedTrigger is a row of the table that holds in a state.
type PermittedTrigger struct {
	Trigger string `json:"trigger"`
	To      string `json:"to" doc:"Empty: the object is gone."`
	Guard   string `json:"guard,omitempty"`
	Note    string `json:"note,omitempty"`
}

// PermittedRequest is a type of request, and whether it may be posted now.
type PermittedRequest struct {
	RequestType
	Accepted bool `json:"accepted" doc:"It may be posted now; its parameters have the last word."`
}

type explainOutput struct{ Body Explanation }

type permittedOutput struct{ Body Permitted }

func (h *Handler) registerExplain() {
	huma.Register(h.api, operation("explain-object", http.MethodGet, "/v1/objects/{kind}/{id}/explain", tagObjects, "Explain an object",
		"What it waits for, since when, when the engine looks again, and what can be done.", Needs(Read), TypeNotFound, TypeUnknownKind),
		func(_ context.Context, in *refInput) (*explainOutput, error) {
			ref, x, err := h.live(in.RefPath)
			if err != nil {
				return nil, err
			}
			return &explainOutput{Body: h.explanationOf(ref, x)}, nil
		})
	huma.Register(h.api, operation("list-permitted", http.MethodGet, "/v1/objects/{kind}/{id}/permitted", tagObjects, "List what may happen to an object",
		"The triggers that its table permits, and the requests that may be posted.", Needs(Read), TypeNotFound, TypeUnknownKind), h.permitted)
}

func (h *Handler) explanationOf(ref backend.Ref, x *lifecycle.Explanation) Explanation {
	out := Explanation{
		Ref: ref.String(), State: x.State, Class: unknownClass, Doc: x.Doc, Since: x.Since, Now: h.ctl.Now(), Outcome: outcomeOf(x.Outcome), ElapsedSeconds: x.Elapsed.Seconds(),
		SLASeconds: x.SLA.Seconds(), StepElapsed: x.StepElapsed.Seconds(), StepSLA: x.StepSLA.Seconds(), Override: overrideOf(x.Replacing, x.Overridden),
		DeadlineSeconds: x.Deadline.Seconds(), NoDeadline: x.NoDeadline, Holds: append([]Hold{}, holdsOf(x.Holds)...),
		Alerts: append([]Alert{}, alertsOf(x.Alerts)...), Requests: requestsOf(x.Requests), NextLook: x.Next,
		Triggers: append([]string{}, x.Triggers...), Accepts: append([]string{}, x.Accepts...), Text: x.String(),
	}
	if s, ok := h.kinds[ref.Kind].states[x.State]; ok {
		out.Class = string(s.Class)
	}
	if x.Broken != nil {
		out.Broken = x.Broken.Error()
	}
	return out
}

func (h *Handler) permitted(_ context.Context, in *refInput) (*permittedOutput, error) {
	ref, x, err := h.live(in.RefPath)
	if err != nil {
		return nil, err
	}
	k := h.kinds[ref.Kind]
	out := Permitted{Ref: ref.String(), State: x.State, Triggers: k.permitted(x), Requests: []PermittedRequest{}}
	for _, r := range k.requests {
		out.Requests = append(out.Requests, PermittedRequest{RequestType: r, Accepted: slices.Contains(x.Accepts, r.Type)})
	}
	return &permittedOutput{Body: out}, nil
}

// permitted lists the rows of the table that hold in a state: of the rows of one trigger the nearest ones, as the engine takes them.
func (k *kindInfo) permitted(x *lifecycle.Explanation) []PermittedTrigger {
	out := []PermittedTrigger{}
	rows := k.kind.Rows()
	for _, trigger := range x.Triggers {
		best := -1
		var found []PermittedTrigger
		for _, r := range rows {
			near := nearness(r.From, x.State)
			if r.On != trigger || near < 0 || r.From == lifecycle.Any && r.To == x.State {
				continue
			}
			if near > best {
				best, found = near, nil
			}
			if near == best {
				found = append(found, PermittedTrigger{Trigger: r.On, To: r.To, Guard: r.Guard, Note: r.Note})
			}
		}
		out = append(out, found...)
	}
	return out
}

// nearness says how near the From of a row is to a state: more is nearer, negative does not apply.
func nearness(from, state string) int {
	switch {
	case from == "":
		return -1
	case from == lifecycle.Any:
		return 0
	case from == state || len(state) > len(from) && state[:len(from)+1] == from+"/":
		return len(from)
	}
	return -1
}
