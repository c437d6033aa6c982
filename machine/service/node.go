package service

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Node is the record of a node. Its labels are the metadata that hosts see.
type Node struct {
	lifecycle.Object
	// Machine is the id of the machine that the node is bound to, empty when it is bound to none.
	Machine string `json:"machine,omitempty"`
	// Revision is the version that hosts see, as Document.Version; Seen is the fingerprint of the labels that it stands for.
	Revision uint64 `json:"revision"`
	Seen     uint32 `json:"seen,omitempty"`
	// Entered says how the node came into its state.
	Entered Entered `json:"entered"`
	// Run is the action that runs in the state, nil if none does.
	Run *Run `json:"run,omitempty"`
	// Abandoned are actions whose state the node has left before they ended.
	Abandoned []Run `json:"abandoned,omitempty"`
	// Recent are the moves that hosts made last, oldest first, so that a repeated call is recognised.
	Recent []Recent `json:"recent,omitempty"`
}

// Entered says how a node came into its state.
type Entered struct {
	Initiator string `json:"initiator"`
	Note      string `json:"note,omitempty"`
}

// Recent is a move that a host made.
type Recent struct {
	// Seq is the number of its history row, Before the version that the node had before.
	Seq    uint64 `json:"seq"`
	Before uint64 `json:"before"`
	// Key is the idempotency key of the call, if it had one.
	Key string `json:"key,omitempty"`
}

// maxRecent is how many moves of hosts a node remembers. A repetition comes within seconds, or from the only caller that moves the node.
const maxRecent = 16

// Run is an action on a node, as it is given to the Action.
type Run struct {
	// Node is the node on which it runs.
	Node backend.Ref `json:"-"`
	// Machine is the id of the machine to which the node was bound when the action started, empty when it was bound to none.
	Machine string `json:"machine,omitempty"`
	// Action is its name.
	Action string `json:"action"`
	// Key is the idempotency key: the same for every call about this run, and never used for another one.
	Key string `json:"key"`
	// Initiator and Note are those of the move that began it, At is when that was.
	Initiator string    `json:"initiator"`
	Note      string    `json:"note,omitempty"`
	At        time.Time `json:"at"`
	// Job is what the action was told to remember, see Progress.Remember.
	Job string `json:"job,omitempty"`
	// Started says that Start has returned and that this is on record.
	Started bool `json:"started,omitempty"`
	// OnSuccess and OnFailure are where the node goes then.
	OnSuccess string `json:"on_success,omitempty"`
	OnFailure string `json:"on_failure,omitempty"`
	// Ended is how it ended, as long as the move that follows waits for its guard; Result says more.
	Ended  ending `json:"ended,omitempty"`
	Result string `json:"result,omitempty"`
}

// ending is how an action ended. The strings are stored and must not change.
type ending string

const (
	endedWell  ending = "succeeded"
	endedBadly ending = "failed"
)

// Ref names the node with that id.
func Ref(id string) backend.Ref { return backend.Ref{Kind: backend.KindNode, ID: id} }

func clone(n *Node) *Node {
	c := *n
	c.Object = n.Clone()
	if n.Run != nil {
		run := *n.Run
		c.Run = &run
	}
	c.Abandoned = slices.Clone(n.Abandoned)
	c.Recent = slices.Clone(n.Recent)
	return &c
}

// current counts what others did with the node: its creation, moves, metadata, binding. It does not count passes of the engine, as Object.Version does.
func (n *Node) current() uint64 {
	if fingerprint(n.Labels) != n.Seen { // somebody has changed the labels past the Service, and no pass has noticed yet
		return n.Revision + 1
	}
	return n.Revision
}

// settle takes changes of the labels into the version that were made past the Service.
func (n *Node) settle() {
	n.Revision = n.current()
	n.Seen = fingerprint(n.Labels)
}

// changed counts a change.
func (n *Node) changed() {
	n.Revision++
	n.Seen = fingerprint(n.Labels)
}

// fingerprint is a hash of labels that is the same in every process.
func fingerprint(labels map[string]string) uint32 {
	if len(labels) == 0 {
		return 0
	}
	h := fnv.New32a()
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		for _, part := range [...]string{k, labels[k]} {
			_, _ = h.Write([]byte(part)) // a hash never fails
			_, _ = h.Write([]byte{0})
		}
	}
	return h.Sum32()
}

// filled returns a run with what only the node knows.
func (n *Node) filled(r Run) Run {
	r.Node = n.Ref()
	if !r.Started {
		r.Machine = n.Machine
	}
	return r
}

// byMachine is the further name under which the node of a machine is found.
func byMachine(machine string) string { return "node-of-machine/" + machine }

func names(n *Node) []string {
	if n.Machine == "" {
		return nil
	}
	return []string{byMachine(n.Machine)}
}
