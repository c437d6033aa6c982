package lifecycle_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// The kind that most tests drive: a lamp inside a frame, which stands for a rack.

type (
	lampState   string
	lampTrigger string
)

const (
	dark    lampState = "Dark"
	warming lampState = "Warming"
	white   lampState = "Glowing/White"
	red     lampState = "Glowing/Red"
	burnt   lampState = "Burnt"
	scrap   lampState = "Scrapping"

	glowing lampState = "Glowing" // the path of white and red
)

const (
	built     lampTrigger = "Built"
	switchOn  lampTrigger = "SwitchOn"
	switchOff lampTrigger = "SwitchOff"
	warm      lampTrigger = "Warm"
	turn      lampTrigger = "Turn"
	blow      lampTrigger = "Blow"
	repair    lampTrigger = "Repair"
	discarded lampTrigger = "Discarded"
	removed   lampTrigger = "Removed"
)

var lampTable = lifecycle.Table[lampState, lampTrigger]{
	{From: "", On: built, To: dark, Note: "fresh from the factory"},
	{From: dark, On: switchOn, To: warming},
	{From: warming, On: warm, To: white, Note: "a lamp is white | first"},
	{From: warming, On: blow, To: burnt},
	{From: white, On: turn, To: red},
	{From: red, On: turn, To: white},
	{From: glowing, On: switchOff, To: dark},
	{From: glowing, On: blow, To: burnt},
	{From: burnt, On: repair, To: dark, Guard: "the bulb was changed"},
	{From: burnt, On: repair, To: warming, Guard: "the contact was loose"},
	{From: lifecycle.Any, On: discarded, To: scrap},
	{From: scrap, On: removed, To: ""},
}

const (
	warmingSLA = 10 * time.Minute
	glowingSLA = time.Hour
)

var lampStates = []lifecycle.StateInfo[lampState]{
	{State: dark, Class: lifecycle.Resting, Doc: "off; a request switches it on"},
	{State: warming, Class: lifecycle.Working, SLA: warmingSLA, Deadline: 90 * time.Minute, Doc: "not bright yet"},
	{State: white, Class: lifecycle.Working, SLA: glowingSLA, Clock: glowing, Doc: "shines white"},
	{State: red, Class: lifecycle.Working, SLA: glowingSLA, Clock: glowing, Doc: "shines red"},
	{State: burnt, Class: lifecycle.Failed, ReportAtOnce: true, Doc: "a person must repair it"},
	{State: scrap, Class: lifecycle.Deleting, SLA: 5 * time.Minute, Doc: "on its way out"},
}

type lamp struct {
	lifecycle.Object
	Lumen   int      `json:"lumen,omitempty"`
	Watts   float64  `json:"watts,omitempty"`
	Sockets []string `json:"sockets,omitempty"`
	Keys    []string `json:"keys,omitempty"`
}

const kindLamp backend.Kind = "lamp"

func lampRef(id string) backend.Ref { return backend.Ref{Kind: kindLamp, ID: id} }

func newLamp(id string) *lamp {
	return &lamp{Object: lifecycle.NewObject(lampRef(id), "r")}
}

func cloneLamp(l *lamp) *lamp {
	c := *l
	c.Object = l.Clone()
	c.Sockets = slices.Clone(l.Sockets)
	c.Keys = slices.Clone(l.Keys)
	return &c
}

type (
	lampDefinition = lifecycle.Definition[lamp, lampState, lampTrigger]
	lampHandlers   = map[lampState]lifecycle.Handler[lamp]
)

// lampKind compiles the lamp with the given handlers; every other state rests, and a lamp that is scrapped goes at once.
func lampKind(tb testing.TB, handlers lampHandlers, change ...func(d *lampDefinition)) *lifecycle.Kind {
	tb.Helper()
	d := lampDefinition{Kind: kindLamp, Table: lampTable, States: lampStates, Handlers: lampHandlers{}, Clone: cloneLamp, OnDeleted: discarded}
	for _, s := range lampStates {
		d.Handlers[s.State] = always[lamp](lifecycle.Nothing())
	}
	d.Handlers[scrap] = always[lamp](lifecycle.Deleted())
	for s, h := range handlers {
		d.Handlers[s] = h
	}
	for _, c := range change {
		c(&d)
	}
	k, err := lifecycle.Define(d)
	require.NoError(tb, err)
	return k
}

// always is a handler that knows one answer.
func always[E any](out lifecycle.Outcome) lifecycle.Handler[E] {
	return func(context.Context, *E, *lifecycle.Env) (lifecycle.Outcome, error) { return out, nil }
}

// toWhite are handlers that lead a lamp from dark to white without help.
func toWhite() lampHandlers {
	return lampHandlers{
		dark:    always[lamp](lifecycle.Fire(switchOn)),
		warming: always[lamp](lifecycle.Fire(warm)),
	}
}
