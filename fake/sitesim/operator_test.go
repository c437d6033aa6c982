package sitesim

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// host stands in for the people around a manager. It is asked whenever nothing is due.
type host func(context.Context, *Simulation) error

// runWith runs a simulation until everything is Ready.
func runWith(ctx context.Context, sim *Simulation, people host) error {
	var failed error
	err := sim.RunUntil(ctx, func() bool {
		if people != nil && failed == nil {
			failed = people(ctx, sim)
		}
		return failed != nil || sim.AllReady()
	}, longest)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, unready(sim))
	}
	return failed
}

// operator does for whatever has failed what its design page says leads out of there.
func operator(ctx context.Context, sim *Simulation) error {
	var asked []lifecycle.NewRequest
	var on []backend.Ref
	ctl := sim.manager.Controller()
	sim.each(func(o *lifecycle.Object) {
		if req, failed := wayOut(o); failed && len(ctl.OpenRequests(o.Ref())) == 0 {
			asked, on = append(asked, req), append(on, o.Ref())
		}
	})
	for i, req := range asked {
		if _, err := ctl.Request(ctx, req, on[i]); err != nil {
			return err
		}
	}
	return nil
}

// wayOut is the request that leads out of a failed state.
func wayOut(o *lifecycle.Object) (req lifecycle.NewRequest, failed bool) {
	switch o.Ref().Kind {
	case backend.KindRack:
		return ask(lifecycle.TypeMaintenance, rack.Maintenance{Scope: rack.FullRack()}), o.State() == string(rack.Error)
	case backend.KindMachine:
		return ask(machine.TypeRecover, nil), o.State() == string(machine.Failed)
	case backend.KindSwitch:
		return ask(lifecycle.TypeMaintenance, nvswitch.Maintenance{Operation: nvswitch.OpReconfigureCertificate}), o.State() == string(nvswitch.Error)
	default:
		return ask(lifecycle.TypeMaintenance, powershelf.Maintenance{Operation: backend.ActionPowerOn}), o.State() == string(powershelf.Error)
	}
}

func ask(typ string, params any) lifecycle.NewRequest {
	return lifecycle.NewRequest{Type: typ, Initiator: "operator", Params: params}
}
