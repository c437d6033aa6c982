package main

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
)

type listHistoryInput struct {
	NodePath
	rest.PageQuery
	Since     time.Time `query:"since" doc:"Only moves of this time or later."`
	Until     time.Time `query:"until" doc:"Only moves before this time."`
	Initiator []string  `query:"initiator,explode" maxItems:"16" maxLength:"256" doc:"Only moves of these initiators; * stands for any text, ? for one character. May be repeated."`
}

// NodeHistoryPage is a page of the history of a node.
type NodeHistoryPage struct {
	Entries []service.Entry `json:"entries" nullable:"false" doc:"Oldest first."`
	Next    string          `json:"next,omitempty" doc:"The cursor of the next page. Absent: this is the last one."`
}

type listHistoryOutput struct{ Body NodeHistoryPage }

func (a *api) listHistory(ctx context.Context, in *listHistoryInput) (*listHistoryOutput, error) {
	f := service.HistoryFilter{Since: in.Since, Until: in.Until, Initiators: in.Initiator, Limit: min(in.Limit, maxPage)}
	if in.Cursor != "" {
		var err error
		if f.After, err = strconv.ParseUint(in.Cursor, 10, 63); err != nil {
			return nil, invalid("query.cursor", "it is none of this server; begin without one")
		}
	}
	page, err := a.nodes.History(ctx, in.ID, f)
	if err != nil {
		return nil, a.fail(ctx, err, "")
	}
	out := &listHistoryOutput{Body: NodeHistoryPage{Entries: page.Entries}}
	if page.Next > 0 {
		out.Body.Next = strconv.FormatUint(page.Next, 10)
	}
	return out, nil
}

type listMovesInput struct {
	NodePath
	Initiator string `query:"initiator" maxLength:"256" doc:"Who would move it. Absent: nobody is asked who they are."`
}

// NodeMoves are the moves out of the state of a node.
type NodeMoves struct {
	Node         string                  `json:"node"`
	CurrentState string                  `json:"current_state"`
	Moves        []service.PermittedMove `json:"moves" nullable:"false" doc:"All that the definition has, in its order."`
}

type listMovesOutput struct {
	ETag string `header:"ETag" doc:"The version of the node."`
	Body NodeMoves
}

// listMoves reads the state and the moves one after the other. When somebody has moved the node in between, the ETag is older than the moves, and a move with it is refused.
func (a *api) listMoves(ctx context.Context, in *listMovesInput) (*listMovesOutput, error) {
	d, err := a.nodes.Get(ctx, in.ID)
	if err != nil {
		return nil, a.fail(ctx, err, "")
	}
	moves, err := a.nodes.Permitted(ctx, in.ID, in.Initiator)
	if err != nil {
		return nil, a.fail(ctx, err, "")
	}
	return &listMovesOutput{ETag: etag(d.Version), Body: NodeMoves{Node: d.ID, CurrentState: d.CurrentState, Moves: slices.Concat([]service.PermittedMove{}, moves)}}, nil
}
