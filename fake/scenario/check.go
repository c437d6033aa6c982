package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// checker compares what then says with what is.
type checker struct {
	*World
	ctx   context.Context
	found *multierror.Error
}

func (w *World) check(ctx context.Context, then Then) error {
	c := &checker{World: w, ctx: ctx}
	if w.attended() && w.acting != nil && w.acting.behind {
		c.problem(w.ctl().Refresh(ctx))
	}
	c.problem(w.trouble)
	for _, part := range []func(Then){
		c.states, c.outcomes, c.requestStates, c.initiators, c.results, c.rejected, c.flags, c.fields, c.statuses, c.alerts, c.posted, c.overSLA, c.calls, c.history, c.crashes,
	} {
		part(then)
	}
	return c.found.ErrorOrNil()
}

// differ reports what was expected and what was found.
func (c *checker) differ(what string, want, got any) {
	c.found = multierror.Append(c.found, fmt.Errorf("%s: expected %v, found %v", what, want, got))
}

func (c *checker) problem(err error) {
	if err != nil {
		c.found = multierror.Append(c.found, err)
	}
}

const noObject = "no such object"

// object finds the stored record of an object; nil when it never was.
func (c *checker) object(name string) *backend.Record {
	on, err := ref(name)
	if err != nil {
		c.problem(err)
		return nil
	}
	rec, err := c.store.Get(c.ctx, on)
	if err != nil {
		if !errors.Is(err, backend.ErrNotFound) {
			c.problem(err)
		}
		return nil
	}
	return rec
}

func (c *checker) states(then Then) {
	for _, name := range sortedKeys(then.States) {
		rec := c.object(name)
		switch want := then.States[name]; {
		case rec == nil:
			c.differ("state of "+name, want, noObject)
		case rec.Gone():
			c.differ("state of "+name, want, "it is gone")
		case rec.State != want:
			c.differ("state of "+name, want, rec.State)
		}
	}
	for _, name := range then.Gone {
		if rec := c.object(name); rec != nil && !rec.Gone() {
			c.differ(name, "it is gone", "state "+rec.State)
		}
	}
}

func (c *checker) outcomes(then Then) {
	for _, name := range sortedKeys(then.Outcome) {
		want, rec := then.Outcome[name], c.object(name)
		if rec == nil {
			c.differ("outcome of "+name, want.Kind, noObject)
			continue
		}
		kind := rec.Outcome.Kind
		if rec.Gone() {
			kind = backend.OutcomeDeleted
		}
		if want.Kind != "" && string(kind) != want.Kind {
			c.differ("outcome of "+name, want.Kind, fmt.Sprintf("%s %q", kind, rec.Outcome.Reason))
		}
		c.mentions("outcome of "+name, want.Mentions, rec.Outcome.Reason)
	}
}

// mentions compares without regard to case.
func (c *checker) mentions(what string, want []string, text string) {
	for _, m := range want {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(m)) {
			c.differ(what, fmt.Sprintf("a mention of %q", m), fmt.Sprintf("%q", text))
		}
	}
}

func (c *checker) alerts(then Then) {
	for _, name := range sortedKeys(then.Alerts) {
		on, err := ref(name)
		c.problem(err)
		got, there := []string{}, false
		c.ctl().Visit(func(o *lifecycle.Object) {
			if o.Ref() != on {
				return
			}
			there = true
			for _, a := range o.Alerts {
				if !slices.Contains(got, a.Source) {
					got = append(got, a.Source)
				}
			}
		})
		want := sorted(then.Alerts[name])
		switch got = sorted(got); {
		case !there:
			c.differ("alerts of "+name, want, noObject)
		case !slices.Equal(want, got):
			c.differ("alerts of "+name, want, got)
		}
	}
}

func (c *checker) overSLA(then Then) {
	if then.OverSLA == nil {
		return
	}
	records, err := c.store.List(c.ctx, backend.Query{})
	c.problem(err)
	got := []string{}
	for _, r := range records {
		if r.Outcome.OverSLA {
			got = append(got, r.Ref.String())
		}
	}
	if want, got := sorted(*then.OverSLA), sorted(got); !slices.Equal(want, got) {
		c.differ("objects over their SLA", want, got)
	}
}

// history compares the whole path, from the given state on. Being gone is no state.
func (c *checker) history(then Then) {
	for _, name := range sortedKeys(then.History) {
		on, err := ref(name)
		if err != nil {
			c.problem(err)
			continue
		}
		rows, err := c.store.History(c.ctx, backend.HistoryQuery{Ref: on})
		c.problem(err)
		got := []string{}
		for _, r := range rows {
			if r.To != "" {
				got = append(got, r.To)
			}
		}
		if !slices.Equal(then.History[name], got) {
			c.differ("history of "+name, then.History[name], got)
		}
	}
}

// crashes: a crash that waits for a call which is never made would be one that nobody tests.
func (c *checker) crashes(Then) {
	if p := c.hardware.crashAfter; p.nth > 0 {
		c.differ("crash "+p.String(), "the call is made", "it was not made")
	}
	if s := c.stall; s != nil {
		c.differ("stall "+s.at.String(), "the call is made", "it was not made")
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
