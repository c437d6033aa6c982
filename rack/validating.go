package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func labelled(kids children) []Labelled {
	out := make([]Labelled, len(kids.machines))
	for i, m := range kids.machines {
		out[i] = Labelled{ID: m.ID(), Labels: m.Labels}
	}
	return out
}

// validationPending waits for a run, and has the driver start one if it can.
func (h *handler) validationPending(ctx context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	kids := lookAtChildren(&env.Tx, r.ID())
	if !h.set.Validation {
		if err := h.acknowledge(r, env); err != nil {
			return lifecycle.Outcome{}, err
		}
		return h.nothingToValidate(r, env, kids, "validation is disabled by configuration")
	}
	if run := chooseRun(labelled(kids)); run != "" {
		r.RunID = run
		return lifecycle.Fire(RunStarted).Because("run " + run), nil
	}
	devices, held := subjects(r, kids, env.Now())
	if held != "" && !r.RunAsked && h.caps.RackTest != nil {
		r.Pause(heldSince(kids, r, r.scope(), env.Now()))
		return lifecycle.Wait("its devices to be released", held, 0), nil
	}
	if out, resumed := released(r, env.Now()); resumed {
		return out, nil
	}
	if len(devices) == 0 && held == "" {
		return h.nothingToValidate(r, env, kids, "there is no machine to validate")
	}
	if h.late(r, env) {
		return h.notValidated(r, env, kids, "no validation run began")
	}
	if err := h.startRun(ctx, r, env, devices); err != nil {
		return lifecycle.Outcome{}, err
	}
	return lifecycle.Wait("a validation run", "no machine carries "+LabelRun, 0), nil
}

// nothingToValidate waits for all devices, and passes over the validation.
func (h *handler) nothingToValidate(r *Rack, env *lifecycle.Env, kids children, why string) (lifecycle.Outcome, error) {
	away := kids.stragglers()
	switch {
	case len(away) > 0 && h.late(r, env):
		return h.validationTimeout(r, someOf(away))
	case len(away) > 0:
		return lifecycle.Wait("its devices to be ready", someOf(away), 0), nil
	}
	return lifecycle.Fire(ValidationDisabled).Because(why), nil
}

// subjects are the machines that a run is to be about: those of the rack, without those of tenants unless the maintenance may disturb them, and without those that are held and were
// not in its scope. held names those of its scope that are held: the run waits for them.
func subjects(r *Rack, kids children, now time.Time) (devices []backend.Device, held string) {
	scope, disturbs := r.scope(), r.Cycle != nil && r.Cycle.DisturbTenants
	var standing []string
	for _, m := range kids.machines {
		in := scope.has(m.Ref())
		hold, is := m.Held(now)
		switch {
		case m.Tenanted() && (!in || !disturbs):
		case is && in:
			standing = append(standing, m.Ref().String()+" is held: "+hold.String())
		case is:
		default:
			devices = append(devices, m.Device())
		}
	}
	return devices, someOf(standing)
}

// scope is what the last maintenance was about, the whole rack if there was none.
func (r *Rack) scope() Scope {
	if r.Cycle == nil {
		return FullRack()
	}
	return r.Cycle.Scope
}

// startRun asks the driver once for a validation run.
func (h *handler) startRun(ctx context.Context, r *Rack, env *lifecycle.Env, devices []backend.Device) error {
	if r.RunAsked || h.caps.RackTest == nil {
		return nil
	}
	err := h.caps.RackTest.StartValidation(ctx, env.Key("StartValidation", 0), r.ID(), devices)
	if err != nil && !errors.Is(err, backend.ErrNotSupported) {
		return err
	}
	r.RunAsked = true
	return nil
}

// late reports whether the rack waits too long in this state. The clock of Validating goes on when a run starts over, so it alone would count the earlier run too.
func (h *handler) late(r *Rack, env *lifecycle.Env) bool {
	now := env.Now()
	return min(r.Elapsed(now), now.Sub(r.Since())) >= h.set.Deadlines.Validating
}

