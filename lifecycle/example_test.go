package lifecycle_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

// State and Trigger are types of the kind, so that a trigger is never taken for a state.
type (
	State   string
	Trigger string
)

const (
	Closed   State = "Closed"
	Open     State = "Open"
	Deleting State = "Deleting"

	Hung    Trigger = "Hung"
	Opened  Trigger = "Opened"
	Shut    Trigger = "Shut"
	Deleted Trigger = "Deleted"
	Removed Trigger = "Removed"
)

type Door struct {
	lifecycle.Object
	Visits int `json:"visits,omitempty"`
}

var table = lifecycle.Table[State, Trigger]{
	{From: "", On: Hung, To: Closed},
	{From: Closed, On: Opened, To: Open, Note: "somebody knocked"},
	{From: Open, On: Shut, To: Closed},
	{From: lifecycle.Any, On: Deleted, To: Deleting},
	{From: Deleting, On: Removed, To: ""},
}

var states = []lifecycle.StateInfo[State]{
	{State: Closed, Class: lifecycle.Resting, Doc: "nobody is expected; a knock opens it"},
	{State: Open, Class: lifecycle.Working, SLA: time.Minute, Doc: "open for ten seconds"},
	{State: Deleting, Class: lifecycle.Deleting, SLA: time.Minute, Doc: "being taken off its hinges"},
}

func closed(_ context.Context, d *Door, env *lifecycle.Env) (lifecycle.Outcome, error) {
	knock, ok := env.Pending("knock")
	if !ok {
		return lifecycle.Nothing(), nil
	}
	d.Visits++
	return lifecycle.Fire(Opened).By(knock.Initiator), env.Finish(knock.ID, "come in")
}

func open(_ context.Context, d *Door, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if left := 10*time.Second - d.Elapsed(env.Now()); left > 0 {
		return lifecycle.Wait("ten seconds to pass", "somebody is inside", left), nil
	}
	return lifecycle.Fire(Shut).Because("it is draughty"), nil
}

func deleting(context.Context, *Door, *lifecycle.Env) (lifecycle.Outcome, error) {
	return lifecycle.Deleted(), nil
}

func clone(d *Door) *Door {
	c := *d
	c.Object = d.Clone()
	return &c
}

func newDoorKind() (*lifecycle.Kind, error) {
	kind, err := lifecycle.Define(lifecycle.Definition[Door, State, Trigger]{
		Kind: "door", Table: table, States: states, Clone: clone, OnDeleted: Deleted,
		Handlers: map[State]lifecycle.Handler[Door]{Closed: closed, Open: open, Deleting: deleting},
		Requests: []lifecycle.RequestType[Door]{{Type: "knock", Doc: "opens the door for ten seconds"}},
	})
	if err != nil {
		return nil, err
	}
	return kind, lifecycle.Check(kind)
}

// serve is what a service does: it runs until its context ends.
func serve(ctx context.Context, store backend.Store, kind *lifecycle.Kind) error {
	ctl, err := lifecycle.NewController(ctx, store, lifecycle.Config{}, kind)
	if err != nil {
		return err
	}
	return ctl.Run(ctx)
}

// simulate is what a simulator does: time jumps to what is due next.
func simulate(ctx context.Context, ctl *lifecycle.Controller, clk *clock.Mock, over func(*lifecycle.Controller) bool) error {
	for !over(ctl) {
		_, next, err := ctl.RunUntilIdle(ctx, clk.Now())
		if err != nil {
			return err
		}
		clk.Set(next)
	}
	return nil
}

func Example() {
	ctx, clk, store := context.Background(), clock.NewMock(), memory.New()
	kind, err := newDoorKind()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctl, err := lifecycle.NewController(ctx, store, lifecycle.Config{Clock: clk}, kind)
	if err != nil {
		fmt.Println(err)
		return
	}
	front := backend.Ref{Kind: "door", ID: "front"}
	err = ctl.Apply(ctx, func(tx *lifecycle.Tx) error {
		return tx.Create(&Door{Object: lifecycle.NewObject(front, "house")}, "carpenter", "")
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := ctl.Request(ctx, lifecycle.NewRequest{Type: "knock", Initiator: "ann"}, front); err != nil {
		fmt.Println(err)
		return
	}
	err = simulate(ctx, ctl, clk, func(ctl *lifecycle.Controller) bool {
		door, err := lifecycle.Get[Door](ctl, front)
		return err != nil || door.Visits > 0 && door.State() == string(Closed)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	history, err := ctl.History(ctx, front)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range history {
		fmt.Printf("%s %q -> %q: %s by %s\n", t.At.Format("15:04:05"), t.From, t.To, t.Trigger, t.Initiator)
	}
	// Output:
	// 00:00:00 "" -> "Closed": Hung by carpenter
	// 00:00:00 "Closed" -> "Open": Opened by ann
	// 00:00:10 "Open" -> "Closed": Shut by controller
}
