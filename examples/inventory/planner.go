package main

import (
	"context"
	"encoding/json"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/rack"
)

// planner shows the plans of racks.
type planner struct{ racks *rack.Manager }

// Plan says what the maintenance of a rack would do.
func (p planner) Plan(ctx context.Context, on backend.Ref, typ string, params json.RawMessage) (*rest.Plan, error) {
	if on.Kind != backend.KindRack || typ != lifecycle.TypeMaintenance {
		return nil, rest.ErrNoPlan
	}
	var m rack.Maintenance
	if len(params) > 0 {
		if err := json.Unmarshal(params, &m); err != nil {
			return nil, &lifecycle.RejectedError{Ref: on, Type: typ, Err: err}
		}
	}
	plan, err := p.racks.Plan(ctx, rack.MaintenanceRequest{Rack: on.ID, Scope: m.Scope, DisturbTenants: m.DisturbTenants})
	if err != nil {
		return nil, err
	}
	out := &rest.Plan{Refused: plan.Refused, Blocked: plan.Blocked}
	for i := range plan.Activities {
		out.Steps = append(out.Steps, stepOf(&plan.Activities[i]))
	}
	return out, nil
}

func stepOf(a *rack.ActivityPlan) rest.PlanStep {
	step := rest.PlanStep{Name: string(a.Name), Does: a.Installs, Skip: a.Skip, Fails: a.Fails, UsualSeconds: a.Usual.Seconds()}
	if a.Power != "" {
		step.Does = string(a.Power)
	}
	for _, d := range a.Devices {
		step.Devices = append(step.Devices, d.String())
	}
	for _, l := range a.LeftOut {
		step.LeftOut = append(step.LeftOut, rest.LeftOut{Device: l.Target.String(), Reason: l.Error})
	}
	return step
}
