package machine

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// DPURun is what is under way on the DPUs of a machine. All units of a host go the same way together: a state is left when every unit is there.
type DPURun struct {
	// RestartedAt is when the units were last told to restart. One that has not come up since is not up.
	RestartedAt time.Time `json:"restarted_at,omitzero"`
	// Network is the id of the network configuration that the units are to have, empty if they are to have none.
	Network string `json:"network,omitempty"`
	// Told is how often they were given it.
	Told int `json:"told,omitempty"`
	// Restarts are those of units that do not come to what is waited for. RestartDue says that the latest is still to be made.
	Restarts   Restarts `json:"restarts,omitzero"`
	RestartDue bool     `json:"restart_due,omitempty"`
}

// dpuRun returns what is under way, without what an earlier state has left of its waiting.
func (m *Machine) dpuRun() *DPURun {
	switch {
	case m.DPURun == nil:
		m.DPURun = &DPURun{}
	case m.DPURun.Restarts.Visit != m.Transitions():
		m.DPURun = &DPURun{RestartedAt: m.DPURun.RestartedAt}
	}
	m.DPURun.Restarts.Visit = m.Transitions()
	return m.DPURun
}

const (
	noDPU       = "no DPU capability: passed"
	noUnits     = "the host has no DPUs: passed"
	nothingToDo = "nothing to do: "
)

// sourceDPU is the source of the alert on a machine whose DPUs are being installed anew.
const sourceDPU = "dpu-reprovision"

var dpuAlert = lifecycle.Alert{
	ID: "DpuUpdateInProgress", Target: "DPU", Message: "the DPUs of the host are being installed anew",
	Classifications: []lifecycle.Classification{lifecycle.PreventAllocations, lifecycle.SuppressExternalAlerting},
}

// dpuKinds are the pieces of configuration that lie on the DPUs.
var dpuKinds = []backend.PlatformKind{backend.PlatformDPUSecureBoot, backend.PlatformDPUOSInstall, backend.PlatformDPUProfile}

// dpuHandlers are the states in which the DPUs of a machine are worked on.
func (h *handler) dpuHandlers() map[State]handle {
	again := h.reprovisioningDPUs
	return map[State]handle{
		DpuDiscoveringConfiguring:              h.onDPUs(DpusConfigured, h.dpuJobs(DpusConfigured, h.runJobs, backend.PlatformDPUSecureBoot)),
		DpuDiscoveringRebootAllDpus:            h.onDPUs(DpusRebooted, h.rebootingDPUs),
		DpuInitInstallDpuOs:                    h.onDPUs(DpuOsInstalled, h.dpuJobs(DpuOsInstalled, h.runJobs, backend.PlatformDPUOSInstall)),
		DpuInitWaitingForPlatformPowercycle:    h.onDPUs(PowerCycled, h.cyclingForDPUs(PowerCycled)),
		DpuInitWaitingForPlatformConfiguration: h.onDPUs(DpusConfigured, h.dpuJobs(DpusConfigured, h.runJobs, backend.PlatformDPUProfile)),
		DpuInitWaitingForNetworkConfig:         h.onDPUs(NetworkConfigured, h.waitingForDPUNetwork),

		DpuReprovisionInstallDpuOs:           again(DpuOsInstalled, h.dpuJobs(DpuOsInstalled, h.runForced, backend.PlatformDPUOSInstall)),
		DpuReprovisionPoweringOffHost:        again(HostPoweredOff, h.cyclingForDPUs(HostPoweredOff)),
		DpuReprovisionVerifyFirmwareVersions: again(VersionsVerified, h.verifyingDPUFirmware),
		DpuReprovisionWaitingForNetwork:      again(NetworkConfigured, h.waitingForDPUNetwork),
		DpuReprovisionRebootHost:             again(HostRestarted, h.rebootingForDPUs),
	}
}

// onDPUs wraps a handler of DPUs: where there are none, or nothing drives them, the state is passed.
func (h *handler) onDPUs(done Trigger, own handle) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if note := h.withoutDPUs(m); note != "" {
			m.Job, m.PowerCycle, m.DPURun = nil, nil, nil
			return lifecycle.Fire(done).Because(note), nil
		}
		return own(ctx, m, env)
	}
}

