package machine

import (
	"context"
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

const noSKU = "no SKU catalogue: passed"

// sourceSKU is the source of the alert about a machine that is not what its SKU says.
const sourceSKU = "sku-validation"

// verifying wraps the handlers of BomValidating: without a catalogue there is nothing to compare with.
func (h *handler) verifying(own handle) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if err := endCancelled(env, TypeVerifySKU); err != nil {
			return lifecycle.Outcome{}, err
		}
		if h.caps.SKU == nil {
			return h.bomValidated(m, env, noSKU)
		}
		out, err := own(ctx, m, env)
		if unsupported(err) {
			return h.bomValidated(m, env, noSKU)
		}
		return out, err
	}
}

// endCancelled ends a started request that somebody asked to stop. What the machine does for it goes on to its end, which leaves the machine in order.
func endCancelled(env *lifecycle.Env, typ string) error {
	req, ok := env.Started(typ)
	if !ok || req.CancelledBy == "" {
		return nil
	}
	return env.End(env.Self(), req.ID, backend.RequestCancelled, "cancelled by "+req.CancelledBy+"; what has begun goes on to its end")
}

// bomValidated leaves BomValidating, and clears what it reported.
func (h *handler) bomValidated(m *Machine, env *lifecycle.Env, note string) (lifecycle.Outcome, error) {
	m.Report(sourceSKU)
	m.SKUDifferences = nil
	to := ValidationRebootHost
	if m.VerifyOnly {
		to, m.RestartDue = HostInitDiscovered, false
	}
	out := lifecycle.FireTo(BomValidated, to).Because(note)
	if req, ok := env.Started(TypeVerifySKU); ok {
		return out, env.Finish(req.ID, note)
	}
	return out, nil
}

// match asks the catalogue about the machine.
func (h *handler) match(ctx context.Context, m *Machine) (backend.SKUMatch, error) {
	var parts map[string]string
	if h.caps.Agent != nil {
		report, err := h.caps.Agent.Discover(ctx, m.Device())
		if err != nil && !unsupported(err) {
			return backend.SKUMatch{}, fmt.Errorf("read the parts of machine %s: %w", m.ID(), err)
		}
		parts = report.Parts
	}
	found, err := h.caps.SKU.MatchSKU(ctx, m.Device(), m.SKU, parts)
	if err != nil {
		return backend.SKUMatch{}, fmt.Errorf("match machine %s with the SKU catalogue: %w", m.ID(), err)
	}
	return found, nil
}

func (h *handler) matchingSku(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.SKU != "" {
		return lifecycle.Fire(SkuAssigned).Because("SKU " + m.SKU), nil
	}
	found, err := h.match(ctx, m)
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case found.SKU == "":
		return leaveUnverified(m, env, SkuUnknown, "no SKU matches")
	default:
		m.SKU = found.SKU
		return h.bomValidated(m, env, "it matches SKU "+m.SKU)
	}
}

// updatingInventory restarts the host into its agent and waits for what that finds.
func (h *handler) updatingInventory(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	note := ""
	if m.RestartDue {
		var err error
		if note, err = h.restartInto(ctx, m, env); err != nil {
			return h.restartFailed(m, env, err)
		}
	}
	came, out, err := h.awaitHost(ctx, m, env, seenDiscovered)
	if err != nil || came == "" {
		return out, err
	}
	to := BomValidatingMatchingSku
	if m.SKU != "" {
		to = BomValidatingVerifyingSku
	}
	return lifecycle.FireTo(InventoryUpdated, to).Because(joined(note, came)), nil
}

func (h *handler) verifyingSku(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.SKU == "" {
		return lifecycle.Fire(SkuUnassigned), nil
	}
	found, err := h.match(ctx, m)
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case found.Missing:
		return leaveUnverified(m, env, SkuUndefined, "SKU "+m.SKU+" is not in the catalogue")
	case len(found.Differences) > 0:
		m.SKUDifferences = found.Differences
		return leaveUnverified(m, env, SkuDiffers, fmt.Sprintf("it differs from SKU %s: %s", m.SKU, strings.Join(found.Differences, ", ")))
	default:
		return h.bomValidated(m, env, "it is as SKU "+m.SKU+" says")
	}
}

// leaveUnverified reports that the machine could not be verified. A verification that somebody asked for has failed with that.
func leaveUnverified(m *Machine, env *lifecycle.Env, trigger Trigger, why string) (lifecycle.Outcome, error) {
	m.Report(sourceSKU, lifecycle.Alert{ID: string(trigger), Message: why, Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	out := lifecycle.Fire(trigger).Because(why)
	if req, ok := env.Started(TypeVerifySKU); ok {
		return out, env.Fail(req.ID, why, failedResult(m, TypeVerifySKU, why))
	}
	return out, nil
}

func (h *handler) skuVerificationFailed(_ context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.SKU == "" {
		m.SKUDifferences = nil
		return lifecycle.Fire(SkuUnassigned), nil
	}
	if req, ok := env.Pending(TypeVerifySKU); ok {
		m.RestartDue = true
		return lifecycle.Fire(VerificationRequested).By(req.Initiator), env.Begin(req.ID)
	}
	return lifecycle.Wait("the host or its SKU to be mended and a verify_sku request", "it differs from SKU "+m.SKU+": "+strings.Join(m.SKUDifferences, ", "), 0), nil
}

func (h *handler) waitingForSkuAssignment(ctx context.Context, m *Machine, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	note := "it was assigned"
	if m.SKU == "" {
		found, err := h.match(ctx, m)
		switch {
		case err != nil:
			return lifecycle.Outcome{}, err
		case found.SKU == "":
			return lifecycle.Wait("a SKU to be assigned, or one that matches", "none of the catalogue matches", 0), nil
		}
		m.SKU, note = found.SKU, "it matches now"
	}
	m.RestartDue = true
	return lifecycle.Fire(SkuAssigned).Because("SKU " + m.SKU + ": " + note), nil
}

func (h *handler) skuMissing(ctx context.Context, m *Machine, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.SKU == "" {
		return lifecycle.Fire(SkuUnassigned), nil
	}
	found, err := h.match(ctx, m)
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case found.Missing:
		return lifecycle.Wait("SKU "+m.SKU+" to be added to the catalogue, or to be taken from the host", "the catalogue does not have it", 0), nil
	}
	m.RestartDue = true
	return lifecycle.Fire(SkuDefined).Because("the catalogue has SKU " + m.SKU + " now"), nil
}
