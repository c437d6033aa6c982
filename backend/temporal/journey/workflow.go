package journey

import (
	"errors"
	"fmt"
	"time"

	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/rackstate/rackstate/backend/temporal"
)

// Names that clients use. They are stored in histories and must not change.
const (
	// ReturnedSignal says that the vendor has returned the node; its content is a Return. It counts while the node is in RMA.
	ReturnedSignal = "returned"
	// LookSignal has a journey that waits look at its node now. It has no content.
	LookSignal = "look"
	// StatusQuery asks a journey for its Status.
	StatusQuery = "status"
)

// Status says where a journey is.
type Status struct {
	// Node is the id of the node, State the state in which it was seen last.
	Node  string `json:"node"`
	State string `json:"state"`
	// Step is what the journey does, Since when it began with that, WaitingFor what it takes to go on.
	Step       string    `json:"step"`
	Since      time.Time `json:"since"`
	WaitingFor string    `json:"waiting_for,omitempty"`
	// Progress is how far it has come.
	Progress Progress `json:"progress"`
}

// ReturnToServiceWorkflow brings a node back to service: it has it diagnosed in maintenance, has its firmware brought up to date and validated, and puts it into service. A faulty node goes to
// the vendor, for weeks if need be, and begins anew when it is back. The inventory enforces its table at every move; the journey reads where the node is and decides from there, so people
// and engines may move it too.
//
// The error is a cancellation, or one in which AsStopped finds why no retry can bring the node on. A journey that is cancelled leaves the node where it is, but takes it from firmware to
// maintenance where the table allows that: nobody waits for the validation any more.
func ReturnToServiceWorkflow(ctx workflow.Context, in Input) (Result, error) {
	j := &journey{given: in, in: in.withDefaults(), p: in.Before}
	j.returned, j.looks = workflow.GetSignalChannel(ctx, ReturnedSignal), workflow.GetSignalChannel(ctx, LookSignal)
	if j.p.Begun.IsZero() {
		j.p.Begun = workflow.Now(ctx)
	}
	j.enter(ctx, "read the node", "the inventory")
	if err := workflow.SetQueryHandler(ctx, StatusQuery, j.query); err != nil {
		return Result{}, err
	}
	for round := 1; ; round++ {
		over, err := j.round(ctx)
		switch {
		case ctx.Err() != nil:
			if err := j.abandon(ctx); err != nil {
				workflow.GetLogger(ctx).Error("the node could not be tidied up", "node", in.Node, "error", err)
			}
			return Result{}, ctx.Err()
		case err != nil:
			return Result{}, err
		case over:
			j.enter(ctx, "ended", "")
			return Result{Node: j.node, Moves: j.p.Moves, Returns: j.p.Returns, Took: workflow.Now(ctx).Sub(j.p.Begun)}, nil
		case round >= maxRounds || workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			j.drain()
			j.given.Before = j.p
			return Result{}, workflow.NewContinueAsNewError(ctx, ReturnToServiceWorkflow, j.given)
		}
	}
}

// maxRounds is after how many looks a journey continues as new, so that its history stays short.
const maxRounds = 200

// journey is one run of a ReturnToServiceWorkflow.
type journey struct {
	given, in       Input // without and with defaults
	p               Progress
	node            Node
	status          Status
	returned, looks workflow.ReceiveChannel
	shown           string
}

func (j *journey) query() (Status, error) {
	s := j.status
	s.Progress = j.p
	return s, nil
}

// enter notes what the journey does now.
func (j *journey) enter(ctx workflow.Context, step, waitingFor string) {
	if j.status.Step == step && j.status.WaitingFor == waitingFor {
		return
	}
	j.status = Status{Node: j.in.Node, State: j.node.State, Step: step, Since: workflow.Now(ctx), WaitingFor: waitingFor}
}

// round looks at the node, and does what comes next.
func (j *journey) round(ctx workflow.Context) (over bool, err error) {
	if err := j.look(ctx); err != nil {
		return false, err
	}
	switch d := decide(j.in, j.p, j.node, workflow.Now(ctx)); d.act {
	case finish:
		return true, nil
	case move:
		return false, j.move(ctx, d)
	case diagnose:
		return false, j.check(ctx, "diagnose", diagnoseActivity)
	case firmware:
		return false, j.check(ctx, "validate firmware", firmwareActivity)
	case wait:
		j.enter(ctx, "wait for the vendor", "the signal returned, or "+d.until.UTC().Format(time.RFC3339))
		return false, j.wait(ctx, min(d.until.Sub(workflow.Now(ctx)), j.in.LookEvery))
	default:
		return false, j.stopped(ctx, "", d.note)
	}
}

