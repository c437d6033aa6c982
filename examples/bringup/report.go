package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"text/tabwriter"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/sitesim"
)

// report prints what became of the site: counts, the history of one rack, and where the records are.
func report(ctx context.Context, out io.Writer, sim *sitesim.Simulation, store backend.Store, o options, took time.Duration) error {
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return err
	}
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return err
	}
	if err := unbroken(history); err != nil {
		return err
	}
	if double := sim.Hardware().DoubleStarts(); len(double) > 0 {
		return fmt.Errorf("%d jobs were started twice, the first is %v", len(double), double[0])
	}
	fmt.Fprintln(out)
	printCounts(out, records)
	first, last := history[0], history[len(history)-1]
	fmt.Fprintf(out, "\n%d transitions in %s of virtual time, every history unbroken, no job started twice.\n", len(history), last.At.Sub(first.At).Round(time.Second))

	r := sim.Racks()[0]
	fmt.Fprintf(out, "\nHistory of rack %s:\n", r.ID())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range history {
		if t.Ref == r.Ref() {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", stamp(t.At), t.Trigger, short(t.To), t.Initiator)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe records are in %s (%s of real time). Look at them:\n  sqlite3 -box %s \"SELECT id, state, time_in_state, outcome FROM objects WHERE rack = '%s' LIMIT 5\"\n",
		o.db, took.Round(10*time.Millisecond), o.db, r.ID())
	return nil
}

func printCounts(out io.Writer, records []backend.Record) {
	type key struct {
		kind  backend.Kind
		state string
	}
	counts := map[key]int{}
	for _, r := range records {
		counts[key{r.Ref.Kind, r.State}]++
	}
	keys := make([]key, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	order := map[backend.Kind]int{backend.KindRack: 0, backend.KindMachine: 1, backend.KindSwitch: 2, backend.KindPowerShelf: 3}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].kind != keys[j].kind {
			return order[keys[i].kind] < order[keys[j].kind]
		}
		return keys[i].state < keys[j].state
	})
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "KIND\tSTATE\tOBJECTS")
	for _, k := range keys {
		fmt.Fprintf(w, "%s\t%s\t%d\n", k.kind, k.state, counts[k])
	}
	_ = w.Flush()
}

// unbroken checks that every object's history is a chain without gaps.
func unbroken(history []backend.Transition) error {
	if len(history) == 0 {
		return errors.New("the store holds no history")
	}
	last := map[backend.Ref]backend.Transition{}
	for _, t := range history {
		before := last[t.Ref]
		if t.Seq != before.Seq+1 || t.From != before.To {
			return fmt.Errorf("the history of %s is broken at row %d: %q after %q", t.Ref, t.Seq, t.From, before.To)
		}
		last[t.Ref] = t
	}
	return nil
}
