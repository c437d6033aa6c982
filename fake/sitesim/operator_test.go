package sitesim

import (
	"context"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// host stands in for the people around a manager. It is asked whenever nothing is due, and says whether it has something in mind still. It remembers nothing:
// what it has done already it reads from the records.
type host func(context.Context, *Simulation) (more bool, err error)

// runWith runs a simulation until everything is Ready and the people have nothing in mind.
func runWith(ctx context.Context, sim *Simulation, people host) error {
	var failed error
	err := sim.RunUntil(ctx, func() bool {
		more := false
		if people != nil && failed == nil {
			more, failed = people(ctx, sim)
		}
		return failed != nil || !more && sim.AllReady()
	}, longest)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, unready(sim))
	}
	return failed
}

// operator does for whatever has failed what its design page says leads out of there.
func operator(ctx context.Context, sim *Simulation) (more bool, err error) {
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
			return false, err
		}
	}
	return false, nil
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

// replacer has a rack overhauled once it is up, and then one of its trays replaced.
func replacer(ctx context.Context, sim *Simulation) (more bool, err error) {
	const rackID, tray = "R01", "R01-compute-3"
	ctl, ref := sim.manager.Controller(), backend.Ref{Kind: backend.KindMachine, ID: tray}
	asked, err := sim.cfg.Store.Requests(ctx, backend.RequestQuery{ID: "overhaul"})
	if err != nil {
		return true, err
	}
	history, err := ctl.History(ctx, ref)
	if err != nil {
		return true, err
	}
	removed := slices.ContainsFunc(history, func(row backend.Transition) bool { return row.To == "" })
	switch _, err := ctl.Outcome(ref); {
	case len(asked) == 0 && sim.AllReady():
		_, err := sim.manager.RequestMaintenance(ctx, rack.MaintenanceRequest{
			ID: "overhaul", Rack: rackID, User: "operator",
			Scope: rack.FullRack(rack.Activity{Name: rack.FirmwareUpgrade, Force: true}, rack.Activity{Name: rack.PowerSequence}),
		})
		return true, err
	case len(asked) == 0 || asked[0].State.Open():
		return true, nil
	case !removed:
		return true, ctl.Delete(ctx, ref, "operator", false)
	case err != nil:
		found := sim.devices()
		at := slices.IndexFunc(found, func(d rack.Discovery) bool { return d.ID == tray })
		return true, sim.manager.Discover(ctx, found[at])
	default:
		return false, nil
	}
}
