package machine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// seen says what of the agent's report is waited for.
type seen struct {
	what string
	came string
	at   func(backend.AgentReport) time.Time
}

var (
	seenDiscovered = seen{"the agent's discovery of the host", "the agent has reported", func(r backend.AgentReport) time.Time { return r.DiscoveredAt }}
	seenRebooted   = seen{"the host to come up", "the host has come up", func(r backend.AgentReport) time.Time { return r.RebootedAt }}
)

const noAgent = "no agent capability: passed"

// restartInto restarts the host on behalf of the state that the machine has entered. Reports count from that entry, which is on record before the call is made: so a
// process that dies after the call does not wait for a second restart.
func (h *handler) restartInto(ctx context.Context, m *Machine, env *lifecycle.Env) (note string, err error) {
	err = h.restartHost(ctx, env.Key("ResetHost", 0), m)
	switch {
	case errors.Is(err, errNoRestart):
		m.RestartDue = false
		return "not restarted: " + err.Error(), nil
	case err != nil:
		return "", fmt.Errorf("restart the host: %w", err)
	}
	m.RestartDue, m.RestartedAt = false, m.Since()
	return "", nil
}

// restartFailed says what follows when the host cannot be restarted: the machine fails when trying again cannot help, or has not helped for as long as a silent host
// is waited for.
func (h *handler) restartFailed(m *Machine, env *lifecycle.Env, err error) (lifecycle.Outcome, error) {
	patience := time.Duration(h.cfg.RestartLimit+1) * h.cfg.RestartInterval
	if permanent(err) || env.Now().Sub(m.Since()) >= patience {
		return h.fail(m, env, DiscoveryFailed, CauseDiscovery, err.Error())
	}
	return lifecycle.Outcome{}, err
}

// awaitHost waits for the agent's report and says in a note what came of it. A host that stays silent is restarted now and then, and given up in the end; as
// long as there is no note, the outcome says how it stands.
func (h *handler) awaitHost(ctx context.Context, m *Machine, env *lifecycle.Env, want seen) (note string, out lifecycle.Outcome, err error) {
	if h.caps.Agent == nil {
		return noAgent, out, nil
	}
	report, err := h.caps.Agent.Discover(ctx, m.Device())
	if ended := stopped(ctx); ended != nil {
		return "", out, ended
	}
	if unsupported(err) {
		return noAgent, out, nil
	}
	observed := silence(want.at(report), m.RestartedAt)
	if err != nil {
		observed = "the agent cannot be asked: " + err.Error()
	}
	var restarts Restarts
	if m.Restarts != nil {
		restarts = *m.Restarts
	}
	look := hostLook{seen: want.at(report), from: m.RestartedAt, entered: m.Since(), restarts: restarts, now: env.Now()}
	switch look.next(h.cfg.RestartLimit, h.cfg.RestartInterval) {
	case hostUp:
		m.Restarts, m.RebootedAt, m.DiscoveredAt = nil, backend.Timestamp(report.RebootedAt), backend.Timestamp(report.DiscoveredAt)
		return want.came, out, nil
	case hostGivenUp:
		out, err = h.fail(m, env, DiscoveryFailed, CauseDiscovery, fmt.Sprintf("%s, after %d restarts", observed, restarts.Count))
		return "", out, err
	case hostRestart:
		observed = h.restartSilent(ctx, m, env, restarts.Count, observed)
	case hostWait:
	}
	return "", lifecycle.Wait(want.what, observed, h.cfg.PollInterval), stopped(ctx)
}

// restartSilent restarts a host that stays silent. One that cannot be restarted is counted all the same, so that the wait ends.
func (h *handler) restartSilent(ctx context.Context, m *Machine, env *lifecycle.Env, count int, observed string) string {
	if m.HasAlert(lifecycle.StopReboot) {
		return observed + "; an alert forbids to restart it"
	}
	m.Restarts = &Restarts{Count: count + 1, At: env.Now()}
	if err := h.restartHost(ctx, env.Key("ResetHost:Silent", count+1), m); err != nil {
		return observed + "; it cannot be restarted: " + err.Error()
	}
	return observed
}

func silence(last, from time.Time) string {
	switch {
	case last.IsZero():
		return "no report yet"
	case last.Before(from):
		return "the latest report is older than the last restart"
	default:
		return "a report is there"
	}
}

// hostLook is what is known of a host that is waited for.
type hostLook struct {
	seen     time.Time // its latest report
	from     time.Time // older reports do not count
	entered  time.Time // since when it is waited for
	restarts Restarts
	now      time.Time
}

type hostNext int

const (
	hostWait hostNext = iota
	hostUp
	hostRestart
	hostGivenUp
)

// next says what to do about the host.
func (l hostLook) next(limit int, interval time.Duration) hostNext {
	if !l.seen.IsZero() && !l.seen.Before(l.from) {
		return hostUp
	}
	quiet := l.entered
	for _, t := range []time.Time{l.from, l.restarts.At} {
		if t.After(quiet) {
			quiet = t
		}
	}
	switch {
	case l.now.Sub(quiet) < interval:
		return hostWait
	case l.restarts.Count >= limit:
		return hostGivenUp
	default:
		return hostRestart
	}
}
