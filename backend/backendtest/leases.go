package backendtest

import (
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// TestLeases proves that a store keeps every rule that is written on [backend.LeaseStore]. The function open returns a new, empty store each time, which TestLeases closes, and a
// function that lets its time pass: for the store as much time must have gone by then, however that is brought about.
func TestLeases(t *testing.T, open func(t *testing.T) (store backend.LeaseStore, pass func(d time.Duration))) {
	for _, c := range leaseCases() {
		t.Run(c.name, func(t *testing.T) {
			store, pass := open(t)
			storeCase{name: c.name, rule: c.rule, at: c.at, run: func(sc *storeCheck) { c.run(&leaseCheck{storeCheck: sc, store: store, pass: pass}) }}.test(t, store)
		})
	}
}

// leaseCase is one rule of the contract with the code that tries to break it.
type leaseCase struct {
	storeCase
	run func(c *leaseCheck)
}

func leaseRule(name, rule string, run func(c *leaseCheck)) leaseCase {
	made := storeRule(name, rule, nil)
	return leaseCase{storeCase: made, run: run}
}

// leaseCheck is the store under test together with what went wrong so far.
type leaseCheck struct {
	*storeCheck
	store backend.LeaseStore
	pass  func(d time.Duration)
}

const leaseTTL = time.Minute

func (c *leaseCheck) claim(owner string, racks ...string) []backend.Lease {
	got, err := c.store.Claim(c.ctx, owner, leaseTTL, racks)
	if err != nil {
		c.failf("Claim: %w", err)
	}
	return got
}

func (c *leaseCheck) renew(owner string) backend.Tenure {
	got, err := c.store.Renew(c.ctx, owner, leaseTTL)
	if err != nil {
		c.failf("Renew: %w", err)
	}
	return got
}

func (c *leaseCheck) release(owner string, racks ...string) {
	if err := c.store.Release(c.ctx, owner, racks...); err != nil {
		c.failf("Release: %w", err)
	}
}

// held lists who holds what, as "rack=owner".
func held(leases []backend.Lease) []string {
	out := []string{}
	for _, l := range leases {
		out = append(out, l.Rack+"="+l.Owner)
	}
	return out
}

// token is the token of a lease that must be there.
func (c *leaseCheck) token(leases []backend.Lease, rack string) uint64 {
	for _, l := range leases {
		if l.Rack == rack {
			return l.Token
		}
	}
	c.failf("rack %s is not among the leases %v", rack, held(leases))
	return 0
}

// fenced is a Commit that is made under leases.
func fenced(w backend.Write, fences ...backend.Fence) backend.Commit {
	commit := one(w)
	commit.Fences = fences
	return commit
}

func leaseCases() []leaseCase {
	const free = "Claim leases to the owner those of the racks that nobody holds, until ttl from now, and returns them with their new tokens."
	const fence = "Fences are the leases under which the Commit is made. One that is not current fails it with ErrFenced."
	const extends = "Renew says that the owner lives and extends all leases that it still holds until ttl from now."
	const gives = "Release gives up leases of the owner, so that others need not wait until they expire."
	return []leaseCase{
		leaseRule("ClaimsWhatIsFree", free, func(c *leaseCheck) {
			c.equal("first", held(c.claim("a", "r2", "r1")), []string{"r1=a", "r2=a"})
			c.equal("second", held(c.claim("b", "r1", "r3")), []string{"r3=b"})
			c.equal("its own again", held(c.claim("a", "r1")), []string{})
			c.equal("all", held(c.renew("b").Leases), []string{"r1=a", "r2=a", "r3=b"})
		}),
		leaseRule("TokensGrow", "It grows whenever the rack changes its owner, also when the same owner comes back after its lease had expired, and never goes back.", func(c *leaseCheck) {
			last := uint64(0)
			for i, owner := range []string{"a", "b", "b", "a"} {
				token := c.token(c.claim(owner, "r1"), "r1")
				if token <= last {
					c.failf("token %d of %s is not greater than %d", token, owner, last)
				}
				last = token
				if i%2 == 0 {
					c.pass(leaseTTL + time.Second)
				} else {
					c.release(owner)
				}
			}
		}),
		leaseRule("RenewExtends", extends, func(c *leaseCheck) {
			token := c.token(c.claim("a", "r1"), "r1")
			for range 3 {
				c.pass(leaseTTL - time.Second)
				c.equal("token", c.token(c.renew("a").Leases, "r1"), token)
			}
			c.equal("somebody else's claim", held(c.claim("b", "r1")), []string{})
		}),
		leaseRule("ExpiredIsNotExtended", "A lease that has expired is not extended, even when nobody has taken it since.", func(c *leaseCheck) {
			c.claim("a", "r1")
			c.pass(leaseTTL + time.Second)
			c.equal("leases", held(c.renew("a").Leases), []string{})
			c.equal("claim", held(c.claim("b", "r1")), []string{"r1=b"})
		}),
		leaseRule("OwnersThatLive", "Owners are the controllers that have renewed within their time, the asking one too, in the order of their names. One that holds nothing is among them.", func(c *leaseCheck) {
			c.renew("b")
			c.equal("two", c.renew("a").Owners, []string{"a", "b"})
			c.pass(leaseTTL + time.Second)
			c.equal("one", c.renew("a").Owners, []string{"a"})
			c.renew("b")
			c.release("a")
			c.equal("released", c.renew("b").Owners, []string{"b"})
		}),
		leaseRule("ReleaseOfSome", gives, func(c *leaseCheck) {
			c.claim("a", "r1", "r2")
			c.claim("b", "r3")
			c.release("a", "r1", "r3")
			c.equal("leases", held(c.renew("a").Leases), []string{"r2=a", "r3=b"})
			c.equal("claim", held(c.claim("b", "r1", "r2")), []string{"r1=b"})
		}),
		leaseRule("ReleaseOfAll", gives, func(c *leaseCheck) {
			c.claim("a", "r1", "r2")
			c.claim("b", "r3")
			c.release("a")
			c.equal("leases", held(c.renew("b").Leases), []string{"r3=b"})
		}),
		leaseRule("CurrentFence", fence, func(c *leaseCheck) {
			token := c.token(c.claim("a", "A1"), "A1")
			c.applied(fenced(write(machineRef("m1"), 0, "Ready"), backend.Fence{Rack: "A1", Token: token}))
			c.pass(leaseTTL - time.Second)
			c.applied(fenced(write(machineRef("m1"), 1, "Ready"), backend.Fence{Rack: "A1", Token: token}))
		}),
		leaseRule("FenceOfSomebodyElse", fence, func(c *leaseCheck) {
			token := c.token(c.claim("a", "A1"), "A1")
			c.release("a")
			c.claim("b", "A1")
			c.refused(backend.ErrFenced, fenced(write(machineRef("m1"), 0, "Ready"), backend.Fence{Rack: "A1", Token: token}))
		}),
		leaseRule("FenceThatExpired", fence, func(c *leaseCheck) {
			token := c.token(c.claim("a", "A1"), "A1")
			c.pass(leaseTTL + time.Second)
			c.refused(backend.ErrFenced, fenced(write(machineRef("m1"), 0, "Ready"), backend.Fence{Rack: "A1", Token: token}))
		}),
		leaseRule("FenceThatNeverWas", fence, func(c *leaseCheck) {
			c.refused(backend.ErrFenced, fenced(write(machineRef("m1"), 0, "Ready"), backend.Fence{Rack: "A1", Token: 7}))
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
		}),
		leaseRule("OneOfManyFences", fence, func(c *leaseCheck) {
			got := c.claim("a", "A1", "A2")
			c.release("a", "A2")
			c.refused(backend.ErrFenced, fenced(write(machineRef("m1"), 0, "Ready"), backend.Fence{Rack: "A1", Token: c.token(got, "A1")}, backend.Fence{Rack: "A2", Token: c.token(got, "A2")}))
		}),
		leaseRule("FencesOfABatch", "Each Commit of the batch is atomic and succeeds or fails on its own, in the order of the batch.", func(c *leaseCheck) {
			token := c.token(c.claim("a", "A1"), "A1")
			results := c.commit(
				fenced(write(machineRef("m1"), 0, "Ready"), backend.Fence{Rack: "A1", Token: token}),
				fenced(write(machineRef("m2"), 0, "Ready"), backend.Fence{Rack: "A1", Token: token + 1}),
				one(write(machineRef("m3"), 0, "Ready")),
			)
			c.wraps("the second", results[1], backend.ErrFenced)
			c.equal("the others", [2]error{results[0], results[2]}, [2]error{})
			c.equal("listed", c.names(backend.Query{}), []string{"A1:machine/m1", "A1:machine/m3"})
		}),
		leaseRule("NoOwner", "A controller has a name, and a lease lasts for a time.", func(c *leaseCheck) {
			if _, err := c.store.Claim(c.ctx, "", leaseTTL, []string{"r1"}); err == nil {
				c.failf("a claim without an owner is granted")
			}
			if _, err := c.store.Renew(c.ctx, "a", 0); err == nil {
				c.failf("a lease of no time is renewed")
			}
		}),
	}
}
