package verify_test

import (
	"errors"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func isOf(err error, rule string) bool {
	var broken *verify.Broken
	return errors.As(err, &broken) && broken.Rule == rule
}

func waitBreaches() []breach {
	const (
		reason = "a wait and an error have a reason"
		failed = "a failed object says why it failed"
	)
	first := func(f func(w *backend.Write)) func(*backend.Commit) {
		return func(k *backend.Commit) { f(&k.Writes[0]) }
	}
	waits := func(s *stage) *backend.Commit { return s.wait(m1) }
	all := []breach{
		spoiled(reason, "a wait for nothing", waits, first(func(w *backend.Write) { w.Record.Outcome.Reason = "waits for " })),
		spoiled(reason, "an error without a text", waits, first(func(w *backend.Write) {
			w.Record.Outcome.Kind, w.Record.Outcome.Reason = backend.OutcomeError, ""
		})),
		spoiled(reason, "an outcome that nobody knows", waits, first(func(w *backend.Write) { w.Record.Outcome.Kind = "perhaps" })),
		spoiled(failed, "a switch in Error for no reason", func(s *stage) *backend.Commit {
			s.put(s1, string(nvswitch.PoweringOn), entity(s1))
			return s.move(s1, "OperationFailed", "Error")
		}, first(func(w *backend.Write) { w.Transition.Note = "" })),
	}
	for _, c := range overdue() {
		all = append(all, c.breaches()...)
	}
	return all
}

// late is an object that is longer in its state than it may be.
type late struct {
	name  string
	ref   backend.Ref
	state string
	// entity is what its data say when it is late, and when something excuses it. nil excuse: it is in time.
	entity, excuse lifecycle.Entity
	// after is the time in the state after which it is late.
	after time.Duration
	// deadline says that it is late for its deadline, and not only for its SLA.
	deadline bool
}

func overdue() []late {
	paused := func(o *lifecycle.Object) { o.Paused = 6 * time.Hour }
	excluded := func(o *lifecycle.Object) {
		o.Alerts = []lifecycle.Alert{{ID: "a", Source: "b", Classifications: []lifecycle.Classification{lifecycle.ExcludeFromSLA}}}
	}
	sharing := &rack.Rack{ProfileID: "P", Cycle: &rack.Cycle{ID: "c", Scope: rack.FullRack()}}
	sharing.ClockStart = begun.Add(-3 * time.Hour)
	pending := &machine.Machine{Attestation: &machine.AttestationRun{Pending: true}}
	return []late{
		{name: "in service for ever but for the SLA of its bring-up", ref: s1, state: "FetchInfo", entity: entity(s1), after: 5 * time.Minute},
		{name: "under a hold until now", ref: s1, state: "FetchInfo", entity: entity(s1), excuse: held(s1, time.Time{}), after: 5 * time.Minute},
		{name: "excused by its health", ref: m1, state: string(machine.HostInitUefiSetup), entity: entity(m1), excuse: edited(m1, excluded), after: 30 * time.Minute},
		{name: "to be reported at once", ref: m1, state: string(machine.Failed), entity: entity(m1), excuse: edited(m1, excluded), after: 0},
		{name: "past the clock that its state shares", ref: r1, state: string(rack.FirmwareWait), entity: sharing, excuse: inCycle("c"), after: time.Minute},
		{name: "past the deadline of an activity", ref: r1, state: string(rack.FirmwareWait), entity: inCycle("c"), after: 4*time.Hour + 3*time.Minute, deadline: true},
		{
			name: "past the deadline of its job", ref: s1, state: string(nvswitch.CertificateWait), entity: &nvswitch.Switch{Certificate: &nvswitch.CertificateJob{ID: "j"}},
			excuse: &nvswitch.Switch{Certificate: &nvswitch.CertificateJob{ID: "j", Clock: 2 * time.Hour}}, after: 33 * time.Minute, deadline: true,
		},
		{name: "past the deadline of a proof", ref: m1, state: string(machine.MeasuringWaitingForMeasurements), entity: entity(m1), excuse: pending, after: time.Hour + 3*time.Minute, deadline: true},
		{name: "past the deadline of a power operation", ref: p1, state: "Maintenance/PowerOn", entity: entity(p1), excuse: edited(p1, paused), after: 13 * time.Minute, deadline: true},
	}
}

// breaches has the object looked at by a pass, and when nothing is due.
func (l late) breaches() []breach {
	byPass, idle := "a pass past the SLA reports its object", "an object past its SLA is reported when nothing is due"
	if l.deadline {
		byPass, idle = "a pass past the deadline moves its object", "an object past its deadline has moved when nothing is due"
	}
	play := func(s *stage, wrong bool, look func(k *backend.Commit) []error) []error {
		e, at := l.entity, begun.Add(l.after+time.Second)
		switch {
		case !wrong && l.excuse != nil:
			e = l.excuse
		case !wrong:
			at = begun.Add(l.after - time.Second)
		}
		s.put(l.ref, l.state, e)
		k := s.wait(l.ref)
		k.Writes[0].Record.Outcome.At, k.Writes[0].Record.Outcome.OverSLA = at, l.deadline
		s.World().SetNow(at)
		return look(k)
	}
	return []breach{
		either(byPass, l.name, func(s *stage, wrong bool) []error { return play(s, wrong, s.commit) }),
		either(idle, l.name, func(s *stage, wrong bool) []error {
			return play(s, wrong, func(k *backend.Commit) []error {
				s.Applied(k)
				return s.Idle()
			})
		}),
	}
}
