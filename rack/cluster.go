package rack

import (
	"errors"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// clusterStart checks what the fabric configuration needs, and puts a request on every switch that has none of this cycle yet.
func (u *run) clusterStart() (lifecycle.Outcome, error) {
	p, err := u.planned()
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case p.Fails != "":
		return u.fail(p.Fails, refs(u.switches())...)
	case p.Skip != "":
		return u.done("skipped: " + p.Skip)
	}
	devices := p.devices
	for _, d := range devices {
		if err := u.post(d.Ref, u.awaited(lifecycle.StepNMXC)); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	return lifecycle.Fire(ClusterChecked), nil
}

// primary finds the switch with the lowest tray index. problem names the switches whose placement is missing, unexpected or used twice.
func (u *run) primary() (primary backend.Device, problem string, err error) {
	devices := u.switches()
	placements, err := u.placements(devices)
	if err != nil {
		return primary, "", err
	}
	ref, problem := choosePrimary(refs(devices), placements)
	for _, d := range devices {
		if d.Ref == ref {
			primary = d
		}
	}
	return primary, problem, nil
}

// placements asks the hardware where the switches sit; without that capability what was read at their bring-up counts.
func (u *run) placements(devices []backend.Device) (map[backend.Ref]backend.Placement, error) {
	if u.h.caps.Inventory != nil {
		found, err := u.h.caps.Inventory.Placement(u.ctx, devices)
		if !errors.Is(err, backend.ErrNotSupported) {
			return found, err
		}
	}
	out := map[backend.Ref]backend.Placement{}
	for _, s := range u.kids.switches {
		if s.TrayKnown && u.r.Cycle.Scope.has(s.Ref()) {
			out[s.Ref()] = backend.Placement{Slot: s.Slot, Tray: s.Tray}
		}
	}
	return out, nil
}

// choosePrimary picks the switch with the lowest tray index. problem is not empty when a placement is missing, of a switch that was not asked about, or used
// twice.
func choosePrimary(switches []backend.Ref, placements map[backend.Ref]backend.Placement) (primary backend.Ref, problem string) {
	var problems []string
	byTray := map[int]backend.Ref{}
	known := map[backend.Ref]bool{}
	lowest := 0
	for _, ref := range switches {
		known[ref] = true
		p, ok := placements[ref]
		if !ok {
			problems = append(problems, ref.String()+" reports no placement")
			continue
		}
		if other, taken := byTray[p.Tray]; taken {
			problems = append(problems, fmt.Sprintf("%s and %s both report tray %d", other, ref, p.Tray))
			continue
		}
		byTray[p.Tray] = ref
		if primary.IsZero() || p.Tray < lowest {
			primary, lowest = ref, p.Tray
		}
	}
	for _, ref := range sortedRefs(placements) {
		if !known[ref] {
			problems = append(problems, ref.String()+" reports a placement and is not in scope")
		}
	}
	if len(problems) > 0 {
		return backend.Ref{}, someOf(problems)
	}
	return primary, ""
}

// certificatesStart submits the certificates of the primary switch.
func (u *run) certificatesStart() (lifecycle.Outcome, error) {
	const skipped = "the driver has no certificate capability: passed"
	if u.h.caps.Certificates == nil {
		return lifecycle.Fire(CertificateSkipped).Because(skipped), nil
	}
	primary, problem, err := u.primary()
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	if problem != "" {
		return u.fail("no primary switch can be chosen: "+problem, refs(u.switches())...)
	}
	id, err := u.h.caps.Certificates.ConfigureCertificate(u.ctx, u.env.Key("ConfigureCertificate:"+primary.Ref.ID, 0), primary, u.r.ID())
	switch {
	case errors.Is(err, backend.ErrNotSupported):
		return lifecycle.Fire(CertificateSkipped).Because(skipped), nil
	case errors.Is(backend.Classify(err), backend.ErrPermanent):
		return u.fail(fmt.Sprintf("certificates of %s: %s", primary.Ref, err), refs(u.switches())...)
	case err != nil:
		return lifecycle.Outcome{}, err
	}
	u.r.Cycle.Primary = primary.Ref.ID
	u.r.Cycle.Jobs = []DeviceJob{{Device: primary.Ref, ID: id, State: backend.JobPending}}
	return lifecycle.Fire(CertificateJobStarted).Because("primary switch " + primary.Ref.ID), nil
}

func (u *run) certificatesWait() (lifecycle.Outcome, error) {
	var pollErr error
	if u.h.caps.Certificates != nil {
		pollErr = u.poll(func(jobs []backend.Job) (backend.Jobs, error) {
			status, err := u.h.caps.Certificates.CertificateJob(u.ctx, jobs[0])
			if err != nil {
				return nil, err
			}
			return backend.Jobs{jobs[0].Device: status}, nil
		})
	}
	t := u.tally()
	switch {
	case len(t.open) > 0:
		return u.waitForJobs("the certificates of the primary switch", t, pollErr)
	case t.failed > 0:
		return u.fail("certificates could not be installed: "+u.causes(), refs(u.switches())...)
	}
	u.r.Cycle.Jobs = nil
	return lifecycle.Fire(CertificateConfigured), nil
}

// fabricDisable turns the fabric off on every switch in scope.
func (u *run) fabricDisable() (lifecycle.Outcome, error) {
	devices := u.switches()
	err := u.h.caps.Fabric.SetFabricState(u.ctx, u.env.Key("SetFabricState:off", 0), false, devices)
	switch {
	case errors.Is(backend.Classify(err), backend.ErrPermanent), errors.Is(err, backend.ErrNotSupported):
		return u.fail("the fabric could not be turned off: "+err.Error(), refs(devices)...)
	case err != nil:
		return lifecycle.Outcome{}, err
	}
	return lifecycle.Fire(FabricDisabled).Because(fmt.Sprintf("on %d switches", len(devices))), nil
}

// fabricConfigure configures the fabric manager of the primary switch and records which switch that is.
func (u *run) fabricConfigure() (lifecycle.Outcome, error) {
	devices := u.switches()
	p, missing := u.h.profile(u.r)
	if missing != "" {
		return u.fail("the fabric manager cannot be configured without a topology: "+missing, refs(devices)...)
	}
	if p.Topology == "" {
		return u.fail("profile "+p.ID+" has no topology, which the fabric manager needs", refs(devices)...)
	}
	primary, problem, err := u.primary()
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	if problem != "" {
		return u.fail("no primary switch can be chosen: "+problem, refs(devices)...)
	}
	order := backend.FabricOrder{Topology: p.Topology, Primary: primary, Switches: devices}
	err = u.h.caps.Fabric.ConfigureFabricManager(u.ctx, u.env.Key("ConfigureFabricManager:"+primary.Ref.ID, 0), order)
	switch {
	case errors.Is(backend.Classify(err), backend.ErrPermanent), errors.Is(err, backend.ErrNotSupported):
		return u.fail(fmt.Sprintf("the fabric manager of %s could not be configured: %s", primary.Ref, err), refs(devices)...)
	case err != nil:
		return lifecycle.Outcome{}, err
	}
	u.r.Cycle.Primary = primary.Ref.ID
	for _, s := range u.kids.switches {
		if is := s.ID() == primary.Ref.ID; s.Primary != is {
			e, err := lifecycle.Edit[nvswitch.Switch](&u.env.Tx, s.Ref())
			if err != nil {
				return lifecycle.Outcome{}, err
			}
			e.Primary = is
		}
	}
	return lifecycle.Fire(FabricConfigured).Because("primary switch " + primary.Ref.ID + ", topology " + p.Topology), nil
}

// fabricWait polls until every switch reports and the primary runs.
func (u *run) fabricWait() (lifecycle.Outcome, error) {
	devices := u.switches()
	found, err := u.h.caps.Fabric.FabricStatus(u.ctx, devices)
	var silent, broken []string
	var missing []backend.Ref
	running := false
	for _, s := range u.kids.switches {
		if !u.r.Cycle.Scope.has(s.Ref()) {
			continue
		}
		report, ok := found[s.Ref()]
		if !ok {
			silent, missing = append(silent, s.ID()+" does not report"), append(missing, s.Ref())
			continue
		}
		if err := u.writeFabric(s, report); err != nil {
			return lifecycle.Outcome{}, err
		}
		primary := s.Primary || s.ID() == u.r.Cycle.Primary
		switch {
		case report.Error != "":
			broken = append(broken, s.ID()+": "+report.Error)
		case primary && report.State == backend.FabricOK:
			running = true
		case primary:
			silent, missing = append(silent, fmt.Sprintf("primary %s is %s %s", s.ID(), report.State, report.Reason)), append(missing, s.Ref())
		case report.State != backend.FabricOK && report.Reason == "": // the switch itself waits for one of the two
			silent, missing = append(silent, fmt.Sprintf("%s is %s and gives no reason", s.ID(), report.State)), append(missing, s.Ref())
		}
	}
	if len(broken) > 0 {
		u.results(devices, backend.ResultFailed, someOf(broken))
		return u.fail("the fabric has faults: "+someOf(broken), refs(devices)...)
	}
	if len(missing) == 0 && !running {
		return u.fail("the primary switch "+u.r.Cycle.Primary+" is gone, and the fabric manager with it", refs(devices)...)
	}
	if len(missing) > 0 {
		observes := someOf(silent)
		if err != nil {
			observes += "; the last poll failed: " + err.Error()
		}
		return u.wait("the fabric of its switches", observes, missing...)
	}
	u.results(devices, backend.ResultOK, "")
	return u.done(fmt.Sprintf("the fabric runs on %d switches", len(devices)), refs(devices)...)
}

func (u *run) results(devices []backend.Device, status backend.ResultStatus, text string) {
	for _, d := range devices {
		u.result(backend.Result{Target: d.Ref, Status: status, Error: text})
	}
}

// writeFabric brings the switch's fabric_manager_status up to date.
func (u *run) writeFabric(s *nvswitch.Switch, report backend.FabricReport) error {
	now := u.env.Now()
	next := lifecycle.FabricStatus{StartedAt: now}
	if s.Fabric != nil && s.Fabric.Cycle == u.r.Cycle.ID {
		next = *s.Fabric
	}
	if next.Status != report.State {
		next.EndedAt = now
	}
	next.Status, next.Reason, next.Error, next.Cycle = report.State, report.Reason, report.Error, u.r.Cycle.ID
	if s.Fabric != nil && *s.Fabric == next {
		return nil
	}
	e, err := lifecycle.Edit[nvswitch.Switch](&u.env.Tx, s.Ref())
	if err != nil {
		return err
	}
	e.Fabric = &next
	return nil
}
