package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// record is a given object before it is stored.
type record struct {
	ref    backend.Ref
	rack   string
	state  string
	since  time.Time
	entity lifecycle.Entity
}

// records makes the given objects.
func (w *World) records(ctx context.Context) ([]record, error) {
	var out []record
	add := func(ref backend.Ref, rackID, state string, since Duration, deleted bool, e lifecycle.Entity) {
		if deleted {
			e.Base().Deletion = &lifecycle.Deletion{At: Start(), Initiator: "scenario"}
		}
		if ref.Kind != backend.KindRack {
			w.refs[ref.ID] = ref
		}
		w.hardware.racks[ref] = rackID
		out = append(out, record{ref: ref, rack: rackID, state: cmp.Or(state, readyState), since: moment(since), entity: e})
	}
	for i, m := range w.given.Machines {
		add(machine.Ref(m.ID), m.Rack, m.State, m.Since, m.Deleted, w.machine(m, i))
	}
	for i, s := range w.given.Switches {
		e, err := w.nvswitch(ctx, s, i)
		if err != nil {
			return nil, err
		}
		add(nvswitch.Ref(s.ID), s.Rack, s.State, s.Since, s.Deleted, e)
	}
	for i, p := range w.given.PowerShelves {
		e, err := w.shelf(ctx, p, i)
		if err != nil {
			return nil, err
		}
		add(powershelf.Ref(p.ID), p.Rack, p.State, p.Since, p.Deleted, e)
	}
	for _, r := range w.given.Racks {
		add(rack.Ref(r.ID), r.ID, r.State, r.Since, r.Deleted, w.rack(r))
	}
	for _, s := range w.given.Statuses {
		if err := w.status(out, s); err != nil {
			return nil, err
		}
	}
	for _, j := range w.given.Jobs {
		if err := w.givenJobs(out, j); err != nil {
			return nil, err
		}
	}
	return out, w.holds(out)
}

func find(records []record, name string) (lifecycle.Entity, error) {
	i := slices.IndexFunc(records, func(r record) bool { return r.ref.String() == name })
	if i < 0 {
		return nil, fmt.Errorf("%s is not given", name)
	}
	return records[i].entity, nil
}

func (w *World) holds(records []record) error {
	for _, h := range w.given.Holds {
		e, err := find(records, h.On)
		if err != nil {
			return fmt.Errorf("hold: %w", err)
		}
		o := e.Base()
		o.Holds = append(o.Holds, h.hold(Start()))
		o.Pause(Start())
	}
	return nil
}

// hold is what is kept of it.
func (h Hold) hold(at time.Time) lifecycle.Hold {
	out := lifecycle.Hold{Type: h.Type, Owner: h.Owner, Reason: h.Reason, At: at}
	if h.Expires != nil {
		out.Expires = moment(*h.Expires)
	}
	return out
}

func (w *World) rack(r Rack) *rack.Rack {
	e := &rack.Rack{
		ProfileID: w.profileID(r), TopologyChanged: r.TopologyChanged, ReprovisionRequested: r.ReprovisionRequested, Cause: r.Cause, Origin: rack.Origin(r.Origin), RunID: r.RunID,
	}
	e.Labels = r.Labels
	if r.ActivityStarted != nil {
		e.ClockStart = moment(*r.ActivityStarted)
	}
	e.Cycle = w.cycle(r)
	return e
}

// cycle is the maintenance cycle of a rack that is in one, or was in one last: that of the request which it works on, if one is given.
func (w *World) cycle(r Rack) *rack.Cycle {
	q, requested := w.cycleRequest(r.ID)
	if r.Cycle == "" && !requested && !slices.ContainsFunc(w.given.Jobs, func(j Jobs) bool { return j.On == "rack/"+r.ID }) {
		return nil
	}
	c := &rack.Cycle{ID: cmp.Or(r.Cycle, q.Cycle, "given-"+r.ID)}
	if requested {
		c.Request, c.Initiator, c.DisturbTenants, c.Scope = q.ID, q.Initiator, q.DisturbTenants, q.Scope.rack()
		return c
	}
	c.Initiator, c.Scope = lifecycle.RackInitiator(r.ID), rack.FullRack(w.unasked(r)...)
	return c
}

