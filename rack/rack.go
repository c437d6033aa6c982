package rack

import (
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Origin says where a rack's Error comes from. The strings are stored and must not change.
type Origin string

// The origins.
const (
	OriginComponent   Origin = "component"
	OriginMaintenance Origin = "maintenance"
	OriginValidation  Origin = "validation"
)

// Rack is one rack.
type Rack struct {
	lifecycle.Object
	// ProfileID names the class of rack; see Profile.
	ProfileID string `json:"profile,omitempty"`
	// Name and Description are for people.
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	// TopologyChanged remembers that a device arrived or is gone. The rack acts on it when it is Ready.
	TopologyChanged bool `json:"topology_changed,omitempty"`
	// ReprovisionRequested asks for a maintenance of the full rack with its defaults. The rack acts on it when it is Ready.
	ReprovisionRequested bool `json:"reprovision_requested,omitempty"`
	// Cause and Origin say why the rack is in Error.
	Cause  string `json:"cause,omitempty"`
	Origin Origin `json:"origin,omitempty"`
	// RunID is the validation run that the rack follows.
	RunID string `json:"run_id,omitempty"`
	// RunAsked says that the driver was asked to start a validation run since the rack entered Validating.
	RunAsked bool `json:"run_asked,omitempty"`
	// Cycle is the maintenance cycle that the rack is in, or was in last.
	Cycle *Cycle `json:"cycle,omitempty"`
}

// Cycle is one run of maintenance.
type Cycle struct {
	// ID names the cycle. Every request that it puts on a child and every status that it writes carries it.
	ID string `json:"id"`
	// Request is the id of the maintenance request that it serves, empty if nobody requested it.
	Request string `json:"request,omitempty"`
	// Initiator says who caused it.
	Initiator string `json:"initiator,omitempty"`
	// Scope is what it is about.
	Scope Scope `json:"scope"`
	// DisturbTenants says that assigned machines take part.
	DisturbTenants bool `json:"disturb_tenants,omitempty"`
	// Jobs are the jobs of the activity that runs, one for each device.
	Jobs []DeviceJob `json:"jobs,omitempty"`
	// Installs is the id of the firmware or image that the running batch installs.
	Installs string `json:"installs,omitempty"`
	// Primary is the id of the switch that runs the fabric manager.
	Primary string `json:"primary,omitempty"`
	// Asked are the devices whose power was changed in the running half of the power sequence, Calls how often the driver was called in each stage of it, and AskedAt when
	// last.
	Asked   []backend.Ref  `json:"asked,omitempty"`
	Calls   map[string]int `json:"calls,omitempty"`
	AskedAt time.Time      `json:"asked_at,omitzero"`
	// Results say what became of each device in each activity.
	Results []backend.Result `json:"results,omitempty"`
}

// DeviceJob is the job of one device in a batch.
type DeviceJob struct {
	Device backend.Ref      `json:"device"`
	ID     string           `json:"id,omitempty"`
	State  backend.JobState `json:"state"`
	Cause  string           `json:"cause,omitempty"`
}

// NewRack makes the object of an expected rack.
func NewRack(e ExpectedRack) *Rack {
	r := &Rack{Object: lifecycle.NewObject(Ref(e.ID), e.ID), ProfileID: e.ProfileID, Name: e.Name, Description: e.Description}
	r.Labels = maps.Clone(e.Labels)
	return r
}

// Ref names the rack with that id.
func Ref(id string) backend.Ref { return backend.Ref{Kind: backend.KindRack, ID: id} }

// cycleID returns the cycle that the rack is in now, for its children.
func cycleID(r *Rack) string {
	if r.Cycle == nil || !r.In(string(inMaintenance)) {
		return ""
	}
	return r.Cycle.ID
}

func clone(r *Rack) *Rack {
	c := *r
	c.Object = r.Clone()
	if r.Cycle != nil {
		cycle := *r.Cycle
		cycle.Scope = r.Cycle.Scope.clone()
		cycle.Jobs = slices.Clone(r.Cycle.Jobs)
		cycle.Asked = slices.Clone(r.Cycle.Asked)
		cycle.Calls = maps.Clone(r.Cycle.Calls)
		cycle.Results = slices.Clone(r.Cycle.Results)
		c.Cycle = &cycle
	}
	return &c
}
