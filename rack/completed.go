package rack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// TypePower is the type of the request that brings a rack back from PoweredOff.
const TypePower = "power"

// poweredOff rests until somebody asks for power, or cancels.
func (h *handler) poweredOff(ctx context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if r.Cycle == nil {
		r.Cycle = &Cycle{ID: fmt.Sprintf("%s-%d", r.ID(), r.Transitions()), Scope: FullRack()}
	}
	u := &run{h: h, ctx: ctx, r: r, env: env, kids: lookAtChildren(&env.Tx, r.ID())}
	u.activity, _ = r.Cycle.Scope.activity(PowerSequence)
	if req, ok := u.request(); ok && req.CancelledBy != "" {
		return u.cancelled(req)
	}
	if req, ok := env.Pending(TypePower); ok {
		if held := u.held(); held != "" {
			return lifecycle.Wait("its devices to be released", held, 0), nil
		}
		return lifecycle.Fire(PowerOnRequested).By(req.Initiator), env.Begin(req.ID)
	}
	return lifecycle.Nothing(), nil
}

// completed waits until every device in scope is back: in service, and without a request of this cycle.
func (h *handler) completed(ctx context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if r.Cycle == nil {
		r.Cycle = &Cycle{ID: fmt.Sprintf("%s-%d", r.ID(), r.Transitions()), Scope: FullRack()}
	}
	u := &run{h: h, ctx: ctx, r: r, env: env, kids: lookAtChildren(&env.Tx, r.ID())}
	u.activity = Activity{Name: "Completed"}
	req, requested := u.request()
	if requested && req.CancelledBy != "" {
		return u.cancelled(req)
	}
	missing, texts := u.away()
	held := u.held()
	if held != "" && len(missing) > 0 {
		r.Pause(env.Now())
		return lifecycle.Wait("its devices to be back", someOf(append(texts, held)), 0), nil
	}
	r.Resume(env.Now())
	if len(missing) > 0 {
		if r.Elapsed(env.Now()) >= h.set.Deadlines.Completed {
			return u.notBack(missing, texts)
		}
		return lifecycle.Wait("its devices to be back", someOf(texts), 0), nil
	}
	for _, m := range u.kids.machines {
		if err := u.stripLabels(&m.Object); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	r.RunID, r.RunAsked = "", false
	h.wakeWaiting(env, r)
	out := lifecycle.Fire(MaintenanceCompleted).By(r.Cycle.Initiator)
	if !requested {
		return out, nil
	}
	return out.By(req.Initiator), env.Finish(req.ID, "", slices.Clone(r.Cycle.Results)...)
}

// away lists the devices in scope that are not back, and says why.
func (u *run) away() (missing []backend.Ref, texts []string) {
	u.kids.each(func(o *lifecycle.Object, ready bool) {
		if !u.r.Cycle.Scope.has(o.Ref()) {
			return
		}
		switch {
		case !ready:
			missing, texts = append(missing, o.Ref()), append(texts, o.Ref().String()+" in "+o.State())
		case u.carries(o.Ref()):
			missing, texts = append(missing, o.Ref()), append(texts, o.Ref().String()+" still carries the request of this cycle")
		}
	})
	for _, ref := range u.kids.broken {
		if u.r.Cycle.Scope.has(ref) {
			missing, texts = append(missing, ref), append(texts, ref.String()+" cannot be read")
		}
	}
	return missing, texts
}

// carries reports whether a device still carries a request of this cycle.
func (u *run) carries(ref backend.Ref) bool {
	return slices.ContainsFunc(u.env.Requests(ref, lifecycle.TypeReprovision), func(r backend.Request) bool { return r.Cycle == u.r.Cycle.ID })
}

// notBack fails the maintenance by the names of the stragglers. Their own state says what is wrong with them, so they get no alert.
func (u *run) notBack(missing []backend.Ref, texts []string) (lifecycle.Outcome, error) {
	for _, ref := range missing {
		u.result(backend.Result{Target: ref, Status: backend.ResultFailed, Error: "it did not come back", Retryable: true})
	}
	return u.fail(fmt.Sprintf("maintenance timed out after %s; still waiting for %s", u.h.set.Deadlines.Completed, someOf(texts)))
}

// stripLabels removes what the validation service wrote about an earlier run.
func (u *run) stripLabels(o *lifecycle.Object) error {
	for name := range o.Labels {
		if !strings.HasPrefix(name, labelPrefix) {
			continue
		}
		edit, err := u.env.Object(o.Ref())
		if err != nil {
			return err
		}
		delete(edit.Labels, name)
		if len(edit.Labels) == 0 {
			edit.Labels = nil
		}
	}
	return nil
}
