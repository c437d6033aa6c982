package temporal

import (
	"cmp"
	"time"

	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// RackOptions say how a RackWorkflow works. The zero value is right.
type RackOptions struct {
	// Rounds is after how many steps the workflow continues as new, so that its history stays short; it does so earlier when the server asks for it. Default: 500.
	Rounds int `json:"rounds,omitempty"`
	// Idle is how long the workflow waits at most until it looks at its rack again. Default: 10 min.
	Idle time.Duration `json:"idle,omitempty"`
	// StepTimeout bounds one step. A step that takes longer is given up and begun anew; what it has committed stays. Default: 1 h.
	StepTimeout time.Duration `json:"step_timeout,omitempty"`
	// Heartbeat is after which silence of a worker its step is given to another one. Default: 30 s.
	Heartbeat time.Duration `json:"heartbeat,omitempty"`
	// Attributes says that the workflow sets its search attributes, see RegisterAttributes.
	Attributes bool `json:"attributes,omitempty"`
}

func (o RackOptions) withDefaults() RackOptions {
	o.Rounds = cmp.Or(o.Rounds, 500)
	o.Idle = cmp.Or(o.Idle, 10*time.Minute)
	o.StepTimeout = cmp.Or(o.StepTimeout, time.Hour)
	o.Heartbeat = cmp.Or(o.Heartbeat, 30*time.Second)
	return o
}

// activity are the options under which a rack is stepped. A step is tried until it succeeds: what it could not do is a store that does not answer, and what went wrong with an object
// is on the object's record.
func (o RackOptions) activity() workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: o.StepTimeout,
		HeartbeatTimeout:    o.Heartbeat,
		WaitForCancellation: true, // a step that was cancelled has ended before the next workflow of the rack begins
		RetryPolicy:         &sdk.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	}
}
