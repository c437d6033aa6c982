package service

import (
	"maps"
	"time"

	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// facts collects what a guard may ask about a node.
func facts(tx *lifecycle.Tx, n *Node) *Facts {
	return factsAt(tx, n, n.Elapsed(tx.Now()))
}

func factsAt(tx *lifecycle.Tx, n *Node, elapsed time.Duration) *Facts {
	f := &Facts{Node: n.ID(), State: n.State(), Elapsed: elapsed, Labels: maps.Clone(n.Labels), Machine: MachineFacts{ID: n.Machine}}
	f.Health.add(n.Base())
	f.Health.OK = n.Healthy()
	if n.Machine == "" {
		return f
	}
	m, ok := lifecycle.Look[machine.Machine](tx, machine.Ref(n.Machine))
	if !ok {
		return f
	}
	f.Health.add(m.Base())
	f.Health.OK = f.Health.OK && m.Healthy()
	_, held := m.Held(tx.Now())
	f.Machine = MachineFacts{
		ID: n.Machine, Known: true, State: m.State(), Power: string(m.Power), SKU: m.SKU, Tenant: m.Tenant,
		Available: m.Available(), Held: held, Firmware: maps.Clone(m.Firmware),
	}
	return f
}

func (h *HealthFacts) add(o *lifecycle.Object) {
	for _, a := range o.EffectiveAlerts() {
		h.Alerts = append(h.Alerts, a.ID)
	}
}
