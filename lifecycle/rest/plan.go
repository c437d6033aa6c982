package rest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/rackstate/rackstate/backend"
)

// ErrNoPlan is returned by a Planner for a request that it cannot make a plan of. The client sees TypeNotImplemented.
var ErrNoPlan = errors.New("no plan can be made of such a request")

// Planner says what a request would do, without asking for it. The host makes one of what its kinds offer.
type Planner interface {
	// Plan returns the plan of a request. Reasons for which the request would be refused are part of the plan. The error wraps ErrNoPlan, backend.ErrNotFound, or is a
	// *lifecycle.RejectedError for parameters that cannot be understood.
	Plan(ctx context.Context, on backend.Ref, typ string, params json.RawMessage) (*Plan, error)
}

// Plan is what a request would do.
type Plan struct {
	Steps    []PlanStep `json:"steps" nullable:"false" doc:"What would be done, in order."`
	Refused  []string   `json:"refused" nullable:"false" doc:"Why the request would be refused. Empty: it would be accepted."`
	Blocked  string     `json:"blocked,omitempty" doc:"Why an accepted request would wait before it begins."`
	Warnings []string   `json:"warnings" nullable:"false" doc:"What a person should know before, for example which tenants are disturbed."`
}

// PlanStep is one part of the work.
type PlanStep struct {
	Name         string    `json:"name"`
	Does         string    `json:"does,omitempty" doc:"What is installed or switched."`
	Devices      []string  `json:"devices" nullable:"false" doc:"What it touches, as kind/id."`
	LeftOut      []LeftOut `json:"left_out" nullable:"false" doc:"What it would not touch although it was asked for."`
	Skip         string    `json:"skip,omitempty" doc:"Why nothing would be done."`
	Fails        string    `json:"fails,omitempty" doc:"Why the work would fail here before any hardware is asked."`
	UsualSeconds float64   `json:"usual_seconds,omitempty" doc:"Within which time it should be done."`
}

// LeftOut is a device that would not be touched.
type LeftOut struct {
	Device string `json:"device"`
	Reason string `json:"reason"`
}

// plan asks the planner.
func (h *Handler) plan(ctx context.Context, on backend.Ref, n *NewRequest) (*Plan, error) {
	if h.cfg.Planner == nil {
		return nil, newProblem(TypeNotImplemented, "this server makes no plans")
	}
	p, err := h.cfg.Planner.Plan(ctx, on, n.Type, n.Params)
	if errors.Is(err, ErrNoPlan) {
		return nil, newProblem(TypeNotImplemented, "no plan can be made of "+n.Type+" on "+on.String())
	}
	if err != nil {
		return nil, Fail(h.ctl, err)
	}
	out := *p
	out.Steps = append([]PlanStep{}, p.Steps...)
	out.Refused, out.Warnings = append([]string{}, p.Refused...), append([]string{}, p.Warnings...)
	for i := range out.Steps {
		out.Steps[i].Devices = append([]string{}, out.Steps[i].Devices...)
		out.Steps[i].LeftOut = append([]LeftOut{}, out.Steps[i].LeftOut...)
	}
	return &out, nil
}
