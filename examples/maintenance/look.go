package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// status prints the racks, or a rack with its devices, or one device.
func (s *shell) status(_ context.Context, args []string) error {
	show := func(ref backend.Ref) bool { return ref.Kind == backend.KindRack }
	if len(args) == 1 {
		ref, err := s.object(args[0])
		if err != nil {
			return err
		}
		show = func(r backend.Ref) bool { return r == ref }
		if ref.Kind == backend.KindRack {
			devices := s.members(ref.ID)
			show = func(r backend.Ref) bool { return r == ref || devices[r] }
		}
	}
	rows := [][]string{{"OBJECT", "STATE", "SINCE", "NOTES"}}
	for _, ref := range s.objects() {
		if !show(ref) {
			continue
		}
		x, err := s.ctl().Explain(ref)
		if err != nil {
			return err
		}
		notes := append(s.facts(ref), notes(x)...)
		rows = append(rows, []string{ref.String(), short(x.State), stamp(x.Since), strings.Join(notes, "; ")})
	}
	return s.table(rows)
}

// members are the devices of a rack.
func (s *shell) members(id string) map[backend.Ref]bool {
	out := map[backend.Ref]bool{}
	s.ctl().Visit(func(o *lifecycle.Object) { out[o.Ref()] = o.Rack() == id })
	return out
}

// facts are what only one kind has.
func (s *shell) facts(ref backend.Ref) []string {
	var out []string
	switch ref.Kind {
	case backend.KindRack:
		ready, all := 0, 0
		s.ctl().Visit(func(o *lifecycle.Object) {
			if o.Rack() != ref.ID || o.Ref() == ref {
				return
			}
			if all++; o.State() == "Ready" {
				ready++
			}
		})
		out = append(out, fmt.Sprintf("%d of %d devices Ready", ready, all))
	case backend.KindMachine:
		if m, err := s.racks().Machine(ref.ID); err == nil {
			out = append(out, firmware(m.FirmwareUpgrade)...)
			if m.Tenant != "" {
				out = append(out, "tenant "+m.Tenant)
			}
		}
	case backend.KindSwitch:
		if sw, err := s.racks().Switch(ref.ID); err == nil {
			out = append(out, firmware(sw.FirmwareUpgrade)...)
		}
	case backend.KindPowerShelf:
		if p, err := s.racks().PowerShelf(ref.ID); err == nil {
			out = append(out, "power "+string(p.Power))
		}
	default:
	}
	return out
}

// firmware is what the rack last wrote on a device about its firmware.
func firmware(status *lifecycle.CycleStatus) []string {
	if status == nil {
		return nil
	}
	return []string{status.Firmware + " " + string(status.Status)}
}

// notes are what every kind has: holds, alerts, requests, and what is awaited.
func notes(x *lifecycle.Explanation) []string {
	var out []string
	for _, h := range x.Holds {
		out = append(out, "hold: "+h.String())
	}
	for _, a := range x.Alerts {
		out = append(out, fmt.Sprintf("alert %s of %s", a.ID, a.Source))
	}
	for _, r := range x.Requests {
		out = append(out, fmt.Sprintf("%s is %s", r.ID, r.State))
	}
	if x.Outcome.Kind == backend.OutcomeWait || x.Outcome.Kind == backend.OutcomeError {
		out = append(out, clip(x.Outcome.Reason))
	}
	return out
}

// clip shortens what explain prints in full.
func clip(text string) string {
	const most = 90
	if len(text) <= most {
		return text
	}
	return strings.TrimRight(text[:strings.LastIndexByte(text[:most], ' ')], " ;,:") + " ..."
}

// explain prints where an object stands.
func (s *shell) explain(_ context.Context, args []string) error {
	ref, err := s.object(args[0])
	if err != nil {
		return err
	}
	x, err := s.ctl().Explain(ref)
	if err != nil {
		return err
	}
	say(s.out, "%s", x)
	return nil
}

// history prints what happened to an object. One that is gone is named as kind/id.
func (s *shell) history(ctx context.Context, args []string) error {
	ref, err := s.object(args[0])
	if past, bad := backend.ParseRef(args[0]); err != nil && bad == nil {
		ref, err = past, nil
	}
	if err != nil {
		return err
	}
	rows, err := s.ctl().History(ctx, ref)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fmt.Errorf("%s has no history", ref)
	}
	if len(args) == 2 {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 {
			return fmt.Errorf("bad number %q; allowed: whole numbers from 1", args[1])
		}
		rows = rows[max(0, len(rows)-n):]
	}
	cells := [][]string{{"SEQ", "AT", "TRIGGER", "TO", "BY", "NOTE"}}
	for _, t := range rows {
		cells = append(cells, []string{strconv.FormatUint(t.Seq, 10), stamp(t.At), t.Trigger, short(t.To), t.Initiator, t.Note})
	}
	return s.table(cells)
}

// requests finds a request by its id, on every object that it was posted to.
func (s *shell) requests(ctx context.Context, id string) ([]backend.Request, error) {
	list, err := s.store.Requests(ctx, backend.RequestQuery{ID: id})
	if err != nil || len(list) > 0 {
		return list, err
	}
	open, err := s.store.Requests(ctx, backend.RequestQuery{OpenOnly: true})
	if err != nil {
		return nil, err
	}
	names := make([]string, len(open))
	for i, r := range open {
		names[i] = r.ID
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return nil, fmt.Errorf("no request has the id %q; open are: %s", id, strings.Join(names, ", "))
}

// request prints how a request stands.
func (s *shell) request(ctx context.Context, args []string) error {
	list, err := s.requests(ctx, args[0])
	if err != nil {
		return err
	}
	for i := range list {
		if err := s.printRequest(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *shell) printRequest(r *backend.Request) error {
	say(s.out, "%s %s of %s by %s: %s\n", r.Type, r.ID, r.On, r.Initiator, r.State)
	if r.Reason != "" {
		say(s.out, "reason: %s\n", r.Reason)
	}
	if r.CancelledBy != "" && r.State.Open() {
		say(s.out, "%s asked to stop it; the rack has not come to that yet\n", r.CancelledBy)
	}
	times := "posted " + stamp(r.At)
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"started", r.StartedAt}, {"ended", r.EndedAt}} {
		if !t.at.IsZero() {
			times += ", " + t.name + " " + stamp(t.at)
		}
	}
	say(s.out, "%s\n", times)
	var rows [][]string
	for _, res := range r.Results {
		detail := strings.TrimSpace(res.To + " " + res.Error)
		if res.Retryable {
			detail += " (asking again can help)"
		}
		rows = append(rows, []string{res.Activity, res.Target.String(), string(res.Status), detail})
	}
	for _, j := range s.jobs(r) {
		rows = append(rows, []string{"job " + j.ID, j.Device.String(), string(j.State), j.Cause})
	}
	return s.table(rows)
}

// jobs are those that run for a request now. A rack keeps them until the activity ends, and the results of it are on the request.
func (s *shell) jobs(r *backend.Request) []rack.DeviceJob {
	at, err := s.racks().Rack(r.On.ID)
	if err != nil || r.On.Kind != backend.KindRack || at.Cycle == nil || at.Cycle.Request != r.ID || !r.State.Open() {
		return nil
	}
	return at.Cycle.Jobs
}
