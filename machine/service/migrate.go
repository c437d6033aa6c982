package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// ErrStranded says that nodes are in states that the definition neither has nor renames. Add the states, or map them under renamed.
var ErrStranded = errors.New("nodes are in states that the definition does not have")

// StrandedError names nodes that a definition leaves no place. It wraps ErrStranded.
type StrandedError struct {
	// Definition is the name of the definition.
	Definition string
	// Nodes are all of them, in the order of rack and id.
	Nodes []Stranded
}

// Stranded is a node in a state that the definition does not have.
type Stranded struct{ Node, State string }

// shownNodes is how many nodes an error names.
const shownNodes = 20

// Error names the first nodes and their states.
func (e *StrandedError) Error() string {
	var list []string
	for _, n := range e.Nodes[:min(len(e.Nodes), shownNodes)] {
		list = append(list, n.Node+" in "+n.State)
	}
	if more := len(e.Nodes) - shownNodes; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("definition %s: %s: %s; add the states, or map each to another one under renamed", e.Definition, ErrStranded, strings.Join(list, ", "))
}

// Unwrap returns ErrStranded.
func (e *StrandedError) Unwrap() error { return ErrStranded }

// migrate refuses a definition that leaves nodes without a place, and moves those whose state it calls by another name.
func (s *Service) migrate(ctx context.Context) error {
	stranded := &StrandedError{Definition: s.def.Name}
	var renamed []backend.Ref
	s.ctl.Visit(func(o *lifecycle.Object) {
		if o.Ref().Kind != backend.KindNode || o.State() == stateDeleting {
			return
		}
		if _, known := s.def.State(o.State()); known {
			return
		}
		if _, mapped := s.def.Renamed[o.State()]; mapped {
			renamed = append(renamed, o.Ref())
			return
		}
		stranded.Nodes = append(stranded.Nodes, Stranded{Node: o.ID(), State: o.State()})
	})
	if len(stranded.Nodes) > 0 {
		return stranded
	}
	for _, ref := range renamed {
		if err := s.ctl.Apply(ctx, func(tx *lifecycle.Tx) error { return s.renameNode(tx, ref) }); err != nil {
			return fmt.Errorf("rename the state of %s: %w", ref, err)
		}
	}
	return nil
}

func (s *Service) renameNode(tx *lifecycle.Tx, ref backend.Ref) error {
	n, err := lifecycle.Edit[Node](tx, ref)
	if errors.Is(err, backend.ErrNotFound) || errors.Is(err, backend.ErrCorrupt) {
		return nil // it is gone, or the engine reports it and leaves it alone; the others need the Service
	}
	if err != nil {
		return err
	}
	if s.def.Renamed[n.State()] == "" || n.Deleted() {
		return nil // somebody else was faster
	}
	out, err := s.kind.renamed(tx, n)
	if err != nil {
		return err
	}
	return tx.Fire(ref, out)
}
