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
		same := len(want) == len(log)
		for i := 0; same && i < len(want); i++ {
			same = want[i].Call == log[i].name && equalSets(want[i].On, log[i].on)
		}
		if !same {
			c.differ("hardware calls", callText(want), logText(log))
		}
	}
	c.include(then.CallsInclude, log)
	for _, name := range then.CallsExclude {
		if slices.ContainsFunc(log, func(l call) bool { return l.name == name }) {
			c.differ("hardware calls", "no "+name, logText(log))
		}
	}
	for _, name := range sortedKeys(then.Started) {
		if got := c.hardware.started[name]; got != then.Started[name] {
			c.differ("work begun by "+name, then.Started[name], got)
		}
	}
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
			if len(w.On) == 0 {
				met = true
				continue
			}
			missing = slices.DeleteFunc(missing, func(id string) bool { return slices.Contains(log[at].on, id) })
			met = len(missing) == 0
		}
		if !met {
			c.differ("hardware calls", fmt.Sprintf("%s on %v in this place", w.Call, w.On), logText(log))
			return
		}
	}
}

func equalSets(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func callText(list []Called) string {
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s%v", c.Call, c.On))
	}
	return "[" + strings.Join(out, " ") + "]"
}

func logText(list []call) string {
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s%v", c.name, c.on))
	}
	return "[" + strings.Join(out, " ") + "]"
}

// trace prints the history and the hardware calls of the run.
func (w *world) trace(ctx context.Context) string {
	var b strings.Builder
	b.WriteString("history:\n")
	rows, err := w.store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		fmt.Fprintf(&b, "  %v\n", err)
	}
	for _, r := range rows {
		if r.Trigger == "Given" {
			fmt.Fprintf(&b, "  %10s %-16s %s\n", "given", r.Ref, r.To)
			continue
		}
		fmt.Fprintf(&b, "  %10s %-16s %s -> %s on %s by %s  %s\n", r.At.Sub(Start), r.Ref, r.From, r.To, r.Trigger, r.Initiator, r.Note)
	}
	records, _ := w.store.List(ctx, backend.Query{})
	b.WriteString("outcomes:\n")
	for _, r := range records {
		fmt.Fprintf(&b, "  %-16s %s %s\n", r.Ref, r.Outcome.Kind, r.Outcome.Reason)
	}
	b.WriteString("hardware calls:\n")
	for _, c := range w.hardware.log {
		fmt.Fprintf(&b, "  %s %v\n", c.name, c.on)
	}
	return b.String()
}
