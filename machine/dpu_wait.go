package machine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// unitsWanted is what a state waits for on every DPU.
type unitsWanted struct {
	what string
	// up and seen are the times from which on a unit must have come up and must have reported. Zero: any.
	up, seen time.Time
	// network is the id that it must report, firmware the versions. Empty: any.
	network  string
	firmware map[string]string
}

// lacks says what a unit lacks, empty if it lacks nothing.
func (w unitsWanted) lacks(u *backend.DPUReport) string {
	switch {
	case u.Problem != "":
		return u.Problem
	case u.UpAt.IsZero():
		return "it has not come up"
	case u.UpAt.Before(w.up):
		return "it has not come up since its restart"
	case u.SeenAt.Before(w.seen):
		return "it has not reported since " + w.seen.Format(time.RFC3339)
	case w.network != "" && u.Network != w.network:
		return fmt.Sprintf("its network is %q, wanted is %q", u.Network, w.network)
	}
	for _, component := range slices.Sorted(maps.Keys(w.firmware)) {
		if version := w.firmware[component]; u.Firmware[component] != version {
			return fmt.Sprintf("its %s is %q, wanted is %q", component, u.Firmware[component], version)
		}
	}
	return ""
}

// lagging says of every unit that lacks something what that is. A unit of which nothing is reported lags too.
func lagging(reports []backend.DPUReport, units int, lacks func(*backend.DPUReport) string) string {
	var out []string
	known := map[string]bool{}
	for i := range reports {
		known[reports[i].ID] = true
		if lack := lacks(&reports[i]); lack != "" {
			out = append(out, reports[i].ID+": "+lack)
		}
	}
	if len(known) != units {
		out = append(out, fmt.Sprintf("%d units are reported (%s), the host has %d", len(known), strings.Join(slices.Sorted(maps.Keys(known)), ", "), units))
	}
	return strings.Join(out, "; ")
}

// awaitUnits waits until every unit has what is wanted and says so in a note. Units that do not come to it are restarted now and then, and given up in the end; as long as
// there is no note, the outcome says which unit lacks what.
func (h *handler) awaitUnits(ctx context.Context, m *Machine, env *lifecycle.Env, want unitsWanted, trouble string) (note string, out lifecycle.Outcome, err error) {
	run := m.dpuRun()
	reports, err := h.caps.DPU.DPUs(ctx, m.Device())
	want.up = run.RestartedAt
	lag := lagging(reports, m.DPUs, want.lacks)
	switch {
	case stopped(ctx) != nil:
		return "", out, stopped(ctx)
	case unsupported(err):
		return noDPU, out, nil
	case permanent(err):
		out, err = h.unitsFailed(m, env, err.Error())
		return "", out, err
	case err != nil:
		lag = "the DPUs cannot be asked: " + err.Error()
	case lag == "" && trouble == "":
		return fmt.Sprintf("%d of %d DPUs are there", len(reports), m.DPUs), out, nil
	}
	lag = joined(lag, trouble)
	look := hostLook{waited: m.ElapsedInState(env.Now()), restarts: run.Restarts, now: env.Now()}
	switch next := look.next(h.cfg.RestartLimit, h.cfg.RestartInterval); {
	case next == hostGivenUp:
		out, err = h.unitsFailed(m, env, fmt.Sprintf("%s, after %d restarts", lag, run.Restarts.Count))
		return "", out, err
	case (next == hostRestart || run.RestartDue) && m.HasAlert(lifecycle.StopReboot):
		lag += "; an alert forbids to restart them"
	case next == hostRestart:
		// When it will be made is on record before it is: so a process that dies does not move the time from which on the units must have come up.
		run.Restarts, run.RestartDue = run.Restarts.another(m, env.Now()), true
		run.Restarts.At = env.Now().Add(h.cfg.PollInterval)
	case run.RestartDue && !env.Now().Before(run.Restarts.At):
		lag = joined(lag, h.restartUnits(ctx, m, env, run))
	}
	return "", lifecycle.Wait(want.what, lag, h.cfg.PollInterval), stopped(ctx)
}

// restartUnits makes the restart that is on record, and says what went wrong. Where the units cannot be restarted by themselves the host is.
func (h *handler) restartUnits(ctx context.Context, m *Machine, env *lifecycle.Env, run *DPURun) string {
	err := h.caps.DPU.RestartDPUs(ctx, env.Key("RestartDPUs:Silent", run.Restarts.Count), m.Device())
	if unsupported(err) {
		err = h.restartHost(ctx, env.Key("ResetHost:SilentDPUs", run.Restarts.Count), m)
	}
	if err == nil {
		run.RestartDue, run.RestartedAt = false, run.Restarts.At
		return ""
	}
	if permanent(err) || errors.Is(err, errNoRestart) {
		run.RestartDue = false
	}
	return "they cannot be restarted: " + err.Error()
}

// unitsFailed fails the machine over units that did not come to what was waited for. What they were to have is kept: that it is there after all is a reason to go back to
// work.
func (h *handler) unitsFailed(m *Machine, env *lifecycle.Env, why string) (lifecycle.Outcome, error) {
	run := *m.dpuRun()
	out, err := h.fail(m, env, DpuFailed, CauseDpuProvisioning, why)
	m.DPURun = &run
	return out, err
}

// unitsInOrder looks whether the units over which the machine failed are in order by now. Each must have reported since and have no problem; and it must have come up since,
// which is what a repair leads to, or have what was waited for in vain.
func (h *handler) unitsInOrder(ctx context.Context, m *Machine) (ended bool, observed string) {
	if note := h.withoutDPUs(m); note != "" {
		return false, "; " + note
	}
	reports, err := h.caps.DPU.DPUs(ctx, m.Device())
	if err != nil {
		return false, "; the DPUs cannot be asked: " + err.Error()
	}
	since := m.failedAt()
	lag := lagging(reports, m.DPUs, func(u *backend.DPUReport) string {
		switch {
		case u.Problem != "":
			return u.Problem
		case !u.SeenAt.After(since):
			return "it has not reported since"
		case u.UpAt.After(since):
			return ""
		case m.DPURun == nil:
			return "it has not come up since"
		default:
			return h.wantedIn(m).lacks(u)
		}
	})
	if lag != "" {
		return false, "; " + lag
	}
	return true, "; every DPU is in order now"
}

// wantedIn is what was waited for in the state that failed.
func (h *handler) wantedIn(m *Machine) unitsWanted {
	want := unitsWanted{network: m.DPURun.Network, up: m.DPURun.RestartedAt}
	if m.Failure != nil && m.Failure.Source == DpuReprovisionVerifyFirmwareVersions {
		want.firmware = h.cfg.DPUFirmware
	}
	return want
}
