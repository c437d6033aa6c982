package service

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// HoldType is the type of the hold that a node puts on its machine.
const HoldType = "service"

// HoldOwner is the owner of that hold.
func HoldOwner(node string) string { return Ref(node).String() }

// wantedHold is the hold that a node in a state has on its machine.
func (k *Kind) wantedHold(n *Node, state string) (lifecycle.Hold, bool) {
	s, _ := k.def.State(state)
	if !s.Hold {
		return lifecycle.Hold{}, false
	}
	reason := fmt.Sprintf("node %s is in %s", n.ID(), state)
	if n.Entered.Note != "" {
		reason += ": " + n.Entered.Note
	}
	return lifecycle.Hold{Type: HoldType, Owner: HoldOwner(n.ID()), Reason: reason}, true
}

// syncHold brings the hold of a node on its machine in line with a state. It is asked at every move and at every pass: the machine may have come later, or anew.
func (k *Kind) syncHold(tx *lifecycle.Tx, n *Node, state string) error {
	if n.Machine == "" {
		return nil
	}
	want, wanted := k.wantedHold(n, state)
	return setHold(tx, n.Machine, want, wanted, HoldOwner(n.ID()))
}

// setHold places, replaces or releases the hold of an owner on a machine. A machine without a record has nothing to hold.
func setHold(tx *lifecycle.Tx, id string, want lifecycle.Hold, wanted bool, owner string) error {
	m, ok := lifecycle.Look[machine.Machine](tx, machine.Ref(id))
	if !ok {
		return nil
	}
	mine := func(h lifecycle.Hold) bool { return h.Type == HoldType && h.Owner == owner }
	i := slices.IndexFunc(m.Holds, mine)
	if has := i >= 0; has == wanted && (!has || m.Holds[i].Reason == want.Reason) {
		return nil
	}
	o, err := tx.Object(machine.Ref(id))
	if errors.Is(err, backend.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hold of %s on machine %s: %w", owner, id, err)
	}
	want.At = tx.Now()
	if i >= 0 {
		want.At = o.Holds[i].At
	}
	o.Holds = slices.DeleteFunc(o.Holds, mine)
	if wanted {
		o.Holds = append(o.Holds, want)
		if !o.Deleted() { // deletion passes through holds
			o.Pause(tx.Now())
		}
		return nil
	}
	if _, held := o.Held(tx.Now()); !held { // those that are left have ended while this one stood
		o.Holds = nil
		o.Resume(tx.Now())
	}
	return nil
}
