package journey

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/machine/service"
)

// Node is what a journey knows of a node.
type Node struct {
	// ID names the node, Rack the rack to which it belongs.
	ID   string `json:"id"`
	Rack string `json:"rack,omitempty"`
	// State is its service state, Since when it entered that.
	State string    `json:"state"`
	Since time.Time `json:"since"`
	// Version counts what others did with it; a move names the version that it was decided upon.
	Version uint64 `json:"version"`
	// Metadata are the node's pairs, for checks.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Inventory is where the record of a node is kept and its table enforced. Implement it over whatever protocol the inventory speaks; Local is one in the same process. An error that wraps a
// *service.RefusedError is an answer: nothing was written. After any other error the call may have been made, and is made again with the same key.
type Inventory interface {
	// Node reads a node.
	Node(ctx context.Context, id string) (Node, error)
	// Move moves a node, like service.Service.Transition: with the expected version and the idempotency key of the move. A repeated key is recognised.
	Move(ctx context.Context, id, to string, m service.Move) (service.Result, error)
	// Permitted returns all moves out of the state of a node, like service.Service.Permitted.
	Permitted(ctx context.Context, id, initiator string) ([]service.PermittedMove, error)
}

// Local is an Inventory over a service in the same process.
type Local struct {
	// Service keeps the nodes.
	Service *service.Service
}

// Node reads a node.
func (l Local) Node(ctx context.Context, id string) (Node, error) {
	d, err := l.Service.Get(ctx, id)
	if err != nil {
		return Node{}, err
	}
	return Node{ID: d.ID, Rack: d.Rack, State: d.CurrentState, Since: d.Since, Version: d.Version, Metadata: d.Metadata}, nil
}

// Move moves a node.
func (l Local) Move(ctx context.Context, id, to string, m service.Move) (service.Result, error) {
	return l.Service.Transition(ctx, id, to, m)
}

// Permitted returns all moves out of the state of a node.
func (l Local) Permitted(ctx context.Context, id, initiator string) ([]service.PermittedMove, error) {
	return l.Service.Permitted(ctx, id, initiator)
}
