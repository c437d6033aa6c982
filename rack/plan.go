package rack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Plan is what a maintenance would do. It is made by the functions that the run follows, from what is known now.
type Plan struct {
	// Rack is the id of the rack.
	Rack string
	// Activities are what would be done, in order. One that would be skipped is listed with the reason.
	Activities []ActivityPlan
	// Refused are the reasons why the request would be refused. Empty: it would be accepted.
	Refused []string
	// Blocked says why an accepted request would wait before it begins: holds, or too many racks in maintenance. Empty: it would begin at once.
	Blocked string
	// Assigned are the machines in scope that have a tenant.
	Assigned []string
}

// ActivityPlan is what one activity would do.
type ActivityPlan struct {
	// Name is the activity.
	Name ActivityName
	// Installs is the id of the firmware or switch image, Power what a power sequence does.
	Installs string
	Power    PowerMode
	// Devices are what it touches.
	Devices []backend.Ref
	// LeftOut are devices in scope that it would not touch, with the reason.
	LeftOut []backend.Result
	// Skip says why nothing would be done. Empty: it would be.
	Skip string
	// Fails says why the maintenance would fail here before any hardware is asked. Empty: it would not.
	Fails string
	// Usual is within which time it should be done: the SLA of the activity. Zero when it is skipped.
	Usual time.Duration

	devices []backend.Device
	entry   backend.FirmwareEntry
}

// errPlanned ends the look at the rack without writing anything.
var errPlanned = errors.New("planned")

