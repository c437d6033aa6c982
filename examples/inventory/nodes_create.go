package main

import (
	"context"
	"net/url"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
)

// NewNode is a node that is to be created.
type NewNode struct {
	ID        string            `json:"id" minLength:"1" maxLength:"256" example:"r2-node-1"`
	Machine   string            `json:"machine,omitempty" maxLength:"256" doc:"The machine that it stands for. Absent: none."`
	Rack      string            `json:"rack,omitempty" maxLength:"256" doc:"The rack to which it belongs. Absent: that of its machine."`
	Metadata  map[string]string `json:"metadata,omitempty" maxProperties:"64"`
	Note      string            `json:"note,omitempty" maxLength:"1024" doc:"Why, for people."`
	Initiator string            `json:"initiator,omitempty" maxLength:"256" doc:"Who creates it. Absent: the identity that posts. Somebody else only with the scope act_as."`
}

type createNodeInput struct{ Body NewNode }

type nodeOutput struct {
	ETag string `header:"ETag" doc:"The version of the node."`
	Body service.Document
}

type createNodeOutput struct {
	Location string `header:"Location" doc:"Where the node can be read."`
	ETag     string `header:"ETag" doc:"The version of the node."`
	Body     service.Document
}

func (a *api) createNode(ctx context.Context, in *createNodeInput) (*createNodeOutput, error) {
	n := &in.Body
	who, err := initiator(ctx, n.Initiator)
	if err != nil {
		return nil, err
	}
	for key, value := range n.Metadata {
		if p := badPair(key, &value); p != nil {
			return nil, p
		}
	}
	rack, err := a.rackOf(n)
	if err != nil {
		return nil, err
	}
	made, err := a.nodes.Create(ctx, service.NewNode{ID: n.ID, Machine: n.Machine, Rack: rack, Metadata: n.Metadata, Initiator: who, Note: n.Note})
	if err != nil {
		p := a.fail(ctx, err, who)
		if p.Type == rest.TypeRejected { // the machine is taken
			p.Known = a.freeMachines()
		}
		return nil, p
	}
	return &createNodeOutput{Location: "/v1/nodes/" + url.PathEscape(made.ID), ETag: etag(made.Version), Body: *made}, nil
}

// rackOf checks that the site has the machine and the rack, so that a misspelt name does not become a node without hardware.
func (a *api) rackOf(n *NewNode) (string, error) {
	site := a.racks.Site()
	if n.Rack != "" {
		if _, ok := site.Rack(n.Rack); !ok {
			return "", invalid("body.rack", "the site has no rack of that name", site.Racks()...)
		}
	}
	if n.Machine == "" {
		return n.Rack, nil
	}
	m, ok := site.Device(backend.Ref{Kind: backend.KindMachine, ID: n.Machine})
	switch {
	case !ok:
		return "", invalid("body.machine", "the site has no machine of that name", a.freeMachines()...)
	case n.Rack != "" && n.Rack != m.RackID:
		return "", invalid("body.rack", "the machine is in rack "+m.RackID, m.RackID)
	}
	return m.RackID, nil
}

// freeMachines lists the machines of the site that no node stands for.
func (a *api) freeMachines() []string {
	taken := map[string]bool{}
	for _, d := range a.nodes.List(service.Filter{}) {
		taken[d.Machine] = true
	}
	out := []string{}
	for _, r := range a.racks.Site().Racks() {
		for _, d := range a.racks.Site().Devices(r) {
			if d.Kind == backend.KindMachine && !taken[d.ID] {
				out = append(out, d.ID)
			}
		}
	}
	return out
}

type getNodeInput struct{ NodePath }

func (a *api) getNode(ctx context.Context, in *getNodeInput) (*nodeOutput, error) {
	d, err := a.nodes.Get(ctx, in.ID)
	if err != nil {
		return nil, a.fail(ctx, err, "")
	}
	return &nodeOutput{ETag: etag(d.Version), Body: *d}, nil
}
