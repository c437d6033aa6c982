package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// The triggers that every definition has, besides "to_<state>" for each move. They are stored in the history and must not change.
const (
	TriggerCreated = "created"
	TriggerRenamed = "renamed"
	TriggerDelete  = "delete"
	TriggerDeleted = "deleted"
)

// Trigger is the trigger of the move to a state.
func Trigger(to string) string { return "to_" + to }

// deletingSLA is how long it may take to release the machine of a node that is being removed.
const deletingSLA = time.Hour

// kindDefinition turns a definition into what the engine needs. Without a Kind it is the table alone, without what Renamed adds, for Check and diagrams.
func kindDefinition(d *Definition, k *Kind) lifecycle.Definition[Node, string, string] {
	out := lifecycle.Definition[Node, string, string]{
		Kind: backend.KindNode, Clone: clone, OnDeleted: TriggerDelete, Names: names, IgnoreRack: true,
		Table: lifecycle.Table[string, string]{{From: "", On: TriggerCreated, To: d.Initial}},
	}
	for _, s := range d.States {
		out.States = append(out.States, d.stateInfo(s))
	}
	for _, t := range d.Transitions {
		out.Table = append(out.Table, lifecycle.Row[string, string]{From: t.From, On: Trigger(t.To), To: t.To, Guard: t.Guard, Note: t.note()})
	}
	if k != nil {
		d.addRenamed(&out)
	}
	out.States = append(out.States, lifecycle.StateInfo[string]{
		State: stateDeleting, Class: lifecycle.Deleting, SLA: deletingSLA, Doc: "the node is being removed; its machine is released",
	})
	out.Table = append(out.Table,
		lifecycle.Row[string, string]{From: lifecycle.Any, On: TriggerDelete, To: stateDeleting},
		lifecycle.Row[string, string]{From: stateDeleting, On: TriggerDeleted, To: ""})
	if k != nil {
		out.Handlers = k.handlers()
	}
	return out
}

// addRenamed adds the states that the definition no longer has, with the one way out of each.
func (d *Definition) addRenamed(out *lifecycle.Definition[Node, string, string]) {
	for _, old := range d.renamedStates() {
		to := d.Renamed[old]
		out.States = append(out.States, lifecycle.StateInfo[string]{
			State: old, Class: lifecycle.Working, SLA: deletingSLA, Clock: to, Doc: fmt.Sprintf("an earlier definition's name of %s; nodes in it move there at once", to),
		})
		out.Table = append(out.Table, lifecycle.Row[string, string]{From: old, On: TriggerRenamed, To: to})
	}
}

func (d *Definition) renamedStates() []string {
	out := make([]string, 0, len(d.Renamed))
	for old := range d.Renamed {
		out = append(out, old)
	}
	slices.Sort(out)
	return out
}

// stateInfo declares a state as the engine wants it. A state that something automatic leaves is one that waits.
func (d *Definition) stateInfo(s State) lifecycle.StateInfo[string] {
	info := lifecycle.StateInfo[string]{State: s.Name, Class: lifecycle.Resting, SLA: s.SLA, Doc: s.Doc}
	if info.Doc == "" {
		info.Doc = "as the site says"
	}
	if s.Hold {
		info.Doc += "; the machine is held"
	}
	var ends []string
	for _, t := range d.Transitions {
		if t.To == s.Name && t.Action != nil && !slices.Contains(ends, t.Action.ends()) {
			ends = append(ends, t.Action.ends())
		}
	}
	for _, t := range d.automatic(s.Name) {
		ends = append(ends, fmt.Sprintf("after %s it moves to %s", durationText(t.After), t.To))
	}
	if len(ends) > 0 {
		info.Class, info.NoDeadline = lifecycle.Waiting, strings.Join(ends, "; ")
	}
	return info
}

func (a *ActionRule) ends() string { return "the end of action " + a.Name + " decides" }

// note is what the row of the table says besides its guard.
func (t *Transition) note() string {
	var parts []string
	if t.Doc != "" {
		parts = append(parts, t.Doc)
	}
	if t.RequireNote {
		parts = append(parts, "needs a note")
	}
	if len(t.Initiators) > 0 {
		parts = append(parts, "by "+strings.Join(t.Initiators, ", "))
	}
	if t.After > 0 {
		parts = append(parts, "by itself after "+durationText(t.After))
	}
	if t.Action != nil {
		parts = append(parts, "begins "+t.Action.Name)
	}
	return strings.Join(parts, "; ")
}
