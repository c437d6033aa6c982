package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// run is one pass over a rack that is in an activity of a maintenance.
type run struct {
	h        *handler
	ctx      context.Context
	r        *Rack
	env      *lifecycle.Env
	kids     children
	activity Activity
	// missing are the devices that the pass waits for.
	missing []backend.Ref
	// waits says that the step ended in a wait.
	waits bool
}

// step is what a state of an activity does.
type step func(u *run) (lifecycle.Outcome, error)

// during wraps a step with what holds in every state of an activity: cancelling, holds on devices, the deadline.
func (h *handler) during(name ActivityName, do func(*run) (lifecycle.Outcome, error)) lifecycle.Handler[Rack] {
	return func(ctx context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if r.Cycle == nil {
			r.Cycle = &Cycle{ID: fmt.Sprintf("%s-%d", r.ID(), r.Transitions()), Scope: FullRack()}
		}
		u := &run{h: h, ctx: ctx, r: r, env: env, kids: lookAtChildren(&env.Tx, r.ID())}
		u.activity, _ = r.Cycle.Scope.activity(name)
		if req, ok := u.request(); ok && req.CancelledBy != "" {
			return u.cancelled(req)
		}
		if name == ConfigureNmxCluster && len(u.switches()) == 0 { // also when the last one went meanwhile
			return u.done("skipped: no switch in scope")
		}
		return u.bounded(do)
	}
}

// bounded runs a step, with the clock stopped while a device in scope is held, and fails the maintenance when it waits past the deadline.
func (u *run) bounded(do step) (lifecycle.Outcome, error) {
	now := u.env.Now()
	held := u.held()
	if held != "" {
		u.r.Pause(heldSince(u.kids, u.r, u.r.Cycle.Scope, now))
		if !u.polls() {
			return lifecycle.Wait("its devices to be released", held, 0), nil
		}
	} else if out, resumed := released(u.r, now); resumed {
		return out, nil
	}
	out, err := do(u)
	deadline := u.h.deadline(u.activity.Name)
	late := u.r.Elapsed(now) >= deadline
	switch {
	case !late || held != "" || err == nil && !u.waits:
		return out, err
	case err != nil:
		return u.fail(fmt.Sprintf("%s timed out after %s: %s", u.activity.Name, deadline, err), u.halfDone(err)...)
	default:
		return u.fail(fmt.Sprintf("%s timed out after %s; still waiting for %s", u.activity.Name, deadline, names(u.missing)), u.halfDone(nil)...)
	}
}

// released lets the clock of a rack run again that stood still for held devices. That is a pass of its own: the error of a step would take it back, and no deadline would ever come.
func released(r *Rack, now time.Time) (out lifecycle.Outcome, resumed bool) {
	if r.PausedSince.IsZero() {
		return out, false
	}
	r.Resume(now)
	return lifecycle.Wait("its next step", "its devices are released", time.Millisecond), true
}

// heldSince is since when devices in scope are held, as far as the rack was in its state by then: nobody may have looked since.
func heldSince(kids children, r *Rack, scope Scope, now time.Time) time.Time {
	since := now
	kids.each(func(o *lifecycle.Object, _ bool) {
		if _, held := o.Held(now); !held || !scope.has(o.Ref()) {
			return
		}
		for _, h := range o.Holds {
			if h.At.Before(since) {
				since = h.At
			}
		}
	})
	if since.Before(r.Since()) {
		return r.Since()
	}
	return since
}

// polls reports whether the state only looks at hardware and starts nothing.
func (u *run) polls() bool {
	switch State(u.r.State()) {
	case FirmwareWait, NVOSWait, CertificatesWait, FabricWait:
		return true
	default:
		return false
	}
}

func (h *handler) deadline(a ActivityName) time.Duration {
	switch a {
	case FirmwareUpgrade:
		return h.set.Deadlines.FirmwareUpgrade
	case NvosUpdate:
		return h.set.Deadlines.NVOSUpdate
	case ConfigureNmxCluster:
		return h.set.Deadlines.ConfigureNmxCluster
	default:
		return h.set.Deadlines.PowerSequence
	}
}

// request is the maintenance request that the cycle serves.
func (u *run) request() (backend.Request, bool) {
	if u.r.Cycle.Request == "" {
		return backend.Request{}, false
	}
	for _, req := range u.env.Open(lifecycle.TypeMaintenance) {
		if req.ID == u.r.Cycle.Request {
			return req, true
		}
	}
	return backend.Request{}, false
}

