package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// plan prints what a maintenance would do.
func (s *shell) plan(ctx context.Context, args []string) error {
	q, err := s.maintenance(args)
	if err != nil {
		return err
	}
	plan, err := s.racks().Plan(ctx, q)
	if err != nil {
		return err
	}
	say(s.out, "%s\n", tidy(plan.String()))
	if len(plan.Refused) == 0 {
		s.next("maintain " + strings.Join(args, " "))
	}
	return nil
}

// maintain asks for a maintenance.
func (s *shell) maintain(ctx context.Context, args []string) error {
	q, err := s.maintenance(args)
	if err != nil {
		return err
	}
	if q.ID, err = s.newID(ctx); err != nil {
		return err
	}
	req, err := s.racks().RequestMaintenance(ctx, q)
	if err != nil {
		return err
	}
	return s.posted(ctx, req)
}

// maintenance makes the request that the words ask for.
func (s *shell) maintenance(args []string) (rack.MaintenanceRequest, error) {
	id, err := s.rack(args[0])
	if err != nil {
		return rack.MaintenanceRequest{}, err
	}
	w, err := parseWish(args[1:])
	if w.by == "" {
		w.by = s.user
	}
	return rack.MaintenanceRequest{Rack: id, Scope: w.scope, DisturbTenants: w.tenants, User: w.by, Reference: w.ref}, err
}

// power brings a rack back from PoweredOff.
func (s *shell) power(ctx context.Context, args []string) error {
	id, err := s.rack(args[0])
	if err != nil {
		return err
	}
	return s.post(ctx, rack.Ref(id), rack.TypePower, rack.Power{Operation: operation(args[1])})
}

// recover acknowledges what a failed maintenance left on the devices of a rack.
func (s *shell) recover(ctx context.Context, args []string) error {
	id, err := s.rack(args[0])
	if err != nil {
		return err
	}
	return s.post(ctx, rack.Ref(id), rack.TypeRecover, rack.Recover{Note: strings.Join(args[1:], " ")})
}

// cancel stops a request, on all objects that it was posted to.
func (s *shell) cancel(ctx context.Context, args []string) error {
	list, err := s.requests(ctx, args[0])
	if err != nil {
		return err
	}
	open := slices.DeleteFunc(slices.Clone(list), func(r backend.Request) bool { return !r.State.Open() })
	if len(open) == 0 {
		return fmt.Errorf("request %s is not open, it is %s", args[0], list[0].State)
	}
	for _, r := range open {
		if err := s.ctl().CancelRequest(ctx, r.On, r.ID, s.user); err != nil {
			return err
		}
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.next("request "+args[0], "explain "+list[0].On.ID)
	return nil
}

// post puts a request on an object.
func (s *shell) post(ctx context.Context, on backend.Ref, typ string, params any) error {
	id, err := s.newID(ctx)
	if err != nil {
		return err
	}
	list, err := s.ctl().Request(ctx, lifecycle.NewRequest{ID: id, Type: typ, Initiator: s.user, Params: params}, on)
	if err != nil {
		return err
	}
	return s.posted(ctx, list...)
}

// newID makes the id of a request: op-1, op-2 and so on. A program that may repeat a call names its requests itself, so that the second is refused.
func (s *shell) newID(ctx context.Context) (string, error) {
	all, err := s.store.Requests(ctx, backend.RequestQuery{})
	if err != nil {
		return "", err
	}
	n := 0
	for _, r := range all {
		var i int
		if _, err := fmt.Sscanf(r.ID, "op-%d", &i); err == nil {
			n = max(n, i)
		}
	}
	return fmt.Sprintf("op-%d", n+1), nil
}

// posted lets the engine look at requests that were accepted, and says how they stand and what may be done next.
func (s *shell) posted(ctx context.Context, list ...backend.Request) error {
	first := list[0]
	say(s.out, "%s is accepted\n", first.ID)
	for _, r := range list {
		s.show.watched[r.On] = true
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	open := false
	for _, r := range list {
		for _, o := range s.ctl().OpenRequests(r.On) {
			if o.ID != r.ID {
				continue
			}
			open = true
			if out, err := s.ctl().Outcome(r.On); err == nil && o.State == backend.RequestPending {
				say(s.out, "it is pending: %s %s\n", r.On, out.Reason)
			}
		}
	}
	if open {
		s.next("run 10m", "request "+first.ID, "cancel "+first.ID, "explain "+first.On.ID)
	} else {
		s.next("request "+first.ID, "status "+first.On.ID)
	}
	return nil
}

// operation turns a short word into the name of a power action. Others stay as they are, for the object to refuse.
func operation(word string) backend.PowerAction {
	switch word {
	case "on":
		return backend.ActionPowerOn
	case "off":
		return backend.ActionPowerOff
	default:
		return backend.PowerAction(word)
	}
}
