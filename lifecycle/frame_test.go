package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// A frame is to lamps what a rack is to machines.

type (
	frameState   string
	frameTrigger string
)

const (
	idle    frameState = "Idle"
	busy    frameState = "Busy"
	failed  frameState = "Error"
	leaving frameState = "Leaving"
)

const (
	erected    frameTrigger = "Erected"
	begun      frameTrigger = "Begun"
	ended      frameTrigger = "Ended"
	broke      frameTrigger = "Broke"
	mended     frameTrigger = "Mended"
	dismantled frameTrigger = "Dismantled"
	carried    frameTrigger = "CarriedAway"
)

var frameTable = lifecycle.Table[frameState, frameTrigger]{
	{From: "", On: erected, To: idle},
	{From: idle, On: begun, To: busy},
	{From: busy, On: ended, To: idle},
	{From: busy, On: broke, To: failed},
	{From: failed, On: mended, To: idle},
	{From: lifecycle.Any, On: dismantled, To: leaving},
	{From: leaving, On: carried, To: ""},
}

var frameStates = []lifecycle.StateInfo[frameState]{
	{State: idle, Class: lifecycle.Resting, Doc: "nothing to do"},
	{State: busy, Class: lifecycle.Working, SLA: time.Hour, Doc: "in a cycle"},
	{State: failed, Class: lifecycle.Failed, Doc: "the cycle failed"},
	{State: leaving, Class: lifecycle.Deleting, SLA: time.Hour, Doc: "on its way out"},
}

type frame struct {
	lifecycle.Object
	Cycle   string   `json:"cycle,omitempty"`
	Members []string `json:"members,omitempty"`
}

func frameRef() backend.Ref { return backend.Ref{Kind: backend.KindRack, ID: "r"} }

func newFrame() *frame { return &frame{Object: lifecycle.NewObject(frameRef(), "r")} }

func cloneFrame(f *frame) *frame {
	c := *f
	c.Object = f.Clone()
	c.Members = slices.Clone(f.Members)
	return &c
}

type (
	frameDefinition = lifecycle.Definition[frame, frameState, frameTrigger]
	frameHandlers   = map[frameState]lifecycle.Handler[frame]
)

// frameKind compiles the frame with the given handlers; every other state rests.
func frameKind(tb testing.TB, handlers frameHandlers, change ...func(d *frameDefinition)) *lifecycle.Kind {
	tb.Helper()
	d := frameDefinition{
		Kind: backend.KindRack, Table: frameTable, States: frameStates, Handlers: frameHandlers{}, Clone: cloneFrame, OnDeleted: dismantled,
		Cycle: func(f *frame) string { return f.Cycle },
	}
	for _, s := range frameStates {
		d.Handlers[s.State] = always[frame](lifecycle.Nothing())
	}
	d.Handlers[leaving] = always[frame](lifecycle.Deleted())
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