// wait leaves the rack in its state until the named devices have come further.
func (u *run) wait(expects, observes string, missing ...backend.Ref) (lifecycle.Outcome, error) {
	u.waits, u.missing = true, missing
	return lifecycle.Wait(expects, observes, u.h.set.PollInterval), nil
}

// held names the devices in scope that are held, with their holds.
func (u *run) held() string { return heldIn(u.kids, u.r.Cycle.Scope, u.env.Now()) }

func heldIn(kids children, scope Scope, now time.Time) string {
	var out []string
	kids.each(func(o *lifecycle.Object, _ bool) {
		if hold, held := o.Held(now); held && scope.has(o.Ref()) {
			out = append(out, o.Ref().String()+" is held: "+hold.String())
		}
	})
	return someOf(out)
}

// machines are the targets among the machines in scope. Assigned ones take part only if tenants may be disturbed; otherwise they are recorded as skipped.
func (u *run) machines() []backend.Device {
	var out []backend.Device
	for _, m := range u.kids.machines {
		switch {
		case !u.r.Cycle.Scope.has(m.Ref()):
		case m.In("Assigned") && !u.r.Cycle.DisturbTenants:
			u.result(backend.Result{Target: m.Ref(), Status: backend.ResultSkipped, Error: "assigned to a tenant"})
		default:
			out = append(out, m.Device())
		}
	}
	return out
}

func (u *run) switches() []backend.Device {
	var out []backend.Device
	for _, s := range u.kids.switches {
		if u.r.Cycle.Scope.has(s.Ref()) {
			out = append(out, s.Device())
		}
	}
	return out
}

func (u *run) shelves() []backend.Device {
	var out []backend.Device
	for _, p := range u.kids.shelves {
		if u.r.Cycle.Scope.has(p.Ref()) {
			out = append(out, p.Device())
		}
	}
	return out
}

// done ends the activity: alerts of earlier failures of it are removed from the devices that came through.
func (u *run) done(note string, through ...backend.Ref) (lifecycle.Outcome, error) {
	for _, ref := range through {
		if err := u.clearAlert(ref); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	c := u.r.Cycle
	c.Jobs, c.Asked, c.Calls, c.AskedAt = nil, nil, nil, time.Time{}
	if req, ok := u.request(); ok && len(c.Results) > 0 {
		if err := u.env.SetResults(u.env.Self(), req.ID, slices.Clone(c.Results)); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	return lifecycle.FireTo(ActivityDone, c.Scope.after(u.activity.Name)).Because(note), nil
}

// result records what became of a device in the activity that runs, in place of what was recorded before.
func (u *run) result(res backend.Result) {
	res.Activity = string(u.activity.Name)
	c := u.r.Cycle
	i := slices.IndexFunc(c.Results, func(o backend.Result) bool { return o.Target == res.Target && o.Activity == res.Activity })
	if i < 0 {
		c.Results = append(c.Results, res)
		return
	}
	c.Results[i] = res
}

// halfDone lists the devices that a missed deadline leaves half done; err is that of the last pass, nil if it waited. A fabric is off before its manager is
// configured, so there a call that was surely not done leaves every switch undone too.
func (u *run) halfDone(err error) []backend.Ref {
	switch {
	case u.activity.Name == ConfigureNmxCluster:
		return refs(u.switches())
	case u.activity.Name == PowerSequence:
		return u.leftOff(u.missing)
	case err == nil:
		return u.missing
	case errors.Is(backend.Classify(err), backend.ErrNotDone):
		return nil
	default:
		return refs(u.targets())
	}
}

// targets are all devices that the activity works on.
func (u *run) targets() []backend.Device {
	switch u.activity.Name {
	case FirmwareUpgrade:
		return append(u.machines(), u.switches()...)
	case NvosUpdate, ConfigureNmxCluster:
		return u.switches()
	default:
		return append(append(u.machines(), u.switches()...), u.shelves()...)
	}
}

func refs(devices []backend.Device) []backend.Ref {
	out := make([]backend.Ref, len(devices))
	for i, d := range devices {
		out[i] = d.Ref
	}
	return out
}

func names(list []backend.Ref) string {
	texts := make([]string, len(list))
	for i, ref := range list {
		texts[i] = ref.String()
	}
	return strings.Join(texts, ", ")
}
