package verify_test

import (
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// asks is a commit that posts a request to the switch.
func asks(s *stage) *backend.Commit { return post(s.edit(s1, entity(s1)), request("q", "maintenance")) }

// ends is a commit that ends a request of the switch which has begun.
func ends(state backend.RequestState) func(s *stage) *backend.Commit {
	return func(s *stage) *backend.Commit {
		s.put(s1, "Ready", entity(s1), started(request("q", "maintenance")))
		return s.update(s.wait(s1), "q", end(state))
	}
}

func requestBreaches() []breach {
	const (
		posted   = "a request is posted once, complete, to an object that understands it"
		forwards = "a request moves only forwards, and not at all once it has ended"
		keeps    = "a request keeps what it asks"
		why      = "a request says when it began and ended, and why"
		together = "a request changes only together with its object"
		open     = "an object that is gone leaves no request open"
		done     = "a finished request has no target that failed or still runs"
	)
	new := func(f func(q *backend.Request)) func(*backend.Commit) {
		return func(k *backend.Commit) { f(&k.Post[0]) }
	}
	changed := func(f func(q *backend.Request)) func(*backend.Commit) {
		return func(k *backend.Commit) { f(&k.Update[0]) }
	}
	all := []breach{
		spoiled(posted, "twice in a commit", asks, func(k *backend.Commit) { k.Post = append(k.Post, k.Post[0]) }),
		either(posted, "an id that was there before", func(s *stage, wrong bool) []error {
			s.commit(ends(backend.RequestFinished)(s))
			k := asks(s)
			if !wrong {
				k.Post[0].ID = "q2"
			}
			return s.commit(k)
		}),
		spoiled(posted, "by nobody", asks, new(func(q *backend.Request) { q.Initiator = "" })),
		spoiled(posted, "of a type that a switch does not know", asks, new(func(q *backend.Request) { q.Type = machine.TypeAssign })),
		spoiled(posted, "for another rack", asks, new(func(q *backend.Request) { q.Rack = "r2" })),
		spoiled(posted, "to an object that is gone with it", func(s *stage) *backend.Commit {
			k := post(s.move(s1, "Purged", ""), request("q", "maintenance"))
			k.Post = nil
			return purge(k)
		}, func(k *backend.Commit) {
			q := request("q", "maintenance")
			q.On, q.Rack, q.At = s1, "r1", noon
			end(backend.RequestSuperseded)(&q)
			k.Post = append(k.Post, q)
		}),
		spoiled(forwards, "one that nobody has posted", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.ID = "q9" })),
		either(forwards, "one that has ended", func(s *stage, wrong bool) []error {
			k := ends(backend.RequestFinished)(s)
			found := s.commit(k)
			if wrong {
				again := s.wait(s1)
				again.Update = k.Update
				found = append(found, s.commit(again)...)
			}
			return found
		}),
		either(forwards, "back to where it had not begun", func(s *stage, wrong bool) []error {
			s.put(s1, "Ready", entity(s1), started(request("q", "maintenance")))
			k := s.update(s.wait(s1), "q", func(q *backend.Request) { q.CancelledBy = "ann" })
			if wrong {
				k.Update[0].State = backend.RequestPending
			}
			return only(forwards, s.commit(k)) // it does not say when it began then, either
		}),
		spoiled(keeps, "another type", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.Type = lifecycle.TypeReprovision })),
		spoiled(keeps, "another initiator", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.Initiator = "bob" })),
		spoiled(keeps, "other parameters", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.Params = []byte(`{}`) })),
		spoiled(keeps, "another time", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.At = begun.Add(-time.Hour) })),
		spoiled(keeps, "another beginning", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.StartedAt = noon })),
		either(keeps, "a cancelling that is taken back", func(s *stage, wrong bool) []error {
			q := started(request("q", "maintenance"))
			q.CancelledBy = "ann"
			s.put(s1, "Ready", entity(s1), q)
			return s.commit(s.update(s.wait(s1), "q", func(q *backend.Request) {
				if wrong {
					q.CancelledBy = ""
				}
			}))
		}),
		spoiled(why, "an end without a time", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.EndedAt = time.Time{} })),
		spoiled(why, "an end before its beginning", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.EndedAt = begun.Add(-time.Second) })),
		spoiled(why, "a state that nobody knows", ends(backend.RequestFinished), changed(func(q *backend.Request) { q.State = "lost" })),
		spoiled(why, "pending and ended", asks, new(func(q *backend.Request) { q.EndedAt = noon })),
		spoiled(why, "pending and begun", asks, new(func(q *backend.Request) { q.StartedAt = noon })),
		spoiled(together, "posted without its object", func(s *stage) *backend.Commit { return with(asks(s), s.wait(m1)) }, func(k *backend.Commit) { k.Writes = k.Writes[1:] }),
		spoiled(together, "ended without its object", func(s *stage) *backend.Commit {
			return with(ends(backend.RequestFinished)(s), s.wait(m1))
		}, func(k *backend.Commit) { k.Writes = k.Writes[1:] }),
		spoiled(open, "a purge that forgets a request", func(s *stage) *backend.Commit {
			s.put(s1, "Ready", entity(s1), request("q", "maintenance"))
			return s.update(purge(s.move(s1, "Purged", "")), "q", end(backend.RequestSuperseded))
		}, func(k *backend.Commit) { k.Update = nil }),
	}
	for _, status := range []backend.ResultStatus{backend.ResultFailed, backend.ResultRunning} {
		all = append(all, spoiled(done, string(status), func(s *stage) *backend.Commit {
			k := ends(backend.RequestFinished)(s)
			k.Update[0].Results = []backend.Result{{Target: s1, Status: backend.ResultOK}, {Target: m1, Status: backend.ResultSkipped}}
			return k
		}, changed(func(q *backend.Request) { q.Results[1].Status = status })))
	}
	for _, state := range []backend.RequestState{backend.RequestRejected, backend.RequestFailed, backend.RequestCancelled, backend.RequestSuperseded, backend.RequestWithdrawn} {
		all = append(all, spoiled(why, string(state)+" for no reason", ends(state), changed(func(q *backend.Request) { q.Reason = "" })))
	}
	return all
}

// only leaves out what other rules say.
func only(rule string, found []error) []error {
	var out []error
	for _, err := range found {
		if isOf(err, rule) {
			out = append(out, err)
		}
	}
	return out
}
