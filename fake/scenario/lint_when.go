package scenario

import (
	"slices"

	"github.com/rackstate/rackstate/backend"
)

func (l *linter) lintWhen() {
	for i, step := range l.s.When {
		at := path{"when", i}
		keys := step.keys()
		if len(keys) != 1 {
			l.add(at, "a step has one key, this one has %d: %s", len(keys), joined(keys))
			continue
		}
		l.lintStep(at.to(keys[0]), step)
	}
}

func (l *linter) lintStep(at path, s Step) {
	if l.lintFate(at, s) {
		return
	}
	switch {
	case s.Reconcile != nil:
		if len(s.Reconcile) == 0 {
			l.add(at, "no object is named")
		}
		for _, name := range s.Reconcile {
			l.ref(at, name)
		}
	case s.Stabilize != "":
		l.word(at, s.Stabilize, []string{"all"})
	case s.Request != nil:
		l.lintRequest(at, *s.Request)
		if s.Request.AcceptedAt != nil {
			l.add(at.to("accepted_at"), "a request that is made here is accepted by its object; accepted_at belongs into given")
		}
	case s.Cancel != nil:
		l.lintCancel(at, *s.Cancel)
	case s.Hardware != nil:
		if len(s.Hardware) == 0 {
			l.add(at, "no call is named")
		}
		l.lintHardware(at, s.Hardware)
	case s.Jobs != nil:
		l.lintJobs(at, *s.Jobs)
	case s.Status != nil:
		l.lintStatus(at, *s.Status)
	case s.Crash != nil:
		l.lintCrash(at, *s.Crash)
	default:
		l.lintEdit(at, s)
	}
	l.positive(at, s.Advance)
	l.positive(at, s.Run)
}

func (l *linter) lintEdit(at path, s Step) {
	switch {
	case s.Approve != nil:
		l.ref(at.to("on"), s.Approve.On)
	case s.Report != nil:
		l.ref(at.to("on"), s.Report.On, backend.KindMachine)
	case s.SKU != nil:
		l.ref(at.to("on"), s.SKU.On, backend.KindMachine)
	case s.Label != nil:
		if l.ref(at.to("on"), s.Label.On); len(s.Label.Set)+len(s.Label.Remove) == 0 {
			l.add(at, "no label is set or removed")
		}
	case s.Discover != nil:
		l.lintDiscover(at, *s.Discover)
	case s.Hold != nil:
		if h := *s.Hold; h.Type == "" || h.Owner == "" || h.Reason == "" {
			l.add(at, "a hold has a type, an owner and a reason")
		}
		l.ref(at.to("on"), s.Hold.On)
	case s.Lift != nil:
		l.ref(at.to("on"), s.Lift.On)
	case s.Delete != "":
		l.ref(at, s.Delete)
	case s.Purge != "":
		l.ref(at, s.Purge)
	}
}

func (l *linter) lintCancel(at path, c Cancel) {
	switch {
	case c.ID == "" && c.On == "":
		l.add(at, "it names neither the id of a request nor the object that it is on")
	case c.ID != "" && !l.request[c.ID]:
		l.add(at.to("id"), "no request %q is made here", c.ID)
	case c.On != "":
		l.ref(at.to("on"), c.On)
	}
}

// lintDiscover: a device that is given before may be reported again, as what it is.
func (l *linter) lintDiscover(at path, d Discover) {
	if !slices.Contains(deviceWords, d.Kind) {
		l.add(at.to("kind"), "%q is no kind of device; use %s", d.Kind, joined(deviceWords))
		return
	}
	ref := backend.Ref{Kind: backend.Kind(d.Kind), ID: d.ID}
	if err := backend.CheckID(d.ID); err != nil {
		l.add(at.to("id"), "%s", err)
	} else if other := l.ids[d.ID]; other != ref {
		l.add(at.to("id"), "the id %q belongs to %s", d.ID, other)
	}
}

func (l *linter) lintCrash(at path, what string) {
	if what == "" {
		return
	}
	p, err := parseCrash(what)
	if err != nil {
		l.add(at, "%s", err)
		return
	}
	if p.what == afterCall {
		l.call(at, p.name)
	}
}
