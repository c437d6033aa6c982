package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// acceptDelete refuses to mark a rack with assigned machines, unless forced.
func acceptDelete(tx *lifecycle.Tx, r *Rack, mark lifecycle.Deletion) error {
	if mark.Force {
		return nil
	}
	var assigned []string
	for _, m := range lifecycle.Members[machine.Machine](tx, r.ID()) {
		if m.In("Assigned") {
			assigned = append(assigned, m.ID())
		}
	}
	if len(assigned) > 0 {
		return fmt.Errorf("machines %s of rack %s are assigned; release them first, or force the deletion", strings.Join(assigned, ", "), r.ID())
	}
	return nil
}

// deleting marks the children and goes when none is left.
func (h *handler) deleting(_ context.Context, r *Rack, env *lifecycle.Env) (lifecycle.Outcome, error) {
	left := env.Broken(r.ID())
	var texts []string
	for _, ref := range left {
		texts = append(texts, ref.String()+" cannot be read; purge it")
	}
	force := r.Deletion != nil && r.Deletion.Force
	initiator := lifecycle.RackInitiator(r.ID())
	for _, o := range h.members(env, r.ID()) {
		texts = append(texts, o.Ref().String()+" in "+o.State())
		var refused *lifecycle.RejectedError
		switch err := env.Delete(o.Ref(), initiator, force); {
		case errors.As(err, &refused):
			texts[len(texts)-1] = refused.Error()
		case err != nil:
			return lifecycle.Outcome{}, err
		}
	}
	if len(texts) == 0 {
		return lifecycle.Deleted(), nil
	}
	return lifecycle.Wait("its devices to be gone", someOf(texts), 0), nil
}

// members are all devices of a rack, marked or not, in the order of their kinds and ids.
func (h *handler) members(env *lifecycle.Env, rack string) []*lifecycle.Object {
	var out []*lifecycle.Object
	for _, m := range lifecycle.Members[machine.Machine](&env.Tx, rack) {
		out = append(out, &m.Object)
	}
	for _, s := range lifecycle.Members[nvswitch.Switch](&env.Tx, rack) {
		out = append(out, &s.Object)
	}
	for _, p := range lifecycle.Members[powershelf.PowerShelf](&env.Tx, rack) {
		out = append(out, &p.Object)
	}
	return out
}

func sortedRefs[V any](m map[backend.Ref]V) []backend.Ref {
	out := make([]backend.Ref, 0, len(m))
	for ref := range m {
		out = append(out, ref)
	}
	slices.SortFunc(out, backend.Ref.Compare)
	return out
}
