package backend

import (
	"encoding/json"
	"time"
)

// RequestState is where a request stands. The strings are stored and must not change.
type RequestState string

// The states of a request.
const (
	// RequestPending: accepted, and nothing was done yet. The object's own pass starts or rejects it.
	RequestPending RequestState = "pending"
	// RequestStarted: the object is working on it. The object's own pass ends it.
	RequestStarted RequestState = "started"
	// RequestFinished: done, every target as asked.
	RequestFinished RequestState = "finished"
	// RequestRejected: refused, nothing was done.
	RequestRejected RequestState = "rejected"
	// RequestFailed: started and not completed; Reason and Results say how far it came.
	RequestFailed RequestState = "failed"
	// RequestCancelled: somebody asked to stop it, and it stopped.
	RequestCancelled RequestState = "cancelled"
	// RequestSuperseded: a newer or stronger request took its place before it was done.
	RequestSuperseded RequestState = "superseded"
	// RequestWithdrawn: whoever made it is no longer interested, for example a rack that left the cycle.
	RequestWithdrawn RequestState = "withdrawn"
)

// Open reports whether the request is still to be worked on: pending or started.
func (s RequestState) Open() bool { return s == RequestPending || s == RequestStarted }

// Request is something that an object was asked to do. Accepted is not done: the state says which of the two it is. One call may
// name many objects; then each has a request of its own with the same id.
type Request struct {
	// ID is unique for each object.
	ID string `json:"id"`
	// On is the object that is asked.
	On Ref `json:"on"`
	// Rack is the id of the object's rack.
	Rack string `json:"rack"`
	// Type says what is asked for, for example "maintenance". Each kind declares the types that it understands.
	Type string `json:"type"`
	// State is where the request stands.
	State RequestState `json:"state"`
	// Initiator says who asks.
	Initiator string `json:"initiator"`
	// Reference is the initiator's own name for it, for example a ticket.
	Reference string `json:"reference,omitempty"`
	// Cycle is the id of the rack's maintenance cycle that made the request, if a rack made it.
	Cycle string `json:"cycle,omitempty"`
	// At is when it was posted, StartedAt when the object began with it, EndedAt when it ended: UTC, in whole microseconds.
	At        time.Time `json:"at"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// CancelledBy names who asked to stop it. A started request that carries it is ended by the object's next pass.
	CancelledBy string `json:"cancelled_by,omitempty"`
	// Reason says why the request ended as it did.
	Reason string `json:"reason,omitempty"`
	// Params are the parameters of the type, as JSON.
	Params json.RawMessage `json:"params,omitempty"`
	// Results has one entry for each target and activity that was worked on.
	Results []Result `json:"results,omitempty"`
}

// ResultStatus is how the work on one target ended. The strings are stored and must not change.
type ResultStatus string

// The ways in which work on a target ends.
const (
	ResultRunning ResultStatus = "running"
	ResultOK      ResultStatus = "ok"
	ResultFailed  ResultStatus = "failed"
	ResultSkipped ResultStatus = "skipped"
)

// Result says what became of one target of a request in one activity.
type Result struct {
	// Target is the device.
	Target Ref `json:"target"`
	// Activity is the part of the work, for example "FirmwareUpgrade".
	Activity string `json:"activity,omitempty"`
	// Status is how it ended.
	Status ResultStatus `json:"status"`
	// From and To are versions or power states before and after, where they are known.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// JobID is the driver's name of the job that did the work.
	JobID string `json:"job_id,omitempty"`
	// Error says what went wrong, or why the target was skipped.
	Error string `json:"error,omitempty"`
	// Retryable says whether asking again can help without a change of hardware or parameters.
	Retryable bool `json:"retryable,omitempty"`
}

// RequestQuery selects requests. The zero value selects all, in the order in which they were posted.
type RequestQuery struct {
	// ID limits the answer to requests with this id.
	ID string
	// On limits the answer to the requests of one object.
	On Ref
	// OpenOnly limits the answer to pending and started requests.
	OpenOnly bool
	// Limit bounds the number of requests. Zero means no bound.
	Limit int
}
