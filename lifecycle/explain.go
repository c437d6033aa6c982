package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Explanation says for a person where an object stands, why, and what can be done.
type Explanation struct {
	// Ref names the object, State its state, Doc what is true in that state, and Since when it was entered.
	Ref   backend.Ref
	State string
	Doc   string
	Since time.Time
	// Outcome is the result of the last pass: what is awaited and what was observed.
	Outcome backend.Outcome
	// Elapsed is how long the state's clock has run, SLA its limit. An SLA of zero is none.
	Elapsed, SLA time.Duration
	// StepElapsed and StepSLA are the same for the clock that began when this very state was entered.
	StepElapsed, StepSLA time.Duration
	// Deadline is the time after which the object moves to its failure state by itself. Zero: none, and NoDeadline says why.
	Deadline   time.Duration
	NoDeadline string
	// Holds stand on the object. It is left alone while any does.
	Holds []Hold
	// Alerts are its health: those that count.
	Alerts []Alert
	// Replacing is the report that overrides all others, nil if none does; Overridden are the alerts of the others, which do not count.
	Replacing  *HealthReport
	Overridden []Alert
	// Requests are open on it.
	Requests []backend.Request
	// Next is when the engine looks again by itself.
	Next time.Time
	// Triggers are what the table permits now, Accepts the types of request that may be posted now.
	Triggers, Accepts []string
	// Broken says why the engine cannot work on the object, nil if it can.
	Broken error
}

// Explain puts together what a person must know about an object. The error wraps backend.ErrNotFound.
func (c *Controller) Explain(ref backend.Ref) (*Explanation, error) {
	ent := c.entry(ref)
	if ent == nil {
		return nil, fmt.Errorf("explain %s: %w", ref, backend.ErrNotFound)
	}
	s := ent.snap.Load()
	if s == nil {
		return nil, fmt.Errorf("explain %s: %w", ref, backend.ErrNotFound)
	}
	b, g, now := s.base, ent.kind.graph, c.Now()
	x := &Explanation{
		Ref: ref, State: b.state, Since: b.since, Outcome: s.outcome, Requests: append([]backend.Request(nil), s.requests...),
		Next: c.queue.dueAt(&ent.job), Triggers: g.triggers(b.state), Accepts: ent.kind.accepts(b), Broken: s.broken,
	}
	x.Elapsed, x.StepElapsed = b.Elapsed(now), b.ElapsedInState(now)
	if info := g.states[b.state]; info != nil {
		x.Doc, x.SLA, x.StepSLA, x.Deadline, x.NoDeadline = info.Doc, info.SLA, info.StepSLA, info.Deadline, info.NoDeadline
	}
	clone := b.Clone()
	x.Holds, x.Alerts = clone.Holds, clone.Alerts
	if clone.Replacing != nil {
		x.Replacing, x.Overridden, x.Alerts = clone.Replacing, clone.Alerts, clone.EffectiveAlerts()
	}
	return x, nil
}

// String prints the explanation, one fact a line.
func (x *Explanation) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s "+format+"\n", append([]any{name}, args...)...)
	}
	line("object", "%s", x.Ref)
	line("state", "%s since %s (%s)", x.State, x.Since.Format(time.RFC3339), x.Elapsed.Round(time.Second))
	if x.Doc != "" {
		line("meaning", "%s", x.Doc)
	}
	if x.Broken != nil {
		line("broken", "%s", x.Broken)
	}
	line("outcome", "%s", outcomeText(x.Outcome))
	if x.Outcome.OverSLA && x.SLA == 0 && x.StepSLA == 0 {
		line("SLA", "none is granted in this state: it is reported at once")
	}
	if x.SLA > 0 {
		line("SLA", "%s", x.limitText(x.SLA, x.Elapsed))
	}
	if x.StepSLA > 0 {
		line("step SLA", "%s", x.limitText(x.StepSLA, x.StepElapsed))
	}
	switch {
	case x.Deadline > 0:
		line("deadline", "%s by default, then it fails", x.Deadline)
	case x.NoDeadline != "":
		line("deadline", "none: %s", x.NoDeadline)
	}
	for _, h := range x.Holds {
		line("hold", "%s", h)
	}
	if x.Replacing != nil {
		line("health", "%s overrides %d others", x.Replacing, len(x.Overridden))
	}
	for _, a := range x.Alerts {
		line("alert", "%s from %s: %s %v", a.ID, a.Source, a.Message, a.Classifications)
	}
	for _, r := range x.Requests {
		cancel := ""
		if r.CancelledBy != "" {
			cancel = ", to be cancelled for " + r.CancelledBy
		}
		line("request", "%s %s (%s%s) by %s since %s", r.Type, r.ID, r.State, cancel, r.Initiator, r.At.Format(time.RFC3339))
	}
	if !x.Next.IsZero() {
		line("next look", "%s", x.Next.Format(time.RFC3339))
	}
	line("permits", "%s", strings.Join(x.Triggers, ", "))
	line("accepts", "%s", strings.Join(x.Accepts, ", "))
	return b.String()
}

// limitText prints an SLA and how much of it is left.
func (x *Explanation) limitText(sla, elapsed time.Duration) string {
	if elapsed > sla && x.Outcome.OverSLA {
		return fmt.Sprintf("%s, exceeded", sla)
	}
	if elapsed > sla { // an alert excludes it, or no pass has looked yet
		return fmt.Sprintf("%s, over by %s and not reported", sla, (elapsed - sla).Round(time.Second))
	}
	return fmt.Sprintf("%s, %s left", sla, (sla - elapsed).Round(time.Second))
}

// outcomeText prints an outcome; a wait says so itself.
func outcomeText(o backend.Outcome) string {
	switch {
	case o.Kind == backend.OutcomeNone:
		return "not looked at yet"
	case o.Kind == backend.OutcomeWait:
		return o.Reason
	case o.Reason == "":
		return string(o.Kind)
	default:
		return string(o.Kind) + ": " + o.Reason
	}
}
