package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// now describes an object as given would: a Rack, Machine, Switch or PowerShelf. The error wraps backend.ErrNotFound when it is gone.
func (w *World) now(ctx context.Context, on backend.Ref) (any, error) {
	switch on.Kind {
	case backend.KindRack:
		r, err := w.manager.Rack(on.ID)
		if err != nil {
			return nil, err
		}
		return w.rackNow(r), nil
	case backend.KindMachine:
		m, err := w.manager.Machine(on.ID)
		if err != nil {
			return nil, err
		}
		return machineNow(m), nil
	case backend.KindSwitch:
		s, err := w.manager.Switch(on.ID)
		if err != nil {
			return nil, err
		}
		return w.switchNow(ctx, s)
	case backend.KindPowerShelf:
		p, err := w.manager.PowerShelf(on.ID)
		if err != nil {
			return nil, err
		}
		return w.shelfNow(ctx, p)
	default:
		return nil, fmt.Errorf("objects of kind %s have no fields here", on.Kind)
	}
}

func (w *World) rackNow(r *rack.Rack) Rack {
	out := Rack{
		ID: r.ID(), Profile: &r.ProfileID, State: r.State(), Since: since(r.Since()), ActivityStarted: new(Duration), TopologyChanged: r.TopologyChanged,
		ReprovisionRequested: r.ReprovisionRequested, Cause: r.Cause, Origin: string(r.Origin), RunID: r.RunID, Deleted: r.Deleted(), Labels: r.Labels,
	}
	if w.given.Profiles == nil && r.ProfileID == w.ownProfile(r.ID()) {
		*out.Profile = defaultProfileID
	}
	*out.ActivityStarted = out.Since
	if !r.ClockStart.IsZero() {
		*out.ActivityStarted = since(r.ClockStart)
	}
	if r.Cycle != nil {
		out.Cycle = r.Cycle.ID
	}
	return out
}

func machineNow(m *machine.Machine) Machine {
	out := Machine{
		ID: m.ID(), Rack: m.Rack(), State: m.State(), Since: since(m.Since()), Labels: m.Labels, RetryCount: m.RetryCount, ReturnTo: string(m.ReturnTo),
		TenantApproved: m.TenantApproved, Deleted: m.Deleted(), Cause: string(m.Cause), Firmware: m.Firmware, DPUs: m.DPUs, Tenant: m.Tenant, SKU: m.SKU,
	}
	for _, a := range m.Alerts {
		alert := Alert{ID: a.ID, Source: a.Source}
		for _, c := range a.Classifications {
			alert.Classifications = append(alert.Classifications, string(c))
		}
		out.Alerts = append(out.Alerts, alert)
	}
	return out
}

func (w *World) switchNow(ctx context.Context, s *nvswitch.Switch) (Switch, error) {
	e := s.Endpoint
	out := Switch{
		ID: s.ID(), Rack: s.Rack(), State: s.State(), Since: since(s.Since()), Cause: s.Cause, BMCMAC: &e.BMCMAC, NVOSMACs: &s.ExpectedMACs, SeenMACs: &s.SeenMACs,
		NVOSAddress: &e.NVOSAddress, Slot: s.Slot, Primary: s.Primary, BMCAddress: &e.BMCAddress, Expected: &s.Expected, ExpectedPart: s.ExpectedPart, FoundPart: s.FoundPart,
		Deleted: s.Deleted(),
	}
	if s.TrayKnown {
		out.Tray = &s.Tray
	}
	if s.Certificate != nil {
		status := w.hardware.jobs[jobKey{certificatePoll, s.Ref()}]
		out.Job = &JobState{State: string(status.State), Cause: status.Cause}
	}
	var err error
	if out.BMCCredential, err = w.stored(ctx, backend.BMCCredential(s.Ref())); err == nil {
		out.NVOSCredential, err = w.stored(ctx, backend.NVOSCredential(s.Ref()))
	}
	return out, err
}

func (w *World) shelfNow(ctx context.Context, p *powershelf.PowerShelf) (PowerShelf, error) {
	e := p.Endpoint
	out := PowerShelf{
		ID: p.ID(), Rack: p.Rack(), State: p.State(), Since: since(p.Since()), Cause: p.Cause, Power: string(p.Power), BMCMAC: &e.BMCMAC, BMCAddress: &e.BMCAddress, Deleted: p.Deleted(),
	}
	var err error
	out.BMCCredential, err = w.stored(ctx, backend.BMCCredential(p.Ref()))
	return out, err
}

// stored reports whether a credential is in the store.
func (w *World) stored(ctx context.Context, name string) (*bool, error) {
	_, err := w.credentials.Credential(ctx, name)
	there := err == nil
	if errors.Is(err, backend.ErrNotFound) {
		err = nil
	}
	return &there, err
}

func cycleNow(s *lifecycle.CycleStatus) *CycleStatus {
	if s == nil {
		return nil
	}
	return &CycleStatus{Status: string(s.Status), Cause: s.Cause, Cycle: s.Cycle, Started: when(s.StartedAt), Ended: when(s.EndedAt)}
}

func fabricNow(s *lifecycle.FabricStatus) *CycleStatus {
	if s == nil {
		return nil
	}
	return &CycleStatus{Status: string(s.Status), Reason: s.Reason, Error: s.Error, Cycle: s.Cycle, Started: when(s.StartedAt), Ended: when(s.EndedAt)}
}

// when is a time relative to the start, nil for none.
func when(t time.Time) *Duration {
	if t.IsZero() {
		return nil
	}
	d := since(t)
	return &d
}
