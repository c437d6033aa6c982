package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// Maintenance are the parameters of a maintenance request on a rack.
type Maintenance struct {
	Scope Scope `json:"scope"`
	// DisturbTenants says that assigned machines in scope may be touched.
	DisturbTenants bool `json:"disturb_tenants,omitempty"`
}

// Power are the parameters of a power request on a rack.
type Power struct {
	// Operation is backend.ActionPowerOn.
	Operation backend.PowerAction `json:"operation"`
}

// TypeRecover is the type of the request by which an operator acknowledges what a failed maintenance left: its alerts are removed.
const TypeRecover = "recover"

// Recover are the parameters of a recover request.
type Recover struct {
	// Note says what was looked at. Required.
	Note string `json:"note"`
}

func (h *handler) requestTypes() []lifecycle.RequestType[Rack] {
	return []lifecycle.RequestType[Rack]{
		{Type: lifecycle.TypeMaintenance, Doc: "update, configure or power-cycle the rack, or parts of it", In: in(Ready, Error), Accept: acceptMaintenance},
		{Type: lifecycle.TypeReprovision, Doc: "maintain the full rack with its defaults, in place of a pending maintenance", In: in(Ready), Accept: acceptReprovision},
		{Type: TypePower, Doc: "switch a rack in PoweredOff on again", In: in(PoweredOff), Accept: acceptPower},
		{Type: TypeRecover, Doc: "acknowledge what a failed maintenance left on the devices", In: in(Error), Accept: acceptRecover},
		{Type: lifecycle.ForceDelete, Doc: "delete the rack and what is inside it, whatever it is doing", Accept: acceptForceDelete},
	}
}

func in(states ...State) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = string(s)
	}
	return out
}

// acceptMaintenance applies the rules of acceptance and reports all problems together.
func acceptMaintenance(tx *lifecycle.Tx, r *Rack, req *backend.Request) error {
	params, err := lifecycle.Params[Maintenance](req)
	if err != nil {
		return err
	}
	return checkMaintenance(tx, r, params)
}

func checkMaintenance(tx *lifecycle.Tx, r *Rack, params Maintenance) error {
	var problems *multierror.Error
	add := func(format string, args ...any) { problems = multierror.Append(problems, fmt.Errorf(format, args...)) }
	if s := State(r.State()); s != Ready && s != Error {
		add("rack %s is in %s; maintenance is accepted in %s and %s", r.ID(), s, Ready, Error)
	}
	for _, open := range tx.Requests(r.Ref(), lifecycle.TypeMaintenance) {
		add("maintenance request %s of %s is %s already", open.ID, open.Initiator, open.State)
	}
	problems = multierror.Append(problems, checkDevices(tx, r, params.Scope)...)
	problems = multierror.Append(problems, checkActivities(params.Scope.Activities)...)
	if !params.DisturbTenants {
		if assigned := assignedIn(tx, r, params.Scope); len(assigned) > 0 {
			add("machines %s are assigned; say that tenants may be disturbed, or leave them out", strings.Join(assigned, ", "))
		}
	}
	return problems.ErrorOrNil()
}

// checkDevices reports ids that are malformed, named twice or not of this rack, and lists that are there and empty.
func checkDevices(tx *lifecycle.Tx, r *Rack, s Scope) []error {
	var out []error
	for _, list := range []struct {
		name string
		kind backend.Kind
		ids  []string
	}{{"machines", backend.KindMachine, s.Machines}, {"switches", backend.KindSwitch, s.Switches}, {"power_shelves", backend.KindPowerShelf, s.PowerShelves}} {
		if list.ids != nil && len(list.ids) == 0 {
			out = append(out, fmt.Errorf("the list of %s is there and empty; leave it out for none of them, or leave all lists out for the whole rack", list.name))
		}
		for i, id := range list.ids {
			ref := backend.Ref{Kind: list.kind, ID: id}
			switch rack, deleted, known := whereIs(tx, ref); {
			case backend.CheckID(id) != nil:
				out = append(out, fmt.Errorf("%s[%d]: %w", list.name, i, backend.CheckID(id)))
			case slices.Contains(list.ids[:i], id):
				out = append(out, fmt.Errorf("%s is named twice", ref))
			case !known:
				out = append(out, fmt.Errorf("%s is not known; it is not in rack %s", ref, r.ID()))
			case rack != r.ID():
				out = append(out, fmt.Errorf("%s belongs to rack %s, not to rack %s", ref, rack, r.ID()))
			case deleted:
				out = append(out, fmt.Errorf("%s is marked deleted", ref))
			}
		}
	}
	return out
}

func whereIs(tx *lifecycle.Tx, ref backend.Ref) (rack string, deleted, known bool) {
	var o *lifecycle.Object
	switch ref.Kind {
	case backend.KindMachine:
		if m, ok := lifecycle.Look[machine.Machine](tx, ref); ok {
			o = &m.Object
		}
	case backend.KindSwitch:
		if s, ok := lifecycle.Look[nvswitch.Switch](tx, ref); ok {
			o = &s.Object
		}
	default:
		if p, ok := lifecycle.Look[powershelf.PowerShelf](tx, ref); ok {
			o = &p.Object
		}
	}
	if o == nil {
		return "", false, false
	}
	return o.Rack(), o.Deleted(), true
}

