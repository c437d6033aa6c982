package verify

import (
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// slack is by how much an object may be late: a pass comes with the resync, or after the longest backoff of one that fails.
const slack = 3 * time.Minute

// late says that an object is past the deadline of its state, and has been seen there.
func (w *World) late(ref backend.Ref, rec backend.Record, o *object, b *lifecycle.Object, info lifecycle.StateInfo[string], now time.Time) error {
	limit := w.deadline(ref.Kind, info)
	if limit == 0 || rec.Outcome.Kind == backend.OutcomeTransition {
		return nil
	}
	if _, standing := held(b, now); (standing || !b.PausedSince.IsZero()) && !b.Deleted() {
		return nil // its clock stands still: also for a device of a rack that is held, however late that came
	}
	if waited := waited(o.entity(), clocksOf(b, rec.Since, now), rec, now); waited > limit+slack {
		return fmt.Errorf("%s waits in %s for %s; its deadline is %s; its outcome is %q: %s", ref, rec.State, waited, limit, rec.Outcome.Kind, rec.Outcome.Reason)
	}
	return nil
}

// deadline is after which time the state is left, zero for never.
func (w *World) deadline(kind backend.Kind, info lifecycle.StateInfo[string]) time.Duration {
	if kind != backend.KindRack || info.Deadline == 0 {
		return info.Deadline
	}
	d := w.t.settings.Deadlines
	for _, a := range []struct {
		path  string
		limit time.Duration
	}{
		{"Maintenance/FirmwareUpgrade", d.FirmwareUpgrade},
		{"Maintenance/NVOSUpdate", d.NVOSUpdate},
		{"Maintenance/ConfigureNmxCluster", d.ConfigureNmxCluster},
		{"Maintenance/PowerSequence", d.PowerSequence},
		{string(rack.Completed), d.Completed},
		{"Validating", d.Validating},
	} {
		if under(info.State, a.path) {
			return a.limit
		}
	}
	return info.Deadline
}

// waited is for how long an object has waited as far as its deadline is concerned. What was tried on the way begins it anew: the number of trials is bounded elsewhere.
func waited(e lifecycle.Entity, at clocks, rec backend.Record, now time.Time) time.Duration {
	switch d := e.(type) {
	case *rack.Rack:
		if under(rec.State, "Validating") {
			return min(at.shared, at.own)
		}
		return at.shared
	case *nvswitch.Switch:
		if d.Certificate != nil {
			return at.shared - d.Certificate.Clock
		}
		return at.shared
	case *machine.Machine:
		return min(at.shared, at.own, sinceTried(d, now))
	default:
		return at.shared
	}
}

// sinceTried is the time since a machine last had something tried.
func sinceTried(m *machine.Machine, now time.Time) time.Duration {
	tried := m.RestartedAt
	later := func(t time.Time) {
		if t.After(tried) {
			tried = t
		}
	}
	if m.Restarts != nil {
		later(m.Restarts.At)
	}
	if m.DPURun != nil {
		later(m.DPURun.Restarts.At)
	}
	if m.Attestation != nil {
		if m.Attestation.Pending {
			return 0 // a person judges the proof
		}
		later(m.Attestation.AskedAt)
	}
	return now.Sub(tried)
}
