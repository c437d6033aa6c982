package rest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// crate is the kind that the tests serve: it can be packed, in two steps, and gets stuck when it is told so.
type crate struct {
	lifecycle.Object
	Packed int    `json:"packed"`
	Key    sealed `json:"key,omitzero"`
	Work   string `json:"work,omitempty"`
}

// sealed is a secret that an object carries; a record has only its mask.
type sealed struct{ backend.Secret }

// UnmarshalText takes the mask of a record.
func (*sealed) UnmarshalText([]byte) error { return nil }

const kindCrate backend.Kind = "crate"

// secretKey must never be seen in an answer or a log.
const secretKey = "open-sesame-4711"

type packParams struct {
	Jam   bool   `json:"jam,omitempty"`
	Label string `json:"label,omitempty"`
}

func crateRef(id string) backend.Ref { return backend.Ref{Kind: kindCrate, ID: id} }

func crateKind() (*lifecycle.Kind, error) {
	type state string
	type trigger string
	finish := func(to trigger) lifecycle.Handler[crate] {
		return func(_ context.Context, c *crate, env *lifecycle.Env) (lifecycle.Outcome, error) {
			if c.Elapsed(env.Now()) < time.Minute {
				return lifecycle.Wait("the tape to stick", "it does not", time.Minute-c.Elapsed(env.Now())), nil
			}
			if to == "Closed" {
				c.Packed++
				id := c.Work
				c.Work = ""
				return lifecycle.Fire(to), env.Finish(id, "packed")
			}
			return lifecycle.Fire(to), nil
		}
	}
	idle := func(_ context.Context, c *crate, env *lifecycle.Env) (lifecycle.Outcome, error) {
		req, ok := env.Pending("pack")
		if !ok {
			return lifecycle.Nothing(), nil
		}
		p, err := lifecycle.Params[packParams](&req)
		if err != nil {
			return lifecycle.Outcome{}, err
		}
		if p.Jam {
			return lifecycle.Fire(trigger("Jam")).By(req.Initiator), env.Finish(req.ID, "jammed")
		}
		c.Work = req.ID
		return lifecycle.Fire(trigger("Begin")).By(req.Initiator).Because(p.Label), env.Start(c.Ref(), req.ID)
	}
	return lifecycle.Define(lifecycle.Definition[crate, state, trigger]{
		Kind: kindCrate,
		Table: lifecycle.Table[state, trigger]{
			{From: "", On: "Made", To: "Idle"},
			{From: "Idle", On: "Begin", To: "Packing/Filling", Note: "somebody asked"},
			{From: "Idle", On: "Jam", To: "Stuck"},
			{From: "Packing/Filling", On: "Filled", To: "Packing/Taping"},
			{From: "Packing/Taping", On: "Closed", To: "Idle"},
			{From: "Packing", On: "Jam", To: "Stuck"},
			{From: "Stuck", On: "Freed", To: "Idle"},
			{From: lifecycle.Any, On: "Scrap", To: "Leaving"},
			{From: "Leaving", On: "Gone", To: ""},
		},
		States: []lifecycle.StateInfo[state]{
			{State: "Idle", Class: lifecycle.Resting, Doc: "the crate waits for something to do"},
			{State: "Packing/Filling", Class: lifecycle.Working, SLA: 5 * time.Minute, Doc: "things are put in"},
			{State: "Packing/Taping", Class: lifecycle.Working, SLA: 5 * time.Minute},
			{State: "Stuck", Class: lifecycle.Failed, ReportAtOnce: true, Doc: "a person must look"},
			{State: "Leaving", Class: lifecycle.Deleting, SLA: time.Minute},
		},
		Handlers: map[state]lifecycle.Handler[crate]{
			"Idle": idle, "Packing/Filling": finish("Filled"), "Packing/Taping": finish("Closed"),
			"Stuck": func(_ context.Context, _ *crate, env *lifecycle.Env) (lifecycle.Outcome, error) {
				if req, ok := env.Pending("free"); ok {
					return lifecycle.Fire(trigger("Freed")).By(req.Initiator), env.Finish(req.ID, "freed")
				}
				return lifecycle.Nothing(), nil
			},
			"Leaving": func(context.Context, *crate, *lifecycle.Env) (lifecycle.Outcome, error) {
				return lifecycle.Deleted(), nil
			},
		},
		Clone:     func(c *crate) *crate { d := *c; d.Object = c.Clone(); return &d },
		OnDeleted: "Scrap",
		Requests: []lifecycle.RequestType[crate]{
			{Type: "pack", Doc: "fill and close the crate", In: []string{"Idle"}, Accept: acceptPack},
			{Type: "free", Doc: "say that the crate is not stuck any more", In: []string{"Stuck"}},
		},
		AcceptDelete: func(_ *lifecycle.Tx, c *crate, mark lifecycle.Deletion) error {
			if c.In("Packing") && !mark.Force {
				return errors.New("it is being packed")
			}
			return nil
		},
	})
}

func acceptPack(tx *lifecycle.Tx, c *crate, req *backend.Request) error {
	if _, err := lifecycle.Params[packParams](req); err != nil {
		return err
	}
	var problems []error
	if c.State() != "Idle" {
		problems = append(problems, fmt.Errorf("crate %s is in %s", c.ID(), c.State()))
	}
	if open := tx.Requests(c.Ref(), "pack"); len(open) > 0 {
		problems = append(problems, fmt.Errorf("it was asked already, by %s", open[0].Initiator))
	}
	return errors.Join(problems...)
}

// refType shortens signatures.
type refType = backend.Ref