// withoutDPUs says why there is nothing to be done on DPUs, empty if there is.
func (h *handler) withoutDPUs(m *Machine) string {
	switch {
	case m.DPUs == 0:
		return noUnits
	case h.caps.DPU == nil:
		return noDPU
	default:
		return ""
	}
}

// jobRunner brings pieces of configuration about.
type jobRunner func(ctx context.Context, m *Machine, env *lifecycle.Env, kinds ...backend.PlatformKind) (jobStep, error)

// dpuJobs makes the handler of a state that brings configuration about on every unit.
func (h *handler) dpuJobs(done Trigger, run jobRunner, kinds ...backend.PlatformKind) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if h.caps.Platform == nil {
			return lifecycle.Fire(done).Because(noPlatform), nil
		}
		step, err := run(ctx, m, env, kinds...)
		switch {
		case err != nil:
			return lifecycle.Outcome{}, err
		case step.end == jobFailed:
			return h.fail(m, env, DpuFailed, platformSetup(m.Job.Kind), step.text)
		case step.end == jobWaits:
			return h.jobOutcome(m, step), nil
		default:
			return lifecycle.Fire(done).Because(step.text), nil
		}
	}
}

// rebootingDPUs tells every unit to restart. Whether they come up is waited for where they are to have their network: until then their systems may still be missing.
func (h *handler) rebootingDPUs(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	err := h.caps.DPU.RestartDPUs(ctx, env.Key("RestartDPUs", 0), m.Device())
	switch {
	case unsupported(err):
		return lifecycle.Fire(DpusRebooted).Because("the DPUs cannot be restarted: passed"), nil
	case err != nil:
		return h.dpuTrouble(m, env, fmt.Errorf("restart the DPUs: %w", err))
	}
	m.DPURun = &DPURun{RestartedAt: m.Since()}
	return lifecycle.Fire(DpusRebooted).Because(fmt.Sprintf("%d DPUs were told to", m.DPUs)), nil
}

// dpuTrouble says what follows from an error: the machine fails when asking again cannot help, or has not helped for as long as silent hardware is waited for.
func (h *handler) dpuTrouble(m *Machine, env *lifecycle.Env, err error) (lifecycle.Outcome, error) {
	if permanent(err) || m.ElapsedInState(env.Now()) >= h.patience() {
		return h.fail(m, env, DpuFailed, CauseDpuProvisioning, err.Error())
	}
	return lifecycle.Outcome{}, err
}

// cyclingForDPUs makes the handler of a state that switches the host off and on, so that what was installed on its units comes into force.
func (h *handler) cyclingForDPUs(done Trigger) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		step, err := h.runPowerCycle(ctx, m, env, powerPlan{})
		switch {
		case err != nil:
			return lifecycle.Outcome{}, err
		case step.end == jobFailed:
			return h.fail(m, env, DpuFailed, CauseDpuProvisioning, step.text)
		case step.end == jobWaits:
			return h.powerOutcome(m, step), nil
		default:
			return lifecycle.Fire(done).Because(step.text), nil
		}
	}
}

// waitingForDPUNetwork gives every unit its network and waits until all of them report it. Each visit has a network id of its own, so an old report is never taken for
// a new one.
func (h *handler) waitingForDPUNetwork(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	run := m.dpuRun()
	trouble := ""
	if run.Told <= run.Restarts.Count && !run.RestartDue { // once more after every restart
		network := fmt.Sprintf("%s-%d", m.ID(), m.Transitions())
		err := h.caps.DPU.ConfigureDPUNetwork(ctx, env.Key("ConfigureDPUNetwork", run.Restarts.Count), m.Device(), network)
		switch {
		case stopped(ctx) != nil:
			return lifecycle.Outcome{}, stopped(ctx)
		case unsupported(err):
			run.Told = run.Restarts.Count + 1
		case permanent(err):
			return h.fail(m, env, DpuFailed, CauseDpuProvisioning, "configure the network of the DPUs: "+err.Error())
		case err != nil:
			run.Network, trouble = network, "it cannot be configured: "+err.Error()
		default:
			run.Network, run.Told = network, run.Restarts.Count+1
		}
	}
	note, out, err := h.awaitUnits(ctx, m, env, unitsWanted{what: "every DPU to be up with its network", network: run.Network, seen: m.Since()}, trouble)
	if err != nil || note == "" {
		return out, err
	}
	m.DPURun = nil
	return lifecycle.Fire(NetworkConfigured).Because(note), nil
}
