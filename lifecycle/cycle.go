package lifecycle

import (
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// A rack drives its children through maintenance in cycles. What follows is the contract between the two, kept here because a child
// does not know the rack's package: the request that a rack puts on a child, the status that it writes there, and when either counts.

// TypeReprovision is the type of the request by which a rack, or an operator, has a device updated.
const TypeReprovision = "reprovision"

// TypeMaintenance is the type of the request by which an operator has something done with an object.
const TypeMaintenance = "maintenance"

// Step is one activity of a cycle that a switch may wait for. The strings are stored and must not change.
type Step string

// The steps, in the order in which a cycle takes them.
const (
	StepFirmware Step = "firmware"
	StepNVOS     Step = "nvos"
	StepNMXC     Step = "nmxc"
)

// Reprovision are the parameters of a reprovision request.
type Reprovision struct {
	// Await lists the steps that the cycle will drive on this switch.
	Await []Step `json:"await,omitempty"`
	// Reset starts the firmware check of a machine over.
	Reset bool `json:"reset,omitempty"`
	// DisturbTenants says that an assigned machine may be touched without further approval.
	DisturbTenants bool `json:"disturb_tenants,omitempty"`
}

// rackInitiator begins the initiator of every request that a rack makes.
const rackInitiator = "rack-"

// RackInitiator is the initiator of requests that a rack makes: "rack-<id>".
func RackInitiator(rack string) string { return rackInitiator + rack }

// FromRack reports whether a rack made the request.
func FromRack(req *backend.Request) bool { return strings.HasPrefix(req.Initiator, rackInitiator) }

// Progress is how far a rack's cycle has come with one device. The strings are stored and must not change.
type Progress string

// The kinds of progress.
const (
	ProgressStarted   Progress = "started"
	ProgressRunning   Progress = "in_progress"
	ProgressCompleted Progress = "completed"
	ProgressFailed    Progress = "failed"
)

// CycleStatus is what a rack's cycle last wrote on a device about one activity.
type CycleStatus struct {
	Status Progress `json:"status"`
	// Cause says why it failed.
	Cause string `json:"cause,omitempty"`
	// TaskID is the driver's job.
	TaskID string `json:"task_id,omitempty"`
	// Firmware is the id of the firmware or image, ImageFile the name of its file.
	Firmware  string `json:"firmware_id,omitempty"`
	ImageFile string `json:"image_file,omitempty"`
	// StartedAt and EndedAt are when the activity began and ended on this device.
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// Cycle is the id of the cycle.
	Cycle string `json:"cycle,omitempty"`
}

// Terminal reports whether the activity has ended on the device.
func (s *CycleStatus) Terminal() bool {
	return s != nil && (s.Status == ProgressCompleted || s.Status == ProgressFailed)
}

// CurrentFor reports whether the status belongs to a request: of the same cycle when both name one, otherwise begun or ended at or after the request was made. A
// status of an earlier cycle is no result.
func (s *CycleStatus) CurrentFor(req *backend.Request) bool {
	return s != nil && current(req, s.Cycle, s.StartedAt, s.EndedAt)
}

// FabricStatus is what a rack's cycle last wrote on a switch about its fabric manager.
type FabricStatus struct {
	Status backend.FabricState `json:"status"`
	// Reason says why the manager does not run on this switch.
	Reason string `json:"reason,omitempty"`
	// Error is a fault.
	Error     string    `json:"error,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Cycle     string    `json:"cycle,omitempty"`
}

// CurrentFor reports whether the status belongs to a request, like CycleStatus.CurrentFor.
func (s *FabricStatus) CurrentFor(req *backend.Request) bool {
	return s != nil && current(req, s.Cycle, s.StartedAt, s.EndedAt)
}

func current(req *backend.Request, cycle string, started, ended time.Time) bool {
	if req.Cycle != "" && cycle != "" {
		return req.Cycle == cycle
	}
	return !started.IsZero() && !started.Before(req.At) || !ended.IsZero() && !ended.Before(req.At)
}

// errorState is the failed state of a rack; its name is public and frozen.
const errorState = "Error"

// CycleEnded reports whether the cycle that made a rack's request is over: the rack is in Error, gone, or no longer in that cycle. No child waits for a rack that
// is no longer coming. Of a rack whose record cannot be understood nobody knows.
func CycleEnded(p Parent, req *backend.Request) bool {
	return !p.Broken && cycleEnded(p, req)
}

func cycleEnded(p Parent, req *backend.Request) bool {
	return !p.Exists || p.State == errorState || p.Cycle == "" || req.Cycle != "" && p.Cycle != req.Cycle
}

// NextStep returns the first awaited step after the given one; with "" the first of all. Steps come in the order of the cycle, however they are
// listed.
func NextStep(await []Step, after Step) (Step, bool) {
	order := []Step{StepFirmware, StepNVOS, StepNMXC}
	for _, s := range order[slices.Index(order, after)+1:] {
		if slices.Contains(await, s) {
			return s, true
		}
	}
	return "", false
}
