package verify_test

import (
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// created is a commit that brings an object into the world.
func created(s *stage, ref backend.Ref, trigger, to string) *backend.Commit {
	s.t.Helper()
	rackID := "r1"
	if ref.Kind == backend.KindRack {
		rackID = ref.ID
	}
	w := backend.Write{Record: backend.Record{Ref: ref, Rack: rackID, Data: []byte("{}")}}
	step(&w, trigger, to)
	return &backend.Commit{Writes: []backend.Write{w}}
}

func takeOff(s *stage) *backend.Commit {
	return s.move(s1, "MaintenanceRequested", "Maintenance/PowerOff")
}

// lead has the first write end in another state.
func lead(to string) func(k *backend.Commit) {
	return func(k *backend.Commit) { k.Writes[0].Record.State, k.Writes[0].Transition.To = to, to }
}

func moveBreaches() []breach {
	const (
		table = "an object moves only along the table of its kind"
		one   = "a change of state has exactly one history row"
		once  = "a commit writes each object once"
		stays = "an object stays in its rack as long as it lives"
		goes  = "time never goes back for an object"
	)
	first := func(f func(w *backend.Write)) func(*backend.Commit) {
		return func(k *backend.Commit) { f(&k.Writes[0]) }
	}
	back := begun.Add(-time.Second)
	return []breach{
		spoiled(table, "a target that the trigger does not have", takeOff, lead("Deleting")),
		spoiled(table, "a trigger that the state does not have", takeOff, first(func(w *backend.Write) { w.Transition.Trigger = "NvosUpdated" })),
		spoiled(table, "a row of any state into itself", func(s *stage) *backend.Commit {
			s.put(s1, "Deleting", entity(s1))
			k := s.wait(s1)
			k.Writes[0].Record.Outcome.OverSLA = true
			return k
		}, first(func(w *backend.Write) { step(w, "Deleted", "Deleting") })),
		spoiled(table, "a row of a path from elsewhere", func(s *stage) *backend.Commit {
			s.put(r1, "Maintenance/FirmwareUpgrade/Start", &rack.Rack{Cycle: &rack.Cycle{ID: "c"}})
			return s.move(r1, "ActivityDone", "Maintenance/NVOSUpdate/Start")
		}, first(func(w *backend.Write) { w.Transition.Trigger = "PowerIsOff" })),
		spoiled(table, "a creation elsewhere than at the beginning", func(s *stage) *backend.Commit {
			return created(s, machine.Ref("m2"), "Reported", "Created")
		}, lead("Ready")),
		spoiled(table, "an end without a row, that is no purge", func(s *stage) *backend.Commit { return purge(s.move(m1, "Purged", "")) }, first(func(w *backend.Write) {
			w.Transition.Trigger, w.Record.Outcome.Kind = "Removed", backend.OutcomeDeleted
		})),
		spoiled(one, "a new state without a row", takeOff, first(func(w *backend.Write) {
			w.Transition, w.Record.Transitions, w.Record.Since = nil, 1, begun
		})),
		spoiled(one, "a row that ends elsewhere", takeOff, first(func(w *backend.Write) { w.Transition.To = "Maintenance/PowerOn" })),
		spoiled(one, "an object that appears without a row", func(s *stage) *backend.Commit {
			return created(s, machine.Ref("m2"), "Reported", "Created")
		}, first(func(w *backend.Write) {
			w.Transition, w.Record.Transitions, w.Record.State = nil, 0, ""
			w.Record.Outcome = backend.Outcome{}
		})),
		spoiled(once, "the same write twice", func(s *stage) *backend.Commit { return s.wait(m1) }, func(k *backend.Commit) { k.Writes = append(k.Writes, k.Writes[0]) }),
		spoiled(stays, "a device in another rack", func(s *stage) *backend.Commit { return s.wait(m1) }, first(func(w *backend.Write) { w.Record.Rack = "r2" })),
		spoiled(stays, "a rack in another rack", func(s *stage) *backend.Commit {
			return created(s, rack.Ref("r2"), "Discovered", "Created")
		}, first(func(w *backend.Write) { w.Record.Rack, w.Transition.Rack = "r1", "r1" })),
		spoiled(goes, "a move before the one before", takeOff, first(func(w *backend.Write) {
			w.Transition.At, w.Record.Since, w.Record.Outcome.At = back, back, back
		})),
		spoiled(goes, "an outcome of an earlier state", func(s *stage) *backend.Commit { return s.wait(m1) }, first(func(w *backend.Write) { w.Record.Outcome.At = back })),
	}
}

// purge makes the outcome of an end that of a purge.
func purge(k *backend.Commit) *backend.Commit {
	k.Writes[0].Record.Outcome.Kind = backend.OutcomeTransition
	return k
}

func rowBreaches() []breach {
	const (
		chain   = "the history of an object is an unbroken chain"
		count   = "the transition count moves with a history row and only then"
		since   = "time in state begins with the history row"
		says    = "a history row says of what, by whom and when"
		outcome = "a change of state is the outcome on record"
	)
	row := func(f func(w *backend.Write, row *backend.Transition)) func(*backend.Commit) {
		return func(k *backend.Commit) { f(&k.Writes[0], k.Writes[0].Transition) }
	}
	waits := func(s *stage) *backend.Commit { return s.wait(m1) }
	return []breach{
		spoiled(chain, "a gap", takeOff, row(func(_ *backend.Write, r *backend.Transition) { r.Seq++ })),
		spoiled(chain, "a row that begins elsewhere", takeOff, row(func(_ *backend.Write, r *backend.Transition) { r.From = "Error" })),
		spoiled(chain, "a second life that counts anew", func(s *stage) *backend.Commit {
			s.commit(purge(s.move(m1, "Purged", "")))
			k := s.wait(m1)
			step(&k.Writes[0], "Reported", "Created")
			return k
		}, row(func(_ *backend.Write, r *backend.Transition) { r.Seq = 1 })),
		spoiled(count, "a move that is not counted", takeOff, row(func(w *backend.Write, _ *backend.Transition) { w.Record.Transitions-- })),
		spoiled(count, "a wait that is counted", waits, row(func(w *backend.Write, _ *backend.Transition) { w.Record.Transitions++ })),
		spoiled(since, "a move at another time", takeOff, row(func(w *backend.Write, _ *backend.Transition) { w.Record.Since = noon.Add(-time.Second) })),
		spoiled(since, "a wait that begins time anew", waits, row(func(w *backend.Write, _ *backend.Transition) { w.Record.Since = noon.Add(-time.Second) })),
		spoiled(says, "no initiator", takeOff, row(func(_ *backend.Write, r *backend.Transition) { r.Initiator = "" })),
		spoiled(says, "another object", takeOff, row(func(_ *backend.Write, r *backend.Transition) { r.Ref = m1 })),
		spoiled(says, "another rack", takeOff, row(func(_ *backend.Write, r *backend.Transition) { r.Rack = "r2" })),
		spoiled(says, "a time that no store can keep", takeOff, row(func(w *backend.Write, r *backend.Transition) {
			r.At = noon.Add(time.Nanosecond)
			w.Record.Since, w.Record.Outcome.At = r.At, r.At
		})),
		spoiled(outcome, "another outcome", takeOff, row(func(w *backend.Write, _ *backend.Transition) { w.Record.Outcome.Kind = backend.OutcomeNothing })),
		spoiled(outcome, "an outcome of before", takeOff, row(func(w *backend.Write, _ *backend.Transition) { w.Record.Outcome.At = noon.Add(time.Second) })),
		spoiled(outcome, "an end that is no end", func(s *stage) *backend.Commit {
			s.put(s1, "Deleting", entity(s1))
			return s.move(s1, "Removed", "")
		}, row(func(w *backend.Write, _ *backend.Transition) { w.Record.Outcome.Kind = backend.OutcomeTransition })),
	}
}
