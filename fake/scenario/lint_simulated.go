package scenario

import (
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// lintSimulated looks at simulated hardware: what is scripted of it would never be answered.
func (l *linter) lintSimulated() {
	g, at := l.s.Given, path{"given"}
	if g.Simulated == nil {
		return
	}
	for key := range g.Simulated.Delays {
		l.word(at.to("simulated", "delays", key), key, delayKeys())
	}
	if g.Simulated.Instant && len(g.Simulated.Delays) > 0 {
		l.add(at.to("simulated", "instant"), "there are no delays when all is instant")
	}
	if g.Simulated.Seed < 0 {
		l.add(at.to("simulated", "seed"), "a seed is not negative")
	}
	l.lintFaults(at.to("simulated", "faults"), g.Simulated.Faults)
	for i, name := range g.Settings.Attestors {
		l.word(at.to("settings", "attestors", i), name, []string{fake.MeasuredBoot, fake.DeviceAttestation})
	}
	const scripted = "the hardware is simulated; use faults"
	if len(g.Hardware) > 0 {
		l.add(at.to("hardware"), scripted)
	}
	if len(g.Jobs) > 0 {
		l.add(at.to("jobs"), "the hardware is simulated, and begins its jobs itself")
	}
	for i, s := range g.Switches {
		if s.Job != nil {
			l.add(at.to("switches", i, "job"), "the hardware is simulated, and begins its jobs itself")
		}
	}
	for i, step := range l.s.When {
		if step.Hardware != nil || step.Jobs != nil {
			l.add(path{"when", i}, scripted)
		}
	}
}

// lintFaults reads faults. A call that hangs would wait for time to pass, which it does not while it waits.
func (l *linter) lintFaults(at path, texts []string) {
	if l.s.Given.Simulated == nil {
		l.add(at, "only simulated hardware has faults; scripted hardware answers as it is told")
	}
	for i, text := range texts {
		if _, err := parseFaults([]string{text}); err != nil {
			l.add(at.to(i), "%s", err)
		}
		if strings.HasPrefix(text, "hang ") {
			l.add(at.to(i), "time does not pass while a call hangs; use timeout")
		}
	}
}

// lintControllers looks at the controllers that are given.
func (l *linter) lintControllers() {
	at := path{"given", "controllers"}
	for i, name := range l.s.Given.Controllers {
		if err := backend.CheckID(name); err != nil {
			l.add(at.to(i), "%s", err)
		}
		if slices.Contains(l.s.Given.Controllers[:i], name) {
			l.add(at.to(i), "controller %s is there twice", name)
		}
	}
}

// controller reads the name of one.
func (l *linter) controller(at path, name string) {
	if len(l.s.Given.Controllers) == 0 {
		l.add(at, "no controllers are given")
		return
	}
	l.word(at, name, l.s.Given.Controllers)
}

// lintFate looks at a step about controllers and faults. It returns false for any other.
func (l *linter) lintFate(at path, s Step) bool {
	switch {
	case s.Faults != nil:
		l.lintFaults(at, *s.Faults)
	case s.Stall != nil:
		l.lintStall(at, *s.Stall)
	case s.As != "", s.Pause != "", s.Continue != "", s.Kill != "":
		l.controller(at, s.As+s.Pause+s.Continue+s.Kill)
	default:
		return false
	}
	return true
}

func (l *linter) lintStall(at path, s Stall) {
	p, err := parseStall(s.At)
	switch {
	case err != nil:
		l.add(at.to("at"), "%s", err)
	case p.what == afterCall && l.s.Given.Simulated == nil:
		l.add(at.to("at"), "scripted hardware answers at once; only simulated hardware can be waited for")
	case p.what == afterCall:
		l.call(at.to("at"), p.name)
	}
	if s.Controller != "" {
		l.controller(at.to("controller"), s.Controller)
	}
	if s.For <= 0 {
		l.add(at.to("for"), "it says for how long, more than zero")
	}
}
