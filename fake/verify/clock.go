package verify

import (
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

// The clocks of an object are worked out here anew from what is stored, and not by lifecycle: that keeps state and since to itself, and a mistake there would hide here.

// held returns the hold that stands at a time, if one does.
func held(o *lifecycle.Object, now time.Time) (lifecycle.Hold, bool) {
	for _, h := range o.Holds {
		if h.Expires.IsZero() || h.Expires.After(now) {
			return h, true
		}
	}
	return lifecycle.Hold{}, false
}

// paused is for how long the clocks stood still up to a time. Holds that have ended do not stop them, even if no pass has seen that.
func paused(o *lifecycle.Object, now time.Time) time.Duration {
	if o.PausedSince.IsZero() {
		return o.Paused
	}
	if _, standing := held(o, now); !standing && len(o.Holds) > 0 {
		now = o.Holds[0].Expires
		for _, h := range o.Holds[1:] {
			if h.Expires.After(now) {
				now = h.Expires
			}
		}
	}
	return o.Paused + max(now.Sub(o.PausedSince), 0)
}

// clocks are the two clocks of an object.
type clocks struct{ shared, own time.Duration }

// clocksOf reads them for an object that entered its state at since.
func clocksOf(o *lifecycle.Object, since, now time.Time) clocks {
	start := since
	if !o.ClockStart.IsZero() {
		start = o.ClockStart
	}
	still := paused(o, now)
	return clocks{shared: max(now.Sub(start)-still, 0), own: max(now.Sub(since)-(still-o.PausedBefore), 0)}
}

// exceeds reports whether an object is longer in its state than that allows, and is to be reported therefore.
func exceeds(info lifecycle.StateInfo[string], o *lifecycle.Object, since, now time.Time) bool {
	if info.SLA == 0 && info.StepSLA == 0 && !info.ReportAtOnce || o.HasAlert(lifecycle.ExcludeFromSLA) {
		return false
	}
	if _, standing := held(o, now); standing && !o.Deleted() {
		return false
	}
	at := clocksOf(o, since, now)
	return info.ReportAtOnce || info.SLA > 0 && at.shared > info.SLA || info.StepSLA > 0 && at.own > info.StepSLA
}
