package service

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

// Action is something that a definition has begun when a node arrives in a state, under the name by which it is registered in Config.Actions.
//
// Start is called until it returns without an error, each time with the same run.Key; an earlier call may have done its work and lost the answer. Then Check is called,
// at events and when the time that Running named is over, until the action has ended. What either does through tx is committed together with the
// progress that it returns. An error is recorded, and the call repeated with backoff; a call that returns one must have changed nothing through tx. Both must be safe for concurrent
// use, and return soon.
//
// An Action that implements Canceller too is told when a node leaves the state before the action has ended.
type Action interface {
	Start(ctx context.Context, tx *lifecycle.Tx, run Run) (Progress, error)
	Check(ctx context.Context, tx *lifecycle.Tx, run Run) (Progress, error)
}

// Canceller is an Action that can stop.
type Canceller interface {
	// Cancel stops a run that is no longer wanted. It may be one whose Start was called and whose answer was lost. It is repeated until it returns no error, and may be
	// repeated once it has.
	Cancel(ctx context.Context, tx *lifecycle.Tx, run Run) error
}

// Progress is how far an action has come. It is made by Running, Succeeded or Failed.
type Progress struct {
	ended    ending
	running  bool
	text     string
	again    time.Duration
	job      string
	remember bool
}

// Running says that the action goes on. observes is what is the case now, for people; the action is checked again after a while, or at an event or the next resync if
// that is zero.
func Running(observes string, again time.Duration) Progress {
	return Progress{running: true, text: observes, again: again}
}

// Succeeded says that the action has done what it is for. The note is for the history.
func Succeeded(note string) Progress { return Progress{ended: endedWell, text: note} }

// Failed says that the action has ended without that. The note says why, for the history.
func Failed(note string) Progress { return Progress{ended: endedBadly, text: note} }

// Remember keeps a text, such as the id of a job, which later calls find in Run.Job.
func (p Progress) Remember(job string) Progress {
	p.job, p.remember = job, true
	return p
}

// advance makes the next call of a run. It returns what the run waits for, or that it has ended, which is on the run.
func (k *Kind) advance(ctx context.Context, tx *lifecycle.Tx, n *Node) (p Progress, err error) {
	r := n.Run
	action := k.actions[r.Action]
	if action == nil {
		return p, fmt.Errorf("action %s: %w", r.Action, ErrNoAction)
	}
	defer func() { // an automatic move may still be due
		if cause := recover(); cause != nil {
			err = fmt.Errorf("action %s: %w: %v", r.Action, lifecycle.ErrHandlerPanic, cause)
		}
	}()
	call, run := action.Check, n.filled(*r)
	if !r.Started {
		call = action.Start
	}
	if p, err = call(ctx, tx, run); err != nil {
		return p, fmt.Errorf("action %s: %w", r.Action, err)
	}
	if !p.running && p.ended == "" {
		return p, fmt.Errorf("action %s returned neither Running nor Succeeded nor Failed", r.Action)
	}
	r.Started, r.Machine, r.Ended = true, run.Machine, p.ended
	if p.ended != "" {
		r.Result = p.text
	}
	if p.remember {
		r.Job = p.job
	}
	return p, nil
}

// cancel tells actions that their nodes have left. It returns what could not be told yet.
func (k *Kind) cancel(ctx context.Context, tx *lifecycle.Tx, n *Node) (problem error) {
	var kept []Run
	for _, r := range n.Abandoned {
		c, ok := k.actions[r.Action].(Canceller)
		if !ok {
			continue
		}
		if err := stop(ctx, tx, c, n.filled(r)); err != nil {
			kept, problem = append(kept, r), fmt.Errorf("cancel action %s: %w", r.Action, err)
		}
	}
	n.Abandoned = kept
	return problem
}

func stop(ctx context.Context, tx *lifecycle.Tx, c Canceller, r Run) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", lifecycle.ErrHandlerPanic, cause)
		}
	}()
	return c.Cancel(ctx, tx, r)
}
