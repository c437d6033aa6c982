package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// ready looks in the order of the design: topology, reprovision, maintenance, failed components.
func (h *handler) ready(_ context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if r.TopologyChanged {
		r.TopologyChanged = false
		return lifecycle.Fire(TopologyChanged).Because("a device arrived or is gone"), nil
	}
	kids := lookAtChildren(&env.Tx, r.ID())
	blocked := ""
	if wantsReprovision(&env.Tx, r) {
		if blocked = h.blocked(r, env, kids, FullRack()); blocked == "" {
			return h.reprovision(r, env)
		}
	} else if req, ok := env.Pending(lifecycle.TypeMaintenance); ok {
		out, why, err := h.takeUp(r, env, kids, req)
		if why == "" || err != nil {
			return out, err
		}
		blocked = why
	}
	if failures := kids.failures(h.set.FirmwareRetryLimit); failures != "" {
		r.Cause, r.Origin = failures, OriginComponent
		return lifecycle.Fire(ComponentFailed).Because(failures), nil
	}
	if blocked != "" {
		return lifecycle.Wait("its maintenance to begin", blocked, 0), nil
	}
	return lifecycle.Nothing(), nil
}

// failed honours a maintenance request, and recovers when all children are healthy.
func (h *handler) failed(_ context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if req, ok := env.Pending(TypeRecover); ok {
		if err := h.recover(r, env, req); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	kids := lookAtChildren(&env.Tx, r.ID())
	var reasons []string
	if req, ok := env.Pending(lifecycle.TypeMaintenance); ok {
		out, why, err := h.takeUp(r, env, kids, req)
		if why == "" || err != nil {
			return out, err
		}
		reasons = append(reasons, "its maintenance waits: "+why)
	}
	if wantsReprovision(&env.Tx, r) {
		reasons = append(reasons, "its reprovision waits until the rack is ready")
	}
	away, sick := kids.stragglers(), kids.unhealthy()
	empty := len(kids.machines)+len(kids.switches)+len(kids.shelves) == 0
	if empty {
		reasons = append(reasons, "it has no device")
	}
	if len(away) > 0 {
		reasons = append(reasons, someOf(away))
	}
	if len(sick) > 0 {
		reasons = append(reasons, someOf(sick))
	}
	if empty || len(away) > 0 || len(sick) > 0 {
		return lifecycle.Wait("all its devices to be ready and healthy, or maintenance", r.Cause+"; "+strings.Join(reasons, "; "), 0), nil
	}
	cause := r.Cause
	r.Cause, r.Origin = "", ""
	return lifecycle.Fire(ComponentsRecovered).Because("all devices are ready and healthy; it was in Error because: " + cause), nil
}

// recover removes the alerts of failed maintenances, and of validations that gave no result, from the devices: a person has looked at them.
func (h *handler) recover(r *Rack, env *lifecycle.Env, req backend.Request) error {
	params, err := lifecycle.Params[Recover](&req)
	if err != nil {
		return err
	}
	for _, o := range h.members(env, r.ID()) {
		if !slices.ContainsFunc(o.Alerts, func(a lifecycle.Alert) bool { return a.Source == AlertMaintenance }) {
			continue
		}
		edit, err := env.Object(o.Ref())
		if err != nil {
			return err
		}
		edit.Report(AlertMaintenance)
	}
	return errors.Join(h.acknowledge(r, env), env.Finish(req.ID, params.Note))
}

// acknowledge removes the alerts of validations that gave no result.
func (h *handler) acknowledge(r *Rack, env *lifecycle.Env) error {
	for _, o := range h.members(env, r.ID()) {
		if !slices.ContainsFunc(o.Alerts, func(a lifecycle.Alert) bool { return a.Source == AlertValidation && a.ID == alertTimeout }) {
			continue
		}
		edit, err := env.Object(o.Ref())
		if err != nil {
			return err
		}
		edit.RemoveAlert(AlertValidation, alertTimeout)
	}
	return nil
}

// takeUp starts a pending maintenance request, or says why it cannot start yet.
func (h *handler) takeUp(r *Rack, env *lifecycle.Env, kids children, req backend.Request) (out lifecycle.Outcome, blocked string, err error) {
	params, err := lifecycle.Params[Maintenance](&req)
	if err != nil {
		return lifecycle.Nothing(), "", env.End(env.Self(), req.ID, backend.RequestRejected, err.Error())
	}
	if blocked = h.blocked(r, env, kids, params.Scope); blocked != "" {
		return out, blocked, nil
	}
	h.begin(r, env, params.Scope, &req, req.Initiator)
	r.Cycle.DisturbTenants = params.DisturbTenants
	first, _ := params.Scope.next("")
	return lifecycle.FireTo(MaintenanceRequested, first.entry()).Because("request " + req.ID).By(req.Initiator), "", env.Begin(req.ID)
}

// reprovision starts a maintenance of the full rack with its defaults, in place of a pending request.
func (h *handler) reprovision(r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	p, missing := h.profile(r)
	if missing != "" {
		return lifecycle.Wait("its profile", missing, 0), nil
	}
	note := "reprovision of the full rack"
	for _, req := range env.Open(lifecycle.TypeMaintenance) {
		if err := env.End(env.Self(), req.ID, backend.RequestSuperseded, note); err != nil {
			return lifecycle.Outcome{}, err
		}
		note += "; supersedes maintenance request " + req.ID
	}
	for _, req := range env.Open(lifecycle.TypeReprovision) {
		if err := env.Finish(req.ID, "the maintenance has begun"); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	r.ReprovisionRequested = false
	h.begin(r, env, FullRack(h.defaultActivities(p)...), nil, lifecycle.RackInitiator(r.ID()))
	return lifecycle.Fire(ReprovisionRequested).Because(note), nil
}

// blocked says why a maintenance of that scope cannot start now: held devices, or too many racks in maintenance. It is empty when it can.
func (h *handler) blocked(r *Rack, env *lifecycle.Env, kids children, scope Scope) string {
	if held := heldIn(kids, scope, env.Now()); held != "" {
		return held
	}
	if !h.set.limited() {
		return ""
	}
	inside, ahead := 0, 0
	mine := h.queued(r, env)
	all := lifecycle.All[Rack](&env.Tx, backend.KindRack)
	limit := h.set.limit(len(all))
	for _, o := range all {
		switch {
		case o.Ref() == r.Ref():
		case o.In(string(inMaintenance)) && State(o.State()) != PoweredOff:
			inside++
		case h.waits(o, env) && h.queued(o, env).before(mine):
			ahead++
		}
	}
	if inside+ahead < limit {
		return ""
	}
	return fmt.Sprintf("%d racks are in maintenance and %d are ahead of it; at most %d at once", inside, ahead, limit)
}

// waits reports whether another rack could start if there were room: it stands in the line.
func (h *handler) waits(o *Rack, env *lifecycle.Env) bool {
	if o.Deleted() || o.TopologyChanged && State(o.State()) == Ready {
		return false
	}
	if _, held := o.Held(env.Now()); held {
		return false
	}
	scope := FullRack()
	switch State(o.State()) {
	case Ready:
	case Error:
		if len(h.pending(o, env)) == 0 {
			return false
		}
	default:
		return false
	}
	if wantsReprovision(&env.Tx, o) && State(o.State()) == Ready {
		if _, missing := h.profile(o); missing != "" {
			return false
		}
	} else {
		open := h.pending(o, env)
		if len(open) == 0 {
			return false
		}
		params, err := lifecycle.Params[Maintenance](&open[0])
		if err != nil {
			return false
		}
		scope = params.Scope
	}
	return heldIn(lookAtChildren(&env.Tx, o.ID()), scope, env.Now()) == ""
}

// wantsReprovision reports whether a reprovision was asked for, by the flag or by a request.
func wantsReprovision(tx *lifecycle.Tx, o *Rack) bool {
	return o.ReprovisionRequested || len(tx.Requests(o.Ref(), lifecycle.TypeReprovision)) > 0
}

func (h *handler) pending(o *Rack, env *lifecycle.Env) []backend.Request {
	return slices.DeleteFunc(slices.Clone(env.Requests(o.Ref(), lifecycle.TypeMaintenance)), func(r backend.Request) bool { return r.State != backend.RequestPending })
}

// place is a rack's place in the line for maintenance: the oldest request goes first, of equals the rack with the lesser id.
type place struct {
	at int64
	id string
}

func (p place) before(o place) bool { return p.at < o.at || p.at == o.at && p.id < o.id }

func (h *handler) queued(o *Rack, env *lifecycle.Env) place {
	if open := append(h.pending(o, env), env.Requests(o.Ref(), lifecycle.TypeReprovision)...); len(open) > 0 {
		return place{at: open[0].At.UnixMicro(), id: o.ID()}
	}
	return place{at: o.Since().UnixMicro(), id: o.ID()}
}
