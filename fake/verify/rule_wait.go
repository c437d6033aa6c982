package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// waitRules are about objects that do not get on.
func waitRules() []Rule {
	return []Rule{
		{Name: "a wait and an error have a reason", Promise: 6, Commit: hasReason},
		{Name: "a failed object says why it failed", Promise: 6, Commit: failsWithReason},
		{Name: "a pass past the SLA reports its object", Promise: 6, Commit: passReports},
		{Name: "a pass past the deadline moves its object", Promise: 6, Commit: passMoves},
		{Name: "an object past its SLA is reported when nothing is due", Promise: 6, Idle: allReported},
		{Name: "an object past its deadline has moved when nothing is due", Promise: 6, Idle: allMoved},
	}
}

func hasReason(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		switch out := ch.Record.Outcome; out.Kind {
		case backend.OutcomeWait, backend.OutcomeError:
			if strings.TrimSpace(strings.TrimPrefix(out.Reason, "waits for ")) == "" || out.At.IsZero() {
				return fmt.Errorf("the outcome of %s in %s is %q since %s, for reason %q", ch.ref, ch.to(), out.Kind, out.At, out.Reason)
			}
		case backend.OutcomeNone, backend.OutcomeNothing, backend.OutcomeTransition, backend.OutcomeDeleted:
		default:
			return fmt.Errorf("the outcome of %s is %q, which nobody knows", ch.ref, out.Kind)
		}
		return nil
	})
}

func failsWithReason(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		if ch.move != nil && ch.move.Note == "" && w.t.class(ch.ref.Kind, ch.to()) == lifecycle.Failed {
			return fmt.Errorf("%s goes to %s, and its history row does not say why", ch.ref, ch.to())
		}
		return nil
	})
}

// passed returns the object of a write that records how a pass ended which did not move it, and what its state is like.
func (w *World) passed(ch change) (*lifecycle.Object, lifecycle.StateInfo[string], bool) {
	info, known := w.t.info(ch.ref.Kind, ch.to())
	out := ch.Record.Outcome
	if !known || ch.move != nil || ch.before == nil || out.At.Equal(ch.before.rec.Outcome.At) {
		return nil, info, false
	}
	switch out.Kind {
	case backend.OutcomeNothing, backend.OutcomeWait, backend.OutcomeError:
	default:
		return nil, info, false
	}
	after := w.object(ch)
	if !after.mayBeLate(info, out.At) {
		return nil, info, false
	}
	o := after.base()
	return o, info, o != nil
}

// mayBeLate is false when nothing can follow from how long the object is in its state, which is most often so, and cheaper to see than to decode.
func (o *object) mayBeLate(info lifecycle.StateInfo[string], now time.Time) bool {
	return o.cell != nil && (o.cell.mayBeOlder || now.Sub(o.rec.Since) >= leastTime(info))
}

// leastTime is the shortest time in a state after which anything follows.
func leastTime(info lifecycle.StateInfo[string]) time.Duration {
	least := time.Duration(1<<63 - 1)
	for _, d := range []time.Duration{info.SLA, info.StepSLA, info.Deadline} {
		if d > 0 {
			least = min(least, d)
		}
	}
	if info.ReportAtOnce {
		return 0
	}
	return least
}

func passReports(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		o, info, ok := w.passed(ch)
		at := ch.Record.Outcome.At
		if !ok || ch.Record.Outcome.OverSLA || !exceeds(info, o, ch.Record.Since, at) {
			return nil
		}
		return notReported(ch.ref, ch.to(), clocksOf(o, ch.Record.Since, at), info)
	})
}

func notReported(ref backend.Ref, state string, at clocks, info lifecycle.StateInfo[string]) error {
	if info.ReportAtOnce {
		return fmt.Errorf("%s is in %s and not reported, which it shall be at once", ref, state)
	}
	return fmt.Errorf("%s is in %s for %s, %s of it in the very state, and not reported; its SLAs are %s and %s", ref, state, at.shared, at.own, info.SLA, info.StepSLA)
}

func passMoves(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		o, info, ok := w.passed(ch)
		if !ok || ch.Record.Outcome.Kind == backend.OutcomeNothing {
			return nil
		}
		return w.late(ch.ref, ch.Record, w.object(ch), o, info, ch.Record.Outcome.At)
	})
}

func allReported(w *World) error {
	var bad findings
	for _, o := range w.living() {
		info, known := w.t.info(o.rec.Ref.Kind, o.rec.State)
		if !known || !o.mayBeLate(info, w.now) {
			continue
		}
		if b := o.base(); b != nil && !o.rec.Outcome.OverSLA && exceeds(info, b, o.rec.Since, w.now) {
			bad.add(notReported(o.rec.Ref, o.rec.State, clocksOf(b, o.rec.Since, w.now), info))
		}
	}
	return bad.err()
}

func allMoved(w *World) error {
	var bad findings
	for _, o := range w.living() {
		info, known := w.t.info(o.rec.Ref.Kind, o.rec.State)
		if !known || info.Deadline == 0 || !o.mayBeLate(info, w.now) {
			continue
		}
		if b := o.base(); b != nil {
			bad.add(w.late(o.rec.Ref, o.rec, o, b, info, w.now))
		}
	}
	return bad.err()
}
