package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// or is what is given, or the complete and healthy fact.
func or[T any](given *T, complete T) T {
	if given == nil {
		return complete
	}
	return *given
}

func (w *World) machine(m Machine, n int) *machine.Machine {
	at := endpoint(backend.KindMachine, n)
	e := machine.NewMachine(m.ID, m.Rack, machine.Discovered{Endpoint: at, DPUs: m.DPUs, SKU: m.SKU, Labels: m.Labels})
	w.endpoints[e.Ref()] = at
	e.RetryCount, e.ReturnTo, e.TenantApproved = m.RetryCount, machine.State(m.ReturnTo), m.TenantApproved
	e.Cause, e.Firmware, e.Tenant = machine.Cause(m.Cause), m.Firmware, m.Tenant
	w.hardware.units[e.Ref()] = m.DPUs
	w.hardware.versions[e.Ref()] = maps.Clone(m.Firmware)
	for _, a := range m.Alerts {
		alert := lifecycle.Alert{ID: a.ID, Source: a.Source}
		for _, c := range a.Classifications {
			alert.Classifications = append(alert.Classifications, lifecycle.Classification(c))
		}
		e.Alerts = append(e.Alerts, alert)
	}
	switch {
	case isUnder(m.State, string(machine.HostReprovision)), isUnder(m.State, string(machine.AssignedHostReprovision)):
		w.reprovision(m, e)
	case m.State == string(machine.Failed), m.State == string(machine.AssignedFailed):
		e.Failure = &machine.Failure{Source: machine.State(m.ReturnTo), At: moment(m.Since), Message: m.Cause}
	}
	return e
}

// reprovision gives a machine in the middle of one what it knows of the request that began it.
func (w *World) reprovision(m Machine, e *machine.Machine) {
	if e.ReturnTo == "" {
		e.ReturnTo = machine.Ready
	}
	for _, q := range w.given.Requests {
		if slices.Contains(q.On, "machine/"+m.ID) && q.Type == lifecycle.TypeReprovision && q.AcceptedAt != nil {
			e.Reprovision = &machine.Reprovision{RequestID: q.ID, Initiator: q.Initiator, Cycle: q.Cycle, RequestedAt: moment(or(q.At, 0))}
		}
	}
}

func (w *World) nvswitch(ctx context.Context, s Switch, n int) (*nvswitch.Switch, error) {
	whole := endpoint(backend.KindSwitch, n)
	at := backend.Endpoint{BMCMAC: or(s.BMCMAC, whole.BMCMAC), BMCAddress: or(s.BMCAddress, whole.BMCAddress), NVOSAddress: or(s.NVOSAddress, whole.NVOSAddress), Slot: s.Slot}
	macs := or(s.NVOSMACs, nvosMACs(backend.KindSwitch, n))
	e := nvswitch.NewSwitch(s.ID, s.Rack, nvswitch.Discovered{
		Endpoint: at, Expected: or(s.Expected, true), NVOSMACs: macs, ExpectedPart: s.ExpectedPart, FoundPart: s.FoundPart,
	})
	w.endpoints[e.Ref()], w.macs[e.Ref()] = at, macs
	for _, mac := range or(s.SeenMACs, macs) {
		e.ReportSeen(mac)
	}
	if s.State != string(nvswitch.Created) && !isUnder(s.State, "Initializing") {
		for _, mac := range e.ExpectedMACs {
			if slices.Contains(e.SeenMACs, mac) {
				e.AssociatedMACs = append(e.AssociatedMACs, mac)
			}
		}
	}
	e.Cause, e.Primary, e.Slot = s.Cause, s.Primary, s.Slot
	if s.Tray != nil {
		e.Tray, e.TrayKnown = *s.Tray, true
		w.hardware.tray[e.Ref()] = *s.Tray
	}
	if s.Job != nil {
		e.Certificate = &nvswitch.CertificateJob{ID: jobID(certificatePoll, e.Ref()), StartedAt: moment(s.Since)}
		w.hardware.jobs[jobKey{certificatePoll, e.Ref()}] = s.Job.status()
	}
	return e, w.credential(ctx, map[string]bool{backend.BMCCredential(e.Ref()): or(s.BMCCredential, true), backend.NVOSCredential(e.Ref()): or(s.NVOSCredential, true)})
}

func (w *World) shelf(ctx context.Context, p PowerShelf, n int) (*powershelf.PowerShelf, error) {
	whole := endpoint(backend.KindPowerShelf, n)
	at := backend.Endpoint{BMCMAC: or(p.BMCMAC, whole.BMCMAC), BMCAddress: or(p.BMCAddress, whole.BMCAddress)}
	e := powershelf.NewPowerShelf(p.ID, p.Rack, at)
	w.endpoints[e.Ref()] = at
	e.Cause, e.Power = p.Cause, backend.PowerState(p.Power)
	if p.Power != "" {
		w.hardware.power[e.Ref()] = e.Power
	}
	return e, w.credential(ctx, map[string]bool{backend.BMCCredential(e.Ref()): or(p.BMCCredential, true)})
}

func (w *World) credential(ctx context.Context, names map[string]bool) error {
	for name, there := range names {
		if !there {
			continue
		}
		if err := w.credentials.PutCredential(ctx, name, backend.Credential{User: "root", Password: backend.NewSecret("scenario")}); err != nil {
			return err
		}
	}
	return nil
}

// cycle makes the status that a cycle has written.
func (s *CycleStatus) cycle() *lifecycle.CycleStatus {
	out := &lifecycle.CycleStatus{Status: lifecycle.Progress(s.Status), Cause: s.Cause, Cycle: s.Cycle}
	if s.Started != nil {
		out.StartedAt = moment(*s.Started)
	}
	if s.Ended != nil {
		out.EndedAt = moment(*s.Ended)
	}
	return out
}

func (s *CycleStatus) fabric() *lifecycle.FabricStatus {
	c := s.cycle()
	return &lifecycle.FabricStatus{Status: backend.FabricState(s.Status), Reason: s.Reason, Error: s.Error, StartedAt: c.StartedAt, EndedAt: c.EndedAt, Cycle: c.Cycle}
}

// status puts given statuses on a device.
func (w *World) status(records []record, s Status) error {
	e, err := find(records, s.On)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	return s.apply(e)
}

func (s Status) apply(e lifecycle.Entity) error {
	switch d := e.(type) {
	case *machine.Machine:
		if s.FirmwareUpgrade != nil {
			d.FirmwareUpgrade = s.FirmwareUpgrade.cycle()
		}
	case *powershelf.PowerShelf:
		if s.FirmwareUpgrade != nil {
			d.FirmwareUpgrade = s.FirmwareUpgrade.cycle()
		}
	case *nvswitch.Switch:
		if s.FirmwareUpgrade != nil {
			d.FirmwareUpgrade = s.FirmwareUpgrade.cycle()
		}
		if s.NVOSUpdate != nil {
			d.NVOSUpdate = s.NVOSUpdate.cycle()
		}
		if s.FabricManager != nil {
			d.Fabric = s.FabricManager.fabric()
		}
	default:
		return fmt.Errorf("%s has no statuses", s.On)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
