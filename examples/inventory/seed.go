package main

import (
	"context"
	"strings"

	"github.com/rackstate/rackstate/machine/service"
	"github.com/rackstate/rackstate/rack"
)

// firstNodes creates a node for each machine of the first rack, in a store that is new. Those of the others are left for the walk-through.
func (inv *inventory) firstNodes(ctx context.Context, site *rack.Site) error {
	if inv.racks().Controller().Len() > 0 || len(site.Racks) == 0 {
		return nil
	}
	first := site.Racks[0].ID
	for _, m := range site.Machines {
		if m.RackID != first {
			continue
		}
		_, err := inv.nodes.Create(ctx, service.NewNode{
			ID: strings.Replace(m.ID, "compute", "node", 1), Machine: m.ID, Rack: first, Metadata: map[string]string{"owner": "lab"},
			Initiator: "inventory", Note: "first start",
		})
		if err != nil {
			return err
		}
	}
	return nil
}
