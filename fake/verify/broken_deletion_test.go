package verify_test

import (
	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

func deletionBreaches() []breach {
	const (
		asked  = "nothing but a forced deletion is asked of an object that is marked deleted"
		none   = "an object that is being deleted has no open request"
		leaves = "an object that is being deleted leaves only by being gone"
		stays  = "a mark of deletion stays"
		first  = "an object that is marked deleted moves nowhere but to its deletion"
		work   = "an object that is marked deleted makes hardware do nothing before its deletion has begun"
		out    = "an object that is marked deleted is on its way out when nothing is due"
		last   = "a rack is gone after its devices"
	)
	// markedOr puts a switch that is marked deleted, or not.
	markedOr := func(s *stage, mark bool, state string) {
		e := entity(s1)
		if mark {
			e = marked(s1)
		}
		s.put(s1, state, e)
	}
	return []breach{
		spoiled(asked, "a maintenance", func(s *stage) *backend.Commit {
			markedOr(s, true, "Ready")
			return post(s.edit(s1, marked(s1)), request("q", lifecycle.ForceDelete))
		}, func(k *backend.Commit) { k.Post[0].Type = "maintenance" }),
		spoiled(none, "a request that goes on", func(s *stage) *backend.Commit {
			s.put(s1, "Ready", marked(s1), started(request("q", "maintenance")), request("f", lifecycle.ForceDelete))
			return s.update(s.move(s1, "Deleted", "Deleting"), "q", end(backend.RequestSuperseded))
		}, func(k *backend.Commit) { k.Update = nil }),
		{rule: leaves, name: "back to service", play: func(s *stage, wrong bool) []error {
			s.put(m1, "Deleting", marked(m1))
			if !wrong {
				return s.commit(s.move(m1, "ForceDeletionRequested", "ForceDeletion"))
			}
			return only(leaves, s.commit(s.move(m1, "ForceDeletionRequested", "Ready"))) // the table says so too
		}},
		either(stays, "a mark that is taken away", func(s *stage, wrong bool) []error {
			markedOr(s, true, "Ready")
			if wrong {
				return s.commit(s.edit(s1, entity(s1)))
			}
			return s.commit(s.edit(s1, marked(s1)))
		}),
		either(first, "an operation", func(s *stage, wrong bool) []error {
			markedOr(s, wrong, "Ready")
			return s.commit(takeOff(s))
		}),
		either(work, "a call in service", func(s *stage, wrong bool) []error {
			markedOr(s, wrong, "Ready")
			return s.call(s1, 0, "SetPower", s1)
		}),
		either(work, "a call in service, and one in its deletion", func(s *stage, wrong bool) []error {
			state := "Ready"
			if !wrong {
				state = "Deleting"
			}
			s.put(m1, state, marked(m1))
			return s.call(m1, 0, "SetPower", m1)
		}),
		either(out, "still in service", func(s *stage, wrong bool) []error {
			markedOr(s, wrong, "Ready")
			return s.Idle()
		}),
		either(last, "a rack that leaves a machine behind", func(s *stage, wrong bool) []error {
			s.put(r1, "Deleting", marked(r1))
			for _, ref := range []backend.Ref{m1, s1, p1} {
				if ref != m1 || !wrong {
					s.commit(purge(s.move(ref, "Purged", "")))
				}
			}
			return s.commit(s.move(r1, "Removed", ""))
		}),
		either(last, "a rack that is gone before a newcomer", func(s *stage, wrong bool) []error {
			s.put(r1, "Deleting", marked(r1))
			k := s.move(r1, "Removed", "")
			for _, ref := range []backend.Ref{m1, s1, p1} {
				k = with(k, purge(s.move(ref, "Purged", "")))
			}
			found := s.commit(created(s, machine.Ref("m2"), "Reported", "Created"))
			if !wrong {
				found = append(found, s.commit(purge(s.move(machine.Ref("m2"), "Purged", "")))...)
			}
			return append(found, s.commit(k)...)
		}),
	}
}
