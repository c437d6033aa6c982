package temporal

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Names that clients use. They are stored in histories and must not change.
const (
	// WakeSignal has a RackWorkflow look at its rack now. It has no content.
	WakeSignal = "wake"
	// StatusQuery asks a RackWorkflow for its Status.
	StatusQuery = "status"
	// stepActivity is the name of Activities.StepRack.
	stepActivity = "StepRack"
)

// RackInput is what a RackWorkflow begins with.
type RackInput struct {
	// Rack is the id of the rack.
	Rack string `json:"rack"`
	RackOptions
	// Before is what earlier runs of the workflow did, when it has continued as new.
	Before Status `json:"before,omitzero"`
}

// Status is what a RackWorkflow has done and what it waits for.
type Status struct {
	// Rack is the id of the rack.
	Rack string `json:"rack"`
	// State is the state in which the rack was after the last step, empty when there is no record of the rack itself. Objects is how many objects were there.
	State   string `json:"state"`
	Objects int    `json:"objects"`
	// Rounds is how often the rack was looked at, Steps how many passes over its objects that took.
	Rounds int `json:"rounds"`
	Steps  int `json:"steps"`
	// Next is when something of the rack is due again, by the clock of the controller; zero when nothing is.
	Next time.Time `json:"next,omitzero"`
	// Waiting says what the workflow does now.
	Waiting string `json:"waiting"`
}

// RackWorkflow owns the life of one rack and what is inside it: it has them stepped by an activity whenever something is due or somebody says so, until nothing of
// the rack is left. All decisions are those of the rack's own handlers; the workflow only waits. The result is its last Status.
func RackWorkflow(ctx workflow.Context, in RackInput) (Status, error) {
	r := &rackRun{in: in, opts: in.withDefaults(), status: in.Before, wakes: workflow.GetSignalChannel(ctx, WakeSignal)}
	r.status.Rack = in.Rack
	if err := workflow.SetQueryHandler(ctx, StatusQuery, func() (Status, error) { return r.status, nil }); err != nil {
		return r.status, err
	}
	for round := 1; ; round++ {
		r.drain()
		wait, err := r.step(ctx)
		if err != nil {
			return r.status, err
		}
		switch woken := r.drain(); {
		case r.status.Objects == 0 && !woken:
			r.status.Waiting = "nothing: the rack is gone"
			return r.status, nil
		case round >= r.opts.Rounds || workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			in.Before = r.status // the next run begins with a step, which serves who has woken this one too
			return r.status, workflow.NewContinueAsNewError(ctx, RackWorkflow, in)
		case woken:
			continue
		}
		if err := r.sleep(ctx, wait); err != nil {
			return r.status, err
		}
	}
}

// rackRun is one run of a RackWorkflow.
type rackRun struct {
	in     RackInput
	opts   RackOptions
	status Status
	wakes  workflow.ReceiveChannel
	// shown is the state that the search attributes show.
	shown string
}

// drain takes all wakes that have come, and reports whether there were any. One step serves all that came before it.
func (r *rackRun) drain() (woken bool) {
	for r.wakes.ReceiveAsync(nil) {
		woken = true
	}
	return woken
}

// step has the rack stepped, and returns how long nothing of it will be due.
func (r *rackRun) step(ctx workflow.Context) (time.Duration, error) {
	r.status.Waiting = "a step"
	var out StepOutput
	in := StepInput{Rack: r.in.Rack, At: workflow.Now(ctx)}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, r.opts.activity()), stepActivity, in).Get(ctx, &out); err != nil {
		return 0, err
	}
	r.status.State, r.status.Objects, r.status.Next = out.State, out.Objects, out.Next
	r.status.Rounds++
	r.status.Steps += out.Steps
	if err := r.show(ctx); err != nil {
		return 0, err
	}
	if out.Next.IsZero() || out.Wait > r.opts.Idle {
		return r.opts.Idle, nil
	}
	return out.Wait, nil
}

// show brings the search attributes up to date.
func (r *rackRun) show(ctx workflow.Context) error {
	if !r.opts.Attributes || r.shown == r.status.State {
		return nil
	}
	r.shown = r.status.State
	return workflow.UpsertTypedSearchAttributes(ctx, RackKey().ValueSet(r.in.Rack), StateKey().ValueSet(r.status.State))
}

// sleep waits for a while, or until somebody wakes the workflow.
func (r *rackRun) sleep(ctx workflow.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	r.status.Waiting = "a wake, or " + workflow.Now(ctx).Add(d).UTC().Format(time.RFC3339)
	ctx, stop := workflow.WithCancel(ctx)
	defer stop()
	var err error
	workflow.NewSelector(ctx).
		AddFuture(workflow.NewTimer(ctx, d), func(timer workflow.Future) { err = timer.Get(ctx, nil) }).
		AddReceive(r.wakes, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		Select(ctx)
	return err
}
