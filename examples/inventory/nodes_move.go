package main

import (
	"context"

	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
)

// NewTransition is a move that is to be made.
type NewTransition struct {
	To        string `json:"to" minLength:"1" maxLength:"64" doc:"The state to which the node goes." example:"maintenance"`
	Note      string `json:"note,omitempty" maxLength:"1024" doc:"Why, for people."`
	Initiator string `json:"initiator,omitempty" maxLength:"256" doc:"Who moves it. Absent: the identity that posts. Somebody else only with the scope act_as." example:"temporal:ReturnToServiceWorkflow"`
}

type moveNodeInput struct {
	NodePath
	IfMatch
	rest.KeyHeader
	Body NewTransition
}

// Moved is a move that is on record.
type Moved struct {
	Node         string        `json:"node"`
	CurrentState string        `json:"current_state" doc:"The state of the node now; it may have moved on since."`
	Transition   service.Entry `json:"transition" doc:"The row of the history."`
}

type moveNodeOutput struct {
	ETag     string `header:"ETag" doc:"The version of the node."`
	Replayed string `header:"Idempotent-Replayed" doc:"true: the move was made before, and this is its row."`
	Body     Moved
}

func (a *api) moveNode(ctx context.Context, in *moveNodeInput) (*moveNodeOutput, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	who, err := initiator(ctx, in.Body.Initiator)
	if err != nil {
		return nil, err
	}
	res, err := a.nodes.Transition(ctx, in.ID, in.Body.To, service.Move{
		Initiator: who, Note: in.Body.Note, ExpectVersion: version, IdempotencyKey: keyOf(ctx, in.Key),
	})
	if err != nil {
		return nil, a.fail(ctx, err, who)
	}
	return &moveNodeOutput{ETag: etag(res.Version), Replayed: replayed(res), Body: movedOf(res)}, nil
}

// keyOf makes the key of one identity differ from that of another.
func keyOf(ctx context.Context, key string) string {
	if key == "" {
		return ""
	}
	return rest.IdentityFrom(ctx).Name + "/" + key
}

func replayed(r service.Result) string {
	if r.AlreadyApplied {
		return "true"
	}
	return ""
}

func movedOf(r service.Result) Moved {
	return Moved{Node: r.Node, CurrentState: r.State, Transition: r.Entry}
}

// NewTransitions is a move of many nodes.
type NewTransitions struct {
	Nodes []string `json:"nodes" nullable:"false" minItems:"1" maxItems:"1000" maxLength:"256" doc:"The ids of the nodes."`
	NewTransition
}

type moveNodesInput struct {
	rest.KeyHeader
	Body NewTransitions
}

// NodeResult is what became of one node of many.
type NodeResult struct {
	Node           string        `json:"node"`
	Moved          *Moved        `json:"moved,omitempty" doc:"The move. Absent: it was refused."`
	AlreadyApplied bool          `json:"already_applied,omitempty" doc:"The move was made before."`
	Problem        *rest.Problem `json:"problem,omitempty" doc:"Why it was refused."`
}

type moveNodesOutput struct {
	Body struct {
		Results []NodeResult `json:"results" nullable:"false" doc:"In the order of the nodes."`
	}
}

func (a *api) moveNodes(ctx context.Context, in *moveNodesInput) (*moveNodesOutput, error) {
	who, err := initiator(ctx, in.Body.Initiator)
	if err != nil {
		return nil, err
	}
	all, err := a.nodes.TransitionAll(ctx, in.Body.Nodes, in.Body.To, service.Move{Initiator: who, Note: in.Body.Note, IdempotencyKey: keyOf(ctx, in.Key)})
	if err != nil {
		return nil, a.fail(ctx, err, who)
	}
	out := &moveNodesOutput{}
	for _, r := range all {
		one := NodeResult{Node: r.Node, AlreadyApplied: r.AlreadyApplied}
		if r.Err != nil {
			one.Problem = a.fail(ctx, r.Err, who)
		} else {
			moved := movedOf(r.Result)
			one.Moved = &moved
		}
		out.Body.Results = append(out.Body.Results, one)
	}
	return out, nil
}
