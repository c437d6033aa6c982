package scenario

import (
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
func (w *world) records(ctx context.Context) ([]record, error) {
	var out []record
	add := func(ref backend.Ref, rackID, state string, since Duration, deleted bool, e lifecycle.Entity) {
		if deleted {
			e.Base().Deletion = &lifecycle.Deletion{At: Start, Initiator: "scenario"}
		}
		w.refs[ref.ID] = ref
		out = append(out, record{ref: ref, rack: rackID, state: state, since: moment(since), entity: e})
	}
	for _, m := range w.given.Machines {
		add(machine.Ref(m.ID), m.Rack, m.State, m.Since, m.Deleted, w.machine(m))
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
		e, err := w.rack(r)
		if err != nil {
			return nil, err
		}
		add(rack.Ref(r.ID), r.ID, r.State, r.Since, r.Deleted, e)
	}
	for _, s := range w.given.Statuses {
		if err := w.status(out, s); err != nil {
			return nil, err
		}
	}
	return out, w.holds(out)
}

func (w *world) holds(records []record) error {
	for _, h := range w.given.Holds {
		i := slices.IndexFunc(records, func(r record) bool { return r.ref.String() == h.On })
		if i < 0 {
			return fmt.Errorf("hold on %s, which is not given", h.On)
		}
		hold := lifecycle.Hold{Type: h.Type, Owner: h.Owner, Reason: h.Reason, At: Start}
		if h.Expires != nil {
			hold.Expires = moment(*h.Expires)
		}
		o := records[i].entity.Base()
		o.Holds = append(o.Holds, hold)
		o.Pause(Start)
	}
	return nil
}

func (w *world) rack(r Rack) (*rack.Rack, error) {
	e := &rack.Rack{TopologyChanged: r.TopologyChanged, ReprovisionRequested: r.ReprovisionRequested, Cause: r.Cause, Origin: rack.Origin(r.Origin), RunID: r.RunID}
	e.Labels = r.Labels
	switch {
	case r.Profile != nil:
		e.ProfileID = *r.Profile
	case w.given.Profiles == nil:
		e.ProfileID = "P-" + r.ID
	default:
		e.ProfileID = "P"
	}
	w.profileOf[r.ID] = e.ProfileID
	if r.ActivityStarted != nil {
		e.ClockStart = moment(*r.ActivityStarted)
	}
	if r.Cycle == "" {
		return e, nil
	}
	e.Cycle = &rack.Cycle{ID: r.Cycle, Initiator: lifecycle.RackInitiator(r.ID), Scope: rack.FullRack()}
	if q, ok := w.cycleRequest(r.ID); ok {
		e.Cycle.Request, e.Cycle.Initiator, e.Cycle.DisturbTenants, e.Cycle.Scope = q.ID, q.Initiator, q.DisturbTenants, q.Scope.rack()
	}
	return e, w.cycleJobs(r, e.Cycle)
}

// cycleJobs puts the given jobs into the cycle: the rack has last seen each as running.
func (w *world) cycleJobs(r Rack, c *rack.Cycle) error {
	for _, j := range w.given.Jobs {
		if j.On != "rack/"+r.ID {
			continue
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
			c.Jobs = append(c.Jobs, rack.DeviceJob{Device: dev, ID: jobID(poll, dev), State: backend.JobRunning})
			w.hardware.jobs[jobKey{poll, dev}] = j.Devices[id].status()
			if poll == "CertificateJob" {
				c.Primary = id
			}
		}
	}
	return nil
}

// pollOf is the call that polls the jobs of an activity.
func pollOf(activity string) (string, error) {
	switch rack.ActivityName(activity) {
	case rack.FirmwareUpgrade:
		return "FirmwareJob", nil
	case rack.NvosUpdate:
		return "SwitchImageJob", nil
	case rack.ConfigureNmxCluster:
		return "CertificateJob", nil
	}
	return "", fmt.Errorf("activity %q has no jobs; use FirmwareUpgrade, NvosUpdate or ConfigureNmxCluster", activity)
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

func (w *world) machine(m Machine) *machine.Machine {
	e := machine.NewMachine(m.ID, m.Rack, machine.Discovered{Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:01:01", BMCAddress: "192.0.2.1"}, DPUs: m.DPUs, Labels: m.Labels})
	e.RetryCount, e.ReturnTo, e.TenantApproved = m.RetryCount, machine.State(m.ReturnTo), m.TenantApproved
	e.Cause, e.Firmware = machine.Cause(m.Cause), m.Firmware
	w.hardware.versions[e.Ref()] = m.Firmware
	for _, a := range m.Alerts {
		alert := lifecycle.Alert{ID: a.ID, Source: a.Source}
		for _, c := range a.Classifications {
			alert.Classifications = append(alert.Classifications, lifecycle.Classification(c))
		}
		e.Alerts = append(e.Alerts, alert)
	}
	w.reprovision(m, e)
	return e
}

// reprovision gives a machine in the middle of one what it knows of the request that began it.
func (w *world) reprovision(m Machine, e *machine.Machine) {
	if !isUnder(m.State, "HostReprovision") && !isUnder(m.State, "Assigned/HostReprovision") {
		if m.State == string(machine.Failed) {
			e.Failure = &machine.Failure{Source: machine.State(m.ReturnTo), At: moment(m.Since), Message: m.Cause}
		}
		return
	}
	if e.ReturnTo == "" {
		e.ReturnTo = machine.Ready
	}
	for _, q := range w.given.Requests {
		if slices.Contains(q.On, "machine/"+m.ID) && q.Type == lifecycle.TypeReprovision && q.AcceptedAt != nil {
			e.Reprovision = &machine.Reprovision{RequestID: q.ID, Initiator: q.Initiator, Cycle: q.Cycle, RequestedAt: moment(q.At)}
		}
	}
}

func isUnder(state, path string) bool {
	return state == path || len(state) > len(path) && state[:len(path)+1] == path+"/"
}
