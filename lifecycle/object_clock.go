package lifecycle

import "time"

// An object has two clocks. One belongs to its state, or is shared by the states of one activity (see StateInfo.Clock): SLA and deadlines are measured on it. The
// other begins anew whenever a state is entered: StepSLA is. Both stand still under holds.

// Elapsed is how long the clock of the object's state has run: time under holds does not count. States that share a clock continue it, and so does a
// state that is entered again from itself.
func (o *Object) Elapsed(now time.Time) time.Duration {
	start := o.since
	if !o.ClockStart.IsZero() {
		start = o.ClockStart
	}
	return max(now.Sub(start)-o.pausedUntil(now), 0)
}

// ElapsedInState is how long the object has been in its very state: since Since, without the time under holds.
func (o *Object) ElapsedInState(now time.Time) time.Duration {
	return max(now.Sub(o.since)-(o.pausedUntil(now)-o.PausedBefore), 0)
}

// pausedUntil is for how long the clock of the state has stood still up to a time. Holds that have ended do not stop it any more, even if no pass has
// seen that.
func (o *Object) pausedUntil(now time.Time) time.Duration {
	if o.PausedSince.IsZero() {
		return o.Paused
	}
	if end, over := o.holdsEnded(now); over {
		now = end
	}
	return o.Paused + max(now.Sub(o.PausedSince), 0)
}

// holdsEnded returns when the last hold ended, if there were holds and none stands any more.
func (o *Object) holdsEnded(now time.Time) (end time.Time, over bool) {
	for _, h := range o.Holds {
		if h.Expires.IsZero() || h.Expires.After(now) {
			return time.Time{}, false
		}
		if h.Expires.After(end) {
			end = h.Expires
		}
	}
	return end, len(o.Holds) > 0
}

// Pause stops the object's clocks: something else than the object itself keeps it from going on. Holds do so by themselves.
func (o *Object) Pause(now time.Time) {
	if o.PausedSince.IsZero() {
		o.PausedSince = now
	}
}

// Resume lets the clocks run again.
func (o *Object) Resume(at time.Time) {
	if !o.PausedSince.IsZero() {
		if at.After(o.PausedSince) {
			o.Paused += at.Sub(o.PausedSince)
		}
		o.PausedSince = time.Time{}
	}
}

// tick settles the clocks of an object that leaves a state for another one: the clock of the state goes on when both share it, and begins anew otherwise.
func (o *Object) tick(before, after *stateInfo, now time.Time) {
	if before != nil && after != nil && before.clock() == after.clock() {
		if o.ClockStart.IsZero() {
			o.ClockStart = o.since
		}
		o.PausedBefore = o.pausedUntil(now)
		return
	}
	o.ClockStart, o.Paused, o.PausedBefore = time.Time{}, 0, 0
	if after != nil && after.Class == Deleting {
		o.PausedSince = time.Time{}
	}
	if !o.PausedSince.IsZero() {
		o.PausedSince = now
	}
}
