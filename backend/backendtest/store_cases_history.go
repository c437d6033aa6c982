package backendtest

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// historyCases are the rules of History.
func historyCases() []storeCase {
	const order = "History returns the transitions in the order of Position: for each object the order of Seq, and for two objects the order in " +
		"which their commits were applied."
	return []storeCase{
		storeRule("TransitionAsItWas", "History returns the transitions that the query selects.", func(c *storeCheck) {
			w := write(machineRef("m1"), 0, "Ready")
			w.Transition.Note, w.Transition.Initiator, w.Transition.Trigger = "first seen", "rack-A1", "Discovered"
			want := *w.Transition
			c.applied(one(w))
			rows := c.history(backend.HistoryQuery{})
			if len(rows) != 1 || rows[0].Position == 0 {
				c.failf("rows are %+v, want one with a Position", rows)
				return
			}
			want.Position = rows[0].Position
			c.equal("row", rows[0], want)
		}),
		storeRule("HistoryOrder", order, func(c *storeCheck) {
			want := []string{}
			for i := range uint64(5) {
				c.applied(one(write(machineRef("z"), i, "S")), one(write(machineRef("a"), i, "S")))
				c.applied(one(write(rackRef("A1"), i, "S")))
				want = append(want, fmt.Sprintf("machine/z %d", i+1), fmt.Sprintf("machine/a %d", i+1), fmt.Sprintf("rack/A1 %d", i+1))
			}
			c.equal("rows", c.steps(backend.HistoryQuery{}), want)
		}),
		storeRule("PositionsGrow", "The store assigns its Position. It grows, and may have gaps.", func(c *storeCheck) {
			last := uint64(0)
			for i := range uint64(4) {
				a, b := write(machineRef("a"), i, "S"), write(machineRef("b"), i, "S")
				a.Transition.Position, b.Transition.Position = 1000-i, 7
				c.applied(one(a), one(b))
				c.commit(one(write(machineRef("a"), 99, "Wrong")))
				rows := c.history(backend.HistoryQuery{After: last})
				c.equal("number of new rows", len(rows), 2)
				for _, row := range rows {
					if row.Position <= last {
						c.failf("position %d comes after %d", row.Position, last)
					}
					last = row.Position
				}
			}
		}),
		storeRule("NoTransitionNoRow", "Transition is the history row of this change, nil when the state does not change.", func(c *storeCheck) {
			quiet := write(machineRef("m1"), 1, "Ready")
			quiet.Transition = nil
			quiet.Record.Outcome = backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits"}
			c.applied(one(write(machineRef("m1"), 0, "Ready")), one(quiet), one(write(machineRef("m1"), 2, "Assigned")))
			c.equal("rows", c.steps(backend.HistoryQuery{}), []string{"machine/m1 1", "machine/m1 3"})
			c.equal("version", c.get(machineRef("m1")).Version, uint64(3))
		}),
		storeRule("RefusedCommitsLeaveNoRow", "An error that wraps ErrConflict says that this Commit changed nothing.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
			c.commit(one(write(machineRef("m1"), 0, "Wrong")), one(write(machineRef("m2"), 0, "Ready"), write(machineRef("m1"), 5, "Wrong")))
			c.equal("rows", c.steps(backend.HistoryQuery{}), []string{"machine/m1 1"})
		}),
		storeRule("HistoryOfOneObject", "Ref limits the answer to one object.", func(c *storeCheck) {
			for i := range uint64(3) {
				c.applied(one(write(machineRef("m1"), i, "S")), one(write(rackRef("m1"), i, "S")), one(write(machineRef("m2"), i, "S")))
			}
			c.equal("machine m1", c.steps(backend.HistoryQuery{Ref: machineRef("m1")}), []string{"machine/m1 1", "machine/m1 2", "machine/m1 3"})
			c.equal("unknown", c.steps(backend.HistoryQuery{Ref: machineRef("m3")}), []string{})
		}),
		storeRule("HistoryPages", "After limits the answer to rows with a greater Position. Limit bounds the number of rows.", func(c *storeCheck) {
			for i := range uint64(6) {
				c.applied(one(write(machineRef("m1"), i, "S"), write(machineRef("m2"), i, "S")))
			}
			for _, ref := range []backend.Ref{{}, machineRef("m2")} {
				all := c.history(backend.HistoryQuery{Ref: ref})
				for limit := 1; limit <= len(all)+1; limit++ {
					var got []backend.Transition
					q := backend.HistoryQuery{Ref: ref, Limit: limit}
					for range all {
						page := c.history(q)
						if len(page) > limit {
							c.failf("a page of %d rows, the limit is %d", len(page), limit)
						}
						if len(page) == 0 {
							break
						}
						got = append(got, page...)
						q.After = page[len(page)-1].Position
					}
					c.equal("all pages", got, all)
				}
			}
			c.equal("rows of m2", len(c.history(backend.HistoryQuery{Ref: machineRef("m2")})), 6)
			c.equal("rows behind the end", c.steps(backend.HistoryQuery{After: 1 << 62}), []string{})
			c.equal("rows behind every end", c.steps(backend.HistoryQuery{After: 1<<64 - 1, Ref: machineRef("m1")}), []string{})
		}),
		storeRule("DeletionAndReturn", "From of a row equals To of the row before it (empty for the creation, and after a deletion).", func(c *storeCheck) {
			back := write(machineRef("m1"), 2, "Created")
			back.Transition.From = ""
			c.applied(one(write(machineRef("m1"), 0, "Before")), one(write(machineRef("m1"), 1, "")), one(back))
			var chain []string
			for _, row := range c.history(backend.HistoryQuery{Ref: machineRef("m1")}) {
				chain = append(chain, row.From+">"+row.To)
			}
			c.equal("chain", chain, []string{">Before", "Before>", ">Created"})
		}),
	}
}
