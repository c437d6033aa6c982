package lifecycle_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

type (
	anyRow   = lifecycle.Row[string, string]
	anyTable = lifecycle.Table[string, string]
)

var (
	somePaths    = []string{"", "P/", "P/Q/", "R/"}
	someTriggers = []string{"t0", "t1", "t2"}
)

// someTable draws a table that compiles: states at several depths, rows from states, from paths and from everywhere.
func someTable(rt *rapid.T) (states []string, table anyTable) {
	for i := range rapid.IntRange(1, 6).Draw(rt, "states") {
		states = append(states, rapid.SampledFrom(somePaths).Draw(rt, "path")+fmt.Sprintf("S%d", i))
	}
	table = anyTable{{From: "", On: "made", To: states[0]}}
	for range rapid.IntRange(0, 12).Draw(rt, "rows") {
		r := anyRow{
			From: rapid.SampledFrom(append([]string{lifecycle.Any, "P", "P/Q", "R"}, states...)).Draw(rt, "from"),
			On:   rapid.SampledFrom(someTriggers).Draw(rt, "on"),
			To:   rapid.SampledFrom(append([]string{""}, states...)).Draw(rt, "to"),
		}
		declared := slices.Contains(states, r.From) || r.From == lifecycle.Any
		below := slices.ContainsFunc(states, func(s string) bool { return strings.HasPrefix(s, r.From+"/") })
		twice := slices.ContainsFunc(table, func(o anyRow) bool { return o == r })
		if !twice && (declared || below && !strings.HasPrefix(r.To, r.From+"/")) {
			table = append(table, r)
		}
	}
	return states, table
}

// targets is the rule of the nearest row, written as plainly as can be: the rows of the state itself, then those of each path above it, then those of Any.
func targets(table anyTable, state, on string) []string {
	at := func(from string) []string {
		var out []string
		for _, r := range table {
			if r.From == from && r.On == on && !slices.Contains(out, r.To) && (from != lifecycle.Any || r.To != state) {
				out = append(out, r.To)
			}
		}
		return out
	}
	for from := state; ; {
		if found := at(from); len(found) > 0 {
			return found
		}
		i := strings.LastIndexByte(from, '/')
		if i < 0 {
			return at(lifecycle.Any)
		}
		from = from[:i]
	}
}

// thing is an object whose handler does what the test says next.
type thing struct {
	lifecycle.Object
	Edits int `json:"edits,omitempty"`
}

func cloneThing(e *thing) *thing {
	c := *e
	c.Object = e.Clone()
	return &c
}

func TestNoObjectEverLeavesItsTableAndEveryChainIsUnbroken(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		states, table := someTable(rt)
		var next lifecycle.Outcome
		var fail error
		d := lifecycle.Definition[thing, string, string]{Kind: "thing", Table: table, Clone: cloneThing, OnDeleted: "t0", Handlers: map[string]lifecycle.Handler[thing]{}}
		for _, s := range states {
			d.States = append(d.States, lifecycle.StateInfo[string]{State: s, Class: lifecycle.Resting, Doc: "random"})
			d.Handlers[s] = func(_ context.Context, e *thing, _ *lifecycle.Env) (lifecycle.Outcome, error) {
				e.Edits++
				return next, fail
			}
		}
		k, err := lifecycle.Define(d)
		require.NoError(rt, err)
		store := memory.New()
		ctl, err := lifecycle.NewController(t.Context(), store, lifecycle.Config{Logger: slog.New(slog.DiscardHandler)}, k)
		require.NoError(rt, err)
		ref := backend.Ref{Kind: "thing", ID: "x"}
		create := func() {
			require.NoError(rt, ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
				return tx.Create(&thing{Object: lifecycle.NewObject(ref, "r")}, "", "")
			}))
		}
		create()
		now, model, edits := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), states[0], 0
		step := func(rt *rapid.T, want string, moved bool) {
			if model == "" {
				rt.Skip("gone")
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "seconds")) * time.Second)
			res, err := ctl.Step(t.Context(), ref, now)
			require.NoError(rt, err)
			if res.Transition != nil != moved {
				rt.Fatalf("in %s: moved %t, want %t (%v)", model, res.Transition != nil, moved, res.Outcome)
			}
			if !moved {
				want = model
			} else if edits++; res.Transition.From != model || res.Transition.To != want {
				rt.Fatalf("%s -> %s, want %s -> %s", res.Transition.From, res.Transition.To, model, want)
			}
			if model = want; model == "" {
				edits = 0
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"fire": func(rt *rapid.T) {
				on := rapid.SampledFrom(append([]string{"t9"}, someTriggers...)).Draw(rt, "trigger")
				next, fail = lifecycle.Fire(on), nil
				to := targets(table, model, on)
				step(rt, strings.Join(to, ""), len(to) == 1)
			},
			"fire to": func(rt *rapid.T) {
				on := rapid.SampledFrom(someTriggers).Draw(rt, "trigger")
				to := rapid.SampledFrom(append([]string{"", "P", "Nowhere"}, states...)).Draw(rt, "target")
				next, fail = lifecycle.FireTo(on, to), nil
				step(rt, to, slices.Contains(targets(table, model, on), to))
			},
			"end": func(rt *rapid.T) {
				next, fail = lifecycle.Deleted(), nil
				step(rt, "", slices.ContainsFunc(someTriggers, func(on string) bool { return slices.Contains(targets(table, model, on), "") }))
			},
			"fail": func(rt *rapid.T) {
				next, fail = lifecycle.Fire(rapid.SampledFrom(someTriggers).Draw(rt, "trigger")), errShort
				step(rt, "", false)
			},
			"create again": func(rt *rapid.T) {
				if model != "" {
					rt.Skip("there is one")
				}
				create()
				model = states[0]
			},
			"": func(rt *rapid.T) {
				if model != "" {
					e, err := lifecycle.Get[thing](ctl, ref)
					require.NoError(rt, err)
					require.Equal(rt, model, e.State())
					require.Equal(rt, edits, e.Edits, "a pass that was refused kept nothing")
				}
				rows, err := store.History(t.Context(), backend.HistoryQuery{})
				require.NoError(rt, err)
				requireInTable(rt, rows, table)
			},
		})
	})
}

// requireInTable checks that a history is an unbroken chain of rows of the table.
func requireInTable(rt *rapid.T, rows []backend.Transition, table anyTable) {
	rt.Helper()
	state := ""
	for i, r := range rows {
		if r.Seq != uint64(i+1) || r.From != state {
			rt.Fatalf("the chain is broken at row %d: %+v", i, r)
		}
		allowed := []string{table[0].To}
		if r.From != "" {
			allowed = targets(table, r.From, r.Trigger)
		}
		if !slices.Contains(allowed, r.To) {
			rt.Fatalf("row %d is not in the table: %+v", i, r)
		}
		state = r.To
	}
}
