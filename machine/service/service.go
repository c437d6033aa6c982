package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// Service is the service lifecycle of the nodes of a site: it enforces a definition over the nodes that a controller owns. All methods are safe for concurrent use,
// but RunUntilIdle must not be mixed with Run.
type Service struct {
	ctl  *lifecycle.Controller
	kind *Kind
	def  *Definition
}

// Open makes a controller over a store, with nodes and the kinds that are given, and a Service over it. HostReprovision is registered as ActionHostReprovision, unless cfg has an
// action of that name. The errors are those of NewKind, lifecycle.NewController and New.
func Open(ctx context.Context, store backend.Store, def *Definition, cfg Config, engine lifecycle.Config, kinds ...*lifecycle.Kind) (*Service, error) {
	actions := map[string]Action{ActionHostReprovision: HostReprovision{Store: store}}
	maps.Copy(actions, cfg.Actions)
	cfg.Actions = actions
	kind, err := NewKind(def, cfg)
	if err != nil {
		return nil, err
	}
	engine.Observer = kind.Observe(engine.Observer)
	ctl, err := lifecycle.NewController(ctx, store, engine, append([]*lifecycle.Kind{kind.Kind}, kinds...)...)
	if err != nil {
		return nil, err
	}
	return New(ctx, ctl, kind)
}

// New makes a Service over a controller that was made with the kind. Nodes in states that the definition has renamed move at once. The error is a *StrandedError, which names
// the nodes, when some are in states that the definition neither has nor renames.
func New(ctx context.Context, ctl *lifecycle.Controller, kind *Kind) (*Service, error) {
	if !slices.Contains(ctl.Kinds(), kind.Kind) {
		return nil, fmt.Errorf("service: the controller was made without this kind: %w %s", lifecycle.ErrUnknownKind, backend.KindNode)
	}
	s := &Service{ctl: ctl, kind: kind, def: kind.def}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Controller is the engine underneath: deletion, holds, labels, explanations.
func (s *Service) Controller() *lifecycle.Controller { return s.ctl }

// Definition is what the Service enforces.
func (s *Service) Definition() *Definition { return s.def }

// Run reconciles all objects of the controller until ctx ends; see lifecycle.Controller.Run. Nodes look as soon as their machines have moved.
func (s *Service) Run(ctx context.Context) error {
	inner, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.Watch(inner) })
	err := s.ctl.Run(ctx)
	stop()
	watching.Wait()
	return err
}

// Watch has nodes look as soon as their machines have moved, until ctx ends. It is a part of Run, for hosts that run the controller by themselves; see Kind.Observe.
func (s *Service) Watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kind.watch.signal:
			s.wakeNodes(ctx)
		}
	}
}

// RunUntilIdle reconciles everything that is due at the given time; see lifecycle.Controller.RunUntilIdle.
func (s *Service) RunUntilIdle(ctx context.Context, now time.Time) (steps int, next time.Time, err error) {
	for {
		n, due, err := s.ctl.RunUntilIdle(ctx, now)
		steps += n
		if err != nil || !s.wakeNodes(ctx) {
			return steps, due, err
		}
	}
}

// wakeNodes makes nodes due whose machines have done something. It reports whether there were any.
func (s *Service) wakeNodes(ctx context.Context) bool {
	machines, moved := s.kind.watch.take()
	if len(machines) == 0 {
		return false
	}
	found := false
	_ = s.ctl.Apply(ctx, func(tx *lifecycle.Tx) error { // nothing is written, so nothing can fail
		for _, id := range machines {
			for _, ref := range tx.Named(byMachine(id)) {
				if n, ok := lifecycle.Look[Node](tx, ref); ok && (moved[id] || n.Run != nil) {
					tx.Wake(ref)
					found = true
				}
			}
		}
		return nil
	})
	return found
}

// Unracked is the rack of nodes that are in none.
const Unracked = "unracked"

// NewNode is a node that is to be created.
type NewNode struct {
	// ID names the node.
	ID string
	// Machine is the id of the machine that it stands for. Empty: none, or Bind says later.
	Machine string
	// Rack is the rack to which it belongs. Empty: that of the machine, if there is a record of it; else Unracked. A node should be in the rack of its machine, because what
	// is committed together is kept together.
	Rack string
	// Metadata are key-value pairs.
	Metadata map[string]string
	// Initiator says who creates it, Note why.
	Initiator, Note string
}

