package verify

import (
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// Call is a hardware call.
type Call struct {
	// Name is the driver's method, "ApplyFirmware".
	Name string
	// Key is the idempotency key, empty for a call that only looks.
	Key string
	// Devices are the targets.
	Devices []backend.Device
}

// Rule is one thing that must hold. Exactly one of its functions is set.
type Rule struct {
	// Name is the sentence that holds: "a change of state has exactly one history row".
	Name string
	// Promise is which of the promises of docs/architecture.md it belongs to. Zero: it is about what racks and devices owe each other.
	Promise int
	// Alone says that the rule holds only when passes are made one at a time: a worker may decide from what it read of others a moment ago, and act after that has changed.
	Alone bool
	// Commit says what is wrong with a commit that was or will be applied. w is the world before.
	Commit func(w *World, c *backend.Commit) error
	// Look says what is wrong with what the latest commit has made of the objects that it wrote.
	Look func(w *World) error
	// Call says what is wrong with a hardware call at the moment in which it is made.
	Call func(w *World, c Call) error
	// Idle says what is wrong with a world in which nothing is due: every object was looked at since it last changed, and at every time that it asked for.
	Idle func(w *World) error
}

// Rules returns all rules, in a fixed order.
func Rules() []Rule {
	return slices.Concat(moveRules(), rowRules(), fenceRules(), keyRules(), requestRules(), waitRules(), deletionRules(), holdRules(), rackRules(), cycleRules())
}

// Broken is a rule that did not hold.
type Broken struct {
	// Rule and Promise are those of the rule.
	Rule    string
	Promise int
	// Err says what is wrong.
	Err error
}

// Error names the rule and says what is wrong.
func (b *Broken) Error() string {
	if b.Promise == 0 {
		return fmt.Sprintf("%q does not hold: %s", b.Rule, b.Err)
	}
	return fmt.Sprintf("%q (promise %d) does not hold: %s", b.Rule, b.Promise, b.Err)
}

// Unwrap returns what is wrong.
func (b *Broken) Unwrap() error { return b.Err }

// change is one write of a commit with what was there before.
type change struct {
	*backend.Write
	ref    backend.Ref
	before *object // nil when no object of that name ever existed
	move   *backend.Transition
}

// from is the state before.
func (c change) from() string {
	if c.before == nil {
		return ""
	}
	return c.before.rec.State
}

// to is the state after.
func (c change) to() string { return c.Record.State }

// enters reports whether the write takes the object into a path from outside.
func (c change) enters(path string) bool {
	return c.move != nil && under(c.to(), path) && !under(c.from(), path)
}

// each looks at every write of a commit, and returns what it says of them together.
func each(w *World, c *backend.Commit, look func(ch change) error) error {
	var problems findings
	for i := range c.Writes {
		wr := &c.Writes[i]
		before := w.objects.get(wr.Record.Ref)
		if before != nil && before.rec.Version == 0 {
			before = nil
		}
		problems.add(look(change{Write: wr, ref: wr.Record.Ref, before: before, move: wr.Transition}))
	}
	return problems.err()
}
