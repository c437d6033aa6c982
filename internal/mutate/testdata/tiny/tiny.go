// Package tiny is a kind with a row that its tests forget, for the tests of the command mutate.
package tiny

import (
	"context"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Lamp is a lamp.
type Lamp struct{ lifecycle.Object }

type (
	state   string
	trigger string
)

var table = lifecycle.Table[state, trigger]{
	{From: "", On: "Bought", To: "Off"},
	{From: "Off", On: "Pressed", To: "On", Guard: "the bulb is good"},
	{From: "Off", On: "Pressed", To: "Broken", Guard: "the bulb is not good"},
	{From: "On", On: "Released", To: "Off"},
	{From: "Broken", On: "Mended", To: "Off"},
	{From: lifecycle.Any, On: "Deleted", To: "Thrown"},
	{From: "Thrown", On: "Gone", To: ""},
}

var states = []lifecycle.StateInfo[state]{
	{State: "Off", Class: lifecycle.Resting, Doc: "dark"},
	{State: "On", Class: lifecycle.Resting, Doc: "bright"},
	{State: "Broken", Class: lifecycle.Failed, Doc: "dark for good"},
	{State: "Thrown", Class: lifecycle.Deleting, SLA: 1, Doc: "on its way out"},
}

// Kind defines the lamp. A request "press" or "release" is what it does.
func Kind() (*lifecycle.Kind, error) {
	accept := func(name string) lifecycle.RequestType[Lamp] { return lifecycle.RequestType[Lamp]{Type: name} }
	return lifecycle.Define(lifecycle.Definition[Lamp, state, trigger]{
		Kind: "lamp", Table: table, States: states, OnDeleted: "Deleted",
		Handlers: map[state]lifecycle.Handler[Lamp]{"Off": off, "On": on, "Broken": broken, "Thrown": thrown},
		Requests: []lifecycle.RequestType[Lamp]{accept("press"), accept("release"), accept("smash"), accept("mend")},
		Clone: func(l *Lamp) *Lamp {
			c := *l
			c.Object = l.Clone()
			return &c
		},
	})
}

func off(_ context.Context, _ *Lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if req, ok := env.Pending("smash"); ok {
		return lifecycle.FireTo("Pressed", "Broken"), env.Finish(req.ID, "")
	}
	if req, ok := env.Pending("press"); ok {
		return lifecycle.FireTo("Pressed", "On"), env.Finish(req.ID, "")
	}
	return lifecycle.Nothing(), nil
}

func on(_ context.Context, _ *Lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if req, ok := env.Pending("release"); ok {
		return lifecycle.Fire("Released"), env.Finish(req.ID, "")
	}
	return lifecycle.Nothing(), nil
}

func broken(_ context.Context, _ *Lamp, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if req, ok := env.Pending("mend"); ok {
		return lifecycle.Fire("Mended"), env.Finish(req.ID, "")
	}
	return lifecycle.Nothing(), nil
}

func thrown(context.Context, *Lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
	return lifecycle.Deleted(), nil
}

// Ref names a lamp.
func Ref(id string) backend.Ref { return backend.Ref{Kind: "lamp", ID: id} }
