package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// shelf switches power shelves on or off.
func (s *shell) shelf(ctx context.Context, args []string) error {
	q := powershelf.MaintenanceRequest{Operation: operation(args[0]), User: s.user}
	for _, word := range args[1:] {
		ref, err := s.object(word, backend.KindPowerShelf)
		if err != nil {
			return err
		}
		q.Shelves = append(q.Shelves, ref.ID)
	}
	var err error
	if q.ID, err = s.newID(ctx); err != nil {
		return err
	}
	list, err := powershelf.RequestMaintenance(ctx, s.ctl(), q)
	if err != nil {
		return err
	}
	return s.posted(ctx, list...)
}

// nvswitch operates a switch.
func (s *shell) nvswitch(ctx context.Context, args []string) error {
	op := nvswitch.Operation(operation(args[0]))
	switch args[0] {
	case "reset":
		op = nvswitch.OpReset
	case "certificate":
		op = nvswitch.OpReconfigureCertificate
	}
	ref, err := s.object(args[1], backend.KindSwitch)
	if err != nil {
		return err
	}
	return s.post(ctx, ref, lifecycle.TypeMaintenance, nvswitch.Maintenance{Operation: op})
}

// assign gives a machine to a tenant.
func (s *shell) assign(ctx context.Context, args []string) error {
	ref, err := s.object(args[0], backend.KindMachine)
	if err != nil {
		return err
	}
	return s.post(ctx, ref, machine.TypeAssign, machine.Assign{Tenant: args[1]})
}

// holdType is the type of the holds that this shell places.
const holdType = "manual"

// hold has an object left alone.
func (s *shell) hold(ctx context.Context, args []string) error {
	ref, err := s.object(args[0])
	if err != nil {
		return err
	}
	words, value := option(args[1:], "for")
	h := lifecycle.Hold{Type: holdType, Owner: s.user, Reason: strings.Join(words, " ")}
	if value != "" {
		d, err := duration(value)
		if err != nil {
			return err
		}
		h.Expires = s.sim.Now().Add(d)
	}
	if err := s.ctl().PlaceHold(ctx, ref, h); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.next("explain "+ref.ID, "release "+ref.ID)
	return nil
}

// release ends the hold.
func (s *shell) release(ctx context.Context, args []string) error {
	ref, err := s.object(args[0])
	if err != nil {
		return err
	}
	if err := s.ctl().ReleaseHold(ctx, ref, holdType, s.user); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.next("run 10m", "status")
	return nil
}

// remove marks an object for deletion.
func (s *shell) remove(ctx context.Context, args []string) error {
	ref, err := s.object(args[0])
	if err != nil {
		return err
	}
	if len(args) == 2 && args[1] != "force" {
		return fmt.Errorf("unknown argument %q; allowed: force", args[1])
	}
	if err := s.markDeleted(ctx, ref, len(args) == 2); err != nil {
		return err
	}
	if s.state(ref) == gone {
		s.next("history "+ref.String(), "status")
	} else {
		s.next("until "+ref.String()+" "+gone, "explain "+ref.ID)
	}
	return nil
}

func (s *shell) markDeleted(ctx context.Context, ref backend.Ref, force bool) error {
	if err := s.ctl().Delete(ctx, ref, s.user, force); err != nil {
		return err
	}
	s.show.watched[ref] = true
	return s.settle(ctx)
}

// longestRemoval bounds how long a replacement waits for the old tray to be gone.
const longestRemoval = time.Hour

// replace takes a tray out and puts a new one into its slot, which is then discovered.
func (s *shell) replace(ctx context.Context, args []string) error {
	ref, err := s.object(args[0], backend.KindMachine)
	if err != nil {
		return err
	}
	old, err := s.racks().Machine(ref.ID)
	if err != nil {
		return err
	}
	id := ref.ID + "-new"
	if len(args) == 2 {
		id = args[1]
	}
	if err := backend.CheckID(id); err != nil {
		return err
	}
	if _, err := s.object(id, backend.KindMachine); err == nil {
		return fmt.Errorf("machine %s is there already; give the new tray another name", id)
	}
	if err := s.markDeleted(ctx, ref, false); err != nil {
		return err
	}
	if err := s.sim.RunUntil(ctx, func() bool { return s.state(ref) == gone }, longestRemoval); err != nil {
		return fmt.Errorf("%s is not gone: %w", ref, err)
	}
	found := rack.Discovery{Kind: backend.KindMachine, ID: id, Rack: old.Rack(), Endpoint: old.Endpoint, Initiator: s.user}
	found.Endpoint.BMCMAC, found.Endpoint.Serial = newMAC(s.sim.Now()), "SN-"+id
	return s.plugIn(ctx, ref, found)
}

// plugIn swaps the tray in the hall, and reports what discovery finds there.
func (s *shell) plugIn(ctx context.Context, old backend.Ref, found rack.Discovery) error {
	ref := backend.Ref{Kind: found.Kind, ID: found.ID}
	hall := s.sim.Hardware()
	if err := errors.Join(hall.Remove(old), hall.Add(backend.Device{Ref: ref, Rack: found.Rack, Endpoint: found.Endpoint}, fake.Traits{})); err != nil {
		return err
	}
	s.show.watched[ref] = true
	if err := s.racks().Discover(ctx, found); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.next("until "+found.Rack+" Ready", "explain "+found.Rack, "status "+found.Rack)
	return nil
}

// newMAC makes the address of a tray that is put in at that time.
func newMAC(at time.Time) string {
	n := at.Unix()
	return fmt.Sprintf("02:00:%02X:%02X:%02X:%02X", byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
