package service

import (
	"maps"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Document is what others see of a node. Its JSON is that of inventory servers: id, metadata, current_state, state_history.
type Document struct {
	ID           string            `json:"id"`
	Metadata     map[string]string `json:"metadata"`
	CurrentState string            `json:"current_state"`
	// StateHistory is the whole history, oldest first. List leaves it out.
	StateHistory []Entry `json:"state_history,omitempty"`

	// Version counts what others did with the node; see Move.ExpectVersion.
	Version uint64 `json:"-"`
	// Since is when the node entered its state.
	Since time.Time `json:"-"`
	// Rack is the rack to which it belongs, Machine the machine to which it is bound.
	Rack    string `json:"-"`
	Machine string `json:"-"`
	// Problem says why the record of the node cannot be understood, empty if it can. Only List shows such nodes.
	Problem string `json:"-"`
}

// Entry is one move in the history of a node. From is empty when the node was created, To when it was removed.
type Entry struct {
	From      string    `json:"from"`
	To        string    `json:"to"`
	Timestamp time.Time `json:"timestamp"`
	Initiator string    `json:"initiator"`
	Note      string    `json:"note"`
}

func entry(t *backend.Transition) Entry {
	return Entry{From: t.From, To: t.To, Timestamp: t.At.UTC(), Initiator: t.Initiator, Note: t.Note}
}

func document(n *Node) *Document {
	d := &Document{ID: n.ID(), Metadata: maps.Clone(n.Labels), CurrentState: n.State(), Version: n.current(), Since: n.Since(), Rack: n.Rack(), Machine: n.Machine}
	if d.Metadata == nil {
		d.Metadata = map[string]string{}
	}
	return d
}
