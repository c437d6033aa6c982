package service

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/lifecycle"
)

// ErrNoAction says that a definition names an action that the host has not registered. Register it in Config.Actions.
var ErrNoAction = errors.New("no such action is registered")

// Config says what nodes are driven with. The zero value is right for a definition without actions.
type Config struct {
	// Actions are the actions that definitions may name.
	Actions map[string]Action
}

// Kind is the kind of object that a definition makes of nodes. Give Kind.Kind to lifecycle.NewController, with Observe around the observer, and the controller to New. It
// serves one controller.
type Kind struct {
	*lifecycle.Kind
	def     *Definition
	actions map[string]Action
	watch   *watch
}

// NewKind compiles a definition. The error wraps ErrNoAction when it names actions that are not registered.
func NewKind(def *Definition, cfg Config) (*Kind, error) {
	if def == nil || def.drawn == nil {
		return nil, errors.New("service: a definition is made by Load or Default")
	}
	k := &Kind{def: def, actions: maps.Clone(cfg.Actions), watch: newWatch()}
	if missing := k.missing(); len(missing) > 0 {
		return nil, fmt.Errorf("definition %s: %s: %w; registered are %v", def.Name, strings.Join(missing, ", "), ErrNoAction, slices.Sorted(maps.Keys(cfg.Actions)))
	}
	var err error
	if k.Kind, err = lifecycle.Define(kindDefinition(def, k)); err != nil {
		return nil, err
	}
	return k, nil
}

// Definition is what the kind was made of.
func (k *Kind) Definition() *Definition { return k.def }

func (k *Kind) missing() []string {
	var out []string
	for _, t := range k.def.Transitions {
		if t.Action != nil && k.actions[t.Action.Name] == nil && !slices.Contains(out, t.Action.Name) {
			out = append(out, t.Action.Name)
		}
	}
	return out
}

// handlers has one handler for each state.
func (k *Kind) handlers() map[string]lifecycle.Handler[Node] {
	out := map[string]lifecycle.Handler[Node]{stateDeleting: k.deleting}
	for _, s := range k.def.States {
		out[s.Name] = k.look
	}
	for old := range k.def.Renamed {
		out[old] = k.rename
	}
	return out
}
