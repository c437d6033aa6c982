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

// Restarts are the restarts of hardware that does not come up.
type Restarts struct {
	// Count is how many there were, At when the last one was.
	Count int       `json:"count"`
	At    time.Time `json:"at,omitzero"`
	// After is how long the state had been waited in then. Time under holds does not count.
	After time.Duration `json:"after,omitempty"`
	// Repeated says that the latest restart was made once more, because the event log did not show it.
	Repeated bool `json:"repeated,omitempty"`
	// Visit is the machine's transition count: restarts of an earlier visit are left over.
	Visit uint64 `json:"visit"`
}

// restarts returns those of the state that the machine is in.
func (m *Machine) restarts() Restarts {
	if m.Restarts == nil || m.Restarts.Visit != m.Transitions() {
		return Restarts{Visit: m.Transitions()}
	}
	return *m.Restarts
}

// another counts one more.
func (r Restarts) another(m *Machine, now time.Time) Restarts {
	return Restarts{Count: r.Count + 1, At: now, After: m.ElapsedInState(now), Visit: m.Transitions()}
}

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
	if permanent(err) || m.ElapsedInState(env.Now()) >= h.patience() {
		return h.hostFailed(m, env, err.Error())
	}
	return lifecycle.Outcome{}, err
}

// hostFailed fails a machine whose host does not come up. What was under way there names its own trigger; the cause is the same, and ends when the host reports.
func (h *handler) hostFailed(m *Machine, env *lifecycle.Env, why string) (lifecycle.Outcome, error) {
	switch {
	case m.In(string(Measuring)), m.In(string(PostAssignedMeasuring)):
		return h.fail(m, env, MeasurementsFailed, CauseDiscovery, why)
	case m.In(string(WaitingForCleanup)):
		return h.uncleaned(m, env, CauseDiscovery, why)
	default:
		return h.fail(m, env, DiscoveryFailed, CauseDiscovery, why)
	}
}

// patience is how long silent hardware is waited for, with all its restarts.
func (h *handler) patience() time.Duration {
	return time.Duration(h.cfg.RestartLimit+1) * h.cfg.RestartInterval
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
	restarts := m.restarts()
	look := hostLook{seen: want.at(report), from: m.RestartedAt, waited: m.ElapsedInState(env.Now()), restarts: restarts, now: env.Now()}
	switch look.next(h.cfg.RestartLimit, h.cfg.RestartInterval) {
	case hostUp:
		m.Restarts, m.RebootedAt, m.DiscoveredAt = nil, backend.Timestamp(report.RebootedAt), backend.Timestamp(report.DiscoveredAt)
		return want.came, out, nil
	case hostGivenUp:
		out, err = h.hostFailed(m, env, fmt.Sprintf("%s, after %d restarts", observed, restarts.Count))
		return "", out, err
	case hostRestart:
		observed = h.restartSilent(ctx, m, env, restarts, observed)
	case hostWait:
		observed = h.restartShown(ctx, m, env, restarts, observed)
	}
	return "", lifecycle.Wait(want.what, observed, h.cfg.PollInterval), stopped(ctx)
}

// restartSilent restarts a host that stays silent. One that cannot be restarted is counted all the same, so that the wait ends.
func (h *handler) restartSilent(ctx context.Context, m *Machine, env *lifecycle.Env, restarts Restarts, observed string) string {
	if m.HasAlert(lifecycle.StopReboot) {
		return observed + "; an alert forbids to restart it"
	}
	restarts = restarts.another(m, env.Now())
	m.Restarts = &restarts
	if err := h.restartHost(ctx, env.Key("ResetHost:Silent", restarts.Count), m); err != nil {
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
	seen     time.Time     // its latest report
	from     time.Time     // older reports do not count
	waited   time.Duration // for how long, without the time under holds
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
	quiet := l.waited - l.restarts.After
	if !l.from.IsZero() {
		quiet = min(quiet, l.now.Sub(l.from))
	}
	switch {
	case quiet < interval:
		return hostWait
	case l.restarts.Count >= limit:
		return hostGivenUp
	default:
		return hostRestart
	}
}
