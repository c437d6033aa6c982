package machine

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// unseenAfter is after which time a restart that the event log does not show is taken for lost.
const unseenAfter = 2 * time.Minute

// restartShown says what the event log shows of the restart that a host was last asked for. A restart that is not there was lost, and is made once more; but not where a
// tenant uses the host, for a log may be incomplete.
func (h *handler) restartShown(ctx context.Context, m *Machine, env *lifecycle.Env, restarts Restarts, observed string) string {
	asked := m.RestartedAt
	if restarts.At.After(asked) {
		asked = restarts.At
	}
	if h.caps.EventLog == nil || asked.IsZero() {
		return observed
	}
	events, err := h.caps.EventLog.Events(ctx, m.Device(), asked)
	switch {
	case unsupported(err):
		return observed
	case err != nil:
		return observed + "; the event log cannot be read: " + err.Error()
	}
	if e, found := lastRestart(events, asked); found {
		return fmt.Sprintf("%s; the event log shows %s at %s", observed, e.Kind, e.At.Format(time.RFC3339))
	}
	observed += "; the event log shows no restart since " + asked.Format(time.RFC3339)
	if env.Now().Sub(asked) < unseenAfter || restarts.Repeated || m.Tenanted() || m.HasAlert(lifecycle.StopReboot) {
		return observed
	}
	restarts.Repeated = true
	m.Restarts = &restarts
	if err := h.restartHost(ctx, env.Key("ResetHost:Unseen", restarts.Count), m); err != nil {
		return observed + "; it cannot be repeated: " + err.Error()
	}
	return observed + "; it is repeated"
}

// lastRestart finds the latest entry that shows that the host restarted. It goes by the kind that the driver gave the entry: words in a message prove nothing.
func lastRestart(events []backend.Event, since time.Time) (last backend.Event, found bool) {
	for _, e := range events {
		restarts := e.Kind == backend.EventHostReset || e.Kind == backend.EventPowerOn
		if restarts && !e.At.Before(since) {
			last, found = e, true
		}
	}
	return last, found
}