func (h *handler) validationTimeout(r *Rack, observed string) (lifecycle.Outcome, error) {
	r.Cause, r.Origin = fmt.Sprintf("validation timed out after %s: %s", h.set.Deadlines.Validating, observed), OriginValidation
	return lifecycle.Fire(RunFailed).Because(r.Cause), nil
}

// alertTimeout is the id of the alert on machines whose validation never came to a result.
const alertTimeout = "RackValidationTimeout"

// notValidated fails a rack whose validation never came to a result. Its machines carry an alert until they pass a run, or an operator has acknowledged it, so that the rack does not slip
// back to Ready unvalidated.
func (h *handler) notValidated(r *Rack, env *lifecycle.Env, kids children, observed string) (lifecycle.Outcome, error) {
	out, err := h.validationTimeout(r, observed)
	for _, m := range kids.machines {
		o, err := env.Object(m.Ref())
		if err != nil {
			return lifecycle.Outcome{}, err
		}
		o.AddAlert(lifecycle.Alert{ID: alertTimeout, Source: AlertValidation, Message: r.Cause, Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	}
	return out, err
}

// validating follows a run by the labels of the machines.
func (h *handler) validating(_ context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	kids := lookAtChildren(&env.Tx, r.ID())
	machines := labelled(kids)
	parts, err := partitions(machines, r.RunID)
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	sum := summarize(parts)
	sum.Gone = !slices.ContainsFunc(machines, func(m Labelled) bool { return m.Labels[LabelRun] == r.RunID })
	if err := h.markPartitions(env, parts); err != nil {
		return lifecycle.Outcome{}, err
	}
	current := State(r.State())
	switch next := nextValidation(current, sum); next {
	case "":
		if current == ValidationInProgress && h.late(r, env) {
			return h.notValidated(r, env, kids, "run "+r.RunID+" gave no result; "+sum.String())
		}
		return lifecycle.Wait("results of validation run "+r.RunID, sum.String(), 0), nil
	case RunFailed:
		if left := h.set.FailedGrace - env.Now().Sub(r.Since()); left > 0 {
			return lifecycle.Wait("the failed partitions to be repeated within the grace", failureText(parts), left), nil
		}
		r.Cause, r.Origin = "validation failed: "+failureText(parts), OriginValidation
		return lifecycle.Fire(RunFailed).Because(r.Cause), nil
	case RunGone, PartitionsIdle:
		r.RunID, r.RunAsked = "", false
		return lifecycle.Fire(next).Because(sum.String()), nil
	default:
		return lifecycle.Fire(next).Because(sum.String()), nil
	}
}

// markPartitions puts an alert that forbids allocation on the machines of failed partitions, and removes it where the partition passes.
func (h *handler) markPartitions(env *lifecycle.Env, parts []Partition) error {
	for _, p := range parts {
		for _, id := range p.Machines {
			ref := backend.Ref{Kind: backend.KindMachine, ID: id}
			o, err := env.Object(ref)
			if err != nil {
				return err
			}
			switch p.State {
			case PartitionFail:
				o.Report(AlertValidation, lifecycle.Alert{
					ID: "RackValidation", Target: p.ID, Message: failureText([]Partition{p}),
					Classifications: []lifecycle.Classification{lifecycle.PreventAllocations},
				})
			case PartitionPass:
				o.Report(AlertValidation)
			case PartitionIdle, PartitionBusy:
			}
		}
	}
	return nil
}

func (h *handler) validated(_ context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	kids := lookAtChildren(&env.Tx, r.ID())
	if away := kids.stragglers(); len(away) > 0 {
		return lifecycle.Wait("its devices to be ready", someOf(away), 0), nil
	}
	return lifecycle.Fire(ValidationPassed).Because("run " + r.RunID), nil
}
