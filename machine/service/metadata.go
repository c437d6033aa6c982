package service

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// SetMetadata sets and removes metadata of a node in one commit. With an expected version that is not zero the node must have it. The error is a *RefusedError, or what
// the store said.
func (s *Service) SetMetadata(ctx context.Context, node string, expectVersion uint64, set map[string]string, remove ...string) (*Document, error) {
	return s.edit(ctx, node, expectVersion, func(_ *lifecycle.Tx, n *Node) error {
		labels := maps.Clone(n.Labels)
		for _, k := range remove {
			delete(labels, k)
		}
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, set)
		if maps.Equal(labels, n.Labels) {
			return nil
		}
		n.Labels = labels
		if len(labels) == 0 {
			n.Labels = nil
		}
		n.changed()
		return nil
	})
}

// Bind binds a node to a machine; an empty id binds it to none. A hold moves with it. The error is a *RefusedError, also when another node has the machine, or what the
// store said.
func (s *Service) Bind(ctx context.Context, node, machine string, expectVersion uint64) (*Document, error) {
	return s.edit(ctx, node, expectVersion, func(tx *lifecycle.Tx, n *Node) error {
		if n.Machine == machine {
			return nil
		}
		if err := free(tx, n, machine); err != nil {
			return err
		}
		if n.Machine != "" {
			if err := setHold(tx, n.Machine, lifecycle.Hold{}, false, HoldOwner(node)); err != nil {
				return err
			}
		}
		n.Machine = machine
		n.changed()
		return s.kind.syncHold(tx, n, n.State())
	})
}

// edit changes a node that has the expected version, and returns what it is then, without the history.
func (s *Service) edit(ctx context.Context, node string, expectVersion uint64, change func(tx *lifecycle.Tx, n *Node) error) (*Document, error) {
	var after *Document
	err := s.ctl.Apply(ctx, func(tx *lifecycle.Tx) error {
		n, err := lifecycle.Edit[Node](tx, Ref(node))
		if errors.Is(err, backend.ErrNotFound) {
			return unknown(node, "")
		}
		if err != nil {
			return err
		}
		n.settle()
		if n.Deleted() {
			return &RefusedError{Node: node, From: n.State(), Why: []error{ErrDeleted}}
		}
		if expectVersion != 0 && expectVersion != n.Revision {
			return &RefusedError{Node: node, From: n.State(), Why: []error{fmt.Errorf("%w: it is at %d, expected is %d", ErrVersion, n.Revision, expectVersion)}}
		}
		if err := change(tx, n); err != nil {
			return err
		}
		after = document(n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}
