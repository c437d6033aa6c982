package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// waitingForRack waits for what the rack does with the firmware. The machine's own result comes first, so a machine that failed ends as failed whoever came
// last.
func (h *handler) waitingForRack(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	req, started := env.Started(lifecycle.TypeReprovision)
	if started && lifecycle.FromRack(&req) && m.FirmwareUpgrade.Terminal() && m.FirmwareUpgrade.CurrentFor(&req) {
		return h.rackResult(m, env, req)
	}
	if out, done, err := h.interrupted(ctx, m, env); done || err != nil {
		return out, err
	}
	if !started || !lifecycle.FromRack(&req) {
		return h.giveBack(ctx, m, env, ending{trigger: ReprovisionRequestMissing, why: "it waited for its rack without a request of the rack"})
	}
	return lifecycle.Wait("the rack to install the firmware", rackProgress(m.FirmwareUpgrade, &req), 0), nil
}

// rackResult takes over what the rack wrote about this machine, and consumes the request.
func (h *handler) rackResult(m *Machine, env *lifecycle.Env, req backend.Request) (lifecycle.Outcome, error) {
	m.rememberReprovision(req)
	if m.FirmwareUpgrade.Status == lifecycle.ProgressCompleted {
		out := lifecycle.Fire(RackUpgradeCompleted).By(req.Initiator)
		return out, env.Finish(req.ID, "the rack has installed the firmware")
	}
	why := "the rack's firmware upgrade failed: " + m.FirmwareUpgrade.Cause
	m.noteFailure(env.Now(), why)
	out := lifecycle.Fire(RackUpgradeFailed).By(req.Initiator).Because(why)
	return out, env.Fail(req.ID, why, failedResult(m, lifecycle.TypeReprovision, why))
}

// takeRackResult consumes the request of a rack whose cycle has a result for a machine that is not waiting for it: the machine is at its own work by then, and what
// it finds installed decides.
func takeRackResult(m *Machine, env *lifecycle.Env) error {
	req, started := env.Started(lifecycle.TypeReprovision)
	if !started || !lifecycle.FromRack(&req) || !m.FirmwareUpgrade.Terminal() || !m.FirmwareUpgrade.CurrentFor(&req) {
		return nil
	}
	m.rememberReprovision(req)
	if m.FirmwareUpgrade.Status == lifecycle.ProgressCompleted {
		return env.Finish(req.ID, "the rack has installed the firmware")
	}
	why := "the rack's firmware upgrade failed: " + m.FirmwareUpgrade.Cause
	return env.Fail(req.ID, why, failedResult(m, lifecycle.TypeReprovision, why))
}

// rememberReprovision makes sure that the running reprovision is on record.
func (m *Machine) rememberReprovision(req backend.Request) {
	if m.Reprovision == nil {
		m.Reprovision = &Reprovision{}
	}
	if r := m.Reprovision; r.RequestID == "" {
		r.RequestID, r.Initiator, r.Cycle, r.RequestedAt, r.Reset = req.ID, req.Initiator, req.Cycle, req.At, true
	}
}

// rackProgress says for a person how far the rack is.
func rackProgress(status *lifecycle.CycleStatus, req *backend.Request) string {
	switch {
	case status == nil:
		return "it has not begun"
	case !status.CurrentFor(req):
		return fmt.Sprintf("it has not begun; the %s status is of an earlier cycle", status.Status)
	default:
		return "it is " + string(status.Status)
	}
}