// Create adds a node in the initial state of the definition. The error wraps backend.ErrExists, backend.ErrBadRef, or is a *RefusedError.
func (s *Service) Create(ctx context.Context, nn NewNode) (*Document, error) {
	var made *Document
	err := s.ctl.Apply(ctx, func(tx *lifecycle.Tx) error {
		rack := nn.Rack
		if m, ok := lifecycle.Look[machine.Machine](tx, machine.Ref(nn.Machine)); ok && rack == "" {
			rack = m.Rack()
		}
		if rack == "" {
			rack = Unracked
		}
		n := &Node{Object: lifecycle.NewObject(Ref(nn.ID), rack), Machine: nn.Machine, Entered: Entered{Initiator: lifecycle.InitiatorText(nn.Initiator, ""), Note: nn.Note}}
		n.Labels = maps.Clone(nn.Metadata)
		n.changed()
		if err := free(tx, n, nn.Machine); err != nil {
			return err
		}
		if err := tx.Create(n, n.Entered.Initiator, nn.Note); err != nil {
			return err
		}
		if err := s.kind.syncHold(tx, n, s.def.Initial); err != nil {
			return err
		}
		made = document(n)
		made.StateHistory = []Entry{{To: made.CurrentState, Timestamp: tx.Now(), Initiator: n.Entered.Initiator, Note: nn.Note}}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// free refuses a machine that another node has.
func free(tx *lifecycle.Tx, n *Node, id string) error {
	if id == "" {
		return nil
	}
	if err := backend.CheckID(id); err != nil {
		return fmt.Errorf("machine of node %s: %w", n.ID(), err)
	}
	for _, ref := range tx.Named(byMachine(id)) {
		if ref != n.Ref() {
			return &RefusedError{Node: n.ID(), From: n.State(), Why: []error{fmt.Errorf("%w: %s is bound to %s", ErrMachineTaken, id, ref)}}
		}
	}
	return nil
}

// Get returns a node with its whole history. The error is a *RefusedError with ErrUnknownNode, or says why the record cannot be understood.
func (s *Service) Get(ctx context.Context, node string) (*Document, error) {
	n, err := lifecycle.Get[Node](s.ctl, Ref(node))
	if errors.Is(err, backend.ErrNotFound) {
		return nil, unknown(node, "")
	}
	if err != nil {
		return nil, err
	}
	d := document(n)
	rows, err := s.rows(ctx, node)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].Seq <= n.Transitions() { // a move that came in between belongs to a newer document
			d.StateHistory = append(d.StateHistory, entry(&rows[i]))
		}
	}
	return d, nil
}

// Filter selects nodes. The zero value selects all.
type Filter struct {
	// States limits the answer to nodes in one of these states.
	States []string
	// Metadata limits it to nodes that have all of these pairs.
	Metadata map[string]string
	// Rack limits it to nodes of one rack.
	Rack string
	// After continues behind the node with that id, Limit bounds the number of nodes. Zero: no bound.
	After string
	Limit int
}

func (f *Filter) selects(o *lifecycle.Object) bool {
	if o.Ref().Kind != backend.KindNode || f.Rack != "" && o.Rack() != f.Rack || o.ID() <= f.After || len(f.States) > 0 && !slices.Contains(f.States, o.State()) {
		return false
	}
	for k, want := range f.Metadata {
		if have, ok := o.Labels[k]; !ok || have != want {
			return false
		}
	}
	return true
}

// List returns the nodes that the filter selects, in the order of their ids, without their histories.
func (s *Service) List(f Filter) []Document {
	var found []*lifecycle.Object
	s.ctl.Visit(func(o *lifecycle.Object) {
		if f.selects(o) {
			found = append(found, o)
		}
	})
	slices.SortFunc(found, func(a, b *lifecycle.Object) int { return strings.Compare(a.ID(), b.ID()) })
	if f.Limit > 0 && len(found) > f.Limit {
		found = found[:f.Limit]
	}
	out := make([]Document, 0, len(found))
	for _, o := range found {
		n, err := lifecycle.Get[Node](s.ctl, o.Ref())
		switch {
		case errors.Is(err, backend.ErrNotFound): // removed since
		case err != nil:
			out = append(out, Document{ID: o.ID(), Metadata: map[string]string{}, CurrentState: o.State(), Since: o.Since(), Rack: o.Rack(), Problem: err.Error()})
		default:
			out = append(out, *document(n))
		}
	}
	return out
}
