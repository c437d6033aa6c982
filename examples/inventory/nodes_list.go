package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
)

// maxPage is how many entries a page has at most, whatever a client asks for.
const maxPage = 1000

type listNodesInput struct {
	rest.PageQuery
	State    []string `query:"state,explode" maxItems:"16" maxLength:"64" doc:"Only nodes in one of these states. May be repeated."`
	Metadata []string `query:"metadata,explode" maxItems:"16" maxLength:"512" doc:"Only nodes with this pair, as key=value. May be repeated; all must hold."`
	Rack     string   `query:"rack" maxLength:"256" doc:"Only nodes of this rack."`
}

// ListedNode is a node in a list: what it is for, and where it stands.
type ListedNode struct {
	ID           string            `json:"id"`
	Metadata     map[string]string `json:"metadata"`
	CurrentState string            `json:"current_state"`
	Since        time.Time         `json:"since" doc:"When it entered its state."`
	Rack         string            `json:"rack"`
	Machine      string            `json:"machine,omitempty" doc:"The machine that it stands for. Absent: none."`
	Problem      string            `json:"problem,omitempty" doc:"Why its record cannot be understood. Absent: it can."`
}

// NodePage is a page of nodes.
type NodePage struct {
	Nodes []ListedNode `json:"nodes" nullable:"false"`
	Next  string       `json:"next,omitempty" doc:"The cursor of the next page. Absent: this is the last one."`
}

type listNodesOutput struct{ Body NodePage }

func (a *api) listNodes(_ context.Context, in *listNodesInput) (*listNodesOutput, error) {
	f := service.Filter{States: in.State, Rack: in.Rack, After: in.Cursor, Metadata: map[string]string{}}
	known := a.nodes.Definition().StateNames()
	for _, s := range in.State {
		if !slices.Contains(known, s) {
			return nil, invalid("query.state", "the definition has no state of that name", known...)
		}
	}
	for _, pair := range in.Metadata {
		key, value, ok := strings.Cut(pair, "=")
		if have, twice := f.Metadata[key]; !ok || key == "" || twice && have != value {
			return nil, invalid("query.metadata", "it must be key=value, each key once")
		}
		f.Metadata[key] = value
	}
	limit := min(in.Limit, maxPage)
	f.Limit = limit + 1 // one more than fits: there is a next page
	found := a.nodes.List(f)
	out := &listNodesOutput{Body: NodePage{Nodes: []ListedNode{}}}
	for i := range found {
		d := &found[i]
		if i == limit {
			out.Body.Next = found[i-1].ID
			break
		}
		out.Body.Nodes = append(out.Body.Nodes, ListedNode{
			ID: d.ID, Metadata: d.Metadata, CurrentState: d.CurrentState, Since: d.Since, Rack: d.Rack, Machine: d.Machine, Problem: d.Problem,
		})
	}
	return out, nil
}
