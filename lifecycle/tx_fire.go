package lifecycle

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// Fire moves an object along its table, in the same commit as everything else that the Tx holds: for kinds whose moves a person or another system
// decides. It does not ask the handler of the state, and passes through holds. An object moves once in a commit. The outcome must be one of Fire or FireTo. The error
// is a *TriggerError when the table does not permit it, or wraps backend.ErrNotFound; it changes nothing.
func (tx *Tx) Fire(ref backend.Ref, out Outcome) error {
	ed, err := tx.edit(ref)
	if err != nil {
		return fmt.Errorf("fire %s: %w", out.trigger, err)
	}
	if out.kind != backend.OutcomeTransition {
		return fmt.Errorf("fire on %s: the outcome is %q, must be a transition", ref, out.kind)
	}
	if ed.row != nil {
		return fmt.Errorf("fire %s on %s: it has moved in this commit already, from %q to %q", out.trigger, ref, ed.row.From, ed.row.To)
	}
	to, err := ed.kind.graph.resolve(ed.base.state, out.trigger, out.to, out.named)
	if err != nil {
		return err
	}
	if out.initiator == "" && tx.host {
		out.initiator = InitiatorText("", "")
	}
	if err := ed.fire(tx, out, to); err != nil || !ed.gone {
		return err
	}
	ed.outcome.Kind = backend.OutcomeDeleted
	return tx.memberChanged(ed.base)
}

// Fire moves another object than that of the pass, like Tx.Fire. The object of the pass moves by the outcome that its handler returns.
func (env *Env) Fire(ref backend.Ref, out Outcome) error {
	if ref == env.Self() {
		return fmt.Errorf("fire %s on %s: its own handler moves it by its outcome", out.trigger, ref)
	}
	return env.Tx.Fire(ref, out)
}

// fire takes a row of the table. What leads out of life ends the object's requests.
func (ed *edit) fire(tx *Tx, out Outcome, to string) error {
	after, err := ed.kind.graph.fire(tx.ctx, ed.base.state, out.trigger, to)
	if err != nil {
		return err
	}
	ed.move(after, out.trigger, out.initiator, out.note, tx.now)
	if info := ed.kind.graph.states[after]; info == nil || info.Class == Deleting {
		ed.endAll(tx, "deletion of "+ed.base.ref.String())
	}
	return nil
}
