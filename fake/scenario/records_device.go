package scenario

import (
	"context"
	"fmt"
	"slices"
	"sort"

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

func (w *world) nvswitch(ctx context.Context, s Switch, n int) (*nvswitch.Switch, error) {
	own := []string{fmt.Sprintf("02:00:00:01:%02X:01", n)}
	macs := or(s.NVOSMACs, own)
	seen := or(s.SeenMACs, macs)
	d := nvswitch.Discovered{Expected: or(s.Expected, true), NVOSMACs: macs, ExpectedPart: s.ExpectedPart, FoundPart: s.FoundPart,
		Endpoint: backend.Endpoint{BMCMAC: or(s.BMCMAC, fmt.Sprintf("02:00:00:00:0A:%02X", n)), BMCAddress: or(s.BMCAddress, fmt.Sprintf("192.0.2.%d", n+10)),
			NVOSAddress: or(s.NVOSAddress, fmt.Sprintf("198.51.100.%d", n+10)), Slot: s.Slot}}
	e := nvswitch.NewSwitch(s.ID, s.Rack, d)
	for _, mac := range seen {
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
		e.Certificate = &nvswitch.CertificateJob{ID: jobID("CertificateJob", e.Ref()), StartedAt: moment(s.Since)}
		w.hardware.jobs[jobKey{"CertificateJob", e.Ref()}] = s.Job.status()
	}
	return e, w.credential(ctx, map[string]bool{backend.BMCCredential(e.Ref()): or(s.BMCCredential, true), backend.NVOSCredential(e.Ref()): or(s.NVOSCredential, true)})
}

func (w *world) shelf(ctx context.Context, p PowerShelf, n int) (*powershelf.PowerShelf, error) {
	e := powershelf.NewPowerShelf(p.ID, p.Rack, backend.Endpoint{BMCMAC: or(p.BMCMAC, fmt.Sprintf("02:00:00:00:0C:%02X", n)), BMCAddress: or(p.BMCAddress, fmt.Sprintf("203.0.113.%d", n+10))})
	e.Cause, e.Power = p.Cause, backend.PowerState(p.Power)
	if p.Power != "" {
		w.hardware.power[e.Ref()] = e.Power
	}
	return e, w.credential(ctx, map[string]bool{backend.BMCCredential(e.Ref()): or(p.BMCCredential, true)})
}

func (w *world) credential(ctx context.Context, names map[string]bool) error {
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

// cycleStatus makes the status that a cycle has written.
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
func (w *world) status(records []record, s Status) error {
	i := slices.IndexFunc(records, func(r record) bool { return r.ref.String() == s.On })
	if i < 0 {
		return fmt.Errorf("status on %s, which is not given", s.On)
	}
	return s.apply(records[i].entity)
}

func (s Status) apply(e lifecycle.Entity) error {
	switch d := e.(type) {
	case *machine.Machine:
		if s.FirmwareUpgrade != nil {
			d.FirmwareUpgrade = s.FirmwareUpgrade.cycle()
		}
		if s.NVOSUpdate != nil || s.FabricManager != nil {
			return fmt.Errorf("%s: a machine has only the status firmware_upgrade", s.On)
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
		return fmt.Errorf("%s: only machines and switches have statuses here", s.On)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
