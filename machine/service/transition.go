package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Move says who moves a node, and why.
type Move struct {
	// Initiator says who, for example "ann" or "temporal:ReturnToService". It is required.
	Initiator string
	// Note says why, for people.
	Note string
	// ExpectVersion is the Document.Version that the caller has read and decided upon. Zero: whatever the version is.
	ExpectVersion uint64
	// IdempotencyKey names this move; a repetition carries the same. Empty: a repetition is recognised by the rest.
	IdempotencyKey string
}

// Result is a move that is on record.
type Result struct {
	// Node is the id.
	Node string
	// Entry is the row of the history.
	Entry Entry
	// AlreadyApplied says that an earlier call has made the move; this one wrote nothing. The node may have moved on since.
	AlreadyApplied bool
	// State and Version are those of the node now.
	State   string
	Version uint64
}

// Transition moves a node. State, history row and the hold on the node's machine are one atomic commit.
//
// A move that was made already is recognised, and reported as AlreadyApplied: one with the same idempotency key; or, without a key, with the expected version from which a move to
// this state by this initiator with this note was made; or, without either, one that repeats the move by which the node came into the state where it is. A node remembers its last 16 moves.
//
// The error is a *RefusedError when the move is not allowed; nothing is written then. It wraps backend.ErrConflict when others keep writing first, or is what the store said; the move may
// have been made then, and the call can be repeated.
func (s *Service) Transition(ctx context.Context, node, to string, m Move) (Result, error) {
	var res Result
	err := s.ctl.Apply(ctx, func(tx *lifecycle.Tx) error {
		var err error
		res, err = s.move(ctx, tx, node, to, m)
		return err
	})
	if err != nil {
		return Result{Node: node}, err
	}
	return res, nil
}

func (s *Service) move(ctx context.Context, tx *lifecycle.Tx, node, to string, m Move) (Result, error) {
	n, err := lifecycle.Edit[Node](tx, Ref(node))
	if errors.Is(err, backend.ErrNotFound) {
		return Result{}, unknown(node, to)
	}
	if err != nil {
		return Result{}, err
	}
	n.settle()
	if old, err := s.repetition(ctx, n, to, m); old != nil || err != nil {
		if err != nil {
			return Result{}, err
		}
		return Result{Node: node, Entry: *old, AlreadyApplied: true, State: n.State(), Version: n.Revision}, nil
	}
	t := s.def.Find(n.State(), to)
	if why := s.refuse(tx, n, t, to, m); len(why) > 0 {
		return Result{}, s.refused(tx, n, to, m, why...)
	}
	done := Entry{From: n.State(), To: to, Timestamp: tx.Now(), Initiator: m.Initiator, Note: m.Note}
	n.Recent = append(n.Recent, Recent{Seq: n.Transitions() + 1, Before: n.Revision, Key: m.IdempotencyKey})
	if more := len(n.Recent) - maxRecent; more > 0 {
		n.Recent = n.Recent[more:]
	}
	if err := s.kind.enter(tx, n, t, m.Initiator, m.Note); err != nil {
		return Result{}, err
	}
	if err := tx.Fire(n.Ref(), lifecycle.Fire(Trigger(to)).By(m.Initiator).Because(m.Note)); err != nil {
		return Result{}, err
	}
	return Result{Node: node, Entry: done, State: to, Version: n.Revision}, nil
}

// repetition returns the history entry of a move that was made already, nil if it is new.
func (s *Service) repetition(ctx context.Context, n *Node, to string, m Move) (*Entry, error) {
	same := func(e *Entry) bool { return e.To == to && e.Initiator == m.Initiator && e.Note == m.Note }
	for _, r := range n.Recent {
		byKey := m.IdempotencyKey != "" && r.Key == m.IdempotencyKey
		if !byKey && (m.IdempotencyKey != "" || m.ExpectVersion == 0 || r.Before != m.ExpectVersion) {
			continue
		}
		old, err := s.row(ctx, n.ID(), r.Seq)
		switch {
		case err != nil:
			return nil, err
		case same(old):
			return old, nil
		case byKey:
			return nil, &RefusedError{
				Node: n.ID(), From: n.State(), To: to,
				Why: []error{fmt.Errorf("%w: from %s to %s by %s at %s", ErrKeyReused, old.From, old.To, old.Initiator, old.Timestamp.Format(timeForm))},
			}
		}
	}
	last := Entry{To: n.State(), Initiator: n.Entered.Initiator, Note: n.Entered.Note}
	if m.IdempotencyKey != "" || m.ExpectVersion != 0 || !same(&last) || s.def.Find(to, to) != nil {
		return nil, nil
	}
	return s.row(ctx, n.ID(), n.Transitions())
}

