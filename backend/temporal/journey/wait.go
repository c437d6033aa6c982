package journey

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// wait waits for a while, or until a signal comes. The round that follows looks at the node.
func (j *journey) wait(ctx workflow.Context, d time.Duration) error {
	if j.drain() || d <= 0 {
		return nil
	}
	ctx, stop := workflow.WithCancel(ctx)
	defer stop()
	var err error
	workflow.NewSelector(ctx).
		AddFuture(workflow.NewTimer(ctx, d), func(timer workflow.Future) { err = timer.Get(ctx, nil) }).
		AddReceive(j.returned, func(c workflow.ReceiveChannel, _ bool) {
			var r Return
			c.Receive(ctx, &r)
			j.p.Back = &r
		}).
		AddReceive(j.looks, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		Select(ctx)
	return err
}

// drain takes the signals that have come. The last who says that the node is back is noted.
func (j *journey) drain() (any bool) {
	for {
		var r Return
		if !j.returned.ReceiveAsync(&r) {
			break
		}
		j.p.Back, any = &r, true
	}
	for j.looks.ReceiveAsync(nil) {
		any = true
	}
	return any
}

// abandon takes the node out of a state that makes sense only as long as the journey goes on. It works on a context of its own, for that of the journey is cancelled.
func (j *journey) abandon(cancelled workflow.Context) error {
	ctx, stop := workflow.NewDisconnectedContext(cancelled)
	defer stop()
	for {
		j.enter(ctx, "tidy up after the cancellation", "the inventory")
		if err := j.look(ctx); err != nil {
			return err
		}
		if j.node.State != j.in.States.Firmware {
			break
		}
		in := moveInput{Node: j.node.ID, To: j.in.States.Maintenance, Note: "Return to service was cancelled", Version: j.node.Version, Key: j.key(ctx)}
		var out moveOutput
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, shortCall()), moveActivity, in).Get(ctx, &out); err != nil {
			return err
		}
		if out.Refused != nil && out.Refused.Kind != refusedLost { // where the table leads to service alone, a node that was not validated stays
			break
		}
	}
	j.enter(ctx, "cancelled", "")
	return nil
}