// checkActivities reports unknown and repeated activities, and parameters that belong to another one.
func checkActivities(activities []Activity) []error {
	var out []error
	if activities != nil && len(activities) == 0 {
		out = append(out, errors.New("the list of activities is there and empty; leave it out for all of them"))
	}
	for i, a := range activities {
		if !slices.Contains(activityOrder, a.Name) {
			out = append(out, fmt.Errorf("activity %q is not known; use %s", a.Name, joinNames(activityOrder)))
			continue
		}
		if slices.ContainsFunc(activities[:i], func(o Activity) bool { return o.Name == a.Name }) {
			out = append(out, fmt.Errorf("activity %s is named twice", a.Name))
		}
		if a.Name != FirmwareUpgrade && (a.Firmware != "" || len(a.Components) > 0 || a.Force) {
			out = append(out, fmt.Errorf("activity %s takes no firmware, components or force; %s does", a.Name, FirmwareUpgrade))
		}
		if a.Name != NvosUpdate && a.Image != "" {
			out = append(out, fmt.Errorf("activity %s takes no image; %s does", a.Name, NvosUpdate))
		}
		if a.Name != PowerSequence && a.Power != "" {
			out = append(out, fmt.Errorf("activity %s takes no power; %s does", a.Name, PowerSequence))
		}
		if m := a.mode(); m != SequenceReset && m != SequenceOn && m != SequenceOff {
			out = append(out, fmt.Errorf("power %q is not known; use %s, %s or %s", m, SequenceOn, SequenceOff, SequenceReset))
		}
	}
	return out
}

func joinNames(list []ActivityName) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}

func assignedIn(tx *lifecycle.Tx, r *Rack, s Scope) []string {
	var out []string
	for _, m := range lifecycle.Members[machine.Machine](tx, r.ID()) {
		if s.has(m.Ref()) && m.In("Assigned") && !m.Deleted() {
			out = append(out, m.ID())
		}
	}
	return out
}

// acceptReprovision takes a request in Ready. It stays pending until the rack acts on it.
func acceptReprovision(_ *lifecycle.Tx, r *Rack, _ *backend.Request) error {
	switch State(r.State()) {
	case Ready:
		return nil
	default:
		return fmt.Errorf("rack %s is in %s; a reprovision is accepted in %s", r.ID(), r.State(), Ready)
	}
}

func acceptPower(tx *lifecycle.Tx, r *Rack, req *backend.Request) error {
	var problems *multierror.Error
	params, err := lifecycle.Params[Power](req)
	if err != nil {
		return err
	}
	if params.Operation != backend.ActionPowerOn {
		problems = multierror.Append(problems, fmt.Errorf("operation %q is not known; use %s", params.Operation, backend.ActionPowerOn))
	}
	if State(r.State()) != PoweredOff {
		problems = multierror.Append(problems, fmt.Errorf("rack %s is in %s; a power request is accepted in %s", r.ID(), r.State(), PoweredOff))
	}
	if open := tx.Requests(r.Ref(), TypePower); len(open) > 0 {
		problems = multierror.Append(problems, fmt.Errorf("power request %s is %s already", open[0].ID, open[0].State))
	}
	return problems.ErrorOrNil()
}

func acceptRecover(_ *lifecycle.Tx, r *Rack, req *backend.Request) error {
	params, err := lifecycle.Params[Recover](req)
	if err != nil {
		return err
	}
	var problems *multierror.Error
	if strings.TrimSpace(params.Note) == "" {
		problems = multierror.Append(problems, errors.New("it has no note; say what was looked at"))
	}
	if State(r.State()) != Error {
		problems = multierror.Append(problems, fmt.Errorf("rack %s is in %s; recover is accepted in %s", r.ID(), r.State(), Error))
	}
	return problems.ErrorOrNil()
}

func acceptForceDelete(tx *lifecycle.Tx, r *Rack, req *backend.Request) error {
	r.Deletion = &lifecycle.Deletion{At: tx.Now(), Initiator: req.Initiator, Force: true}
	return nil
}

// MaintenanceRequest asks for the maintenance of a rack.
type MaintenanceRequest struct {
	// ID is the request's id. Empty: one is made.
	ID string
	// Rack is the id of the rack.
	Rack string
	// Scope is what it is about; FullRack() is the whole rack.
	Scope Scope
	// DisturbTenants says that assigned machines in scope may be touched.
	DisturbTenants bool
	// User and Reference say who asks; see lifecycle.InitiatorText.
	User, Reference string
}

// RequestMaintenance asks for the maintenance of a rack. Accepted is not done: the request has a state of its own, and one result for each device and activity in the
// end. The error is a *lifecycle.RejectedError that lists all problems; nothing was written then.
func (m *Manager) RequestMaintenance(ctx context.Context, q MaintenanceRequest) (backend.Request, error) {
	posted, err := m.ctl.Request(ctx, lifecycle.NewRequest{
		ID: q.ID, Type: lifecycle.TypeMaintenance, Initiator: lifecycle.InitiatorText(q.User, q.Reference),
		Reference: q.Reference, Params: Maintenance{Scope: q.Scope, DisturbTenants: q.DisturbTenants},
	}, Ref(q.Rack))
	if err != nil {
		return backend.Request{}, err
	}
	return posted[0], nil
}