// refuse lists why a move is not allowed.
func (s *Service) refuse(tx *lifecycle.Tx, n *Node, t *Transition, to string, m Move) []error {
	if n.Deleted() || n.State() == stateDeleting {
		return []error{ErrDeleted}
	}
	var why []error
	if m.ExpectVersion != 0 && m.ExpectVersion != n.Revision {
		why = append(why, fmt.Errorf("%w: it is at %d, expected is %d", ErrVersion, n.Revision, m.ExpectVersion))
	}
	if _, known := s.def.State(to); !known {
		return append(why, fmt.Errorf("%w%s: states are %s", ErrUnknownState, didYouMean(to, s.def.StateNames()), strings.Join(s.def.StateNames(), ", ")))
	}
	if t == nil {
		return append(why, ErrNotInTable)
	}
	if m.Initiator == "" {
		why = append(why, fmt.Errorf("%w: none is named", ErrInitiator))
	} else if !t.allows(m.Initiator) {
		why = append(why, fmt.Errorf("%w: %s is none of %s", ErrInitiator, m.Initiator, strings.Join(t.Initiators, ", ")))
	}
	if t.RequireNote && strings.TrimSpace(m.Note) == "" {
		why = append(why, ErrNoteMissing)
	}
	if err := t.guarded(facts(tx, n)); err != nil {
		why = append(why, err)
	}
	return why
}

// allows reports whether an initiator may take the transition.
func (t *Transition) allows(initiator string) bool {
	return len(t.Initiators) == 0 || matchesAny(t.Initiators, initiator)
}

// guarded says why the guard keeps a node from taking the transition, nil if it does not.
func (t *Transition) guarded(f *Facts) error {
	holds, err := t.guard.holds(f)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s cannot be told: %w", ErrGuard, t.Guard, err)
	case !holds:
		return fmt.Errorf("%w: %s", ErrGuard, t.Guard)
	}
	return nil
}

func (s *Service) refused(tx *lifecycle.Tx, n *Node, to string, m Move, why ...error) *RefusedError {
	e := &RefusedError{Node: n.ID(), From: n.State(), To: to, Why: why}
	for _, p := range s.permitted(tx, n, m.Initiator) {
		if p.Possible {
			e.Possible = append(e.Possible, p.To)
		}
	}
	return e
}

// BulkResult is what became of one node of a bulk operation.
type BulkResult struct {
	Result
	// Err is the error of this node, nil if the move is on record.
	Err error
}

// bulkWorkers is how many nodes of a bulk operation are moved at the same time; stores write commits that are ready together as one.
const bulkWorkers = 16

// ErrNoNodes says that a bulk operation names no node. An empty list is never taken for all nodes.
var ErrNoNodes = errors.New("no node is named")

// TransitionAll moves many nodes, each for itself: one that is refused does not keep the others back. The results are in the order of the nodes. The error is ErrNoNodes.
func (s *Service) TransitionAll(ctx context.Context, nodes []string, to string, m Move) ([]BulkResult, error) {
	if len(nodes) == 0 {
		return nil, ErrNoNodes
	}
	out := make([]BulkResult, len(nodes))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(bulkWorkers, len(nodes)) {
		workers.Go(func() {
			for i := range next {
				out[i].Result, out[i].Err = s.Transition(ctx, nodes[i], to, m)
			}
		})
	}
	for i := range nodes {
		next <- i
	}
	close(next)
	workers.Wait()
	return out, nil
}
