package verify_test

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
)

// lenient is a store that hands out leases and takes every commit, whatever its lease is.
type lenient struct {
	*memory.Store
	now time.Time
}

func newLenient() *lenient {
	l := &lenient{Store: memory.New(), now: begun}
	l.LeaseClock(func() time.Time { return l.now })
	return l
}

func (*lenient) Commit(_ context.Context, batch []backend.Commit) ([]error, error) {
	return make([]error, len(batch)), nil
}

// fenced has a commit applied under the n-th lease of a rack of two. The first is given up, or runs out.
func fenced(n uint64, givenUp, second bool) func(s *stage) []error {
	return func(s *stage) []error {
		inner := newLenient()
		store := verify.Wrap(inner, s.Checker).(backend.LeaseStore)
		ctx := s.t.Context()
		claim := func(owner string) {
			if _, err := store.Claim(ctx, owner, time.Minute, []string{"r1"}); err != nil {
				s.t.Fatal(err)
			}
		}
		claim("a")
		if givenUp {
			if err := store.Release(ctx, "a"); err != nil {
				s.t.Fatal(err)
			}
		}
		inner.now = inner.now.Add(time.Hour)
		if second {
			claim("b")
		}
		k := s.wait(m1)
		k.Fences = []backend.Fence{{Rack: "r1", Token: n}}
		if _, err := store.Commit(ctx, []backend.Commit{*k}); err != nil {
			s.t.Fatal(err)
		}
		return s.Problems()
	}
}

func pick(wrong bool, bad, good func(s *stage) []error) func(s *stage) []error {
	if wrong {
		return bad
	}
	return good
}

func fenceBreaches() []breach {
	const (
		newest = "a commit is made under the newest lease of its rack"
		named  = "a commit names the lease of a rack that it writes"
		stored = "a write expects the version that is stored"
	)
	return []breach{
		either(newest, "the lease before", func(s *stage, wrong bool) []error {
			return pick(wrong, fenced(1, false, true), fenced(2, false, true))(s)
		}),
		either(newest, "a lease that was given up", func(s *stage, wrong bool) []error {
			return pick(wrong, fenced(1, true, false), fenced(1, false, false))(s)
		}),
		spoiled(named, "the lease of another rack", func(s *stage) *backend.Commit {
			k := s.wait(m1)
			k.Fences = []backend.Fence{{Rack: "r1", Token: 1}}
			return k
		}, func(k *backend.Commit) { k.Fences[0].Rack = "r2" }),
		spoiled(stored, "an older version", func(s *stage) *backend.Commit { return s.wait(m1) }, func(k *backend.Commit) { k.Writes[0].Expect-- }),
		spoiled(stored, "an object that was there before", func(s *stage) *backend.Commit {
			return created(s, machine.Ref("m2"), "Reported", "Created")
		}, func(k *backend.Commit) { k.Writes[0].Expect = 3 }),
	}
}

func keyBreaches() []breach {
	const (
		form    = "a key names its object, transition count, action and attempt"
		current = "a new key has the current transition count of its object"
		oneCall = "a key belongs to one call"
		oneList = "a key belongs to one list of devices"
		own     = "an object acts on itself, a rack on what is in it"
	)
	reset := func(s *stage, key string) []error {
		return s.Call(verify.Call{Name: "ResetHost", Key: key, Devices: devicesOf([]backend.Ref{m1})})
	}
	return []breach{
		either(form, "a key of some other form", func(s *stage, wrong bool) []error {
			if wrong {
				return reset(s, "machine/m1#1/ResetHost")
			}
			return reset(s, "machine/m1#1/ResetHost:Silent/2")
		}),
		either(form, "a key of nobody", func(s *stage, wrong bool) []error {
			if wrong {
				return s.call(machine.Ref("m9"), 0, "ResetHost", machine.Ref("m9"))
			}
			return s.call(m1, 0, "ResetHost", m1)
		}),
		either(current, "a key of the state before", func(s *stage, wrong bool) []error {
			if !wrong { // a job that has begun goes on under its key
				s.call(m1, 0, "UploadFirmware", m1)
			}
			s.commit(s.move(m1, "ValidationRequested", string(machine.ValidationRebootHost)))
			return s.call(m1, -1, "UploadFirmware", m1)
		}),
		either(current, "a key of a state to come", func(s *stage, wrong bool) []error {
			if wrong {
				return s.call(m1, 1, "ResetHost", m1)
			}
			return s.call(m1, 0, "ResetHost", m1)
		}),
		either(oneCall, "another call", func(s *stage, wrong bool) []error {
			s.call(m1, 0, "ResetHost", m1)
			name := "ResetHost"
			if wrong {
				name = "ResetBMC"
			}
			return s.Call(verify.Call{Name: name, Key: key(m1, 1, "ResetHost"), Devices: devicesOf([]backend.Ref{m1})})
		}),
		either(oneList, "another device", func(s *stage, wrong bool) []error {
			s.call(r1, 0, "SetPower", m1, s1)
			if wrong {
				return s.call(r1, 0, "SetPower", m1, p1) // p1 in the place of s1
			}
			return s.call(r1, 0, "SetPower", s1)
		}),
		either(own, "a device that acts on another", func(s *stage, wrong bool) []error {
			if wrong {
				return s.call(m1, 0, "SetPower", m1, s1)
			}
			return s.call(r1, 0, "SetPower", m1, s1)
		}),
		either(own, "a rack that acts on a device of another", func(s *stage, wrong bool) []error {
			s.put(rack.Ref("r2"), "Ready", entity(r1))
			if wrong {
				return s.call(rack.Ref("r2"), 0, "SetPower", m1)
			}
			return s.call(r1, 0, "SetPower", m1)
		}),
		either(own, "nobody", func(s *stage, wrong bool) []error {
			if wrong {
				return s.call(r1, 0, "SetPower")
			}
			return s.call(r1, 0, "SetPower", p1)
		}),
	}
}

func holdBreaches() []breach {
	const (
		still = "a held object makes hardware do nothing"
		alone = "hardware of a held object is left alone by its rack"
		stays = "a held object does not move"
		asked = "a held object begins no request"
	)
	until := func(wrong bool) time.Time {
		if wrong {
			return noon.Add(time.Hour)
		}
		return noon
	}
	return []breach{
		either(still, "a call under a hold", func(s *stage, wrong bool) []error {
			s.put(m1, "Ready", held(m1, until(wrong)))
			s.World().SetNow(noon)
			return s.call(m1, 0, "ResetHost", m1)
		}),
		either(still, "a call of a held rack", func(s *stage, wrong bool) []error {
			s.put(r1, "Ready", held(r1, until(wrong)))
			return s.call(r1, 0, "SetPower", m1)
		}),
		either(alone, "a call on a device under a hold", func(s *stage, wrong bool) []error {
			s.put(s1, "Ready", held(s1, until(wrong)))
			return s.call(r1, 0, "SetPower", m1, s1)
		}),
		either(stays, "a move under a hold", func(s *stage, wrong bool) []error {
			s.put(s1, "Ready", held(s1, until(wrong)))
			return s.commit(takeOff(s))
		}),
		either(asked, "a beginning under a hold", func(s *stage, wrong bool) []error {
			s.put(s1, "Ready", held(s1, until(wrong)), request("q", "maintenance"))
			return s.commit(s.update(s.wait(s1), "q", begin))
		}),
	}
}
