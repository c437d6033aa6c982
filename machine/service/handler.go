package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

// initiatorEngine is the initiator of moves that come after a time.
const initiatorEngine = "controller"

// initiatorAction begins the initiator of moves at the end of an action.
const initiatorAction = "action:"

// sourceAction is the source of the alert on a node whose action failed without a move to follow.
const sourceAction = "service-action"

// waiting collects what a node waits for, and when to look again.
type waiting struct {
	expects, observes []string
	again             time.Duration
}

func (w *waiting) add(again time.Duration, expects, observes string) {
	w.expects = append(w.expects, expects)
	if observes != "" {
		w.observes = append(w.observes, observes)
	}
	if again > 0 && (w.again == 0 || again < w.again) {
		w.again = again
	}
}

func (w *waiting) outcome() lifecycle.Outcome {
	if len(w.expects) == 0 {
		return lifecycle.NothingFor(w.again)
	}
	return lifecycle.Wait(strings.Join(w.expects, ", or "), strings.Join(w.observes, "; "), w.again)
}

// look is the handler of every state of the definition.
func (k *Kind) look(ctx context.Context, n *Node, env *lifecycle.Env) (lifecycle.Outcome, error) {
	n.settle()
	if err := k.syncHold(&env.Tx, n, n.State()); err != nil {
		return lifecycle.Outcome{}, err
	}
	w := &waiting{}
	failed := k.cancel(ctx, &env.Tx, n)
	if out, moves, err := k.work(ctx, n, env, w); moves {
		return out, nil
	} else if err != nil {
		failed = err
	}
	out, moves, err := k.timely(n, env, w)
	switch {
	case err != nil:
		return out, err
	case moves:
		return out, nil
	case failed != nil: // only after the times: a deadline must not wait for an action that cannot be asked
		return lifecycle.Outcome{}, failed
	}
	return w.outcome(), nil
}

// work advances the action of the state, and moves the node at its end.
func (k *Kind) work(ctx context.Context, n *Node, env *lifecycle.Env, w *waiting) (out lifecycle.Outcome, moves bool, err error) {
	r := n.Run
	if r == nil {
		return out, false, nil
	}
	if r.Ended == "" {
		p, err := k.advance(ctx, &env.Tx, n)
		if err != nil {
			return out, false, err
		}
		if p.running {
			w.add(p.again, "the end of action "+r.Action, p.text)
			return out, false, nil
		}
	}
	to := r.OnSuccess
	if r.Ended == endedBadly {
		to = r.OnFailure
	}
	note := strings.TrimSuffix(fmt.Sprintf("%s %s: %s", r.Action, r.Ended, r.Result), ": ")
	t := k.def.Find(n.State(), to)
	if t == nil { // nothing follows, or a newer definition has no such move
		n.Run = nil
		if r.Ended == endedBadly {
			n.Report(sourceAction, lifecycle.Alert{ID: "ActionFailed", Target: r.Action, Message: note})
		}
		return out, false, nil
	}
	if holds, why := t.guard.holds(facts(&env.Tx, n)); !holds {
		w.add(0, fmt.Sprintf("the guard of the move to %s (%s)", to, t.Guard), joined(note, errorText(why)))
		return out, false, nil
	}
	out, err = k.fire(n, env, t, initiatorAction+r.Action, note)
	return out, err == nil, err
}

// timely takes the first transition whose time has come and whose guard holds.
func (k *Kind) timely(n *Node, env *lifecycle.Env, w *waiting) (out lifecycle.Outcome, moves bool, err error) {
	elapsed := n.Elapsed(env.Now())
	for _, t := range k.def.automatic(n.State()) {
		if left := t.After - elapsed; left > 0 {
			w.add(left, fmt.Sprintf("%s in %s to be over, which then moves to %s", durationText(t.After), n.State(), t.To), "")
			continue
		}
		if holds, why := t.guard.holds(facts(&env.Tx, n)); !holds {
			w.add(0, fmt.Sprintf("the guard of the move to %s (%s)", t.To, t.Guard), joined(durationText(t.After)+" are over", errorText(why)))
			continue
		}
		out, err = k.fire(n, env, t, initiatorEngine, "after "+durationText(t.After)+" in "+n.State())
		return out, err == nil, err
	}
	return out, false, nil
}

// fire moves the node of a pass.
func (k *Kind) fire(n *Node, env *lifecycle.Env, t *Transition, initiator, note string) (lifecycle.Outcome, error) {
	if err := k.enter(&env.Tx, n, t, initiator, note); err != nil {
		return lifecycle.Outcome{}, err
	}
	return lifecycle.Fire(Trigger(t.To)).By(initiator).Because(note), nil
}

// enter does what a move means besides the change of the state, in the same commit.
func (k *Kind) enter(tx *lifecycle.Tx, n *Node, t *Transition, initiator, note string) error {
	if n.Run != nil && n.Run.Ended == "" {
		n.Abandoned = append(n.Abandoned, *n.Run)
	}
	n.Run = nil
	if a := t.Action; a != nil {
		n.Run = &Run{
			Action: a.Name, Key: fmt.Sprintf("%s#%d/%s", n.Ref(), n.Transitions()+1, a.Name), Initiator: initiator, Note: note, At: tx.Now(),
			OnSuccess: a.OnSuccess, OnFailure: a.OnFailure,
		}
	}
	n.Report(sourceAction)
	n.Entered = Entered{Initiator: initiator, Note: note}
	n.changed()
	return k.syncHold(tx, n, t.To)
}

// rename is the handler of states that only an earlier definition has.
func (k *Kind) rename(_ context.Context, n *Node, env *lifecycle.Env) (lifecycle.Outcome, error) {
	return k.renamed(&env.Tx, n)
}

// renamed prepares the move out of such a state. An action that runs goes on.
func (k *Kind) renamed(tx *lifecycle.Tx, n *Node) (lifecycle.Outcome, error) {
	to := k.def.Renamed[n.State()]
	if n.Run != nil {
		for _, s := range [...]*string{&n.Run.OnSuccess, &n.Run.OnFailure} {
			if now, renamed := k.def.Renamed[*s]; renamed {
				*s = now
			}
		}
	}
	n.settle()
	n.changed()
	note := fmt.Sprintf("%s is called %s in definition %s", n.State(), to, k.def.Name)
	n.Entered.Note = joined(n.Entered.Note, note)
	return lifecycle.Fire(TriggerRenamed).By(initiatorEngine).Because(note), k.syncHold(tx, n, to)
}

// deleting lets go of everything that the node has elsewhere.
func (k *Kind) deleting(ctx context.Context, n *Node, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if n.Run != nil {
		n.Abandoned, n.Run = append(n.Abandoned, *n.Run), nil
	}
	if n.Machine != "" {
		if err := setHold(&env.Tx, n.Machine, lifecycle.Hold{}, false, HoldOwner(n.ID())); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	if err := k.cancel(ctx, &env.Tx, n); err != nil {
		return lifecycle.Outcome{}, err
	}
	return lifecycle.Deleted(), nil
}

func joined(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "; " + b
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
