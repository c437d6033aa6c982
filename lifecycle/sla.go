package lifecycle

import (
	"context"
	"log/slog"
	"time"
)

// overSLA says which of its SLAs an object exceeds. The record keeps no more than that there is one; which ones, and whether they were reported, is kept in
// memory.
type overSLA uint32

const (
	overShared overSLA = 1 << iota // SLA, on the clock of the state
	overStep                       // StepSLA, on the clock of the very state
)

// exceeded says which SLAs an object is over by its clocks alone.
func (k *Kind) exceeded(o *Object, now time.Time) (over overSLA) {
	info := k.graph.states[o.state]
	if info == nil {
		return 0
	}
	if info.ReportAtOnce || info.SLA > 0 && o.Elapsed(now) > info.SLA {
		over |= overShared
	}
	if info.StepSLA > 0 && o.ElapsedInState(now) > info.StepSLA {
		over |= overStep
	}
	return over
}

// judge says whether the object is over one of its SLAs, and otherwise when it will be.
func (ed *edit) judge(now time.Time) (due time.Time) {
	ed.over = 0
	info := ed.kind.graph.states[ed.base.state]
	if info == nil || ed.base.HasAlert(ExcludeFromSLA) {
		return time.Time{}
	}
	if _, held := ed.base.Held(now); held && !ed.base.Deleted() { // a hold neither makes nor mends that
		if ed.row == nil && ed.based != nil && ed.based.outcome.OverSLA {
			ed.outcome.OverSLA, ed.over = true, overSLA(ed.ent.over.Load())
		}
		return time.Time{}
	}
	if info.ReportAtOnce {
		if ed.row == nil {
			ed.outcome.OverSLA, ed.over = true, overShared
		}
		return time.Time{}
	}
	due = ed.limit(overShared, info.SLA, ed.base.Elapsed(now), now, time.Time{})
	return ed.limit(overStep, info.StepSLA, ed.base.ElapsedInState(now), now, due)
}

// limit notes that an SLA is exceeded, or returns when it will be, if that is before due.
func (ed *edit) limit(which overSLA, sla, elapsed time.Duration, now, due time.Time) time.Time {
	switch {
	case sla == 0:
		return due
	case elapsed > sla:
		ed.outcome.OverSLA = true
		ed.over |= which
		return due
	default:
		return earliest(due, now.Add(sla-elapsed+time.Microsecond))
	}
}

// reportSLA tells of every SLA that the object exceeds since this pass.
func (c *Controller) reportSLA(ctx context.Context, p *pass) {
	news := p.over &^ overSLA(p.ent.over.Swap(uint32(p.over)))
	s := p.ent.snap.Load()
	if news == 0 || s == nil {
		return
	}
	info := p.ent.kind.graph.states[s.base.state]
	tell := func(clock string, sla, elapsed time.Duration) {
		c.log.LogAttrs(ctx, slog.LevelWarn, "over its SLA", slog.String("object", p.ent.ref.String()), slog.String("state", s.base.state), slog.String("clock", clock),
			slog.Duration("sla", sla), slog.Duration("elapsed", elapsed), slog.String("outcome", p.outcome.Reason))
	}
	if news&overShared != 0 {
		c.obs.OverSLA(p.ent.ref, s.base.state, s.base.Elapsed(p.now))
		tell("shared", info.SLA, s.base.Elapsed(p.now))
	}
	if news&overStep != 0 {
		c.obs.OverStepSLA(p.ent.ref, s.base.state, s.base.ElapsedInState(p.now))
		tell("step", info.StepSLA, s.base.ElapsedInState(p.now))
	}
}
