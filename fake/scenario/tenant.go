package scenario

import (
	"context"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
)

// tenants connects machines with the networks of tenants, at once, in scenarios that speak of it.
type tenants struct{ h *hardware }

// tenant returns the hook of the site, nil if the scenario speaks of none.
func (h *hardware) tenant() machine.Tenant {
	if slices.Contains(h.spoken, "Provision") || slices.Contains(h.spoken, "Release") {
		return tenants{h}
	}
	return nil
}

// Provision brings the network of a tenant.
func (t tenants) Provision(_ context.Context, key string, d backend.Device, _ string) (bool, error) {
	return t.call("Provision", key, d)
}

// Release takes it away.
func (t tenants) Release(_ context.Context, key string, d backend.Device, _ string) (bool, error) {
	return t.call("Release", key, d)
}

func (t tenants) call(name, key string, d backend.Device) (bool, error) {
	_, err := t.h.act(name, key, d.Rack, []backend.Device{d}, none)
	return err == nil, oneDevice(err)
}
