package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/lifecycle"
)

// beginDPUReprovision begins to install the DPUs of the machine anew, under an alert. The request is done when the host is back: see endDPUReprovision.
func (h *handler) beginDPUReprovision(m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, begun bool, err error) {
	req, ok := env.Pending(TypeDPUReprovision)
	if !ok {
		return out, false, nil
	}
	note := h.withoutDPUs(m)
	if note == "" && h.caps.Platform == nil {
		note = noPlatform
	}
	if note != "" {
		return out, false, env.Finish(req.ID, nothingToDo+note)
	}
	m.Report(sourceDPU, dpuAlert)
	return lifecycle.Fire(DpuReprovisionRequested).By(req.Initiator).Because("request " + req.ID), true, env.Begin(req.ID)
}

// reprovisioningDPUs wraps the handlers of a DPU reprovision. The alert stands in all of them, also after a recovery. A request that was cancelled ends at once; the
// installation goes on to its end, for half an installation is no state to be in.
func (h *handler) reprovisioningDPUs(done Trigger, own handle) handle {
	own = h.onDPUs(done, own)
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if err := endCancelled(env, TypeDPUReprovision); err != nil {
			return lifecycle.Outcome{}, err
		}
		m.Report(sourceDPU, dpuAlert)
		return own(ctx, m, env)
	}
}

// endDPUReprovision ends a reprovision whose host is back: the alert goes, the request is done.
func (h *handler) endDPUReprovision(m *Machine, env *lifecycle.Env) error {
	m.Report(sourceDPU)
	if req, ok := env.Started(TypeDPUReprovision); ok {
		return env.Finish(req.ID, "the DPUs were installed anew and the host is back")
	}
	return nil
}

// verifyingDPUFirmware compares the versions of every unit with the wanted ones.
func (h *handler) verifyingDPUFirmware(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if len(h.cfg.DPUFirmware) == 0 {
		return lifecycle.Fire(VersionsVerified).Because("no firmware is wanted on the DPUs"), nil
	}
	want := unitsWanted{what: "every DPU to report the wanted firmware", firmware: h.cfg.DPUFirmware, seen: m.Since()}
	note, out, err := h.awaitUnits(ctx, m, env, want, "")
	if err != nil || note == "" {
		return out, err
	}
	return lifecycle.Fire(VersionsVerified).Because(note), nil
}

// rebootingForDPUs restarts the host over its new units.
func (h *handler) rebootingForDPUs(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	note, err := h.restartInto(ctx, m, env)
	if err != nil {
		return h.dpuTrouble(m, env, fmt.Errorf("after the reprovision of its DPUs: %w", err))
	}
	return lifecycle.Fire(HostRestarted).Because(note), nil
}
