package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// PermittedMove is one move out of the state of a node.
type PermittedMove struct {
	// To is the state, Doc what the move is for.
	To  string `json:"to"`
	Doc string `json:"doc,omitempty"`
	// Possible says that the move would be made now, Why what keeps it from that.
	Possible bool     `json:"possible"`
	Why      []string `json:"why,omitempty"`
	// RequireNote says that the move needs a note; Initiators are the patterns of those who may, empty: anyone.
	RequireNote bool     `json:"require_note,omitempty"`
	Initiators  []string `json:"initiators,omitempty"`
	// AutomaticAt is when the engine makes the move by itself, if nothing comes in between and the guard is true then. Zero: it does not, or the time is over and
	// the guard is false.
	AutomaticAt time.Time `json:"automatic_at,omitzero"`
	// Action begins with the move.
	Action string `json:"action,omitempty"`
}

// Permitted returns all moves that the definition has out of the state of a node, in the order of the file, with what keeps those back that are not possible now. With an empty
// initiator, nobody is asked who they are. The error is a *RefusedError with ErrUnknownNode, or says why the record of the node cannot be understood.
func (s *Service) Permitted(ctx context.Context, node, initiator string) ([]PermittedMove, error) {
	var out []PermittedMove
	err := s.ctl.Apply(ctx, func(tx *lifecycle.Tx) error { // for reading only
		n, err := lifecycle.Edit[Node](tx, Ref(node))
		if errors.Is(err, backend.ErrNotFound) {
			return unknown(node, "")
		}
		if err == nil {
			out = s.permitted(tx, n, initiator)
		}
		return err
	})
	return out, err
}

func (s *Service) permitted(tx *lifecycle.Tx, n *Node, initiator string) []PermittedMove {
	if n.Deleted() {
		return nil
	}
	f := facts(tx, n)
	_, held := n.Held(tx.Now())
	var out []PermittedMove
	for _, t := range s.def.From(n.State()) {
		p := PermittedMove{To: t.To, Doc: t.Doc, RequireNote: t.RequireNote, Initiators: t.Initiators}
		if t.Action != nil {
			p.Action = t.Action.Name
		}
		if left := t.After - f.Elapsed; t.After > 0 && left > 0 && !held {
			p.AutomaticAt = tx.Now().Add(left)
		}
		if initiator != "" && !t.allows(initiator) {
			p.Why = append(p.Why, fmt.Sprintf("%s: %s is none of %s", ErrInitiator, initiator, strings.Join(t.Initiators, ", ")))
		}
		if err := t.guarded(f); err != nil {
			p.Why = append(p.Why, err.Error())
		}
		p.Possible = len(p.Why) == 0
		out = append(out, p)
	}
	return out
}
