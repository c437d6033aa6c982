package rack

import (
	"context"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// profile returns the rack's profile, or the reason why there is none.
func (h *handler) profile(r *Rack) (Profile, string) {
	if r.ProfileID == "" {
		return Profile{}, "rack " + r.ID() + " has no profile"
	}
	p, ok := h.cfg.Profile(r.ProfileID)
	if !ok {
		return Profile{}, fmt.Sprintf("profile %s of rack %s is not known", r.ProfileID, r.ID())
	}
	return p, ""
}

func (h *handler) created(_ context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	p, missing := h.profile(r)
	if missing != "" {
		return lifecycle.Wait("its profile", missing, 0), nil
	}
	present, want := lookAtChildren(&env.Tx, r.ID()).present(), wanted(p)
	if !present.covers(want) {
		return lifecycle.Wait("the devices of profile "+p.ID, present.of(want), 0), nil
	}
	return lifecycle.Fire(ExpectedDevicesPresent).Because(present.of(want)), nil
}

func (h *handler) discovering(_ context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	p, missing := h.profile(r)
	if missing != "" {
		return lifecycle.Wait("its profile", missing, 0), nil
	}
	kids := lookAtChildren(&env.Tx, r.ID())
	ready, want := kids.ready(), wanted(p)
	if !ready.covers(want) {
		return lifecycle.Wait("its devices to be ready", ready.of(want)+"; "+someOf(kids.stragglers()), 0), nil
	}
	h.begin(r, env, FullRack(h.defaultActivities(p)...), nil, lifecycle.RackInitiator(r.ID()))
	return lifecycle.Fire(AllDevicesReady).Because(ready.of(want)), nil
}

// defaultActivities are those of a maintenance that nobody requested: power is sequenced only where the profile asks for it.
func (h *handler) defaultActivities(p Profile) []Activity {
	all := []Activity{{Name: FirmwareUpgrade}, {Name: NvosUpdate}, {Name: ConfigureNmxCluster}}
	if p.PowerSequence {
		all = append(all, Activity{Name: PowerSequence, Power: SequenceReset})
	}
	return all
}

// begin starts a cycle.
func (h *handler) begin(r *Rack, env *lifecycle.Env, scope Scope, req *backend.Request, initiator string) {
	r.Cycle = &Cycle{ID: fmt.Sprintf("%s-%d", r.ID(), r.Transitions()+1), Scope: scope.clone(), Initiator: initiator}
	r.Cause, r.Origin = "", ""
	if req != nil {
		r.Cycle.Request = req.ID
	}
	env.Log().Debug("maintenance cycle begins", "rack", r.ID(), "cycle", r.Cycle.ID)
}

// memberChanged remembers that the membership changed once the rack is past Discovering. Only devices are members in that sense: a site may keep other objects in a rack.
func memberChanged(r *Rack, member backend.Ref) {
	if !slices.Contains([]backend.Kind{backend.KindMachine, backend.KindSwitch, backend.KindPowerShelf}, member.Kind) {
		return
	}
	switch State(r.State()) {
	case Created, Discovering, Deleting:
	default:
		r.TopologyChanged = true
	}
}
