package machine

import (
	"cmp"
	"slices"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// uploads shares out the site's slots for uploads, first come, first served. It is a memory of what the machines have on record: who has a slot, or waits for one,
// counts only as long as its committed record says that it still is in that very visit of WaitingForUpload. So nothing has to be given back, and nothing
// leaks when a machine is deleted, purged or reset, or when a process dies.
type uploads struct {
	mu sync.Mutex
	// known says that the machines were looked at since the process began.
	known   bool
	holders []slot
	waiters []slot // in the order in which they came
}

// slot names one visit of a machine in WaitingForUpload.
type slot struct {
	ref   backend.Ref
	visit uint64
}

func slotOf(m *Machine) slot { return slot{ref: m.Ref(), visit: m.Transitions()} }

// claim gives the machine a slot if one is left when those that came before it have theirs. Otherwise it returns who has them. A negative limit is none.
func (u *uploads) claim(tx *lifecycle.Tx, m *Machine, limit int) (taken []backend.Ref, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh(tx)
	self := slotOf(m)
	if slices.Contains(u.holders, self) {
		return nil, true
	}
	at := slices.Index(u.waiters, self)
	if at < 0 {
		at = len(u.waiters)
		u.waiters = append(u.waiters, self)
	}
	if limit < 0 || len(u.holders)+at < limit {
		u.waiters = slices.Delete(u.waiters, at, at+1)
		u.holders = append(u.holders, self)
		return nil, true
	}
	for _, s := range u.holders {
		taken = append(taken, s.ref)
	}
	return taken, false
}

// leave takes the machine out of the line, and returns who is first in it: the machine leaves its slot, if it has one, when its pass is committed.
func (u *uploads) leave(tx *lifecycle.Tx, m *Machine) (first backend.Ref, anybody bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh(tx)
	self := slotOf(m)
	u.waiters = slices.DeleteFunc(u.waiters, func(s slot) bool { return s == self })
	if !slices.Contains(u.holders, self) || len(u.waiters) == 0 {
		return backend.Ref{}, false
	}
	return u.waiters[0].ref, true
}

// refresh forgets what counts no longer. The first time it learns from all machines who was sending when the last process ended, and who waited.
func (u *uploads) refresh(tx *lifecycle.Tx) {
	if !u.known {
		u.known = true
		all := lifecycle.All[Machine](tx, backend.KindMachine)
		slices.SortStableFunc(all, func(a, b *Machine) int { return cmp.Compare(a.Since().UnixMicro(), b.Since().UnixMicro()) })
		for _, m := range all {
			switch {
			case poolState(State(m.State())) != HostReprovisionWaitingForUpload:
			case m.sending():
				u.holders = append(u.holders, slotOf(m))
			case m.waitsForSlot():
				u.waiters = append(u.waiters, slotOf(m))
			}
		}
	}
	u.holders = slices.DeleteFunc(u.holders, func(s slot) bool { return !s.counts(tx) })
	u.waiters = slices.DeleteFunc(u.waiters, func(s slot) bool { return !s.counts(tx) })
}

// counts reports whether the machine still is in that visit. Under a hold it does not begin to send, and what it has begun goes on.
func (s slot) counts(tx *lifecycle.Tx) bool {
	m, ok := lifecycle.Look[Machine](tx, s.ref)
	if !ok || m.Transitions() != s.visit || poolState(State(m.State())) != HostReprovisionWaitingForUpload {
		return false
	}
	_, held := m.Held(tx.Now())
	return m.sending() || !held
}
