package virtual

import (
	"context"
	"errors"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// Replacer is somebody who has rack R01 overhauled once it is up, then replaces one of its trays, and takes the whole rack away when it is up again. What fails meanwhile
// is brought back as its design page says.
func Replacer(ctx context.Context, s *Site) (acted bool, err error) {
	if acted, err := rescue(ctx, s); acted || err != nil {
		return acted, err
	}
	const id, tray = "R01", "R01-compute-3"
	ctl, ref := s.manager.Controller(), backend.Ref{Kind: backend.KindMachine, ID: tray}
	asked, err := s.cfg.Store.Requests(ctx, backend.RequestQuery{ID: "overhaul"})
	if err != nil {
		return false, err
	}
	history, err := ctl.History(ctx, ref)
	if err != nil {
		return false, err
	}
	removed := slices.ContainsFunc(history, func(row backend.Transition) bool { return row.To == "" })
	_, err = ctl.Outcome(ref)
	there := err == nil
	leaving := func() bool {
		r, err := s.manager.Rack(id)
		return err != nil || r.Deleted()
	}
	switch {
	case len(asked) == 0 && s.AllReady():
		_, err := s.manager.RequestMaintenance(ctx, rack.MaintenanceRequest{
			ID: "overhaul", Rack: id, User: "operator",
			Scope: rack.FullRack(rack.Activity{Name: rack.FirmwareUpgrade, Force: true}, rack.Activity{Name: rack.PowerSequence}),
		})
		return err == nil, err
	case len(asked) == 0 || asked[0].State.Open():
		return false, nil
	case !removed:
		if m, err := s.manager.Machine(tray); err != nil || m.Deleted() {
			return false, err
		}
		return true, ctl.Delete(ctx, ref, "operator", false)
	case leaving():
		return false, nil
	case !there:
		found := s.Devices()
		return true, s.Find(ctx, found[slices.IndexFunc(found, func(d rack.Discovery) bool { return d.ID == tray })])
	case s.AllReady():
		_, err := ctl.Request(ctx, lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "operator"}, rack.Ref(id))
		return err == nil, err
	default:
		return false, nil
	}
}

// rescue does for whatever has failed what its design page says leads out of there.
func rescue(ctx context.Context, s *Site) (acted bool, err error) {
	asked := map[backend.Ref]lifecycle.NewRequest{}
	var on []backend.Ref
	ctl := s.manager.Controller()
	ctl.Visit(func(o *lifecycle.Object) {
		if req, failed := wayOut(o); failed && len(ctl.OpenRequests(o.Ref())) == 0 {
			asked[o.Ref()], on = req, append(on, o.Ref())
		}
	})
	var problems []error
	for _, ref := range on {
		_, err := ctl.Request(ctx, asked[ref], ref)
		problems = append(problems, err)
	}
	return len(on) > 0, errors.Join(problems...)
}

// wayOut is the request that leads out of a failed state.
func wayOut(o *lifecycle.Object) (req lifecycle.NewRequest, failed bool) {
	ask := func(typ string, params any) lifecycle.NewRequest {
		return lifecycle.NewRequest{Type: typ, Initiator: "operator", Params: params}
	}
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
