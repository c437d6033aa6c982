package hall

import (
	"context"
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// wish is something that somebody asks for, once.
type wish struct {
	on  backend.Ref
	req lifecycle.NewRequest
}

// wishes are what people ask for once the site is up, one after the other: each when the one before it has ended and everything rests.
func wishes() []wish {
	var (
		whole = backend.Ref{Kind: backend.KindRack, ID: rackID}
		tray  = machine.Ref(rackID + "-compute-1")
		sw    = backend.Ref{Kind: backend.KindSwitch, ID: rackID + "-switch-1"}
		shelf = backend.Ref{Kind: backend.KindPowerShelf, ID: rackID + "-shelf-1"}
	)
	list := []wish{
		{whole, ask(lifecycle.TypeMaintenance, rack.Maintenance{Scope: rack.FullRack(rack.Activity{Name: rack.FirmwareUpgrade, Force: true}, rack.Activity{Name: rack.PowerSequence})})},
		{sw, ask(lifecycle.TypeMaintenance, nvswitch.Maintenance{Operation: nvswitch.OpReconfigureCertificate})},
		{shelf, ask(lifecycle.TypeMaintenance, powershelf.Maintenance{Operation: backend.ActionPowerOn})},
		{tray, ask(machine.TypeAssign, machine.Assign{Tenant: "tenant"})},
		{tray, ask(machine.TypeRelease, nil)},
		{tray, ask(lifecycle.TypeReprovision, lifecycle.Reprovision{})},
		{whole, ask(lifecycle.TypeMaintenance, rack.Maintenance{Scope: rack.FullRack(rack.Activity{Name: rack.NvosUpdate}, rack.Activity{Name: rack.ConfigureNmxCluster})})},
	}
	for i := range list {
		list[i].req.ID = fmt.Sprintf("wish-%d", i+1)
	}
	return list
}

func ask(typ string, params any) lifecycle.NewRequest {
	return lifecycle.NewRequest{Type: typ, Initiator: "operator", Params: params}
}

// attend does what the people around the site do, whenever nothing is due. They read from the records what they have done already. over says that they want nothing more.
func attend(ctx context.Context, sim *sitesim.Simulation, store backend.Store) (over bool, err error) {
	if err := repeatFailed(ctx, sim, store); err != nil {
		return false, err
	}
	if !rests(sim) {
		return false, nil
	}
	for _, w := range wishes() {
		asked, err := store.Requests(ctx, backend.RequestQuery{ID: w.req.ID})
		switch {
		case err != nil:
			return false, err
		case len(asked) == 0:
			_, err := sim.Manager().Controller().Request(ctx, w.req, w.on)
			return false, err
		case asked[0].State.Open():
			return false, nil
		}
	}
	return sim.AllReady(), nil
}

// rests says whether everything is Ready, or has a tenant.
func rests(sim *sitesim.Simulation) bool {
	if sim.Pending() > 0 {
		return false
	}
	rests := true
	sim.Manager().Controller().Visit(func(o *lifecycle.Object) {
		rests = rests && (o.State() == string(rack.Ready) || o.State() == string(machine.AssignedReady))
	})
	return rests
}

// repeatFailed does for whatever has failed what leads out of there.
func repeatFailed(ctx context.Context, sim *sitesim.Simulation, store backend.Store) error {
	var out []wish
	ctl := sim.Manager().Controller()
	ctl.Visit(func(o *lifecycle.Object) {
		if req, failed := wayOut(o); failed && len(ctl.OpenRequests(o.Ref())) == 0 {
			out = append(out, wish{o.Ref(), req})
		}
	})
	for _, w := range out {
		asked, err := store.Requests(ctx, backend.RequestQuery{On: w.on})
		if err != nil {
			return err
		}
		n := 1
		for _, q := range asked {
			if strings.HasPrefix(q.ID, "again-") {
				n++
			}
		}
		w.req.ID = fmt.Sprintf("again-%d", n)
		if _, err := ctl.Request(ctx, w.req, w.on); err != nil {
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
