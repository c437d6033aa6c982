package journey

import (
	"cmp"
	"time"
)

// Initiator is what the history names for a move of ReturnToServiceWorkflow.
const Initiator = "temporal:ReturnToServiceWorkflow"

// States name the states of a site's definition that a journey leads through. Empty fields have the names of service.Default.
type States struct {
	// Service is where the journey ends. Default: in_service.
	Service string `json:"service,omitempty"`
	// Maintenance is where diagnostics are run. Default: maintenance.
	Maintenance string `json:"maintenance,omitempty"`
	// Firmware is where firmware is updated and validated. Default: firmware_update.
	Firmware string `json:"firmware,omitempty"`
	// RMA is where the vendor has the node. Default: rma.
	RMA string `json:"rma,omitempty"`
}

// Input is what a ReturnToServiceWorkflow begins with. Node is required.
type Input struct {
	// Node is the id of the node.
	Node string `json:"node"`
	// TakeOut says why a node in service is taken out of it first, for the history. Empty: one in service is left there, and the journey is over.
	TakeOut string `json:"take_out,omitempty"`
	// States name the states of the site.
	States States `json:"states,omitzero"`
	// RMAWait is how long the vendor may have the node until it is taken for returned. Default: 6 weeks.
	RMAWait time.Duration `json:"rma_wait,omitempty"`
	// LookEvery is how often the node is looked at in a long wait: a person may move it by hand. Default: 12 h.
	LookEvery time.Duration `json:"look_every,omitempty"`
	// Returns is how often the node goes to the vendor at most. Default: 3.
	Returns int `json:"returns,omitempty"`
	// Updates is how often its firmware is tried at most until it goes there. Default: 3.
	Updates int `json:"updates,omitempty"`
	// CheckTime is how long a check may take, all attempts together. Default: 24 h.
	CheckTime time.Duration `json:"check_time,omitempty"`
	// Heartbeat is after which silence of its worker a check is given to another one. Default: 30 s.
	Heartbeat time.Duration `json:"heartbeat,omitempty"`
	// GuardWait is how long the journey waits for the guard of a move to become true, and RetryEvery how often it asks. Defaults: 24 h and 10 min.
	GuardWait  time.Duration `json:"guard_wait,omitempty"`
	RetryEvery time.Duration `json:"retry_every,omitempty"`
	// Attributes says that the workflow sets its search attributes, see temporal.RegisterAttributes.
	Attributes bool `json:"attributes,omitempty"`
	// Before is how far earlier runs of the workflow came, when it has continued as new.
	Before Progress `json:"before,omitzero"`
}

// withDefaults returns a copy with every unset field at its default.
func (in Input) withDefaults() Input {
	s := &in.States
	s.Service, s.Maintenance = cmp.Or(s.Service, "in_service"), cmp.Or(s.Maintenance, "maintenance")
	s.Firmware, s.RMA = cmp.Or(s.Firmware, "firmware_update"), cmp.Or(s.RMA, "rma")
	in.RMAWait = cmp.Or(in.RMAWait, 6*7*24*time.Hour)
	in.LookEvery = cmp.Or(in.LookEvery, 12*time.Hour)
	in.Returns, in.Updates = cmp.Or(in.Returns, 3), cmp.Or(in.Updates, 3)
	in.CheckTime, in.Heartbeat = cmp.Or(in.CheckTime, 24*time.Hour), cmp.Or(in.Heartbeat, 30*time.Second)
	in.GuardWait, in.RetryEvery = cmp.Or(in.GuardWait, 24*time.Hour), cmp.Or(in.RetryEvery, 10*time.Minute)
	return in
}

// Progress is how far a journey has come. Where the node is, is not in it: that is read.
type Progress struct {
	// Begun is when the journey began.
	Begun time.Time `json:"begun,omitzero"`
	// Seen is the state in which the node was seen last. Out says that it was seen out of service.
	Seen string `json:"seen,omitempty"`
	Out  bool   `json:"out,omitempty"`
	// Step numbers what the journey has had done: moves and checks. It makes their keys.
	Step int `json:"step,omitempty"`
	// Verdict is what is known of the node in the stay that it is about.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Updates counts the firmware updates since the node came back last, Returns how often it was at the vendor.
	Updates int `json:"updates,omitempty"`
	Returns int `json:"returns,omitempty"`
	// Back says that the vendor has returned it, until the node has moved.
	Back *Return `json:"back,omitempty"`
	// Blocked is the guard that keeps the node from a move.
	Blocked *Blocked `json:"blocked,omitempty"`
	// Moves are the moves that the journey made, oldest first.
	Moves []string `json:"moves,omitempty"`
}

// Verdict is what a check found, or an earlier one that led here.
type Verdict struct {
	Finding
	// Stay is when the node entered the state in which that holds. Somebody who takes the node elsewhere and back makes it void.
	Stay time.Time `json:"stay"`
}

// Return is what a person says when the vendor has returned a node.
type Return struct {
	// By is who says so, Note what was done.
	By   string `json:"by,omitempty"`
	Note string `json:"note,omitempty"`
}

// Blocked is a move that a guard refuses.
type Blocked struct {
	To    string    `json:"to"`
	Since time.Time `json:"since"`
}

// Result is how a journey ended that brought its node back to service.
type Result struct {
	// Node is the node as it was read last.
	Node Node `json:"node"`
	// Moves are the states to which the journey moved it, oldest first. Others may have moved it too; the history tells.
	Moves []string `json:"moves,omitempty"`
	// Returns is how often it was at the vendor.
	Returns int `json:"returns,omitempty"`
	// Took is how long the journey took.
	Took time.Duration `json:"took"`
}