// look reads the node and notes where it is.
func (j *journey) look(ctx workflow.Context) error {
	var out lookOutput
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, shortCall()), lookActivity, j.in.Node).Get(ctx, &out); err != nil {
		return err
	}
	if out.Refused != nil {
		return (&StoppedError{Node: j.in.Node, Why: out.Refused.Why}).encode()
	}
	j.node = out.Node
	j.status.State = j.node.State
	j.p.saw(j.in, j.node)
	if j.in.Attributes && j.shown != j.node.State {
		j.shown = j.node.State
		return workflow.UpsertTypedSearchAttributes(ctx,
			temporal.NodeKey().ValueSet(j.node.ID), temporal.RackKey().ValueSet(j.node.Rack), temporal.StateKey().ValueSet(j.node.State))
	}
	return nil
}

// key names the step of a journey that comes next. The id of the first run tells this journey from earlier ones of the same name.
func (j *journey) key(ctx workflow.Context) string {
	j.p.Step++
	info := workflow.GetInfo(ctx)
	return fmt.Sprintf("%s/%s/%d", info.WorkflowExecution.ID, info.FirstRunID, j.p.Step)
}

// move moves the node as decided. It is seen through even when the journey is cancelled meanwhile: where the node is must be known then.
func (j *journey) move(ctx workflow.Context, d decision) error {
	if d.to == j.in.States.RMA {
		j.drain() // what was said to be back before it was sent has not been sent
		j.p.Back = nil
	}
	j.enter(ctx, "move to "+d.to, "the inventory")
	through, _ := workflow.NewDisconnectedContext(ctx)
	in := moveInput{Node: j.node.ID, To: d.to, Note: d.note, Version: j.node.Version, Key: j.key(ctx)}
	var out moveOutput
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(through, shortCall()), moveActivity, in).Get(through, &out); err != nil {
		return err
	}
	if out.Refused != nil {
		return j.refused(ctx, d, out.Refused)
	}
	j.p.moved(j.in, d, out.Entry.Timestamp)
	return nil
}

// refused deals with a move that the inventory refused.
func (j *journey) refused(ctx workflow.Context, d decision, r *refusal) error {
	switch r.Kind {
	case refusedLost:
		return nil // the next round reads the node and decides again
	case refusedGuard:
		now := workflow.Now(ctx)
		if j.p.Blocked == nil || j.p.Blocked.To != d.to {
			j.p.Blocked = &Blocked{To: d.to, Since: now}
		}
		if now.Sub(j.p.Blocked.Since) < j.in.GuardWait {
			j.enter(ctx, "wait for a guard", r.Why)
			return j.wait(ctx, j.in.RetryEvery)
		}
	case refusedFinal:
	}
	return (&StoppedError{Node: j.in.Node, State: r.From, Wanted: d.to, Why: r.Why, Allowed: r.Allowed}).encode()
}

// check has the node checked and notes the verdict. A check that cannot be made is no verdict: the journey stops.
func (j *journey) check(ctx workflow.Context, step, name string) error {
	j.enter(ctx, step, "the result")
	opts := workflow.ActivityOptions{
		ScheduleToCloseTimeout: j.in.CheckTime, HeartbeatTimeout: j.in.Heartbeat, WaitForCancellation: true,
		RetryPolicy: &sdk.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
	}
	var f Finding
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, opts), name, Check{Node: j.node, Key: j.key(ctx)}).Get(ctx, &f)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return j.stopped(ctx, "", fmt.Sprintf("%s could not be done: %s", step, reason(err)))
	}
	j.p.Verdict = &Verdict{Finding: f, Stay: j.node.Since}
	return nil
}

// reason is what an activity said, without the names of activity and worker around it.
func reason(err error) string {
	var app *sdk.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}

// stopped ends the journey with what is allowed for a person to do.
func (j *journey) stopped(ctx workflow.Context, wanted, why string) error {
	e := &StoppedError{Node: j.in.Node, State: j.node.State, Wanted: wanted, Why: why}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, shortCall()), allowedActivity, j.in.Node).Get(ctx, &e.Allowed); err != nil {
		return err
	}
	return e.encode()
}

// shortCall are the options of a call to the inventory, which is made until it is answered.
func shortCall() workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &sdk.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	}
}