// unasked are the activities of a cycle that nobody requested: power only where the profile asks for it, or where the rack is at it.
func (w *World) unasked(r Rack) []rack.Activity {
	out := []rack.Activity{{Name: rack.FirmwareUpgrade}, {Name: rack.NvosUpdate}, {Name: rack.ConfigureNmxCluster}}
	if w.given.Profiles[or(r.Profile, defaultProfileID)].PowerSequence || isUnder(r.State, "Maintenance/PowerSequence") {
		out = append(out, rack.Activity{Name: rack.PowerSequence})
	}
	return out
}

// givenJobs puts running jobs into the cycle of a rack: it has last seen each as running, and has written that on the devices.
func (w *World) givenJobs(records []record, j Jobs) error {
	e, err := find(records, j.On)
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	r, ok := e.(*rack.Rack)
	if !ok || r.Cycle == nil {
		return fmt.Errorf("jobs: %s is no rack in a cycle", j.On)
	}
	poll, err := pollOf(j.Activity)
	if err != nil {
		return err
	}
	for _, id := range sortedKeys(j.Devices) {
		dev, err := w.device(id)
		if err != nil {
			return err
		}
		job := rack.DeviceJob{Device: dev, ID: jobID(poll, dev), State: backend.JobRunning}
		r.Cycle.Jobs = append(r.Cycle.Jobs, job)
		w.hardware.jobs[jobKey{poll, dev}] = j.Devices[id].status()
		if poll == certificatePoll {
			r.Cycle.Primary = id
			continue
		}
		status := &lifecycle.CycleStatus{Status: lifecycle.ProgressRunning, TaskID: job.ID, StartedAt: w.jobsBegan(j), Cycle: r.Cycle.ID}
		if e, err := find(records, dev.String()); err == nil {
			running(e, poll, status)
		}
	}
	return nil
}

// jobsBegan is when jobs were submitted: when the activity of their rack began, unless they say otherwise.
func (w *World) jobsBegan(j Jobs) time.Time {
	for _, r := range w.given.Racks {
		if j.Started == nil && j.On == "rack/"+r.ID {
			return moment(or(r.ActivityStarted, r.Since))
		}
	}
	return moment(or(j.Started, 0))
}

// running writes on a device that a job of it runs, unless another status of it is given.
func running(e lifecycle.Entity, poll string, status *lifecycle.CycleStatus) {
	set := func(field **lifecycle.CycleStatus) {
		if *field == nil {
			*field = status
		}
	}
	switch d := e.(type) {
	case *machine.Machine:
		set(&d.FirmwareUpgrade)
	case *powershelf.PowerShelf:
		set(&d.FirmwareUpgrade)
	case *nvswitch.Switch:
		if poll == imagePoll {
			set(&d.NVOSUpdate)
		} else {
			set(&d.FirmwareUpgrade)
		}
	}
}

// The calls that poll the jobs of an activity.
const (
	firmwarePoll    = "FirmwareJob"
	imagePoll       = "SwitchImageJob"
	certificatePoll = "CertificateJob"
)

func pollOf(activity string) (string, error) {
	switch rack.ActivityName(activity) {
	case rack.FirmwareUpgrade:
		return firmwarePoll, nil
	case rack.NvosUpdate:
		return imagePoll, nil
	case rack.ConfigureNmxCluster:
		return certificatePoll, nil
	default:
		return "", fmt.Errorf("activity %q has no jobs; use FirmwareUpgrade, NvosUpdate or ConfigureNmxCluster", activity)
	}
}

func (s Scope) rack() rack.Scope {
	list := func(p *[]string) []string {
		if p == nil {
			return nil
		}
		return append([]string{}, *p...)
	}
	out := rack.Scope{Machines: list(s.Machines), Switches: list(s.Switches), PowerShelves: list(s.PowerShelves)}
	if s.Activities != nil {
		out.Activities = []rack.Activity{}
		for _, a := range *s.Activities {
			out.Activities = append(out.Activities, rack.Activity(a))
		}
	}
	return out
}

func isUnder(state, path string) bool {
	return state == path || len(state) > len(path) && state[:len(path)+1] == path+"/"
}