// Plan says what a maintenance request would do, and writes nothing. The error wraps backend.ErrNotFound when there is no such rack; reasons for which the request would
// be refused are part of the plan.
func (m *Manager) Plan(ctx context.Context, q MaintenanceRequest) (*Plan, error) {
	var plan *Plan
	err := m.ctl.Apply(ctx, func(tx *lifecycle.Tx) (err error) {
		if plan, err = m.racks.plan(ctx, tx, q); err != nil {
			return err
		}
		return errPlanned
	})
	if !errors.Is(err, errPlanned) {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return plan, nil
}

func (h *handler) plan(ctx context.Context, tx *lifecycle.Tx, q MaintenanceRequest) (*Plan, error) {
	r, err := lifecycle.Edit[Rack](tx, Ref(q.Rack))
	if err != nil {
		return nil, err
	}
	plan := &Plan{Rack: q.Rack, Assigned: assignedIn(tx, r, q.Scope)}
	params := Maintenance{Scope: q.Scope, DisturbTenants: q.DisturbTenants}
	var refused *multierror.Error
	if errors.As(checkMaintenance(tx, r, params), &refused) {
		for _, e := range refused.Errors {
			plan.Refused = append(plan.Refused, e.Error())
		}
	}
	if r.Deleted() {
		plan.Refused = append(plan.Refused, r.Ref().String()+" is marked deleted")
	}
	env := &lifecycle.Env{Tx: *tx}
	kids := lookAtChildren(tx, r.ID())
	plan.Blocked = h.blocked(r, env, kids, q.Scope)
	if hold, held := r.Held(tx.Now()); held {
		plan.Blocked = r.Ref().String() + " is held: " + hold.String()
	}
	r.Cycle = &Cycle{ID: "plan", Scope: q.Scope.clone(), DisturbTenants: q.DisturbTenants}
	for name := ActivityName(""); ; {
		a, ok := q.Scope.next(name)
		if !ok {
			return plan, nil
		}
		name = a.Name
		u := &run{h: h, ctx: ctx, r: r, env: env, kids: kids, activity: a}
		one, err := u.planned()
		if err != nil {
			return nil, err
		}
		for _, res := range r.Cycle.Results {
			if res.Status == backend.ResultSkipped && res.Activity == string(a.Name) {
				one.LeftOut = append(one.LeftOut, res)
			}
		}
		plan.Activities = append(plan.Activities, one)
	}
}

// planned says what the activity of the run will do. The steps that begin an activity follow it.
func (u *run) planned() (ActivityPlan, error) {
	p := ActivityPlan{Name: u.activity.Name}
	var err error
	switch u.activity.Name {
	case FirmwareUpgrade:
		err = u.planFirmware(&p)
	case NvosUpdate:
		err = u.planNVOS(&p)
	case ConfigureNmxCluster:
		err = u.planCluster(&p)
	default:
		u.planPower(&p)
	}
	if err != nil {
		return p, backend.NotDone(err) // no hardware was asked for anything
	}
	if p.Skip != "" || p.Fails != "" {
		p.devices = nil
	} else {
		p.Usual = usual(p.Name, u.activity.mode())
	}
	p.Devices = refs(p.devices)
	return p, nil
}

// usual is the SLA of an activity.
func usual(name ActivityName, mode PowerMode) time.Duration {
	entry := Activity{Name: name, Power: mode}.entry()
	for _, s := range states {
		if s.State == entry {
			return s.SLA
		}
	}
	return 0
}

func (u *run) planFirmware(p *ActivityPlan) error {
	entry, skip, err := u.firmware()
	p.Installs, p.entry = entry.ID, entry
	switch {
	case errors.Is(err, backend.ErrNotFound):
		p.Fails = err.Error()
	case err != nil:
		return err
	case skip != "":
		p.Skip = skip
	case u.h.caps.Firmware == nil:
		p.Skip = "the driver has no firmware capability"
	default:
		if p.devices = u.firmwareTargets(entry); len(p.devices) == 0 {
			p.Skip = "no device in scope"
		}
	}
	return nil
}

func (u *run) planNVOS(p *ActivityPlan) error {
	if p.Skip = u.nvosSkip(u.activity); p.Skip != "" {
		return nil
	}
	p.Installs, _ = u.image(u.activity)
	p.devices = u.switches()
	missing, err := u.withoutNVOS(p.devices)
	if missing != "" {
		p.Fails = "switch images cannot be updated: " + missing
	}
	return err
}

func (u *run) planCluster(p *ActivityPlan) error {
	if p.Skip = u.clusterSkip(); p.Skip != "" {
		return nil
	}
	p.devices = u.switches()
	missing, err := u.withoutNVOS(p.devices)
	if missing != "" {
		p.Fails = "the fabric cannot be configured: " + missing
	}
	return err
}

func (u *run) planPower(p *ActivityPlan) {
	p.Power = u.activity.mode()
	p.devices = u.targets()
	tenants := u.tenants()
	switch {
	case tenants != "" && p.Power != SequenceOn && len(u.switches())+len(u.shelves()) > 0:
		p.Skip = "it would take the power or the fabric from machines with a tenant: " + tenants
	case u.h.caps.Power == nil:
		p.Skip = "the driver has no power capability"
	case len(p.devices) == 0:
		p.Skip = "no device in scope"
	}
}

// tenants names the machines in scope that must not be disturbed.
func (u *run) tenants() string {
	var out []string
	for _, m := range u.kids.machines {
		if u.r.Cycle.Scope.has(m.Ref()) && m.In("Assigned") && !u.r.Cycle.DisturbTenants {
			out = append(out, m.ID())
		}
	}
	return someOf(out)
}

// String prints the plan for people.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan for rack %s\n", p.Rack)
	for _, why := range p.Refused {
		fmt.Fprintf(&b, "  refused: %s\n", why)
	}
	if p.Blocked != "" {
		fmt.Fprintf(&b, "  waits: %s\n", p.Blocked)
	}
	if len(p.Assigned) > 0 {
		fmt.Fprintf(&b, "  machines with a tenant: %s\n", strings.Join(p.Assigned, ", "))
	}
	for i, a := range p.Activities {
		fmt.Fprintf(&b, "  %d. %-20s %s\n", i+1, a.Name, a.text())
		for _, res := range a.LeftOut {
			fmt.Fprintf(&b, "     without %s: %s\n", res.Target, res.Error)
		}
	}
	return b.String()
}

func (a ActivityPlan) text() string {
	switch {
	case a.Fails != "":
		return "fails: " + a.Fails
	case a.Skip != "":
		return "skipped: " + a.Skip
	}
	what := ""
	if a.Installs != "" {
		what = "installs " + a.Installs + " "
	}
	if a.Power != "" {
		what = string(a.Power) + " "
	}
	texts := make([]string, len(a.Devices))
	for i, ref := range a.Devices {
		texts[i] = ref.ID
	}
	return fmt.Sprintf("%son %d devices, usually within %s: %s", what, len(a.Devices), a.Usual, someOf(texts))
}
