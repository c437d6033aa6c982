package rack

import (
	"errors"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// The sources of the alerts that racks put on devices. The strings are stored and must not change.
const (
	AlertMaintenance = "rack-maintenance"
	AlertValidation  = "rack-validation"
)

// fail ends the maintenance in Error. Devices that failed the activity, or on which it may be half done, get an alert that forbids allocation, so that healthy
// children never hide what was left unfinished.
func (u *run) fail(cause string, hurt ...backend.Ref) (lifecycle.Outcome, error) {
	if err := u.alert(cause, hurt); err != nil {
		return lifecycle.Outcome{}, err
	}
	u.r.Cause, u.r.Origin = cause, OriginMaintenance
	u.r.Resume(u.env.Now()) // a hold on a device stops the clock in maintenance only
	u.wakeWaiting()
	out := lifecycle.Fire(MaintenanceFailed).Because(cause)
	if power, ok := u.env.Started(TypePower); ok {
		if err := u.env.Fail(power.ID, cause); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	if err := u.dropPower(cause); err != nil {
		return lifecycle.Outcome{}, err
	}
	if req, ok := u.request(); ok {
		return out.By(req.Initiator), u.env.Fail(req.ID, cause, slices.Clone(u.r.Cycle.Results)...)
	}
	return out, nil
}

// alert puts an alert on devices that the activity leaves unfinished, and records that it failed on them.
func (u *run) alert(cause string, hurt []backend.Ref) error {
	for _, ref := range hurt {
		o, err := u.env.Object(ref)
		if errors.Is(err, backend.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		o.AddAlert(lifecycle.Alert{
			ID: string(u.activity.Name), Source: AlertMaintenance, Message: cause,
			Classifications: []lifecycle.Classification{lifecycle.PreventAllocations},
		})
		if !u.has(ref) {
			u.result(backend.Result{Target: ref, Status: backend.ResultFailed, Error: cause, Retryable: true})
		}
	}
	return nil
}

// has reports whether the running activity has a final result for a device.
func (u *run) has(ref backend.Ref) bool {
	return slices.ContainsFunc(u.r.Cycle.Results, func(o backend.Result) bool {
		return o.Target == ref && o.Activity == string(u.activity.Name) && o.Status != backend.ResultRunning
	})
}

// clearAlert removes the alert of an earlier failure of this activity.
func (u *run) clearAlert(ref backend.Ref) error {
	for _, o := range u.objects() {
		if o.Ref() != ref || !slices.ContainsFunc(o.Alerts, func(a lifecycle.Alert) bool { return a.Source == AlertMaintenance && a.ID == string(u.activity.Name) }) {
			continue
		}
		edit, err := u.env.Object(ref)
		if err != nil {
			return err
		}
		edit.RemoveAlert(AlertMaintenance, string(u.activity.Name))
	}
	return nil
}

func (u *run) objects() []*lifecycle.Object {
	var out []*lifecycle.Object
	u.kids.each(func(o *lifecycle.Object, _ bool) { out = append(out, o) })
	return out
}

// cancelled ends the maintenance because somebody asked to. What was submitted may still run: the results say on which devices.
func (u *run) cancelled(req backend.Request) (lifecycle.Outcome, error) {
	cause := "maintenance cancelled by " + req.CancelledBy
	for _, job := range u.r.Cycle.Jobs {
		if !job.State.Terminal() {
			u.result(backend.Result{Target: job.Device, Status: backend.ResultRunning, JobID: job.ID, Error: "the job was submitted and may still run"})
		}
	}
	if last := u.env.LastOutcome(); last.Kind == backend.OutcomeError && u.submits() {
		for _, d := range u.targets() {
			u.result(backend.Result{Target: d.Ref, Status: backend.ResultRunning, Error: "it may have been begun and may still run: " + last.Reason})
		}
	}
	for _, ref := range u.r.Cycle.Asked {
		u.result(backend.Result{Target: ref, Status: backend.ResultRunning, Error: "its power was being changed"})
	}
	if u.activity.Name == PowerSequence && u.h.caps.Power != nil { // a device without power must not be given to anybody
		if err := u.alert(cause, u.leftOff(nil)); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	if power, ok := u.env.Started(TypePower); ok {
		if err := u.env.End(u.env.Self(), power.ID, backend.RequestCancelled, cause); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	if err := u.dropPower(cause); err != nil {
		return lifecycle.Outcome{}, err
	}
	u.r.Cause, u.r.Origin = cause, OriginMaintenance
	u.r.Resume(u.env.Now()) // a hold on a device stops the clock in maintenance only
	u.wakeWaiting()
	return lifecycle.Fire(MaintenanceFailed).Because(cause).By(req.CancelledBy),
		u.env.End(u.env.Self(), req.ID, backend.RequestCancelled, cause, slices.Clone(u.r.Cycle.Results)...)
}

// submits reports whether the state is one that begins work on devices.
func (u *run) submits() bool {
	switch State(u.r.State()) {
	case FirmwareStart, NVOSStart, CertificatesStart, FabricDisable, FabricConfigure:
		return true
	default:
		return false
	}
}

// dropPower ends the power requests that nobody will take up any more: one that stayed would switch a later maintenance on again.
func (u *run) dropPower(cause string) error {
	for _, req := range u.env.Open(TypePower) {
		if req.State != backend.RequestPending {
			continue
		}
		if err := u.env.End(u.env.Self(), req.ID, backend.RequestWithdrawn, cause); err != nil {
			return err
		}
	}
	return nil
}

// wakeWaiting wakes the racks that wait for this one to come out of maintenance.
func (u *run) wakeWaiting() { u.h.wakeWaiting(u.env, u.r) }

func (h *handler) wakeWaiting(env *lifecycle.Env, r *Rack) {
	if !h.set.limited() {
		return
	}
	for _, o := range lifecycle.All[Rack](&env.Tx, backend.KindRack) {
		if o.Ref() != r.Ref() && (wantsReprovision(&env.Tx, o) || len(env.Requests(o.Ref(), lifecycle.TypeMaintenance)) > 0) {
			env.Wake(o.Ref())
		}
	}
}
