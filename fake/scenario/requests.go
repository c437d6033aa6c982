package scenario

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// params makes the parameters of a request of that type on that kind of object.
func (q Request) params(on backend.Ref) any {
	switch {
	case on.Kind == backend.KindRack && q.Type == lifecycle.TypeMaintenance:
		return rack.Maintenance{Scope: q.Scope.rack(), DisturbTenants: q.DisturbTenants}
	case on.Kind == backend.KindRack && q.Type == rack.TypePower:
		return rack.Power{Operation: backend.PowerAction(q.Operation)}
	case on.Kind == backend.KindRack && q.Type == rack.TypeRecover:
		return rack.Recover{Note: or(q.Note, "acknowledged by "+cmp.Or(q.Initiator, "the scenario"))}
	case on.Kind == backend.KindSwitch && q.Type == lifecycle.TypeMaintenance:
		return nvswitch.Maintenance{Operation: nvswitch.Operation(q.Operation)}
	case on.Kind == backend.KindPowerShelf && q.Type == lifecycle.TypeMaintenance:
		return powershelf.Maintenance{Operation: backend.PowerAction(q.Operation)}
	case q.Type == lifecycle.TypeReprovision:
		out := lifecycle.Reprovision{Reset: q.Reset, DisturbTenants: q.DisturbTenants}
		for _, s := range q.Await {
			out.Await = append(out.Await, lifecycle.Step(s))
		}
		return out
	}
	return nil
}

// requests makes the given requests.
func (w *World) requests() ([]backend.Request, error) {
	var out []backend.Request
	for _, q := range w.given.Requests {
		w.known[q.ID] = true
		for _, name := range q.On {
			on, err := ref(name)
			if err != nil {
				return nil, fmt.Errorf("request %s: %w", q.ID, err)
			}
			r := backend.Request{
				ID: q.ID, On: on, Rack: w.hardware.racks[on], Type: q.Type, State: backend.RequestPending, Initiator: lifecycle.InitiatorText(q.Initiator, q.Reference),
				Reference: q.Reference, Cycle: q.Cycle, At: moment(or(q.At, 0)),
			}
			if q.AcceptedAt != nil {
				r.State, r.StartedAt = backend.RequestStarted, moment(*q.AcceptedAt)
			}
			if p := q.params(on); p != nil {
				if r.Params, err = json.Marshal(p); err != nil {
					return nil, err
				}
			}
			out = append(out, r)
		}
	}
	return out, nil
}
