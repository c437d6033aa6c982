package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

func (c *checker) calls(then Then) {
	log := c.hardware.log
	if then.Calls != nil {
		want := *then.Calls
		if !slices.EqualFunc(want, log, Called.meets) {
			c.differ("hardware calls", want, log)
		}
	}
	c.include(then.CallsInclude, log)
	for _, name := range then.CallsExclude {
		if slices.ContainsFunc(log, func(l call) bool { return l.name == name }) {
			c.differ("hardware calls", "no "+name, log)
		}
	}
	for _, name := range sortedKeys(then.Started) {
		if want, got := then.Started[name], c.hardware.begun(name); got != want {
			c.differ("work begun by "+name, want, got)
		}
	}
}

// meets compares a call; its devices are a set, and without any they are not compared.
func (c Called) meets(got call) bool {
	return c.Call == got.name && (c.On == nil || slices.Equal(sorted(c.On), sorted(got.on)))
}

// include looks for the calls in order, with others between. An entry with several devices is also met by several calls that together name them.
func (c *checker) include(want []Called, log []call) {
	at := 0
	for _, w := range want {
		missing := slices.Clone(w.On)
		met := false
		for ; at < len(log) && !met; at++ {
			if log[at].name != w.Call {
				continue
			}
			missing = slices.DeleteFunc(missing, func(id string) bool { return slices.Contains(log[at].on, id) })
			met = len(missing) == 0
		}
		if !met {
			c.differ("hardware calls", fmt.Sprintf("%s in this place", w), log)
			return
		}
	}
}

// String is the form of a message.
func (c Called) String() string { return fmt.Sprintf("%s%v", c.Call, []string(c.On)) }

// String is the form of a message.
func (c call) String() string { return fmt.Sprintf("%s%v", c.name, c.on) }

// trace prints the run: history, outcomes, requests, rejections, hardware calls.
func (w *World) trace(ctx context.Context, rows []backend.Transition) string {
	var b strings.Builder
	part := func(title string, empty bool) {
		b.WriteString(title + ":\n")
		if empty {
			b.WriteString("  none\n")
		}
	}
	part("history", len(rows) == 0)
	for _, r := range rows {
		if r.Trigger == givenTrigger {
			fmt.Fprintf(&b, "  %10s %-16s %s\n", "given", r.Ref, r.To)
			continue
		}
		fmt.Fprintf(&b, "  %10s %-16s %s -> %s on %s by %s  %s\n", since(r.At), r.Ref, orNone(r.From), orNone(r.To), r.Trigger, r.Initiator, r.Note)
	}
	records, err := w.store.List(ctx, backend.Query{})
	part("outcomes", len(records) == 0 && err == nil)
	for _, r := range records {
		fmt.Fprintf(&b, "  %-16s %s %s\n", r.Ref, orNone(string(r.Outcome.Kind)), r.Outcome.Reason)
	}
	requests, err2 := w.store.Requests(ctx, backend.RequestQuery{})
	part("requests", len(requests) == 0 && err2 == nil)
	for _, r := range requests {
		fmt.Fprintf(&b, "  %s %s on %s by %s: %s %s\n", r.ID, r.Type, r.On, r.Initiator, r.State, r.Reason)
	}
	for _, err := range []error{err, err2} {
		if err != nil {
			fmt.Fprintf(&b, "  %v\n", err)
		}
	}
	part("rejections", len(w.rejections) == 0)
	for _, r := range w.rejections {
		fmt.Fprintf(&b, "  %s %s\n", r.id, strings.ReplaceAll(strings.TrimSpace(r.text), "\n", "\n  "))
	}
	part("hardware calls", len(w.hardware.log) == 0)
	for _, c := range w.hardware.log {
		fmt.Fprintf(&b, "  %s %v\n", c.name, c.on)
	}
	return b.String()
}
