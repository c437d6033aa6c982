package verify

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// fenceRules are about who may commit, and on what.
func fenceRules() []Rule {
	return []Rule{
		{Name: "a commit is made under the newest lease of its rack", Promise: 2, Commit: newestLease},
		{Name: "a commit names the lease of a rack that it writes", Promise: 2, Commit: fenceOfWritten},
		{Name: "a write expects the version that is stored", Promise: 3, Commit: expectsStored},
	}
}

// lease is what is known of the lease of a rack.
type lease struct {
	token uint64
	owner string
	ended bool // given up
}

func newestLease(w *World, c *backend.Commit) error {
	var bad findings
	for _, f := range c.Fences {
		switch l := w.leases.get(f.Rack); {
		case f.Token < l.token:
			bad.addf("it is made under lease %d of rack %s, the newest is %d of %s", f.Token, f.Rack, l.token, l.owner)
		case f.Token == l.token && l.ended:
			bad.addf("it is made under lease %d of rack %s, which %s has given up", f.Token, f.Rack, l.owner)
		}
	}
	return bad.err()
}

func fenceOfWritten(_ *World, c *backend.Commit) error {
	var bad findings
fences:
	for _, f := range c.Fences {
		for i := range c.Writes {
			if c.Writes[i].Record.Rack == f.Rack {
				continue fences
			}
		}
		bad.addf("it is made under a lease of rack %s, and writes nothing there", f.Rack)
	}
	return bad.err()
}

func expectsStored(w *World, c *backend.Commit) error {
	return each(w, c, func(ch change) error {
		stored := uint64(0)
		if ch.before != nil {
			stored = ch.before.rec.Version
		}
		if ch.Expect != stored {
			return fmt.Errorf("the write of %s expects version %d, stored is %d", ch.ref, ch.Expect, stored)
		}
		return nil
	})
}

// leased notes a lease that the store has handed out.
func (w *World) leased(l backend.Lease) {
	if old := w.leases.get(l.Rack); l.Token > old.token {
		w.leases.set(l.Rack, lease{token: l.Token, owner: l.Owner})
	}
}

// released notes that an owner has given up its leases, those of the racks or all.
func (w *World) released(owner string, racks []string) {
	if len(racks) == 0 {
		for id := range w.leases.m {
			racks = append(racks, id)
		}
	}
	for _, id := range racks {
		if l := w.leases.get(id); l.owner == owner && !l.ended {
			l.ended = true
			w.leases.set(id, l)
		}
	}
}
